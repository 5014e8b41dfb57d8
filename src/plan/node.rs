//! What a node is, with every default filled: the contract between `plan`, which decides, and
//! `parts`, which writes.
//!
//! Values that users write keep their place ([`Located`]), so that what is generated can be traced
//! to its line.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::diagnostic::{Located, Span};
use crate::names::{AbsolutePath, Arch, Hostname, InterfaceName, MacAddr, UserName};
use crate::parts::Fragment;
pub use crate::target::{IgnitionVersion, Target};

/// The kernel package of the Debian base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum KernelFlavour {
    /// Drivers for real hardware.
    #[default]
    Generic,
    /// Small, for virtual machines.
    Cloud,
}

/// The nodes of one spec file; a single node is a cluster of one.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The name that certificates and tokens carry.
    pub name: String,
    pub nodes: Vec<Node>,
}

impl Cluster {
    /// Tells nodes that fetch programs and images what `pins` know of them.
    pub fn pin(&mut self, pins: &crate::registry::Pins) {
        for node in &mut self.nodes {
            if let Some(kubernetes) = &mut node.kubernetes {
                kubernetes.pin(node.arch, pins);
            }
        }
    }
}

/// One node, decided.
#[derive(Debug, Clone)]
pub struct Node {
    pub target: Target,
    /// The version of Ignition's specification that its config is written in.
    pub ignition: IgnitionVersion,
    pub arch: Arch,
    pub kernel: KernelFlavour,
    pub hostname: Located<Hostname>,
    pub users: Vec<User>,
    pub network: Network,
    pub ntp: Option<Ntp>,
    /// Lines of `/etc/hosts` beside the node's own.
    pub hosts: Vec<(Located<IpAddr>, Vec<Hostname>)>,
    pub firewall: Option<Firewall>,
    /// Kernel parameters, by `sysctl(8)` key.
    pub sysctls: BTreeMap<String, Located<String>>,
    pub modules: Vec<Located<String>>,
    /// Added to the kernel's command line by what packs the node.
    pub kernel_arguments: Vec<Located<String>>,
    pub ca_certificates: Vec<CaCertificate>,
    pub swap: Option<Swap>,
    /// Whole block device that keeps etcd's and the runtime's data across boots.
    pub storage_device: Option<Located<AbsolutePath>>,
    /// The files of a system that imgbuild does not build.
    pub base: Option<super::BootFiles>,
    pub etcd: Option<EtcdMember>,
    /// flannel of docker's containers.
    pub flannel: Option<super::FlannelNode>,
    pub containerd: Option<super::Containerd>,
    pub kubernetes: Option<super::Kubernetes>,
    /// What only Container Linux has; on its nodes only.
    pub container_linux: Option<super::ContainerLinux>,
    /// The spec's `storage`, `systemd` and `passwd` sections, their local files already read.
    pub own: Fragment,
}

impl Node {
    /// What its containers run by: that of its pods, or the system's own.
    pub fn runtime(&self) -> super::Runtime {
        let kubernetes = self.kubernetes.as_ref();
        kubernetes.map_or_else(Default::default, |kubernetes| kubernetes.runtime.value)
    }
}

/// A user to make, or to change where the base has it.
#[derive(Debug, Clone)]
pub struct User {
    pub name: Located<UserName>,
    pub uid: Option<u32>,
    pub groups: Vec<UserName>,
    pub shell: Option<AbsolutePath>,
    pub home_dir: Option<AbsolutePath>,
    pub ssh_authorized_keys: Vec<String>,
    /// `crypt(5)` hash.
    pub password_hash: Option<String>,
    pub span: Span,
}

/// All links of a node.
#[derive(Debug, Clone, Default)]
pub struct Network {
    pub interfaces: Vec<Interface>,
}

/// How an interface of the spec is found on the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceMatch {
    Name(InterfaceName),
    /// By MAC address, and renamed where a name is given too.
    Mac {
        mac: MacAddr,
        rename: Option<InterfaceName>,
    },
    /// Every wired card: the default where the spec has no `network:`.
    AnyEthernet,
}

/// What kind of link it is; other than [`LinkKind::Physical`] it is made by networkd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkKind {
    Physical,
    Bond {
        mode: String,
        members: Vec<Located<InterfaceName>>,
        options: BTreeMap<String, String>,
    },
    Vlan {
        id: u16,
        parent: Located<InterfaceName>,
    },
    Bridge {
        members: Vec<Located<InterfaceName>>,
        stp: bool,
    },
}

impl InterfaceMatch {
    /// The name that the interface has on the node, where the spec says it.
    pub fn name(&self) -> Option<&InterfaceName> {
        match self {
            Self::Name(name) => Some(name),
            Self::Mac { rename, .. } => rename.as_ref(),
            Self::AnyEthernet => None,
        }
    }
}

impl LinkKind {
    /// The interfaces that this one is made of or lies on.
    pub fn parts(&self) -> &[Located<InterfaceName>] {
        match self {
            Self::Physical => &[],
            Self::Bond { members, .. } | Self::Bridge { members, .. } => members,
            Self::Vlan { parent, .. } => std::slice::from_ref(parent),
        }
    }
}

/// One link and its addresses.
#[derive(Debug, Clone)]
pub struct Interface {
    pub matching: InterfaceMatch,
    pub kind: LinkKind,
    pub dhcp: Dhcp,
    /// Address and prefix length: `192.168.1.10/24`.
    pub addresses: Vec<Located<IpNet>>,
    pub gateways: Vec<Located<IpAddr>>,
    pub dns: Vec<Located<IpAddr>>,
    pub search: Vec<String>,
    pub routes: Vec<Route>,
    /// On the link that leads to the other nodes of the cluster.
    pub pod_routes: Option<PodRoutes>,
    pub mtu: Option<u32>,
    /// The node is not online before this link is.
    pub required_for_online: bool,
    pub span: Span,
}

impl Interface {
    /// Its routes, those to pods of other nodes behind the spec's own.
    pub fn all_routes(&self) -> impl Iterator<Item = Route> {
        let pods = self.pod_routes.iter().flat_map(PodRoutes::iter);
        self.routes.iter().cloned().chain(pods)
    }
}

/// Which DHCP clients run on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dhcp {
    #[default]
    No,
    V4,
    V6,
    Both,
}

/// A static route.
#[derive(Debug, Clone)]
pub struct Route {
    pub destination: Located<IpNet>,
    /// `None`: on the link.
    pub gateway: Option<Located<IpAddr>>,
    pub metric: Option<u32>,
}

/// Routes from one node to the pods of the others. The nodes share one list: a thousand of them
/// have a million routes.
#[derive(Debug, Clone)]
pub struct PodRoutes {
    pub everywhere: Arc<[NodePods]>,
    /// The node itself, which has none to its own pods.
    pub own: IpAddr,
}

/// The pods of one node.
#[derive(Debug, Clone, Copy)]
pub struct NodePods {
    pub pods: IpNet,
    pub node: IpAddr,
    pub span: Span,
}

impl PodRoutes {
    fn iter(&self) -> impl Iterator<Item = Route> {
        let others = self.everywhere.iter().filter(|pods| pods.node != self.own);
        others.map(|pods| Route {
            destination: Located::new(pods.pods, pods.span),
            gateway: Some(Located::new(pods.node, pods.span)),
            metric: None,
        })
    }
}

/// Time servers.
#[derive(Debug, Clone, Default)]
pub struct Ntp {
    pub servers: Vec<Located<String>>,
    pub fallback: Vec<Located<String>>,
    pub span: Span,
}

/// A packet filter that drops what is not allowed (nftables).
#[derive(Debug, Clone)]
pub struct Firewall {
    /// Networks that reach the ports of the node's roles. Empty: every network does.
    pub allow_from: Vec<Located<IpNet>>,
    /// Ports beyond those of the roles.
    pub allow: Vec<FirewallRule>,
    /// Ports that the node's roles open to `allow_from` (22, etcd's 2379 and 2380 …), with what
    /// each is for.
    pub role_ports: Vec<(u16, String)>,
    /// What else the node's roles open: to pods, and where services listen.
    pub role_rules: Vec<FirewallRule>,
    pub masquerade: Vec<Masquerade>,
    pub span: Span,
}

/// One opening in the packet filter.
#[derive(Debug, Clone)]
pub struct FirewallRule {
    pub protocol: Protocol,
    /// First and last port, the same for one.
    pub ports: (u16, u16),
    /// Empty: every network.
    pub from: Vec<IpNet>,
    pub span: Span,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    Tcp,
    Udp,
}

/// Packets of `source` leave `interface` under the node's address.
#[derive(Debug, Clone)]
pub struct Masquerade {
    pub source: Located<IpNet>,
    pub interface: Located<InterfaceName>,
}

/// A certificate authority of the site, trusted by all programs of the node.
#[derive(Debug, Clone)]
pub struct CaCertificate {
    /// File name under `/usr/local/share/ca-certificates/`, without its ending.
    pub name: String,
    pub pem: Located<String>,
}

/// Swap space.
#[derive(Debug, Clone)]
pub enum Swap {
    /// A compressed swap device in memory, of this many bytes.
    Zram { size: u64, span: Span },
    /// A whole device or partition, made swap space on first boot.
    Device(Located<AbsolutePath>),
}

/// A member of the cluster's etcd on this node.
#[derive(Debug, Clone)]
pub struct EtcdMember {
    pub name: Located<String>,
    pub data_dir: AbsolutePath,
    pub listen_client_urls: Vec<String>,
    pub advertise_client_urls: Vec<String>,
    pub listen_peer_urls: Vec<String>,
    pub initial_advertise_peer_urls: Vec<String>,
    /// Member name and peer URL of every first member.
    pub initial_cluster: Vec<(String, String)>,
    pub initial_cluster_token: String,
    /// `new` or `existing`.
    pub initial_cluster_state: String,
    /// The image that its unit runs from; `None`: the system has etcd, or it is a pod.
    pub image: Option<String>,
    /// What it is as a static pod; `None`: a unit of the system.
    pub pod: Option<EtcdPod>,
    /// Further `ETCD_…` settings, by flag name (`heartbeat-interval`).
    pub settings: BTreeMap<String, String>,
    /// Snapshots at regular times.
    pub backup: Option<EtcdBackup>,
    /// The snapshot that the member starts from where it has no data.
    pub restore: Option<Snapshot>,
    /// `None`: plain HTTP, which the spec asked for.
    pub tls: Option<EtcdTls>,
    pub span: Span,
}

/// etcd as a static pod, in kubeadm's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdPod {
    /// `None`: the etcd of the node's system, in an image that is the node's own.
    pub image: Option<super::ImageRef>,
    pub release: &'static EtcdRelease,
}

/// A minor version of etcd 3.
#[derive(Debug, PartialEq, Eq)]
pub struct EtcdRelease {
    pub minor: u16,
    /// Flags, without their dashes, that a pod has and other minors know by other names.
    pub pod_flags: &'static [(&'static str, &'static str)],
}

impl EtcdRelease {
    /// That of the base: Debian 13 has 3.5.16.
    pub const SYSTEM: &'static Self = &super::ETCD_RELEASES[0];

    /// The one that the tag of an image names: `3.6.8-0`, `v3.5.21`; `None`: none that is known.
    pub fn of_tag(tag: &str) -> Option<&'static Self> {
        let mut parts = tag.strip_prefix('v').unwrap_or(tag).split('.');
        let minor: u16 = match (parts.next(), parts.next()) {
            (Some("3"), Some(minor)) => minor.parse().ok()?,
            _ => return None,
        };
        super::ETCD_RELEASES
            .iter()
            .find(|release| release.minor == minor)
    }
}

impl EtcdMember {
    /// Which etcd it is; `None`: an image that does not say so.
    pub fn release(&self) -> Option<&'static EtcdRelease> {
        match (&self.pod, &self.image) {
            (Some(pod), _) => Some(pod.release),
            (None, None) => Some(EtcdRelease::SYSTEM),
            (None, Some(image)) => EtcdRelease::of_tag(image.rsplit_once(':')?.1),
        }
    }

    /// A URL at which programs of its node reach it: on the loopback interface where it listens
    /// there.
    pub fn own_endpoint(&self) -> String {
        let loopback = |url: &String| {
            ["//127.", "//localhost:", "//[::1]"]
                .iter()
                .any(|host| url.contains(host))
        };
        if let Some(url) = self.listen_client_urls.iter().find(|url| loopback(url)) {
            return url.clone();
        }
        for (any, own) in [("//0.0.0.0:", "//127.0.0.1:"), ("//[::]:", "//[::1]:")] {
            if let Some(url) = (self.listen_client_urls.iter()).find(|url| url.contains(any)) {
                return url.replace(any, own);
            }
        }
        (self.advertise_client_urls.first())
            .or(self.listen_client_urls.first())
            .cloned()
            .unwrap_or_default()
    }
}

/// Snapshots of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdBackup {
    /// A calendar event of systemd.
    pub schedule: String,
    /// How many are kept.
    pub keep: u32,
    pub span: Span,
}

/// A snapshot of etcd, as `etcdctl snapshot save` writes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub bytes: Vec<u8>,
    pub span: Span,
}

/// Shows no secret.
impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

/// What an etcd member needs of the cluster's keys, in PEM. Laid out on the node as kubeadm does,
/// under `/etc/kubernetes/pki/etcd/`.
#[derive(Clone)]
pub struct EtcdTls {
    pub ca_certificate: String,
    pub server: KeyPair,
    pub peer: KeyPair,
    /// What `etcdctl` on the node, and the health check, present.
    pub healthcheck_client: KeyPair,
}

/// A certificate and its private key, in PEM.
#[derive(Clone)]
pub struct KeyPair {
    pub certificate: String,
    pub key: String,
}

/// Shows no secret.
impl std::fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdTls").finish_non_exhaustive()
    }
}

/// Shows no secret.
impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}
