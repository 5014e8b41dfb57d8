//! Kubernetes on a node: its programs, the kubelet, static pods, the pods' network, and what the
//! first boot applies.

mod addons;
mod api_protection;
mod artifacts;
mod component_config;
mod control_plane;
mod etcd_pod;
mod first_boot;
mod flags;
mod joining;
mod kubelet;
mod network;
mod proxy;

use super::names::path;
use crate::node::Node;
use crate::node::fragment::{File, Fragment, Origin};
use crate::node::kubernetes::Kubernetes;
use crate::pki::bundles::KeyPair;

/// As kubeadm has it.
const PKI: &str = "/etc/kubernetes/pki";

/// Where the kubelet looks for static pods.
const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// What the kubelet runs etcd by, and where that is put while etcd is to stand still.
pub(super) const ETCD_MANIFEST: &str = "/etc/kubernetes/manifests/etcd.yaml";
pub(super) const ETCD_ASIDE: &str = "/etc/kubernetes/imgbuild/etcd.stopped";

/// Where the API server waits for an etcd that the kubelet runs. It would give up after twenty
/// seconds, and wait longer each time.
const AFTER_ETCD: &str = "/etc/kubernetes/imgbuild/after-etcd";

/// Where static pods wait for the API server. A controller manager that finds one still on its way
/// gives up after ten seconds, and the next one waits for its lease; a proxy has nothing to do
/// before, and takes what the API server needs to start.
const LATER: &str = "/etc/kubernetes/imgbuild/static-pods";

/// Everything of Kubernetes. Nothing where the node has none.
pub fn kubernetes(node: &Node) -> Vec<Fragment> {
    let Some(kubernetes) = &node.kubernetes else {
        return Vec::new();
    };
    let mut fragments = vec![
        version(kubernetes),
        artifacts::programs(kubernetes, node.arch),
        kubelet::kubelet(
            kubernetes,
            (node.etcd.as_ref())
                .filter(|member| member.pod.is_some())
                .map(|member| member.data_dir.as_str()),
        ),
        network::network(kubernetes),
        proxy::proxy(kubernetes),
    ];
    if let Some(plane) = &kubernetes.control_plane {
        let etcd_is_elsewhere = node.etcd.is_none();
        fragments.push(control_plane::control_plane(
            kubernetes,
            plane,
            etcd_is_elsewhere,
        ));
    }
    fragments.extend((node.etcd.iter()).map(|member| etcd_pod::etcd_pod(kubernetes, member)));
    fragments.push(static_pods(kubernetes));
    fragments.push(first_boot::turn(kubernetes));
    fragments.push(first_boot::first_boot(kubernetes));
    fragments
}

/// What Kubernetes this is, for `imgbuild diff` and for people.
fn version(kubernetes: &Kubernetes) -> Fragment {
    let text = format!(
        "{} {}\n",
        kubernetes.version.value,
        kubernetes.role.as_str()
    );
    let origin = Origin::new("kubernetes", kubernetes.span);
    Fragment {
        files: vec![File::text(
            path(crate::facts::layout::VERSION_FILE),
            text,
            origin,
        )],
        ..Fragment::default()
    }
}

/// The user's own static pods.
fn static_pods(kubernetes: &Kubernetes) -> Fragment {
    let origin = Origin::new("static pods", kubernetes.span);
    Fragment {
        files: kubernetes
            .static_pods
            .iter()
            .map(|(name, text)| static_pod(MANIFESTS, name, text.clone(), &origin))
            .collect(),
        ..Fragment::default()
    }
}

/// A static pod's manifest in `folder`, for root's eyes as kubeadm has it.
fn static_pod(folder: &str, name: &str, text: String, origin: &Origin) -> File {
    secret(&format!("{folder}/{name}.yaml"), text, origin)
}

/// A file that only root reads.
fn secret(at: &str, text: impl Into<Vec<u8>>, origin: &Origin) -> File {
    File::text(path(at), text, origin.clone()).mode(0o600)
}

/// `stem.crt`, which all may read, and `stem.key`.
fn key_pair(stem: &str, pair: &KeyPair, origin: &Origin) -> [File; 2] {
    [
        File::text(
            path(&format!("{stem}.crt")),
            pair.certificate.as_str(),
            origin.clone(),
        ),
        secret(&format!("{stem}.key"), pair.key.as_str(), origin),
    ]
}
