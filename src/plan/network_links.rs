//! What links have beside their addresses, decided: tunnels, routing tables, DHCP.

use std::net::{IpAddr, Ipv4Addr};

use super::Decider;
use crate::check::host_bits;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::cni::NodeTraffic;
use crate::facts::network::Protocol;
use crate::node::firewall::{Firewall, FirewallRule};
use crate::node::network::{
    DhcpClient, DhcpServer, LinkKind, Network, RoutingRule, WireGuard, WireGuardPeer,
};
use crate::spec::{self, WireGuardKey};

impl Decider<'_> {
    /// Returns a tunnel, or links with a routing table of their own.
    pub(super) fn tunnel_or_table(&mut self, written: &spec::Interface) -> Option<LinkKind> {
        if let Some(vrf) = &written.vrf {
            return Some(LinkKind::Vrf {
                table: vrf.table.map(|table| table.0),
                members: vrf.members.clone(),
            });
        }
        let written = written.wireguard.as_ref()?;
        Some(LinkKind::WireGuard(WireGuard {
            private_key: self.wireguard_key(&written.private_key_file),
            port: written.port.map(|port| port.map(|port| port.0)),
            peers: written.peers.iter().map(|peer| self.peer(peer)).collect(),
        }))
    }

    fn peer(&mut self, written: &spec::WireGuardPeer) -> WireGuardPeer {
        for network in &written.allowed_ips {
            self.found.extend(host_bits(network, "allowed network"));
        }
        WireGuardPeer {
            public_key: (written.public_key.as_ref()).map(|key| key.as_str().to_owned()),
            preshared_key: (written.preshared_key_file.as_ref())
                .map(|file| self.wireguard_key(file)),
            endpoint: (written.endpoint.as_ref()).map(|place| place.as_str().to_owned()),
            allowed_ips: written.allowed_ips.clone(),
            keepalive: written.keepalive.map(|seconds| seconds.value),
        }
    }

    /// Returns the key in a file; empty if there is none, which is reported.
    fn wireguard_key(&mut self, file: &Located<spec::LocalText>) -> String {
        let Some(text) = self.files.text(file) else {
            return String::new(); // a failure was reported by the loader
        };
        let Some(key) = WireGuardKey::parse(text.trim()) else {
            self.found.push(
                Diagnostic::error(
                    codes::BAD_WIREGUARD_KEY,
                    file.span,
                    format!("`{}` is not a key of WireGuard", file.as_str()),
                )
                .label("not 32 bytes in Base64")
                .help("`wg genkey` makes a private key, `wg genpsk` a preshared one"),
            );
            return String::new();
        };
        key.as_str().to_owned()
    }

    /// Returns the routing rules of a link.
    pub(super) fn routing_rules(&mut self, written: &spec::Interface) -> Vec<RoutingRule> {
        let mut rules = Vec::new();
        for rule in &written.rules {
            for network in rule.from.iter().chain(&rule.to) {
                self.found.extend(host_bits(network, "network of a rule"));
            }
            if let (Some(from), Some(to)) = (&rule.from, &rule.to)
                && from.addr().is_ipv4() != to.addr().is_ipv4()
            {
                self.found.push(
                    Diagnostic::error(
                        codes::RULE_FAMILY,
                        to.span,
                        format!("no packet from {} goes to {}", from.value, to.value),
                    )
                    .label("another address family")
                    .help("write a rule for each family"),
                );
            }
            rules.push(RoutingRule {
                from: rule.from,
                to: rule.to,
                incoming: rule.incoming.clone(),
                table: rule.table.0,
                priority: rule.priority().value,
                span: rule.span,
            });
        }
        rules
    }
}

/// Returns how a link asks DHCP.
pub(super) fn dhcp_client(written: &spec::Interface) -> DhcpClient {
    let client = written.dhcp();
    client
        .settings()
        .map_or_else(DhcpClient::default, |settings| DhcpClient {
            id: settings.client_id().value,
            metric: settings.metric.map(|metric| metric.value),
        })
}

/// Returns the DHCP server of a link.
pub(super) fn dhcp_server(written: &spec::Interface) -> Option<DhcpServer> {
    let server = written.dhcp_server.as_ref()?;
    Some(DhcpServer {
        range: (server.range).map(|range| range.map(|range| (range.first, range.last))),
        leases: (server.leases.iter())
            .map(|(card, address)| (*card, *address))
            .collect(),
        gateway: server.gateway.or_else(|| v4_of(&written.gateway).next()),
        dns: if server.dns.is_empty() {
            v4_of(&written.dns).collect()
        } else {
            server.dns.clone()
        },
        lease_time: server.lease_time().duration().as_secs(),
        span: server.span,
    })
}

/// Opens the packet filter to those whom links serve.
pub(super) fn open(firewall: &mut Firewall, network: &Network) {
    for interface in &network.interfaces {
        if let Some(server) = &interface.dhcp_server {
            // A machine that asks has no address yet.
            firewall.role_rules.push(FirewallRule {
                protocol: Protocol::Udp,
                ports: (67, 67),
                from: Vec::new(),
                span: server.span,
            });
        }
        if let LinkKind::WireGuard(tunnel) = &interface.kind
            && let Some(port) = tunnel.port
        {
            firewall.admit(NodeTraffic::Udp(port.value, port.value), port.span);
        }
    }
}

fn v4_of(addresses: &[Located<IpAddr>]) -> impl Iterator<Item = Located<Ipv4Addr>> {
    addresses.iter().filter_map(|address| match address.value {
        IpAddr::V4(v4) => Some(Located::new(v4, address.span)),
        IpAddr::V6(_) => None,
    })
}
