//! `network:` with every default filled in.

use super::{Decider, network_links};
use crate::check::host_bits;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::network::Dhcp;
use crate::node::Ntp;
use crate::node::etcd::EtcdMember;
use crate::node::firewall::{Firewall, FirewallRule, Masquerade};
use crate::node::network::{DhcpClient, Interface, InterfaceMatch, LinkKind, Network, Route};
use crate::parts::{is_bond_option, wrong_bond_value};
use crate::spec;

/// The largest packet of any link on Linux, that of the loopback.
const MTU_MAX: u32 = 65_536;

impl Decider<'_> {
    /// Returns the node's links: those of the spec, or DHCP on every wired card because of the
    /// value at `span`.
    pub(super) fn network(&mut self, written: Option<&spec::Network>, span: Span) -> Network {
        let written = written.map_or(&[][..], |network| &network.interfaces);
        if written.is_empty() {
            return Network {
                interfaces: vec![any_ethernet(span)],
            };
        }
        Network {
            interfaces: written
                .iter()
                .filter_map(|interface| self.interface(interface))
                .collect(),
        }
    }

    /// Returns the links of the spec. A system whose own files use DHCP on every card keeps to
    /// them, unless others have to reach the node.
    pub(super) fn links(&mut self, written: &spec::Spec, place: Span) -> Network {
        let is_bare = written.network.is_none()
            && written.etcd.is_none()
            && written.flannel.is_none()
            && written.kubernetes.is_none();
        if is_bare && written.target().value.facts().services.takes_all_links {
            return Network::default();
        }
        self.network(written.network.as_ref(), place)
    }

    fn interface(&mut self, written: &spec::Interface) -> Option<Interface> {
        let kind = self.kind(written);
        let matching = match (&written.name, &written.mac) {
            (name, Some(mac)) => {
                if kind != LinkKind::Physical {
                    self.found.push(
                        Diagnostic::error(
                            codes::LINK_BY_MAC,
                            mac.span,
                            "a link that the node makes cannot be matched by MAC address",
                        )
                        .help("give it a `name`, and list the card as a separate interface"),
                    );
                }
                InterfaceMatch::Mac {
                    mac: mac.value,
                    rename: name.as_ref().map(|name| name.value.clone()),
                }
            }
            (Some(name), None) => InterfaceMatch::Name(name.value.clone()),
            (None, None) => return None, // reported by the decoder
        };
        let dhcp = written.dhcp().versions();
        self.mtu(written);
        // A card that is only part of other links gets no address; waiting for one would never end.
        let gets_address = dhcp != Dhcp::No || !written.addresses.is_empty();
        Some(Interface {
            matching,
            kind,
            dhcp,
            dhcp_client: network_links::dhcp_client(written),
            dhcp_server: network_links::dhcp_server(written),
            addresses: written.addresses.clone(),
            gateways: written.gateway.0.clone(),
            dns: written.dns.clone(),
            search: written
                .search
                .iter()
                .map(|domain| Located::new(domain.as_str().to_owned(), domain.span))
                .collect(),
            routes: written
                .routes
                .iter()
                .map(|route| Route {
                    destination: route.destination,
                    gateway: route.gateway,
                    metric: route.metric,
                    table: route.table.map(|table| table.map(|table| table.0)),
                })
                .collect(),
            rules: self.routing_rules(written),
            shares_address: false,
            pod_routes: None,
            mtu: written.mtu,
            required_for_online: written
                .required_for_online
                .map_or(gets_address, |required| required.value),
            span: place(written),
        })
    }

    fn kind(&mut self, written: &spec::Interface) -> LinkKind {
        if let Some(bond) = &written.bond {
            for (option, value) in &bond.options {
                let wrong = wrong_bond_value(option.as_str(), value.as_str());
                if let Some((message, help)) = wrong {
                    let error = Diagnostic::error(codes::BAD_BOND_VALUE, value.span, message);
                    self.found.push(error.help(help));
                }
                if !is_bond_option(option.as_str()) {
                    self.found.push(
                        Diagnostic::error(
                            codes::UNKNOWN_BOND_OPTION,
                            option.span,
                            format!("`{}` is not a bond option", option.value),
                        )
                        .help(
                            "use the names in systemd.netdev(5), section [Bond], such as \
                             `MIIMonitorSec`, or the kernel's, such as `miimon`",
                        ),
                    );
                }
            }
            return LinkKind::Bond {
                mode: bond.mode().as_str().to_owned(),
                members: bond.members.clone(),
                options: bond
                    .options
                    .iter()
                    .map(|(option, value)| (option.as_str().to_owned(), value.as_str().to_owned()))
                    .collect(),
            };
        }
        if let Some(vlan) = &written.vlan {
            return LinkKind::Vlan {
                id: vlan.id.map(|id| id.0),
                parent: vlan.parent.clone(),
            };
        }
        if let Some(bridge) = &written.bridge {
            return LinkKind::Bridge {
                members: bridge.members.clone(),
                stp: bridge.stp().value,
            };
        }
        self.tunnel_or_table(written).unwrap_or(LinkKind::Physical)
    }

    fn mtu(&mut self, written: &spec::Interface) {
        let Some(mtu) = &written.mtu else {
            return;
        };
        let has_v6 = written
            .addresses
            .iter()
            .any(|address| address.addr().is_ipv6());
        let least = if has_v6 { 1280 } else { 68 };
        if !(least..=MTU_MAX).contains(&mtu.value) {
            let family = if has_v6 { "IPv6" } else { "IPv4" };
            self.found.push(
                Diagnostic::error(
                    codes::BAD_MTU,
                    mtu.span,
                    format!("{} is not a valid MTU", mtu.value),
                )
                .label(format!("{family} requires {least} to {MTU_MAX} bytes"))
                .help("Ethernet uses 1500, or up to 9000 with jumbo frames"),
            );
        }
    }

    /// Returns the packet filter. `etcd` opens its ports.
    pub(super) fn firewall(
        &mut self,
        written: &spec::Firewall,
        etcd: Option<&EtcdMember>,
    ) -> Firewall {
        for network in written.allow.iter().flat_map(|rule| &rule.from) {
            self.found.extend(host_bits(network, "allowed network"));
        }
        Firewall {
            allow_from: written.allow_from.clone(),
            role_rules: Vec::new(),
            role_protocols: Vec::new(),
            pods: None,
            allow: written.allow.iter().flat_map(rules).collect(),
            role_ports: role_ports(etcd),
            masquerade: written
                .masquerade
                .iter()
                .map(|masquerade| Masquerade {
                    source: masquerade.source,
                    interface: masquerade.interface.clone(),
                })
                .collect(),
            span: written.span,
        }
    }

    /// Time servers.
    pub(super) fn ntp(written: &spec::Ntp) -> Ntp {
        let texts = |servers: &[Located<spec::HostOrAddress>]| {
            servers
                .iter()
                .map(|server| server.as_ref().map(|server| server.as_str().to_owned()))
                .collect()
        };
        Ntp {
            servers: texts(&written.servers),
            fallback: texts(&written.fallback),
            span: written.span,
        }
    }
}

/// Returns the location for diagnostics about an interface: its name, or else its card.
fn place(written: &spec::Interface) -> Span {
    let name = written.name.as_ref().map(|name| name.span);
    name.or(written.mac.map(|mac| mac.span))
        .unwrap_or(written.span)
}

fn any_ethernet(span: Span) -> Interface {
    Interface {
        matching: InterfaceMatch::AnyEthernet,
        kind: LinkKind::Physical,
        dhcp: Dhcp::Both,
        dhcp_client: DhcpClient::default(),
        dhcp_server: None,
        addresses: Vec::new(),
        gateways: Vec::new(),
        dns: Vec::new(),
        search: Vec::new(),
        routes: Vec::new(),
        rules: Vec::new(),
        shares_address: false,
        pod_routes: None,
        mtu: None,
        required_for_online: true,
        span,
    }
}

/// Returns one rule for each range of ports.
fn rules(written: &spec::FirewallRule) -> Vec<FirewallRule> {
    let protocol = written.protocol().value;
    let ranges = written.port.iter().chain(&written.ports);
    ranges
        .map(|range| FirewallRule {
            protocol,
            ports: (range.first, range.last),
            from: written.from.iter().map(|network| network.value).collect(),
            span: range.span,
        })
        .collect()
}

/// Returns the ports that the node's roles open: SSH, and etcd's if it listens there.
fn role_ports(etcd: Option<&EtcdMember>) -> Vec<(u16, String)> {
    let mut ports = vec![(22, "SSH".to_owned())];
    let Some(etcd) = etcd else {
        return ports;
    };
    for (urls, what) in [
        (&etcd.listen_client_urls, "etcd clients"),
        (&etcd.listen_peer_urls, "etcd peers"),
    ] {
        for url in urls {
            let port = url.rsplit(':').next().and_then(|port| port.parse().ok());
            if let Some(port) = port
                && !ports.iter().any(|(open, _)| *open == port)
            {
                ports.push((port, what.to_owned()));
            }
        }
    }
    ports
}
