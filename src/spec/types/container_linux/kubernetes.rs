//! `kubernetes:` of Container Linux: the components of Kubernetes 1.9, all from one image.

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::diagnostic::{Located, codes};
use crate::facts::container_linux::hyperkube::HYPERKUBE;
use crate::facts::kubernetes::choices::Role;
use crate::facts::kubernetes::version::KubeVersion;
use crate::spec::decode::{Leaf, LeafError, OneOrMany, record, word_leaf};
use crate::spec::types::KubernetesExtraArgs;
use crate::spec::values::{Endpoint, EtcdUrl, PlainName};
use crate::spec::yaml::Scalar;
use crate::words::words;

record! {
    /// Kubernetes on this node, from the hyperkube image of CoreOS.
    pub struct HyperkubeNode {
        /// The release.
        #[example = "1.9.6"]
        pub version: Located<HyperkubeVersion>,
        /// The part that the node plays in its cluster.
        pub role: Located<Role>,
        /// The image, without its tag.
        #[default = HYPERKUBE.image]
        #[example = "registry.example/hyperkube"]
        pub image: Option<Located<ImagePath>>,
        /// The tag of the image.
        #[otherwise = "`v1.9.6_coreos.0` for 1.9.6"]
        #[example = "v1.9.6_coreos.2"]
        pub image_tag: Option<Located<PlainName>>,
        /// Where the API is reached: the address that the API server advertises, or that a worker
        /// asks. A port is that of the API over TLS.
        #[otherwise = "the node's own address; port 6443"]
        #[example = "192.168.1.10"]
        pub endpoint: Option<Located<Endpoint>>,
        /// Whether the API is served over TLS, with certificates from `keys/`.
        #[otherwise = "true unless `insecure_bind_address` is given"]
        pub tls: Option<Located<bool>>,
        /// Where the API is served without TLS and without authentication, on port 8080. Whoever
        /// reaches it is the administrator of the cluster.
        #[otherwise = "127.0.0.1"]
        #[example = "192.168.1.10"]
        pub insecure_bind_address: Option<Located<std::net::IpAddr>>,
        /// The client URLs of etcd.
        #[otherwise = "those of the node's own member"]
        #[example = "http://192.168.1.10:2379"]
        pub etcd_servers: OneOrMany<Located<EtcdUrl>>,
        /// The addresses of pods.
        #[default = "10.254.0.0/16"]
        #[example = "10.128.0.0/14"]
        pub pod_network: Option<Located<IpNet>>,
        /// The addresses of services.
        #[default = "10.253.0.0/16"]
        #[example = "172.30.0.0/16"]
        pub service_network: Option<Located<IpNet>>,
        /// The pods' network.
        #[default = "flannel"]
        pub cni: Option<Located<HyperkubeNetwork>>,
        /// kube-proxy, which leads connections to services to their pods.
        #[default = "{}"]
        #[example = "{mode: ipvs}"]
        pub proxy: Option<HyperkubeProxy>,
        /// Whether the kubelet uses the host name in this spec instead of that of the machine.
        #[default = "false"]
        pub hostname_override: Option<Located<bool>>,
        /// Whether pods may be placed on this node.
        #[otherwise = "false on a control plane, else true"]
        pub schedulable: Option<Located<bool>>,
        /// The admission controllers of the API server, in this order.
        #[default = "[NamespaceLifecycle, LimitRanger, ServiceAccount, DefaultStorageClass, ResourceQuota]"]
        #[example = "[NamespaceLifecycle, ServiceAccount]"]
        pub admission_control: Option<Vec<Located<PlainName>>>,
        /// Flags of the components, which are added to imgbuild's.
        #[example = "{api_server: {v: 4}}"]
        pub extra_args: Option<KubernetesExtraArgs>,
    }
    "Kubernetes"
}

words! {
    /// The pods' network.
    pub enum HyperkubeNetwork {
        /// flannel, whose network docker uses.
        Flannel = "flannel",
        /// None: docker's own bridge.
        None = "none",
    }
}

word_leaf!(HyperkubeNetwork, "a pod network");

words! {
    /// How connections to services are led to their pods.
    pub enum HyperkubeProxyMode {
        /// Rules of iptables.
        Iptables = "iptables",
        /// The kernel's virtual servers.
        Ipvs = "ipvs",
    }
}

word_leaf!(HyperkubeProxyMode, "a kube-proxy mode");

record! {
    /// kube-proxy.
    pub struct HyperkubeProxy {
        /// How connections to services are led to their pods.
        #[default = "iptables"]
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
