//! What a cluster has beside its components: the pods' network and DNS.

use serde_json::{Value as Json, json};

use crate::diagnostic::Located;
use crate::facts::cni::Cni;
use crate::spec::decode::{Decode, Decoder, Schemas, record, word_leaf};
use crate::spec::types::KubernetesFlannel;
use crate::spec::values::LocalManifests;
use crate::spec::yaml::{Node, Value};
use crate::words::words;

/// Who gives pods their network.
#[derive(Debug, Clone, PartialEq)]
pub enum KubernetesCni {
    /// One of those that imgbuild knows, with its defaults.
    Word(Located<Cni>),
    /// One with settings, or the user's own.
    Settings(KubernetesCniSettings),
}

impl Decode for KubernetesCni {
    fn schema(schemas: &mut Schemas) -> Json {
        let word = Located::<Cni>::schema(schemas);
        json!({ "anyOf": [word, KubernetesCniSettings::schema(schemas)] })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            KubernetesCniSettings::decode(node, decoder).map(Self::Settings)
        } else {
            Located::decode(node, decoder).map(Self::Word)
        }
    }
}

record! {
    /// A pod network with settings.
    pub struct KubernetesCniSettings {
        /// The settings of flannel.
        #[example = "{backend: host-gw}"]
        pub flannel: Option<KubernetesFlannel>,
        /// Manifests of another network (Calico, Cilium, …), applied before all others: files, or
        /// folders of them.
        #[example = "[calico.yaml]"]
        pub manifests: Option<Vec<Located<LocalManifests>>>,
    }
    "a pod network", exactly_one(flannel, manifests)
}

words! {
    /// The DNS service of a cluster.
    pub enum KubernetesDns {
        /// CoreDNS, in the version that kubeadm installs.
        Coredns = "coredns",
        /// None, or one that you install yourself.
        None = "none",
    }
}

word_leaf!(KubernetesDns, "a DNS service");

words! {
    /// What the volumes of a cluster are made of.
    pub enum KubernetesStorage {
        /// Folders on the node that the first pod of a volume runs on, with a default
        /// `StorageClass`.
        LocalPath = "local-path",
        /// Nothing, or what you install yourself.
        None = "none",
    }
}

word_leaf!(KubernetesStorage, "a kind of volumes");
