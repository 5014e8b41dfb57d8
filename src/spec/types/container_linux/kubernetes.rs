//! `kubernetes:` of Container Linux: the components of Kubernetes 1.9, all from one image.

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::diagnostic::{Located, codes};
use crate::facts::container_linux::hyperkube::HYPERKUBE;
use crate::facts::kubernetes::version::KubeVersion;
use crate::spec::decode::{Leaf, LeafError, OneOrMany, record, words};
use crate::spec::types::{KubernetesExtraArgs, KubernetesRole};
use crate::spec::values::{Endpoint, EtcdUrl, PlainName};
use crate::spec::yaml::Scalar;

record! {
    /// Kubernetes on this node, from CoreOS' hyperkube image.
    pub struct HyperkubeNode {
        /// The release, such as 1.9.6.
        pub version: Located<HyperkubeVersion>,
        /// What the node is to its cluster.
        pub role: Located<KubernetesRole>,
        /// The image without its tag; `quay.io/coreos/hyperkube` where nothing is said.
        pub image: Option<Located<ImagePath>>,
        /// The image's tag; `v1.9.6_coreos.0` for 1.9.6.
        pub image_tag: Option<Located<PlainName>>,
        /// Where the API is reached: the address that the API server advertises, or that a worker
        /// asks. The node's own where nothing is said. A port of its own is the secure one, 6443
        /// where nothing is said.
        pub endpoint: Option<Located<Endpoint>>,
        /// Whether the API is served over TLS, with certificates from keys/; true unless
        /// `insecure_bind_address` is written.
        pub tls: Option<Located<bool>>,
        /// Where the API is served without TLS and without asking who is there, on port 8080.
        /// Whoever reaches it is the administrator of the cluster.
        pub insecure_bind_address: Option<Located<std::net::IpAddr>>,
        /// etcd's clients' URLs; the node's own member's where nothing is said.
        pub etcd_servers: OneOrMany<Located<EtcdUrl>>,
        /// The pods' addresses; 10.254.0.0/16 where nothing is said.
        pub pod_network: Option<Located<IpNet>>,
        /// The services' addresses; 10.253.0.0/16 where nothing is said.
        pub service_network: Option<Located<IpNet>>,
        /// Who gives pods their network; `flannel` where nothing is said.
        pub cni: Option<Located<HyperkubeNetwork>>,
        /// How services reach their pods.
        pub proxy: Option<HyperkubeProxy>,
        /// Whether the kubelet goes by the node's host name in this spec; by the machine's own
        /// where nothing is said.
        pub hostname_override: Option<Located<bool>>,
        /// Whether pods may be placed on this node; true where nothing is said, false on a control
        /// plane.
        pub schedulable: Option<Located<bool>>,
        /// Admission controllers of the API server, in this order.
        pub admission_control: Option<Vec<Located<PlainName>>>,
        /// Flags of the components, beside those that imgbuild gives them.
        pub extra_args: Option<KubernetesExtraArgs>,
    }
    "Kubernetes"
}

words! {
    /// Who gives pods their network.
    pub enum HyperkubeNetwork {
        /// flannel, whose network docker takes.
        Flannel = "flannel",
        /// Nobody: docker's own bridge.
        None = "none",
    }
    "a pod network"
}

words! {
    /// How services reach their pods.
    pub enum HyperkubeProxyMode {
        /// Rules of iptables.
        Iptables = "iptables",
        /// The kernel's virtual servers.
        Ipvs = "ipvs",
    }
    "a kube-proxy mode"
}

record! {
    /// kube-proxy.
    pub struct HyperkubeProxy {
        /// `iptables` where nothing is said.
        pub mode: Option<Located<HyperkubeProxyMode>>,
    }
    "kube-proxy"
}

/// A release of Kubernetes 1.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HyperkubeVersion(pub KubeVersion);

impl Leaf for HyperkubeVersion {
    const WHAT: &'static str = "a Kubernetes version";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": format!("^v?1\\.{}\\.[0-9]+$", HYPERKUBE.minor) })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let version: KubeVersion = text.parse().map_err(|_| {
            LeafError::rule(
                codes::BAD_KUBE_VERSION,
                text,
                Self::WHAT,
                "must have three numbers",
            )
            .help("write it like 1.9.6")
        })?;
        if version.minor == HYPERKUBE.minor {
            return Ok(Self(version));
        }
        Err(LeafError::new(
            codes::UNKNOWN_KUBE_VERSION,
            format!("Kubernetes {version} does not run on Container Linux"),
        )
        .help(format!(
            "its hyperkube images are of 1.{}; newer releases require another `target:`",
            HYPERKUBE.minor
        )))
    }
}

/// The path of an image, without its tag: `quay.io/coreos/hyperkube`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePath(pub String);

impl Leaf for ImagePath {
    const WHAT: &'static str = "an image without its tag";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[a-z0-9./:_-]+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"./:_-".contains(&b);
        let last = text.rsplit('/').next().unwrap_or_default();
        let why = if !text.bytes().all(plain) || last.is_empty() {
            "must consist of lowercase letters, digits and `./:_-`"
        } else if last.contains(':') {
            "set the tag as `image_tag:`"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(LeafError::rule(codes::BAD_IMAGE, text, Self::WHAT, why))
    }
}
