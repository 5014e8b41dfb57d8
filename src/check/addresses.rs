//! Addresses, gateways and routes of one node: whether each is valid and reachable.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Once;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::network::Dhcp;
use crate::node::Node;
use crate::node::network::Interface;

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    for interface in &node.network.interfaces {
        for address in &interface.addresses {
            usable(address, found);
        }
        gateways(interface, found);
        routes(interface, found);
        for server in &interface.dns {
            if server.is_unspecified() || server.is_multicast() {
                found.push(
                    Diagnostic::error(
                        codes::UNUSABLE_ADDRESS,
                        server.span,
                        format!("{} is not a valid DNS server address", server.value),
                    )
                    .help("use the address of the server that answers DNS queries"),
                );
            }
        }
    }
    across_interfaces(node, found);
    default_gateways(node, found);
}

/// Reports an address that no machine can have.
fn usable(address: &Located<IpNet>, found: &mut Vec<Diagnostic>) {
    let (ip, network) = (address.addr(), address.value);
    let why = if ip.is_loopback() {
        Some("is a loopback address")
    } else if ip.is_unspecified() {
        Some("is the unspecified address")
    } else if ip.is_multicast() {
        Some("is a multicast address")
    } else {
        None
    };
    if let Some(why) = why {
        found.push(
            Diagnostic::error(codes::UNUSABLE_ADDRESS, address.span, format!("{ip} {why}"))
                .help("give the interface an address in its network"),
        );
        return;
    }
    // RFC 3021: both addresses of a /31 are usable; a /32 has one.
    let point_to_point = network.max_prefix_len() - network.prefix_len() < 2;
    if point_to_point {
        return;
    }
    let role = if ip == network.network() {
        "network"
    } else if ip == network.broadcast() && ip.is_ipv4() {
        "broadcast"
    } else {
        return;
    };
    found.push(
        Diagnostic::error(
            codes::NOT_A_HOST_ADDRESS,
            address.span,
            format!("{ip} is the {role} address of {}", network.trunc()),
        )
        .help(format!("usable host addresses: {}", hosts_of(&network))),
    );
}

/// "192.168.1.1 to 192.168.1.254"
fn hosts_of(network: &IpNet) -> String {
    match network {
        IpNet::V4(v4) => {
            let first = u32::from(v4.network()) + 1;
            let last = u32::from(v4.broadcast()) - 1;
            format!(
                "{} to {}",
                std::net::Ipv4Addr::from(first),
                std::net::Ipv4Addr::from(last)
            )
        }
        IpNet::V6(v6) => format!("any other address in {}", v6.trunc()),
    }
}

/// Returns whether `gateway` can be reached over `interface` without another gateway. With DHCP,
/// the addresses are unknown.
fn reachable(interface: &Interface, gateway: IpAddr) -> bool {
    let leased = match interface.dhcp {
        Dhcp::No => false,
        Dhcp::V4 => gateway.is_ipv4(),
        Dhcp::V6 => gateway.is_ipv6(),
        Dhcp::Both => true,
    };
    let link_local = matches!(gateway, IpAddr::V6(v6) if v6.is_unicast_link_local());
    leased
        || link_local
        || interface
            .addresses
            .iter()
            .any(|address| address.contains(&gateway))
        || has_only_hosts(interface, gateway)
}

/// Whether all addresses of the gateway's family stand alone (/32, /128), as hosters give them: any
/// gateway is on the link then.
fn has_only_hosts(interface: &Interface, gateway: IpAddr) -> bool {
    let mut own = interface
        .addresses
        .iter()
        .filter(|address| address.addr().is_ipv4() == gateway.is_ipv4())
        .peekable();
    own.peek().is_some() && own.all(|address| address.prefix_len() == address.max_prefix_len())
}

fn is_own(interface: &Interface, address: IpAddr) -> bool {
    interface.addresses.iter().any(|own| own.addr() == address)
}

/// "192.168.1.0/24 and 10.0.0.0/8"
fn networks_of(interface: &Interface) -> String {
    let networks: Vec<_> = interface
        .addresses
        .iter()
        .map(|a| a.trunc().to_string())
        .collect();
    if networks.is_empty() {
        "no network".to_owned()
    } else {
        networks.join(" and ")
    }
}

fn gateway_is_self(gateway: &Located<IpAddr>) -> Diagnostic {
    Diagnostic::error(
        codes::GATEWAY_IS_SELF,
        gateway.span,
        format!("gateway {} is this node itself", gateway.value),
    )
    .help("use the router's address")
}

/// The remedy for a gateway that no network of the interface has.
const ON_LINK: &str = "use an address in a network of this interface; where the gateway is on the \
                       link nevertheless, write the interface's address with /32 (/128 for IPv6)";

fn gateways(interface: &Interface, found: &mut Vec<Diagnostic>) {
    for gateway in &interface.gateways {
        if is_own(interface, gateway.value) {
            found.push(gateway_is_self(gateway));
        } else if !reachable(interface, gateway.value) {
            found.push(
                Diagnostic::error(
                    codes::GATEWAY_OUTSIDE_NETWORK,
                    gateway.span,
                    format!(
                        "gateway {} is not in the interface's network",
                        gateway.value
                    ),
                )
                .label(format!("the interface is in {}", networks_of(interface)))
                .help(ON_LINK),
            );
        }
    }
}

fn routes(interface: &Interface, found: &mut Vec<Diagnostic>) {
    let mut destinations = Once::new(
        codes::DUPLICATE_ROUTE,
        "keep one of the two, or give them different metrics",
    );
    for route in interface.all_routes() {
        let destination = &route.destination;
        found.extend(host_bits(destination, "route destination"));
        found.extend(destinations.see(
            (
                destination.trunc(),
                route.metric.map(|metric| metric.value),
                route.table.map(|table| table.value),
            ),
            route.metric.map_or(destination.span, |metric| metric.span),
            || format!("two routes to {}", destination.trunc()),
        ));
        let Some(gateway) = &route.gateway else {
            continue;
        };
        if gateway.is_ipv4() != destination.addr().is_ipv4() {
            found.push(
                Diagnostic::error(
                    codes::ROUTE_FAMILY,
                    gateway.span,
                    format!(
                        "{} and {} are of different address families",
                        gateway.value, destination.value
                    ),
                )
                .help("IPv4 routes need IPv4 gateways, IPv6 routes need IPv6 gateways"),
            );
        } else if is_own(interface, gateway.value) {
            found.push(gateway_is_self(gateway));
        } else if !reachable(interface, gateway.value) {
            found.push(
                Diagnostic::error(
                    codes::ROUTE_UNREACHABLE,
                    gateway.span,
                    format!(
                        "gateway {} of the route to {} is unreachable",
                        gateway.value,
                        destination.trunc()
                    ),
                )
                .label(format!("the interface is in {}", networks_of(interface)))
                .help(ON_LINK),
            );
        }
    }
}

/// Reports a network that has host bits set.
pub(crate) fn host_bits(network: &Located<IpNet>, what: &str) -> Option<Diagnostic> {
    (network.value != network.trunc()).then(|| {
        Diagnostic::error(
            codes::HOST_BITS,
            network.span,
            format!("{what} {} has host bits set", network.value),
        )
        .help(format!("the network is {}", network.trunc()))
    })
}

/// Reports duplicate addresses, and networks that two interfaces share.
fn across_interfaces(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut addresses = Once::new(
        codes::DUPLICATE_ADDRESS,
        "give each interface its own address",
    );
    let mut networks: Vec<(IpNet, usize, Span)> = Vec::new();
    for (at, interface) in node.network.interfaces.iter().enumerate() {
        let vrf = node.network.vrf_of(interface);
        for address in &interface.addresses {
            let ip = address.addr();
            if matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
                continue; // has a meaning on its link alone
            }
            let twice = addresses.see((vrf, ip), address.span, || {
                format!("the node has address {ip} twice")
            });
            if let Some(twice) = twice {
                found.push(twice);
            } else if vrf.is_none() {
                networks.push((address.trunc(), at, address.span));
            }
        }
    }
    // In sorted order, a network directly follows those that contain it.
    networks.sort();
    networks.dedup_by_key(|(network, at, _)| (*network, *at));
    let mut around: Vec<(IpNet, usize, Span)> = Vec::new();
    for (network, at, span) in networks {
        around.retain(|(outer, ..)| outer.contains(&network));
        if let Some((outer, _, other)) = around.iter().find(|(_, owner, _)| *owner != at) {
            let (first, second) = if *other < span {
                (*other, span)
            } else {
                (span, *other)
            };
            found.push(
                Diagnostic::warning(
                    codes::OVERLAPPING_NETWORKS,
                    second,
                    format!("two interfaces are in overlapping networks, {outer} and {network}"),
                )
                .related(first, "the other interface")
                .help("Linux sends over one of them only; use a bond, or networks that do not overlap"),
            );
        }
        around.push((network, at, span));
    }
}

/// Returns whether two networks have an address in common.
pub(crate) fn overlap(a: &IpNet, b: &IpNet) -> bool {
    a.contains(b) || b.contains(a)
}

fn default_gateways(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut first: [Option<Span>; 2] = [None, None];
    let interfaces = node.network.interfaces.iter();
    let of_main = interfaces.filter(|interface| node.network.vrf_of(interface).is_none());
    for gateway in of_main.flat_map(|interface| &interface.gateways) {
        let family = usize::from(gateway.is_ipv6());
        match first[family] {
            None => first[family] = Some(gateway.span),
            Some(first) => found.push(
                Diagnostic::warning(
                    codes::SEVERAL_DEFAULT_GATEWAYS,
                    gateway.span,
                    format!("the node has a second default gateway, {}", gateway.value),
                )
                .related(first, "the first one")
                .help(
                    "keep the one that leads to the outside, and use `routes:` for networks \
                       behind the other",
                ),
            ),
        }
    }
}
