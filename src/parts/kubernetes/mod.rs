//! Kubernetes on a node: its programs, the kubelet, static pods, the pods' network, and what the
//! first boot applies.

mod addons;
mod api_protection;
mod artifacts;
mod cni;
mod component_config;
mod control_plane;
mod etcd_pod;
mod first_boot;
mod flags;
mod joining;
mod kubelet;
mod network;
mod proxy;
mod shared_address;

pub(super) use api_protection::LOGS as AUDIT_LOGS;

use super::names::path;
use crate::node::Node;
use crate::node::fragment::{File, Fragment, Origin};
use crate::node::kubernetes::Kubernetes;
use crate::pki::bundles::KeyPair;

/// The folder of keys, as in kubeadm.
const PKI: &str = "/etc/kubernetes/pki";

/// The kubelet's folder of static pods.
const MANIFESTS: &str = "/etc/kubernetes/manifests";

/// The manifest of etcd's static pod, and its path while etcd is stopped.
pub(super) const ETCD_MANIFEST: &str = "/etc/kubernetes/manifests/etcd.yaml";
pub(super) const STOPPED_ETCD_MANIFEST: &str = "/etc/kubernetes/imgbuild/etcd.stopped";

/// The folder in which the API server's manifest waits for an etcd that the kubelet runs. Started
/// before, it would exit after twenty seconds, and be restarted after longer and longer delays.
const AFTER_ETCD: &str = "/etc/kubernetes/imgbuild/after-etcd";

/// The folder of static pods that start after the API server. A controller manager that finds the
/// API server still starting exits after ten seconds, and the next one waits for its lease; a proxy
/// has nothing to do before, and takes resources that the API server needs to start.
const DEFERRED_PODS: &str = "/etc/kubernetes/imgbuild/static-pods";

/// The ciphers of TLS 1.2 that the API server and the kubelet accept; those of 1.3 are fixed.
const CIPHER_SUITES: [&str; 4] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
];

/// All parts of Kubernetes. Nothing if the node has none.
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
        shared_address::shared_address(kubernetes),
    ];
    if let Some(plane) = kubernetes.control_plane() {
        let etcd_is_elsewhere = node.etcd.is_none();
        fragments.push(control_plane::control_plane(
            kubernetes,
            plane,
            etcd_is_elsewhere,
        ));
    }
    fragments.extend((node.etcd.iter()).map(|member| etcd_pod::etcd_pod(kubernetes, member)));
    fragments.push(static_pods(kubernetes));
    fragments.push(first_boot::api_server_order(kubernetes));
    fragments.push(first_boot::first_boot(kubernetes));
    fragments
}

/// The version of Kubernetes and the node's role, for `imgbuild diff` and for people.
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

/// A static pod's manifest in `folder`, readable only by root, as in kubeadm.
fn static_pod(folder: &str, name: &str, text: String, origin: &Origin) -> File {
    secret(&format!("{folder}/{name}.yaml"), text, origin)
}

/// A file that only root may read.
fn secret(at: &str, text: impl Into<Vec<u8>>, origin: &Origin) -> File {
    File::text(path(at), text, origin.clone()).mode(0o600)
}

/// `stem.crt`, which everyone may read, and `stem.key`.
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
