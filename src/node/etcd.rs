//! The etcd member of a node, decided.

use std::collections::BTreeMap;

use crate::diagnostic::{Located, Span};
use crate::facts::etcd::EtcdRelease;
use crate::names::AbsolutePath;
use crate::pki::bundles::EtcdTls;

/// A member of the cluster's etcd on this node.
#[derive(Debug, Clone)]
pub struct EtcdMember {
    pub name: Located<String>,
    pub data_dir: AbsolutePath,
    pub listen_client_urls: Vec<String>,
    pub advertise_client_urls: Vec<String>,
    pub listen_peer_urls: Vec<String>,
    pub initial_advertise_peer_urls: Vec<String>,
    /// Name and peer URL of every initial member.
    pub initial_cluster: Vec<(String, String)>,
    pub initial_cluster_token: String,
    /// `new` or `existing`.
    pub initial_cluster_state: String,
    /// The image that its unit runs; `None`: the system has etcd, or it runs as a pod.
    pub image: Option<String>,
    /// Its static pod; `None`: it runs as a unit of the system.
    pub pod: Option<EtcdPod>,
    /// Further `ETCD_…` settings, by flag name (`heartbeat-interval`).
    pub settings: BTreeMap<String, String>,
    /// Scheduled snapshots.
    pub backup: Option<EtcdBackup>,
    /// The snapshot that the member starts from if it has no data.
    pub restore: Option<Snapshot>,
    /// `None`: plain HTTP, which the spec set explicitly.
    pub tls: Option<EtcdTls>,
    pub span: Span,
}

/// etcd as a static pod, in the form that kubeadm uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdPod {
    /// `None`: the etcd of the node's system, in a local image.
    pub image: Option<crate::node::images::ImageRef>,
    pub release: &'static EtcdRelease,
}

impl EtcdMember {
    /// Returns its minor version; `None`: the image's tag does not contain it.
    pub fn release(&self) -> Option<&'static EtcdRelease> {
        match (&self.pod, &self.image) {
            (Some(pod), _) => Some(pod.release),
            (None, None) => Some(EtcdRelease::SYSTEM),
            (None, Some(image)) => EtcdRelease::from_tag(image.rsplit_once(':')?.1),
        }
    }

    /// Returns a client URL for programs on the same node: on the loopback interface if it listens
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

/// Scheduled snapshots of a member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdBackup {
    /// A systemd calendar event.
    pub schedule: String,
    /// The number of snapshots to keep.
    pub keep: u32,
    pub span: Span,
}

/// A snapshot of etcd, as `etcdctl snapshot save` writes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub bytes: Vec<u8>,
    pub span: Span,
}

/// Does not show secrets.
impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}
