//! What a cluster has beside its components: the pods' network and DNS.

use serde_json::{Value as Json, json};

use crate::diagnostic::Located;
use crate::spec::decode::{Decode, Decoder, Leaf, Schemas, record, words};
use crate::spec::types::KubernetesFlannel;
use crate::spec::values::LocalManifests;
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
        /// Manifests of another network (Calico, Cilium, …), applied before all others; files, or
        /// folders of them.
        pub manifests: Option<Vec<Located<LocalManifests>>>,
    }
    "a pod network", exactly_one(flannel, manifests)
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
