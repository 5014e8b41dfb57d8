//! The packet filter of a node, decided.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::diagnostic::{Located, Span};
use crate::facts::cni::NodeTraffic;
use crate::facts::network::Protocol;
use crate::names::InterfaceName;

/// A packet filter that drops what is not allowed (nftables).
#[derive(Debug, Clone)]
pub struct Firewall {
    /// Networks that may reach the ports of the node's roles, and its pods and containers. Empty:
    /// every network.
    pub allow_from: Vec<Located<IpNet>>,
    /// Ports in addition to those of the roles.
    pub allow: Vec<FirewallRule>,
    /// Ports that the node's roles open to `allow_from` (22, etcd's 2379 and 2380 …), with their
    /// purposes.
    pub role_ports: Vec<(u16, String)>,
    /// Other openings of the node's roles: for pods, and for services.
    pub role_rules: Vec<FirewallRule>,
    /// Protocols without ports that the node's roles open.
    pub role_protocols: Vec<AdmittedProtocol>,
    /// What the node forwards packets for.
    pub pods: Option<ForwardedPods>,
    pub masquerade: Vec<Masquerade>,
    pub span: Span,
}

impl Firewall {
    /// Admits `traffic` from where the ports of the node's roles are reached.
    pub(crate) fn admit(&mut self, traffic: NodeTraffic, span: Span) {
        let from = self.allow_from.iter().map(|net| net.value).collect();
        let (protocol, ports) = match traffic {
            NodeTraffic::Tcp(first, last) => (Protocol::Tcp, (first, last)),
            NodeTraffic::Udp(first, last) => (Protocol::Udp, (first, last)),
            NodeTraffic::Ip(number, name) => {
                return self
                    .role_protocols
                    .push(AdmittedProtocol { number, name, from });
            }
        };
        self.role_rules.push(FirewallRule {
            protocol,
            ports,
            from,
            span,
        });
    }
}

/// An opening for a protocol that has no ports.
#[derive(Debug, Clone)]
pub struct AdmittedProtocol {
    pub number: u8,
    pub name: &'static str,
    /// Empty: every network.
    pub from: Vec<IpNet>,
}

/// Pods or containers that have addresses of their own, which other machines may have routes to.
#[derive(Debug, Clone)]
pub struct ForwardedPods {
    /// The addresses on all nodes: a network, or one of each address family.
    pub networks: Vec<IpNet>,
    /// The virtual addresses of Services, if there are any.
    pub services: Vec<IpNet>,
    /// The other nodes of the file: connections to a pod arrive with the address of a node that
    /// passed them on.
    pub nodes: BTreeSet<IpAddr>,
    /// Names of the links that the pod network creates, besides those of every network.
    pub links: &'static [&'static str],
}

/// One opening in the packet filter.
#[derive(Debug, Clone)]
pub struct FirewallRule {
    pub protocol: Protocol,
    /// First and last port, equal for a single one.
    pub ports: (u16, u16),
    /// Empty: every network.
    pub from: Vec<IpNet>,
    pub span: Span,
}

/// Packets from `source` leave `interface` with the node's address.
#[derive(Debug, Clone)]
pub struct Masquerade {
    pub source: Located<IpNet>,
    pub interface: Located<InterfaceName>,
}
