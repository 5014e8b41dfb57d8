//! Kubernetes on a node, decided.

use crate::pki::bundles::ControlPlaneKeys;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

use crate::diagnostic::{Located, Span};
use crate::facts::kubernetes::version::KubeVersion;
use crate::facts::runtimes::Runtime;
use crate::facts::systems::Facts;
use crate::node::addons::{CoreDns, Manifest};
use crate::node::containers::{Fetched, ImageSource, Programs};
use crate::node::etcd::EtcdPod;
use crate::node::flannel::Flannel;
use crate::node::images::ImageUse;
use crate::node::kubernetes_settings::{AuditLog, Encryption};
use crate::pki::BootstrapToken;
use crate::pki::bundles::KeyPair;

/// What a node is to its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Runs the control plane; other pods stay away unless they tolerate its taint.
    ControlPlane,
    /// Runs pods.
    Worker,
    /// A cluster of one: control plane and pods on the same node.
    Single,
    /// A kubelet without an API server, which runs the static pods that it finds.
    Standalone,
}

impl Role {
    /// Whether the API server runs here.
    pub fn has_control_plane(self) -> bool {
        matches!(self, Self::ControlPlane | Self::Single)
    }

    /// As the spec writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
            Self::Single => "single",
            Self::Standalone => "standalone",
        }
    }
}

/// Everything that Kubernetes needs on one node.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    pub version: Located<KubeVersion>,
    pub role: Role,
    /// The name that the node object has: the host name.
    pub node_name: String,
    /// The address that the kubelet reports; `None`: it looks for one itself, since the node's
    /// addresses come from DHCP.
    pub node_ip: Option<IpAddr>,
    /// In kubeconfig files.
    pub cluster_name: String,
    /// Where other nodes and users reach the API: `https://192.168.1.10:6443`.
    pub endpoint: String,
    pub pod_network: IpNet,
    pub service_network: IpNet,
    /// The cluster's DNS service: the tenth address of the service network.
    pub dns_ip: IpAddr,
    /// `cluster.local`
    pub domain: String,
    pub cni: Cni,
    /// Who answers for `dns_ip`; `None`: nobody, or what the user brings.
    pub core_dns: Option<CoreDns>,
    /// `None` on a standalone node.
    pub proxy: Option<Proxy>,
    pub kubelet: Kubelet,
    /// On a node with a control plane.
    pub control_plane: Option<ControlPlane>,
    pub images: Images,
    /// What its pods run by; at the place that says so, or at that of all of it.
    pub runtime: Located<Runtime>,
    /// What the node's system has, and where.
    pub system: &'static Facts,
    /// Pods of the user's that the kubelet runs by itself: name and manifest.
    pub static_pods: Vec<(String, String)>,
    pub span: Span,
}

/// Who gives pods their network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cni {
    /// The `bridge` plugin of the base, with a part of the pod network that belongs to this node.
    Bridge { node_pods: IpNet },
    /// flannel, from the manifest that the first node that comes up applies.
    Flannel(Flannel),
    /// The user's own.
    Manifests(Vec<Manifest>),
    /// Whatever the user brings later.
    None,
}

/// How services reach their pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProxyMode {
    #[default]
    Iptables,
    Ipvs,
    Nftables,
}

impl Proxy {
    /// The image of its pods.
    pub fn image(&self) -> ImageUse {
        match self.pod {
            ProxyPod::DaemonSet(ProxyImage::Upstream) => ImageUse::ProxyEverywhere,
            ProxyPod::DaemonSet(ProxyImage::Node) | ProxyPod::Static { .. } => ImageUse::Proxy,
        }
    }
}

impl ProxyMode {
    /// As the spec and kube-proxy write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::Ipvs => "ipvs",
            Self::Nftables => "nftables",
        }
    }
}

/// What runs kube-proxy on a node.
#[derive(Debug, Clone)]
pub enum ProxyPod {
    /// The kubelet, from a manifest on the node. The pod shows the API server this certificate.
    Static { client: KeyPair },
    /// The cluster, by a `DaemonSet` that the first control plane that comes up applies.
    DaemonSet(ProxyImage),
}

/// What pods of a `DaemonSet` run as kube-proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyImage {
    /// The program that each node of the file has, in an image that is the node's own.
    Node,
    /// Upstream's image.
    Upstream,
}

impl ProxyImage {
    /// As the spec writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Upstream => "upstream",
        }
    }
}

/// kube-proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    pub mode: ProxyMode,
    pub pod: ProxyPod,
    /// Fields of `KubeProxyConfiguration` beside those that every node has, as JSON.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Flags by name, beside those that every node has.
    pub extra_args: BTreeMap<String, String>,
}

/// The node's own agent.
#[derive(Debug, Clone)]
pub struct Kubelet {
    /// How it knows the API server; `None` on a standalone node.
    pub api: Option<KubeletApi>,
    /// Labels that a kubelet may give its own node.
    pub labels: BTreeMap<String, String>,
    /// Labels that only an administrator may give the node; on a node with a control plane.
    pub api_labels: BTreeMap<String, String>,
    /// Set when the node registers.
    pub taints: Vec<Taint>,
    /// Fields of `KubeletConfiguration` beside those that every node has, as JSON.
    pub settings: BTreeMap<String, serde_json::Value>,
    pub extra_args: BTreeMap<String, String>,
}

/// The kubelet's side of the API.
#[derive(Debug, Clone)]
pub struct KubeletApi {
    /// The API server that this node talks to: its own where it has one, else the endpoint.
    pub server: String,
    pub identity: KubeletIdentity,
    /// The cluster's authority, in PEM.
    pub certificate_authority: String,
}

/// How a kubelet shows who it is.
#[derive(Debug, Clone)]
pub enum KubeletIdentity {
    /// By certificates that were signed when the image was built, as a client and as a server.
    Certificates { client: KeyPair, serving: KeyPair },
    /// By a token at first, for which the cluster signs a certificate for a client; that for a
    /// server it signs itself, as kubeadm's nodes do.
    Token(BootstrapToken),
}

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taint {
    pub key: String,
    pub value: Option<String>,
    /// `NoSchedule`, `PreferNoSchedule`, `NoExecute`
    pub effect: String,
}

/// API server, controller manager and scheduler on this node.
#[derive(Debug, Clone)]
pub struct ControlPlane {
    pub advertise: SocketAddr,
    /// The API servers of the control planes before this one in the file, which start before it.
    pub earlier: Vec<SocketAddr>,
    /// Those of the ones behind it.
    pub later: Vec<SocketAddr>,
    /// `https://127.0.0.1:2379`
    pub etcd_servers: Vec<String>,
    /// The node's own member, where the kubelet runs it: the API server then waits for it.
    pub etcd_pod: Option<EtcdPod>,
    /// Where those reach the API that are no nodes of the file: the endpoint, or one of the control
    /// planes where only nodes know the endpoint's name. `https://192.168.1.10:6443`
    pub outside: String,
    /// What lets nodes in that have no certificate yet; `None`: they stay out.
    pub bootstrap_token: Option<BootstrapToken>,
    pub keys: ControlPlaneKeys,
    /// Flags by component, beside those that every node has.
    pub api_server_args: BTreeMap<String, String>,
    pub controller_manager_args: BTreeMap<String, String>,
    pub scheduler_args: BTreeMap<String, String>,
    pub audit: Option<AuditLog>,
    pub encryption: Option<Encryption>,
    /// Runtimes that nodes of the cluster have beside runc.
    pub runtime_classes: Vec<String>,
    /// What the first node that comes up applies last, in order.
    pub manifests: Vec<Manifest>,
}

/// Where the node's programs and images come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Images {
    /// Programs in an image that the build makes, laid out at
    /// [`crate::facts::systems::Paths::programs`]; pods run them from there.
    Embedded {
        /// Where the build has them from, where the spec says so.
        programs: Option<Programs>,
        /// Images that the spec lists, beside which all others that the node needs are embedded
        /// too; `None`: none of either.
        images: Option<Vec<Located<ImageSource>>>,
        /// The folder that the build has CNI's plugins from, where the system has none; `None`:
        /// that of the programs.
        cni_plugins: Option<PathBuf>,
    },
    /// The node fetches programs (to [`crate::facts::systems::Paths::programs`]) and images.
    Pulled {
        /// The URL of a site laid out as upstream's, without a slash at the end.
        site: String,
        /// By the lock, once [`Cluster::pin`](super::Cluster::pin) has seen it.
        known: Fetched,
    },
}

impl Kubernetes {
    /// The folder of CNI's plugins on the node, where they come with it.
    pub fn cni_plugins(&self) -> Option<&'static str> {
        self.system
            .paths
            .cni_plugins
            .filter(|_| self.cni != Cni::None)
    }
}

impl Images {
    /// Whether the node has, or fetches, the image by what is decided here, so that nobody need
    /// look after it.
    pub fn give(&self, used_for: ImageUse) -> bool {
        match self {
            Self::Embedded { images, .. } => images.is_some() || used_for.is_in_programs(),
            Self::Pulled { .. } => true,
        }
    }
}
