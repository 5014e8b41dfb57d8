//! What a cluster has beside its components: the pods' network and DNS.

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::cni::{Cni, ReleasedCni};
use crate::spec::decode::{Decode, Decoder, Schemas, record, word_leaf};
use crate::spec::types::{KubernetesChart, KubernetesFlannel};
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

word_leaf!(ReleasedCni, "a kind of pod network");

record! {
    /// A pod network with settings.
    pub struct KubernetesCniSettings {
        /// What the manifests install. It gives nodes the kernel modules, kernel parameters and
        /// open ports that the network needs, and its manifests are checked against the spec.
        #[otherwise = "a network that is not known"]
        #[example = "calico"]
        pub kind: Option<Located<ReleasedCni>>,
        /// The settings of flannel.
        #[example = "{backend: host-gw}"]
        pub flannel: Option<KubernetesFlannel>,
        /// Manifests of another network (Calico, Cilium, …), applied before all others: files, or
        /// folders of them.
        #[example = "[calico.yaml]"]
        pub manifests: Option<Vec<Located<LocalManifests>>>,
        /// Helm charts of another network, instead of manifests.
        #[example = "[{chart: cilium-1.18.0.tgz, name: cilium, namespace: kube-system}]"]
        pub charts: Option<Vec<KubernetesChart>>,
    }
    "a pod network", exactly_one(flannel, manifests, charts), at_most_one(kind, flannel)
}

/// A network, or one of each address family.
#[derive(Debug, Clone, PartialEq)]
pub struct KubernetesNetworks {
    pub first: Located<IpNet>,
    pub second: Option<Located<IpNet>>,
}

impl Decode for KubernetesNetworks {
    fn schema(schemas: &mut Schemas) -> Json {
        let one = Located::<IpNet>::schema(schemas);
        let two = json!({ "type": "array", "items": one, "minItems": 1, "maxItems": 2 });
        json!({ "anyOf": [one, two] })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let Value::List(items) = &node.value else {
            let first = Located::decode(node, decoder)?;
            return Some(Self {
                first,
                second: None,
            });
        };
        let all: Vec<Located<IpNet>> = (items.iter())
            .filter_map(|item| Located::decode(item, decoder))
            .collect();
        match all[..] {
            [first] => Some(Self {
                first,
                second: None,
            }),
            [first, second] if first.addr().is_ipv4() != second.addr().is_ipv4() => Some(Self {
                first,
                second: Some(second),
            }),
            _ if all.len() < items.len() => None,
            _ => {
                decoder.diagnostics.push(
                    Diagnostic::error(
                        codes::KUBE_FAMILIES,
                        node.span,
                        "expected a network, or one of each address family",
                    )
                    .help("write it like 10.244.0.0/16, or [10.244.0.0/16, 'fd00:10:244::/48']"),
                );
                None
            }
        }
    }
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
