//! The links of a node, decided.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::diagnostic::{Located, Span};
use crate::facts::network::Dhcp;
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
        let others = match &interface.kind {
            LinkKind::Bond { members, .. } | LinkKind::Bridge { members, .. } => members.as_slice(),
            LinkKind::Vlan { parent, .. } => std::slice::from_ref(parent),
            LinkKind::Physical => &[],
        };
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
            Self::Physical => &[],
            Self::Bond { members, .. } | Self::Bridge { members, .. } => members,
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
    /// Address and prefix length: `192.168.1.10/24`.
    pub addresses: Vec<Located<IpNet>>,
    pub gateways: Vec<Located<IpAddr>>,
    pub dns: Vec<Located<IpAddr>>,
    pub search: Vec<Located<String>>,
    pub routes: Vec<Route>,
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
        })
    }
}
