//! The pod networks' own files: a module for each network that has some.

mod bridge;
mod flannel;

use crate::facts::cni::Cni;
use crate::node::fragment::{File, Origin};
use crate::node::kubernetes::Kubernetes;

/// Its files on every node.
pub fn on_node(kubernetes: &Kubernetes, origin: &Origin) -> Vec<File> {
    match kubernetes.cni.kind {
        Cni::Bridge => bridge::on_node(kubernetes, origin),
        Cni::Flannel | Cni::Released(_) | Cni::Manifests | Cni::None => Vec::new(),
    }
}

/// The manifest of imgbuild's that a control plane applies. The user's own are not included.
pub fn applied(kubernetes: &Kubernetes) -> Option<String> {
    match kubernetes.cni.kind {
        Cni::Flannel => flannel::applied(kubernetes),
        Cni::Bridge | Cni::Released(_) | Cni::Manifests | Cni::None => None,
    }
}
