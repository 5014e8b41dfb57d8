//! flannel: on nodes with docker (`flannel:`), and in pods (`kubernetes: {cni: {flannel: …}}`).

use ipnet::IpNet;

use super::ExternalEtcd;
use crate::diagnostic::{Located, Span};
use crate::names::InterfaceName;
use crate::oci::ImageName;
use crate::spec::decode::{OneOrMany, record, word_leaf};
use crate::spec::values::{EtcdUrl, PortNumber, Vni};
use crate::words::words;

words! {
    /// How flannel carries packets of containers from node to node.
    pub enum FlannelBackend {
        /// In UDP, to nodes anywhere.
        Vxlan = "vxlan",
        /// By routes, to nodes on the same link.
        HostGw = "host-gw",
        /// Encrypted, to nodes anywhere.
        Wireguard = "wireguard",
    }
}

word_leaf!(FlannelBackend, "a flannel backend");

/// The prefix length of a node's part of a network that has room for four of them: flannel's own.
pub const FLANNEL_SUBNET_LEN: u8 = 24;

impl FlannelBackend {
    /// The kernel's own VXLAN port, or flannel's for WireGuard; 0 where packets are routed.
    fn default_port(self) -> u16 {
        match self {
            Self::Vxlan => 8472,
            Self::HostGw => 0,
            Self::Wireguard => 51820,
        }
    }
}

/// How flannel carries packets: what the spec says, and defaults for the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct FlannelCarriage {
    pub backend: FlannelBackend,
    pub port: u16,
    pub vni: u32,
    pub direct_routing: bool,
    pub interface: Option<Located<InterfaceName>>,
    /// Keys that not every backend takes, and where they are written.
    pub given: [(&'static str, Option<Span>); 3],
}

/// A record whose last keys say how flannel carries packets: the same wherever flannel runs.
macro_rules! flannel_record {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident { $($own:tt)* }
        $($rest:tt)+
    ) => {
        record! {
            $(#[doc = $doc])+
            pub struct $name {
                $($own)*
                /// How packets get from node to node.
                #[default = "vxlan"]
                pub backend: Option<Located<FlannelBackend>>,
                /// The UDP port.
                #[otherwise = "8472 with `vxlan`, 51820 with `wireguard`"]
                #[example = "4789"]
                pub port: Option<Located<PortNumber>>,
                /// With `vxlan`, the VXLAN network identifier.
                #[default = "1"]
                #[example = "4096"]
                pub vni: Option<Located<Vni>>,
                /// With `vxlan`, whether nodes on the same link use routes instead.
                #[default = "false"]
                pub direct_routing: Option<Located<bool>>,
                /// The interface that leads to the other nodes, on every node.
                #[otherwise = "the interface with the node's address"]
                #[example = "eth1"]
                pub interface: Option<Located<InterfaceName>>,
            }
            $($rest)+
        }

        impl $name {
            /// How it carries packets.
            pub fn carriage(&self) -> FlannelCarriage {
                let backend = self.backend().value;
                let port = self.port.map(|port| port.value.0);
                FlannelCarriage {
                    backend,
                    port: port.unwrap_or(backend.default_port()),
                    vni: self.vni().value.0,
                    direct_routing: self.direct_routing().value,
                    interface: self.interface.clone(),
                    given: [
                        ("port", self.port.map(|value| value.span)),
                        ("vni", self.vni.map(|value| value.span)),
                        ("direct_routing", self.direct_routing.map(|value| value.span)),
                    ],
                }
            }
        }
    };
}

flannel_record! {
    /// flannel in pods of a cluster.
    pub struct KubernetesFlannel {}
    "flannel"
}

flannel_record! {
    /// flannel on a node with docker. Containers of docker's network `flannel` reach those of all
    /// nodes; etcd records which node has which addresses.
    pub struct Flannel {
        /// The addresses of all containers; IPv4 only.
        #[example = "10.244.0.0/16"]
        pub network: Located<IpNet>,
        /// The prefix length of each node's part of the network.
        #[otherwise = "24, or a quarter of a network too small for that"]
        #[example = "26"]
        pub subnet_len: Option<Located<u8>>,
        /// The client URLs of etcd.
        #[otherwise = "the node's own member, or else all members of the file"]
        #[example = "https://192.168.1.10:2379"]
        pub etcd_endpoints: OneOrMany<Located<EtcdUrl>>,
        /// An etcd with TLS that runs on none of the nodes of the file.
        pub external_etcd: Option<ExternalEtcd>,
        /// The image that flannel runs from.
        #[otherwise = "upstream's"]
        #[example = "ghcr.io/flannel-io/flannel:v0.27.0"]
        pub image: Option<Located<ImageName>>,
    }
    "flannel", at_most_one(etcd_endpoints, external_etcd)
}
