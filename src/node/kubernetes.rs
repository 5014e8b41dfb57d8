//! Kubernetes on a node, decided.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Deref;
use std::path::PathBuf;

use ipnet::IpNet;

use crate::diagnostic::{Located, Span};
use crate::facts::add_ons::AddOn;
use crate::facts::kubernetes::choices::{Join, ProxyImage, ProxyMode, Role};
use crate::facts::kubernetes::version::{KubeVersion, Release};
use crate::facts::runtimes::Runtime;
use crate::facts::systems::Facts;
use crate::names::authority;
use crate::node::addons::{CoreDns, Manifest};
use crate::node::cluster_networks::Networks;
use crate::node::containers::{Fetched, ImageSource, Programs};
use crate::node::etcd::EtcdPod;
use crate::node::images::ImageUse;
use crate::node::kubernetes_keys::{Administration, KeyStage, WithKeys};
use crate::node::kubernetes_settings::{AuditLog, Encryption};
use crate::node::pod_network::PodNetwork;
use crate::node::shared_address::SharedAddress;
use crate::pki::bundles::{ExternalEtcd, KeyPair};

/// The name of each cluster in its kubeconfig files.
pub const CLUSTER_NAME: &str = "kubernetes";

/// Kubernetes on one node: [`WithoutKeys`](super::kubernetes_keys::WithoutKeys) once everything is
/// decided, [`WithKeys`] once the key folder was read.
#[derive(Debug, Clone)]
pub struct Kubernetes<S: KeyStage = WithKeys> {
    /// What needs no keys.
    pub settings: NodeSettings,
    /// `None` on a standalone node.
    pub member: Option<Member<S>>,
}

/// What is decided of every node.
#[derive(Debug, Clone)]
pub struct NodeSettings {
    pub version: Located<KubeVersion>,
    /// The facts about it, or about the newest release that is known.
    pub release: Release,
    pub role: Role,
    /// The name of the Node object: the host name.
    pub node_name: String,
    /// The address that the kubelet reports; `None`: it chooses one itself, because the node's
    /// addresses come from DHCP.
    pub node_ip: Option<IpAddr>,
    pub endpoint: ApiEndpoint,
    /// The node's address of the other family, where the cluster has both.
    pub second_node_ip: Option<IpAddr>,
    pub pod_networks: Networks,
    pub service_networks: Networks,
    /// `cluster.local`
    pub domain: String,
    pub cni: PodNetwork,
    /// What answers at [`NodeSettings::dns_ip`]; `None`: nothing, or what the user installs.
    pub core_dns: Option<CoreDns>,
    /// What does so where the spec leaves it open and its image can be had.
    pub default_dns: Option<CoreDns>,
    pub add_ons: Vec<AddOn>,
    pub kubelet: Kubelet,
    pub images: Images,
    /// The container runtime, located where the spec sets it, or at the whole section.
    pub runtime: Located<Runtime>,
    /// The paths of the node's system.
    pub system: &'static Facts,
    /// The user's static pods: name and manifest.
    pub static_pods: Vec<(String, String)>,
    pub span: Span,
}

impl<S: KeyStage> Deref for Kubernetes<S> {
    type Target = NodeSettings;

    fn deref(&self) -> &NodeSettings {
        &self.settings
    }
}

/// The API of a cluster, for other nodes and users.
#[derive(Debug, Clone)]
pub struct ApiEndpoint {
    /// A name or an address.
    pub host: String,
    pub port: u16,
    /// The addresses of a name that only nodes of the file can resolve.
    pub addresses: Vec<IpAddr>,
    /// The location, if the spec sets it.
    pub span: Option<Span>,
    /// The address of `host`, if the control planes of the file share it.
    pub shared: Option<SharedAddress>,
}

impl ApiEndpoint {
    /// Returns its URL: `https://192.168.1.10:6443`.
    pub fn url(&self) -> String {
        format!("https://{}", authority(&self.host, self.port))
    }

    /// Returns its URL for clients that are not nodes in the file: one of the control planes if
    /// only nodes know the name.
    pub fn outside(&self) -> String {
        match self.addresses.first() {
            Some(address) => format!("https://{}", SocketAddr::new(*address, self.port)),
            None => self.url(),
        }
    }
}

/// How kube-proxy runs on a node. `K`: the certificate that it presents to the API server.
#[derive(Debug, Clone)]
pub enum ProxyPod<K = KeyPair> {
    /// By the kubelet, from a manifest on the node.
    Static { client: K },
    /// By the cluster, from a `DaemonSet` that the first control plane to start applies. It has a
    /// service account.
    DaemonSet(ProxyImage),
    /// Not at all: the pod network takes its place.
    None,
}

impl<K> ProxyPod<K> {
    /// The image of the pods, if there are any.
    pub fn image(&self) -> Option<ImageUse> {
        match self {
            Self::DaemonSet(ProxyImage::Upstream) => Some(ImageUse::ProxyEverywhere),
            Self::DaemonSet(ProxyImage::Node) | Self::Static { .. } => Some(ImageUse::Proxy),
            Self::None => None,
        }
    }
}

/// kube-proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    pub mode: ProxyMode,
    /// Fields of `KubeProxyConfiguration` in addition to those of every node, as JSON.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Flags by name, in addition to those of every node.
    pub extra_args: BTreeMap<String, String>,
}

/// The node's own agent.
#[derive(Debug, Clone)]
pub struct Kubelet {
    /// Labels that the kubelet may set on its own node.
    pub labels: BTreeMap<String, String>,
    /// Labels that only an administrator may set on the node; on a control plane node.
    pub api_labels: BTreeMap<String, String>,
    /// Set when the node registers.
    pub taints: Vec<Taint>,
    /// Fields of `KubeletConfiguration` in addition to those of every node, as JSON.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// How many pods may run at once, if the spec says so.
    pub max_pods: Option<Located<u32>>,
    pub extra_args: BTreeMap<String, String>,
}

/// What a node that belongs to a cluster has in addition.
#[derive(Debug, Clone)]
pub struct Member<S: KeyStage = WithKeys> {
    /// How the kubelet gets its certificates.
    pub join: Join,
    /// The kubelet's credentials for the API server.
    pub keys: S::Kubelet,
    pub proxy: Proxy,
    pub proxy_pod: ProxyPod<S::Proxy>,
    /// On a node with a control plane.
    pub control_plane: Option<ControlPlane<S>>,
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
pub struct ControlPlane<S: KeyStage = WithKeys> {
    /// What needs no keys.
    pub settings: PlaneSettings,
    pub keys: S::ControlPlane,
}

impl<S: KeyStage> Deref for ControlPlane<S> {
    type Target = PlaneSettings;

    fn deref(&self) -> &PlaneSettings {
        &self.settings
    }
}

/// What is decided of a control plane.
#[derive(Debug, Clone)]
pub struct PlaneSettings {
    pub advertise: SocketAddr,
    /// The API servers of the control planes before this one in the file, which start first.
    pub earlier: Vec<SocketAddr>,
    /// Those of the control planes after this one.
    pub later: Vec<SocketAddr>,
    /// Whether all kubelets have certificates of the cluster's authority, with their addresses.
    pub verifies_kubelets: bool,
    /// Names of the API server in addition to those of the node and the endpoint.
    pub extra_names: BTreeSet<String>,
    pub extra_addresses: BTreeSet<IpAddr>,
    /// `https://127.0.0.1:2379`
    pub etcd_servers: Vec<String>,
    /// The node's own member, if the kubelet runs it: the API server then waits for it.
    pub etcd_pod: Option<EtcdPod>,
    /// An etcd outside the file, with its keys.
    pub external_etcd: Option<ExternalEtcd>,
    /// Flags by component, in addition to those of every node.
    pub api_server_args: BTreeMap<String, String>,
    pub controller_manager_args: BTreeMap<String, String>,
    pub scheduler_args: BTreeMap<String, String>,
    pub audit: Option<AuditLog>,
    pub encryption: Option<Located<Encryption>>,
    /// Runtimes of the cluster's nodes in addition to runc.
    pub runtime_classes: Vec<String>,
    /// What the first node to start applies last, in order.
    pub manifests: Vec<Manifest>,
}

impl PlaneSettings {
    /// Returns whether it is the control plane that sets the cluster up: the first of its file.
    pub fn is_first(&self) -> bool {
        self.earlier.is_empty()
    }
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
        /// `None`: the others are if they can be had.
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

impl NodeSettings {
    /// Returns the node's addresses in the cluster, the first one first.
    pub fn node_ips(&self) -> impl Iterator<Item = IpAddr> + use<> {
        self.node_ip.into_iter().chain(self.second_node_ip)
    }

    /// Returns the cluster's DNS service: the tenth address of the service network.
    pub fn dns_ip(&self) -> IpAddr {
        nth(self.service_networks.first.value, 10)
    }

    /// Returns the address of the API as a service: the first address of the service network.
    pub fn api_service_ip(&self) -> IpAddr {
        nth(self.service_networks.first.value, 1)
    }

    /// Returns the folder of the CNI plugins on the node, if they come with it.
    pub fn cni_plugins(&self) -> Option<&'static str> {
        self.system
            .paths
            .cni_plugins
            .filter(|_| self.cni.kind.facts().uses_plugins)
    }
}

impl<S: KeyStage> Kubernetes<S> {
    /// Returns the control plane on this node.
    pub fn control_plane(&self) -> Option<&ControlPlane<S>> {
        self.member.as_ref()?.control_plane.as_ref()
    }

    /// Returns kube-proxy's settings; `None` on a standalone node.
    pub fn proxy(&self) -> Option<&Proxy> {
        Some(&self.member.as_ref()?.proxy)
    }

    /// Returns the URL at which this node's clients reach an API server: the node's balancer if it
    /// has one, else its own API server, or the endpoint.
    pub fn server(&self) -> String {
        match &self.endpoint.shared {
            Some(shared) => format!("https://{}", shared.balancer()),
            None => self.first_server(),
        }
    }

    /// Returns the URL of the API server that the node waits for when it starts: its own if it has
    /// one.
    pub fn first_server(&self) -> String {
        match (self.control_plane(), &self.endpoint.shared) {
            (Some(plane), _) => format!("https://{}", plane.advertise),
            (None, Some(shared)) => format!("https://{}", shared.balancer()),
            (None, None) => self.endpoint.url(),
        }
    }
}

impl Kubernetes {
    /// Returns how the administrator reaches the API; `None`: no API server runs here.
    pub fn administration(&self) -> Option<Administration<'_>> {
        let keys = &self.control_plane()?.keys.pki;
        Some(Administration {
            server: self.endpoint.outside(),
            authorities: &keys.trusted_authorities,
            client: &keys.admin,
        })
    }
}

/// Returns the address `offset` after the first of `network`, which is checked to be large enough.
fn nth(network: IpNet, offset: u8) -> IpAddr {
    match network {
        IpNet::V4(net) => {
            Ipv4Addr::from_bits(net.network().to_bits().saturating_add(offset.into())).into()
        }
        IpNet::V6(net) => {
            Ipv6Addr::from_bits(net.network().to_bits().saturating_add(offset.into())).into()
        }
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
