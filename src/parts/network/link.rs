//! The text of one link's `.link`, `.netdev` and `.network` files (`systemd.link(5)`,
//! `systemd.netdev(5)`, `systemd.network(5)`).

use std::net::IpAddr;

use super::{Ini, Join, Ties, bond, dhcp, wireguard};
use crate::facts::network::Dhcp;
use crate::names::InterfaceName;
use crate::node::network::{Interface, InterfaceMatch, LinkKind, Route, RoutingRule};

/// The `.link` file that names a card matched by its MAC address.
pub(super) fn rename(interface: &Interface) -> Option<String> {
    let InterfaceMatch::Mac {
        mac,
        rename: Some(name),
    } = &interface.matching
    else {
        return None;
    };
    let mut ini = Ini::default();
    ini.section("Match")
        .set("PermanentMACAddress", mac)
        .section("Link")
        .set("Name", name)
        // As in udev's default file, which this one overrides: the card can still be matched by its
        // predictable name.
        .set("AlternativeNamesPolicy", "database onboard slot path");
    Some(ini.into_text())
}

/// The `.netdev` file of a link that networkd creates.
pub(super) fn netdev(interface: &Interface) -> Option<String> {
    let name = interface.matching.name()?;
    let kind = match &interface.kind {
        LinkKind::Physical => return None,
        LinkKind::Bond { .. } => "bond",
        LinkKind::Vlan { .. } => "vlan",
        LinkKind::Bridge { .. } => "bridge",
        LinkKind::Vrf { .. } => "vrf",
        LinkKind::WireGuard(_) => "wireguard",
    };
    let mut ini = Ini::default();
    ini.section("NetDev")
        .set("Name", name)
        .set("Kind", kind)
        .set_some("MTUBytes", interface.mtu.map(|mtu| mtu.value));
    match &interface.kind {
        LinkKind::Physical => {}
        LinkKind::Bond { mode, options, .. } => {
            ini.section("Bond").set("Mode", mode);
            let monitors = ["miimon", "MIIMonitorSec", "arp_interval", "ARPIntervalSec"];
            // By default the kernel does not monitor the links at all.
            if !monitors.iter().any(|option| options.contains_key(*option)) {
                ini.set("MIIMonitorSec", "100ms");
            }
            for (option, value) in options {
                if let Some((key, value)) = bond::setting(option, value) {
                    ini.set(key, value);
                }
            }
        }
        LinkKind::Vlan { id, .. } => {
            ini.section("VLAN").set("Id", id.value);
        }
        LinkKind::Bridge { stp, .. } => {
            ini.section("Bridge").set("STP", yes_no(*stp));
        }
        LinkKind::Vrf { table, .. } => {
            ini.section("VRF").set("Table", table.value);
        }
        LinkKind::WireGuard(tunnel) => wireguard::netdev(&mut ini, tunnel),
    }
    Some(ini.into_text())
}

/// The `.network` file of a link of the spec.
pub(super) fn network(interface: &Interface, ties: &Ties, has_time_servers: bool) -> String {
    let mut ini = Ini::default();
    match_section(&mut ini, &interface.matching);

    let asks = match interface.dhcp {
        Dhcp::No => None,
        Dhcp::V4 => Some("ipv4"),
        Dhcp::V6 => Some("ipv6"),
        Dhcp::Both => Some("yes"),
    };
    let is_bare = asks.is_none() && interface.addresses.is_empty();
    let is_member = ties.master.is_some();

    ini.section("Link");
    if interface.kind == LinkKind::Physical {
        ini.set_some("MTUBytes", interface.mtu.map(|mtu| mtu.value));
    }
    if !interface.required_for_online || is_member {
        ini.set("RequiredForOnline", "no");
    } else if is_bare {
        // It never gets an address, for which networkd would otherwise wait.
        ini.set("RequiredForOnline", "carrier");
    }

    ini.section("Network");
    tied(&mut ini, ties);
    ini.set_some("DHCP", asks);
    ini.set_some("DHCPServer", interface.dhcp_server.as_ref().map(|_| "yes"));
    // When it starts anew, it would otherwise remove an address that keepalived has added.
    ini.set_some(
        "KeepConfiguration",
        interface.shares_address.then_some("static"),
    );
    if is_bare && !is_member {
        ini.set("LinkLocalAddressing", "no");
    }
    // A link with static addresses has only those; router advertisements are accepted if the link
    // uses DHCP.
    if interface.dhcp == Dhcp::No {
        ini.set("IPv6AcceptRA", "no");
    }
    ini.set_each("Address", interface.addresses.iter().map(|a| a.value));
    let (direct, on_link): (Vec<IpAddr>, Vec<IpAddr>) = interface
        .gateways
        .iter()
        .map(|gateway| gateway.value)
        .partition(|gateway| is_reachable(interface, *gateway));
    ini.set_each("Gateway", &direct);
    ini.set_each("DNS", interface.dns.iter().map(|a| a.value));
    if !interface.search.is_empty() {
        let domains: Vec<&str> = interface
            .search
            .iter()
            .map(|domain| domain.as_str())
            .collect();
        ini.set("Domains", domains.join(" "));
    }

    for gateway in on_link {
        ini.section("Route")
            .set("Gateway", gateway)
            .set("GatewayOnLink", "yes");
    }
    for route in interface.all_routes() {
        route_section(&mut ini, interface, &route);
    }
    for rule in &interface.rules {
        ini.section("RoutingPolicyRule")
            .set_some("From", rule.from.map(|net| net.value))
            .set_some("To", rule.to.map(|net| net.value))
            .set_some(
                "IncomingInterface",
                rule.incoming.as_ref().map(|it| &it.value),
            )
            .set_some("Family", is_of_both(rule).then_some("both"))
            .set("Table", rule.table)
            .set("Priority", rule.priority);
    }
    dhcp::client(&mut ini, interface, has_time_servers);
    if let Some(server) = &interface.dhcp_server {
        dhcp::server(&mut ini, interface, server);
    }
    ini.into_text()
}

/// The `.network` file of a link that the spec names only as a member or parent of another.
pub(super) fn carrier(name: &InterfaceName, ties: &Ties) -> String {
    let mut ini = Ini::default();
    ini.section("Match").set("Name", name);
    ini.section("Link").set("RequiredForOnline", "no");
    ini.section("Network");
    tied(&mut ini, ties);
    if ties.master.is_none() {
        ini.set("LinkLocalAddressing", "no");
    }
    ini.set("IPv6AcceptRA", "no");
    ini.into_text()
}

fn match_section(ini: &mut Ini, matching: &InterfaceMatch) {
    ini.section("Match");
    match matching {
        InterfaceMatch::Name(name) => ini.set("Name", name),
        // Bonds and VLANs take over the address of the card below them, so only the card's
        // permanent address is unique.
        InterfaceMatch::Mac { mac, .. } => ini.set("PermanentMACAddress", mac),
        // Virtual links (bridges, the pods' veths) have a kind.
        InterfaceMatch::AnyEthernet => ini.set("Type", "ether").set("Kind", "!*"),
    };
}

fn tied(ini: &mut Ini, ties: &Ties) {
    if let Some((join, master)) = &ties.master {
        let key = match join {
            Join::Bond => "Bond",
            Join::Bridge => "Bridge",
        };
        ini.set(key, master);
    }
    if ties.primary {
        ini.set("PrimarySlave", "yes");
    }
    ini.set_some("VRF", ties.vrf.as_ref());
    ini.set_each("VLAN", &ties.vlans);
}

/// Whether the kernel accepts `gateway` without further options: it is in a network of the link, or
/// the network is learned later.
pub(super) fn is_reachable(interface: &Interface, gateway: IpAddr) -> bool {
    let is_link_local = matches!(gateway, IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80);
    let learnt = match interface.dhcp {
        Dhcp::No => false,
        Dhcp::V4 => gateway.is_ipv4(),
        Dhcp::V6 => gateway.is_ipv6(),
        Dhcp::Both => true,
    };
    is_link_local
        || learnt
        || interface
            .addresses
            .iter()
            .any(|address| address.contains(&gateway))
}

fn route_section(ini: &mut Ini, interface: &Interface, route: &Route) {
    ini.section("Route")
        .set("Destination", route.destination.trunc());
    if let Some(gateway) = &route.gateway {
        ini.set("Gateway", gateway.value);
        if !is_reachable(interface, gateway.value) {
            ini.set("GatewayOnLink", "yes");
        }
    }
    ini.set_some("Metric", route.metric.map(|metric| metric.value))
        .set_some("Table", route.table.map(|table| table.value));
}

/// Whether a rule is about packets of both versions of IP: no address says of which.
fn is_of_both(rule: &RoutingRule) -> bool {
    rule.from.is_none() && rule.to.is_none()
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
