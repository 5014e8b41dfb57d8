//! What a cluster has beside its components: the pods' network and DNS.

use serde_json::{Value as Json, json};

use crate::diagnostic::Located;
use crate::names::InterfaceName;
use crate::spec::decode::{Decode, Decoder, Leaf, Schemas, record, words};
use crate::spec::values::{LocalManifests, PortNumber, Vni};
use crate::spec::yaml::{Node, Value};

/// Who gives pods their network.
#[derive(Debug, Clone, PartialEq)]
pub enum KubernetesCni {
    /// One of those that imgbuild knows, with its defaults.
    Word(Located<KubernetesCniWord>),
    /// One with settings, or the user's own.
    Settings(KubernetesCniSettings),
}

impl Decode for KubernetesCni {
    fn schema(schemas: &mut Schemas) -> Json {
        json!({ "anyOf": [KubernetesCniWord::schema(), KubernetesCniSettings::schema(schemas)] })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            KubernetesCniSettings::decode(node, decoder).map(Self::Settings)
        } else {
            Located::decode(node, decoder).map(Self::Word)
        }
    }
}

words! {
    /// Who gives pods their network.
    pub enum KubernetesCniWord {
        /// The base's own plugins, with routes between the nodes of the file.
        Bridge = "bridge",
        /// flannel, over VXLAN.
        Flannel = "flannel",
        /// Whatever is brought.
        None = "none",
    }
    "a pod network"
}

record! {
    /// A pod network with settings.
    pub struct KubernetesCniSettings {
        /// flannel's settings.
        pub flannel: Option<KubernetesFlannel>,
        /// Manifests of another network (Calico, Cilium, …), applied before all others; files, or folders of them.
        pub manifests: Option<Vec<Located<LocalManifests>>>,
    }
    "a pod network", exactly_one(flannel, manifests)
}

words! {
    /// How flannel carries pods' packets from node to node.
    pub enum KubernetesFlannelBackend {
        /// In UDP, to nodes anywhere.
        Vxlan = "vxlan",
        /// By routes, to nodes of the same link.
        HostGw = "host-gw",
        /// Encrypted, to nodes anywhere.
        Wireguard = "wireguard",
    }
    "a backend of flannel"
}

record! {
    /// flannel.
    pub struct KubernetesFlannel {
        /// `vxlan` where nothing is said.
        pub backend: Option<Located<KubernetesFlannelBackend>>,
        /// The UDP port of `vxlan` (8472) or `wireguard` (51820).
        pub port: Option<Located<PortNumber>>,
        /// The VXLAN identifier; 1 where nothing is said.
        pub vni: Option<Located<Vni>>,
        /// With `vxlan`: routes between nodes of the same link.
        pub direct_routing: Option<Located<bool>>,
        /// The interface of every node that leads to the others; that of the node's address where nothing is said.
        pub interface: Option<Located<InterfaceName>>,
    }
    "flannel"
}

words! {
    /// Who answers the pods' questions for names.
    pub enum KubernetesDns {
        /// CoreDNS, in the version that kubeadm has.
        Coredns = "coredns",
        /// Nobody, or what is brought.
        None = "none",
    }
    "a DNS service"
}
