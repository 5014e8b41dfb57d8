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

/// The role of a node in its cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Runs the control plane; other pods stay away unless they tolerate its taint.
    ControlPlane,
    /// Runs pods.
    Worker,
    /// A cluster of one: control plane and pods on the same node.
    Single,
    /// A kubelet without an API server, which runs only static pods.
    Standalone,
}

impl Role {
    /// Returns whether the API server runs here.
    pub fn has_control_plane(self) -> bool {
        matches!(self, Self::ControlPlane | Self::Single)
    }

    /// Returns the name in a spec.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ControlPlane => "control-plane",
            Self::Worker => "worker",
            Self::Single => "single",
            Self::Standalone => "standalone",
        }
    }
}

/// Everything that one node needs for Kubernetes.
#[derive(Debug, Clone)]
pub struct Kubernetes {
    pub version: Located<KubeVersion>,
    pub role: Role,
    /// The name of the Node object: the host name.
    pub node_name: String,
    /// The address that the kubelet reports; `None`: it chooses one itself, because the node's
    /// addresses come from DHCP.
    pub node_ip: Option<IpAddr>,
    /// The name in kubeconfig files.
    pub cluster_name: String,
    /// The URL of the API for other nodes and users: `https://192.168.1.10:6443`.
    pub endpoint: String,
    pub pod_network: IpNet,
    pub service_network: IpNet,
    /// The cluster's DNS service: the tenth address of the service network.
    pub dns_ip: IpAddr,
    /// `cluster.local`
    pub domain: String,
    pub cni: Cni,
    /// What answers at `dns_ip`; `None`: nothing, or what the user installs.
    pub core_dns: Option<CoreDns>,
    /// `None` on a standalone node.
    pub proxy: Option<Proxy>,
    pub kubelet: Kubelet,
    /// On a node with a control plane.
    pub control_plane: Option<ControlPlane>,
    pub images: Images,
    /// The container runtime, located where the spec sets it, or at the whole section.
    pub runtime: Located<Runtime>,
    /// The paths of the node's system.
    pub system: &'static Facts,
    /// The user's static pods: name and manifest.
    pub static_pods: Vec<(String, String)>,
    pub span: Span,
}

/// The pod network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cni {
    /// The `bridge` plugin of the base, with this node's share of the pod network.
    Bridge { node_pods: IpNet },
    /// flannel, from the manifest that the first node to start applies.
    Flannel(Flannel),
    /// The user's own manifests.
    Manifests(Vec<Manifest>),
    /// Whatever the user installs later.
    None,
}

/// How services reach their pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyMode {
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
    /// Returns the name in a spec and in kube-proxy's configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::Ipvs => "ipvs",
            Self::Nftables => "nftables",
        }
    }
}

/// How kube-proxy runs on a node.
#[derive(Debug, Clone)]
pub enum ProxyPod {
    /// By the kubelet, from a manifest on the node. The pod presents this certificate to the API
    /// server.
    Static { client: KeyPair },
    /// By the cluster, from a `DaemonSet` that the first control plane to start applies.
    DaemonSet(ProxyImage),
}

/// The program that the pods of a `DaemonSet` run as kube-proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyImage {
    /// The program that each node in the file has, in a local image.
    Node,
    /// Upstream's image.
    Upstream,
}

impl ProxyImage {
    /// Returns the name in a spec.
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
    /// Fields of `KubeProxyConfiguration` in addition to those of every node, as JSON.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Flags by name, in addition to those of every node.
    pub extra_args: BTreeMap<String, String>,
}

/// The node's own agent.
#[derive(Debug, Clone)]
pub struct Kubelet {
    /// Its credentials for the API server; `None` on a standalone node.
    pub api: Option<KubeletApi>,
    /// Labels that the kubelet may set on its own node.
    pub labels: BTreeMap<String, String>,
    /// Labels that only an administrator may set on the node; on a control plane node.
    pub api_labels: BTreeMap<String, String>,
    /// Set when the node registers.
    pub taints: Vec<Taint>,
    /// Fields of `KubeletConfiguration` in addition to those of every node, as JSON.
    pub settings: BTreeMap<String, serde_json::Value>,
    pub extra_args: BTreeMap<String, String>,
}

/// The kubelet's connection to the API.
#[derive(Debug, Clone)]
pub struct KubeletApi {
    /// The API server that this node uses: its own if it has one, or the endpoint.
    pub server: String,
    pub identity: KubeletIdentity,
    /// The cluster's authority, in PEM.
    pub certificate_authority: String,
}

/// The credentials of a kubelet.
#[derive(Debug, Clone)]
pub enum KubeletIdentity {
    /// Certificates that were signed when the image was built, as a client and as a server.
    Certificates { client: KeyPair, serving: KeyPair },
    /// A token at first, for which the cluster signs a client certificate; it signs its server
    /// certificate itself, as kubeadm's nodes do.
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
    /// The API servers of the control planes before this one in the file, which start first.
    pub earlier: Vec<SocketAddr>,
    /// Those of the control planes after this one.
    pub later: Vec<SocketAddr>,
    /// `https://127.0.0.1:2379`
    pub etcd_servers: Vec<String>,
    /// The node's own member, if the kubelet runs it: the API server then waits for it.
    pub etcd_pod: Option<EtcdPod>,
    /// The URL of the API for clients that are not nodes in the file: the endpoint, or one of the
    /// control planes if only nodes know the endpoint's name. `https://192.168.1.10:6443`
    pub outside: String,
    /// What admits nodes without a certificate; `None`: they are not admitted.
    pub bootstrap_token: Option<BootstrapToken>,
    pub keys: ControlPlaneKeys,
    /// Flags by component, in addition to those of every node.
    pub api_server_args: BTreeMap<String, String>,
    pub controller_manager_args: BTreeMap<String, String>,
    pub scheduler_args: BTreeMap<String, String>,
    pub audit: Option<AuditLog>,
    pub encryption: Option<Encryption>,
    /// Runtimes of the cluster's nodes in addition to runc.
    pub runtime_classes: Vec<String>,
    /// What the first node to start applies last, in order.
    pub manifests: Vec<Manifest>,
}

/// The source of the node's programs and images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Images {
    /// Programs in an image that the build creates, mounted at
    /// [`crate::facts::systems::Paths::programs`]; pods run them from there.
    Embedded {
        /// The source of the build, if the spec sets it.
        programs: Option<Programs>,
        /// Images that the spec lists; all others that the node needs are then embedded too.
        /// `None`: none are embedded.
        images: Option<Vec<Located<ImageSource>>>,
        /// The folder with the CNI plugins for the build, if the system has none; `None`: that of
        /// the programs.
        cni_plugins: Option<PathBuf>,
    },
    /// The node downloads programs (to [`crate::facts::systems::Paths::programs`]) and images.
    Pulled {
        /// The URL of a site laid out like upstream's, without a trailing slash.
        site: String,
        /// From the lock, once [`Cluster::pin`](super::Cluster::pin) has read it.
        known: Fetched,
    },
}

impl Kubernetes {
    /// Returns the folder of the CNI plugins on the node, if they come with it.
    pub fn cni_plugins(&self) -> Option<&'static str> {
        self.system
            .paths
            .cni_plugins
            .filter(|_| self.cni != Cni::None)
    }
}

impl Images {
    /// Returns whether the node has the image or can pull it without further action by the user.
    pub fn give(&self, used_for: ImageUse) -> bool {
        match self {
            Self::Embedded { images, .. } => images.is_some() || used_for.is_in_programs(),
            Self::Pulled { .. } => true,
        }
    }
}
