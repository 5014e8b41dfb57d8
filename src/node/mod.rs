//! A node with every default filled in: the contract between `plan`, which decides, and `parts`,
//! which writes.
//!
//! Values that users write keep their location ([`Located`]), so that what is generated can be
//! traced to its line.

pub mod addons;
pub mod boot_files;
pub mod cluster_networks;
pub mod container_linux;
pub mod containers;
pub mod etcd;
pub mod firewall;
pub mod flannel;
pub mod fragment;
pub mod ignition_2;
pub mod images;
pub mod kubernetes;
pub mod kubernetes_keys;
pub mod kubernetes_settings;
pub mod needed_images;
pub mod network;
pub mod pod_network;
pub mod shared_address;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::diagnostic::{Located, Span};
use crate::facts::debian::{BaseKind, SHARED_ADDRESS};
use crate::facts::firmware::Firmware;
use crate::facts::kernel::KernelFlavor;
use crate::facts::systems::{IgnitionVersion, Target};
use crate::names::{AbsolutePath, Arch, Hostname, UserName};
use crate::node::etcd::EtcdMember;
use crate::node::firewall::Firewall;
use crate::node::fragment::Fragment;
use crate::node::kubernetes_keys::Administration;
use crate::node::network::Network;

/// The nodes of one spec file; a single node is a cluster of one.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The name in certificates and tokens.
    pub name: String,
    pub nodes: Vec<Node>,
    /// Digests of the files by which releases of Kubernetes were judged, by their names.
    pub tables: BTreeMap<String, String>,
}

impl Cluster {
    /// Adds the hashes in `pins` to nodes that download programs and images.
    pub fn pin(&mut self, pins: &crate::lock::pins::Pins) {
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
    /// The version of Ignition's specification for its config.
    pub ignition: IgnitionVersion,
    pub arch: Arch,
    pub kernel: KernelFlavor,
    /// Of its base; not of other systems.
    pub firmware: Firmware,
    pub hostname: Located<Hostname>,
    /// Whether the spec names it. If not, the network does, and `hostname` stands for its name in
    /// those of files.
    pub is_named: bool,
    pub users: Vec<User>,
    pub network: Network,
    pub ntp: Option<Ntp>,
    /// Entries of `/etc/hosts` in addition to the node's own.
    pub hosts: Vec<(Located<IpAddr>, Vec<Hostname>)>,
    pub firewall: Option<Firewall>,
    pub proxy: Option<HttpProxy>,
    /// Kernel parameters, by `sysctl(8)` key.
    pub sysctls: BTreeMap<String, Located<String>>,
    pub modules: Vec<Located<String>>,
    /// Added to the kernel command line by what packs the node.
    pub kernel_arguments: Vec<Located<String>>,
    /// Arguments that the system's own command line loses if it has them.
    pub removed_kernel_arguments: Vec<Located<String>>,
    pub ca_certificates: Vec<CaCertificate>,
    pub swap: Option<Swap>,
    /// The block device, as a whole, that keeps etcd's and the runtime's data across boots.
    pub storage_device: Option<Located<AbsolutePath>>,
    /// The boot files of a system that imgbuild does not build.
    pub base: Option<crate::node::boot_files::BootFiles>,
    pub etcd: Option<EtcdMember>,
    /// flannel for docker containers.
    pub flannel: Option<crate::node::flannel::FlannelNode>,
    pub containerd: Option<crate::node::containers::Containerd>,
    pub kubernetes: Option<crate::node::kubernetes::Kubernetes>,
    /// The settings that only Container Linux has; on its nodes only.
    pub container_linux: Option<crate::node::container_linux::ContainerLinux>,
    /// What the user's sections `storage`, `systemd` and `passwd` define, their local files already
    /// read.
    pub user_sections: Fragment,
}

/// An HTTP proxy for the node's services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpProxy {
    /// For `http` URLs.
    pub http: Option<String>,
    /// For `https` URLs.
    pub https: Option<String>,
    /// Reached without it, besides what the node and its cluster have.
    pub exceptions: Vec<String>,
    pub span: Span,
}

impl Node {
    /// Returns its container runtime: that of its pods, or the system's default.
    pub fn runtime(&self) -> crate::facts::runtimes::Runtime {
        let kubernetes = self.kubernetes.as_ref();
        kubernetes.map_or_else(Default::default, |kubernetes| kubernetes.runtime.value)
    }

    /// Returns which base of imgbuild's it runs on; `None`: on another system.
    pub fn base_kind(&self) -> Option<BaseKind> {
        Some(BaseKind {
            release: self.target.facts().debian?,
            arch: self.arch,
            kernel: self.kernel,
            asked_firmware: self.firmware.clone(),
            packages: self.packages(),
        })
    }

    /// Returns the packages that it needs beyond those of every base.
    fn packages(&self) -> BTreeSet<String> {
        let kubernetes = self.kubernetes.as_ref();
        let shares = kubernetes.is_some_and(|kubernetes| kubernetes.endpoint.shared.is_some());
        let programs = shares.then_some(SHARED_ADDRESS).into_iter().flatten();
        programs.map(str::to_owned).collect()
    }

    /// Returns how the cluster's administrator reaches the API server that runs here.
    pub fn administration(&self) -> Option<Administration<'_>> {
        match (&self.kubernetes, &self.container_linux) {
            (Some(kubernetes), _) => kubernetes.administration(),
            (None, own) => own.as_ref()?.administration(),
        }
    }
}

/// A user to create, or to change if the base has it.
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

/// Time servers.
#[derive(Debug, Clone, Default)]
pub struct Ntp {
    pub servers: Vec<Located<String>>,
    pub fallback: Vec<Located<String>>,
    pub span: Span,
}

/// A certificate authority of the site, trusted by all programs on the node.
#[derive(Debug, Clone)]
pub struct CaCertificate {
    /// File name under `/usr/local/share/ca-certificates/`, without its extension.
    pub name: String,
    pub pem: Located<String>,
}

/// Swap space.
#[derive(Debug, Clone)]
pub enum Swap {
    /// A compressed swap device in memory, of this size in bytes.
    Zram { size: u64, span: Span },
    /// A whole device or partition, formatted as swap space on first boot.
    Device(Located<AbsolutePath>),
}
