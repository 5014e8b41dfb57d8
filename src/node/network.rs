//! The links of a node, decided.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::IpNet;

use crate::diagnostic::{Located, Span};
use crate::facts::network::{ClientId, Dhcp};
use crate::names::{InterfaceName, MacAddr};
use crate::node::Node;

/// The names of cards in the spec that are the kernel's own (`eth0`), with their places. The kernel
/// numbers cards in the order in which it finds them, which is not stable with more than one card.
pub fn kernel_named(node: &Node) -> Vec<(&InterfaceName, Span)> {
    let interfaces = &node.network.interfaces;
    let made: Vec<_> = interfaces
        .iter()
        .filter(|interface| interface.kind != LinkKind::Physical)
        .filter_map(|interface| interface.matching.name())
        .collect();
    let mut found: Vec<(&InterfaceName, Span)> = Vec::new();
    for interface in interfaces {
        let own = match (&interface.kind, &interface.matching) {
            (LinkKind::Physical, InterfaceMatch::Name(name)) => Some((name, interface.span)),
            _ => None,
        };
        let others = interface.kind.parts();
        let others = others.iter().map(|name| (&name.value, name.span));
        for (name, span) in own.into_iter().chain(others) {
            let renamed = interfaces.iter().any(|other| {
                matches!(&other.matching, InterfaceMatch::Mac { rename: Some(new), .. } if new == name)
            });
            let known =
                renamed || made.contains(&name) || found.iter().any(|(old, _)| *old == name);
            if is_kernel_name(name) && !known {
                found.push((name, span));
            }
        }
    }
    found
}

/// `eth0`, `eth1` …: how Linux names Ethernet cards (`alloc_etherdev`).
pub(crate) fn is_kernel_name(name: &InterfaceName) -> bool {
    name.as_str()
        .strip_prefix("eth")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// A version of IP, each of which has its own section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IpVersion {
    V4,
    V6,
}

impl IpVersion {
    /// The version of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }
}

/// The source of the addresses of one version (`nm-settings-nmcli(5)`, `ipv4.method` and
/// `ipv6.method`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// DHCP and, for IPv6, router advertisements.
    Auto,
    Manual,
    LinkLocal,
    Disabled,
}

impl Method {
    pub(crate) fn of(interface: &Interface, version: IpVersion) -> Self {
        // As with networkd, router advertisements are accepted if the link uses DHCP at all.
        let is_asked = match version {
            IpVersion::V4 => matches!(interface.dhcp, Dhcp::V4 | Dhcp::Both),
            IpVersion::V6 => interface.dhcp != Dhcp::No,
        };
        let mut addresses = interface.addresses.iter();
        if is_asked {
            Self::Auto
        } else if addresses.any(|address| IpVersion::of(address.addr()) == version) {
            Self::Manual
        } else if version == IpVersion::V6 && !interface.addresses.is_empty() {
            Self::LinkLocal
        } else {
            Self::Disabled
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
            Self::LinkLocal => "link-local",
            Self::Disabled => "disabled",
        }
    }

    /// Whether name servers and domains can be set with it.
    pub(crate) fn takes_settings(self) -> bool {
        matches!(self, Self::Auto | Self::Manual)
    }
}

/// Whether a link can have routes of `version`: for IPv6, the link-local address is enough.
pub fn takes_routes(interface: &Interface, version: IpVersion) -> bool {
    Method::of(interface, version) != Method::Disabled
}

/// Whether `NetworkManager` accepts name servers and search domains of `version` on a link.
pub fn takes_settings(interface: &Interface, version: IpVersion) -> bool {
    Method::of(interface, version).takes_settings()
}

/// All links of a node.
#[derive(Debug, Clone, Default)]
pub struct Network {
    pub interfaces: Vec<Interface>,
}

impl Network {
    /// Returns the VRF that a link is in, whose routes are no concern of the others.
    pub fn vrf_of(&self, interface: &Interface) -> Option<&InterfaceName> {
        let name = interface.matching.name()?;
        self.interfaces.iter().find_map(|vrf| match &vrf.kind {
            LinkKind::Vrf { members, .. } if members.iter().any(|it| it.value == *name) => {
                vrf.matching.name()
            }
            _ => None,
        })
    }
}

/// How an interface in the spec is matched on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceMatch {
    Name(InterfaceName),
    /// By MAC address, and renamed if a name is given too.
    Mac {
        mac: MacAddr,
        rename: Option<InterfaceName>,
    },
    /// Every wired card: the default if the spec has no `network:`.
    AnyEthernet,
}

/// The kind of a link; all but [`LinkKind::Physical`] are created by networkd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    Physical,
    Bond {
        mode: String,
        members: Vec<Located<InterfaceName>>,
        options: BTreeMap<String, String>,
    },
    Vlan {
        id: Located<u16>,
        parent: Located<InterfaceName>,
    },
    Bridge {
        members: Vec<Located<InterfaceName>>,
        stp: bool,
    },
    Vrf {
        table: Located<u32>,
        members: Vec<Located<InterfaceName>>,
    },
    WireGuard(WireGuard),
}

/// A WireGuard tunnel. Keys are 32 bytes in Base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireGuard {
    pub private_key: String,
    /// The UDP port on which peers reach the node; `None`: any.
    pub port: Option<Located<u16>>,
    pub peers: Vec<WireGuardPeer>,
}

/// Another end of a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireGuardPeer {
    pub public_key: Located<String>,
    pub preshared_key: Option<String>,
    /// Host and port, as written.
    pub endpoint: Option<String>,
    pub allowed_ips: Vec<Located<IpNet>>,
    /// In seconds.
    pub keepalive: Option<u16>,
}

impl InterfaceMatch {
    /// Returns the interface's name on the node, if the spec sets it.
    pub fn name(&self) -> Option<&InterfaceName> {
        match self {
            Self::Name(name) => Some(name),
            Self::Mac { rename, .. } => rename.as_ref(),
            Self::AnyEthernet => None,
        }
    }
}

impl LinkKind {
    /// Returns the interfaces that this one is built on.
    pub fn parts(&self) -> &[Located<InterfaceName>] {
        match self {
            Self::Physical | Self::WireGuard(_) => &[],
            Self::Bond { members, .. }
            | Self::Bridge { members, .. }
            | Self::Vrf { members, .. } => members,
            Self::Vlan { parent, .. } => std::slice::from_ref(parent),
        }
    }
}

/// One link and its addresses.
#[derive(Debug, Clone)]
pub struct Interface {
    pub matching: InterfaceMatch,
    pub kind: LinkKind,
    pub dhcp: Dhcp,
    pub dhcp_client: DhcpClient,
    pub dhcp_server: Option<DhcpServer>,
    /// Address and prefix length: `192.168.1.10/24`.
    pub addresses: Vec<Located<IpNet>>,
    pub gateways: Vec<Located<IpAddr>>,
    pub dns: Vec<Located<IpAddr>>,
    pub search: Vec<Located<String>>,
    pub routes: Vec<Route>,
    pub rules: Vec<RoutingRule>,
    /// Whether other programs give it addresses too, which networkd must keep.
    pub shares_address: bool,
    /// On the link to the other nodes of the cluster.
    pub pod_routes: Option<PodRoutes>,
    pub mtu: Option<Located<u32>>,
    /// Whether the node waits for this link before it is online.
    pub required_for_online: bool,
    pub span: Span,
}

impl Interface {
    /// Returns its routes: those of the spec, followed by those to the pods of other nodes.
    pub fn all_routes(&self) -> impl Iterator<Item = Route> {
        let pods = self.pod_routes.iter().flat_map(PodRoutes::iter);
        self.routes.iter().cloned().chain(pods)
    }
}

/// A static route.
#[derive(Debug, Clone)]
pub struct Route {
    pub destination: Located<IpNet>,
    /// `None`: directly on the link.
    pub gateway: Option<Located<IpAddr>>,
    pub metric: Option<Located<u32>>,
    /// `None`: the main one, or that of the link's VRF.
    pub table: Option<Located<u32>>,
}

/// A choice of routing table for some packets.
#[derive(Debug, Clone)]
pub struct RoutingRule {
    pub from: Option<Located<IpNet>>,
    pub to: Option<Located<IpNet>>,
    /// The link by which the packets arrive.
    pub incoming: Option<Located<InterfaceName>>,
    pub table: u32,
    pub priority: u32,
    pub span: Span,
}

/// How a link asks DHCP.
#[derive(Debug, Clone, Copy)]
pub struct DhcpClient {
    pub id: ClientId,
    /// Of the routes that come with the addresses.
    pub metric: Option<u32>,
}

impl Default for DhcpClient {
    fn default() -> Self {
        Self {
            id: ClientId::Mac,
            metric: None,
        }
    }
}

/// A DHCP server for the machines on a link (IPv4).
#[derive(Debug, Clone)]
pub struct DhcpServer {
    /// First and last of the addresses for any machine; `None`: all that nobody else has.
    pub range: Option<Located<(Ipv4Addr, Ipv4Addr)>>,
    pub leases: Vec<(Located<MacAddr>, Located<Ipv4Addr>)>,
    pub gateway: Option<Located<Ipv4Addr>>,
    pub dns: Vec<Located<Ipv4Addr>>,
    /// In seconds.
    pub lease_time: u64,
    pub span: Span,
}

/// Routes from one node to the pods of the others. The nodes share one list, because a thousand of
/// them have a million routes.
#[derive(Debug, Clone)]
pub struct PodRoutes {
    pub everywhere: Arc<[NodePods]>,
    /// This node's first address, to exclude the routes to its own pods.
    pub this_node: IpAddr,
    /// The node's addresses on this interface, through which it reaches other nodes' of the same
    /// families.
    pub own: Vec<IpAddr>,
}

/// The pods of one node, of one address family.
#[derive(Debug, Clone, Copy)]
pub struct NodePods {
    pub pods: IpNet,
    /// The node's address of that family.
    pub node: IpAddr,
    /// The node's first address.
    pub owner: IpAddr,
    pub span: Span,
}

impl PodRoutes {
    fn iter(&self) -> impl Iterator<Item = Route> {
        let others = self
            .everywhere
            .iter()
            .filter(|pods| pods.owner != self.this_node)
            .filter(|pods| (self.own.iter()).any(|own| own.is_ipv4() == pods.node.is_ipv4()));
        others.map(|pods| Route {
            destination: Located::new(pods.pods, pods.span),
            gateway: Some(Located::new(pods.node, pods.span)),
            metric: None,
            table: None,
        })
    }
}
