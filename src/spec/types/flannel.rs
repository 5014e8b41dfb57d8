//! flannel: on nodes with docker (`flannel:`), and in pods (`kubernetes: {cni: {flannel: …}}`).

use ipnet::IpNet;

use super::ExternalEtcd;
use crate::diagnostic::Located;
use crate::names::InterfaceName;
use crate::oci::ImageName;
use crate::spec::decode::{OneOrMany, record, words};
use crate::spec::values::{EtcdUrl, PortNumber, Vni};

words! {
    /// How flannel carries containers' packets from node to node.
    pub enum FlannelBackend {
        /// In UDP, to nodes anywhere.
        Vxlan = "vxlan",
        /// By routes, to nodes of the same link.
        HostGw = "host-gw",
        /// Encrypted, to nodes anywhere.
        Wireguard = "wireguard",
    }
    "a flannel backend"
}

/// How flannel carries packets, as a spec says it.
#[derive(Debug, Clone, PartialEq)]
pub struct FlannelCarriage {
    pub backend: Option<Located<FlannelBackend>>,
    pub port: Option<Located<PortNumber>>,
    pub vni: Option<Located<Vni>>,
    pub direct_routing: Option<Located<bool>>,
    pub interface: Option<Located<InterfaceName>>,
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
                /// How packets get from node to node; `vxlan` where nothing is said.
                pub backend: Option<Located<FlannelBackend>>,
                /// The UDP port of `vxlan` (8472) or `wireguard` (51820).
                pub port: Option<Located<PortNumber>>,
                /// The VXLAN identifier; 1 where nothing is said.
                pub vni: Option<Located<Vni>>,
                /// With `vxlan`: routes between nodes of the same link.
                pub direct_routing: Option<Located<bool>>,
                /// The interface of every node that leads to the others; that of the node's address
                /// where nothing is said.
                pub interface: Option<Located<InterfaceName>>,
            }
            $($rest)+
        }

        impl $name {
            /// How it carries packets.
            pub fn carriage(&self) -> FlannelCarriage {
                FlannelCarriage {
                    backend: self.backend,
                    port: self.port,
                    vni: self.vni,
                    direct_routing: self.direct_routing,
                    interface: self.interface.clone(),
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
    /// nodes; etcd keeps which node has which addresses.
    pub struct Flannel {
        /// The addresses of all containers, of IPv4, such as 10.244.0.0/16.
        pub network: Located<IpNet>,
        /// The prefix length of each node's part of them; 24 where nothing is said, or a quarter of
        /// a smaller network.
        pub subnet_len: Option<Located<u8>>,
        /// Where etcd answers: the node's own member, else all members of the file, where nothing
        /// is said.
        pub etcd_endpoints: OneOrMany<Located<EtcdUrl>>,
        /// An etcd with TLS that none of the file's nodes runs.
        pub external_etcd: Option<ExternalEtcd>,
        /// The image that flannel runs from; upstream's where nothing is said.
        pub image: Option<Located<ImageName>>,
    }
    "flannel", at_most_one(etcd_endpoints, external_etcd)
}
