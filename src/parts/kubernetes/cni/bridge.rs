//! The `bridge` plugin, with the node's share of the pod network.

use std::net::IpAddr;

use crate::node::fragment::{File, Origin};
use crate::node::kubernetes::Kubernetes;
use crate::parts::names::path;
use crate::parts::template::fill;

/// The plugin's configuration.
pub fn on_node(kubernetes: &Kubernetes, origin: &Origin) -> Vec<File> {
    let file = kubernetes.cni.node_pods.map(|pods| {
        let default_route = match pods.addr() {
            IpAddr::V4(_) => "0.0.0.0/0",
            IpAddr::V6(_) => "::/0",
        };
        File::text(
            path("/etc/cni/net.d/10-imgbuild.conflist"),
            fill(
                include_str!("../../../../manifests/cni-bridge.conflist"),
                &[
                    ("pods", &pods.to_string()),
                    ("default_route", default_route),
                ],
            ),
            origin.clone(),
        )
    });
    file.into_iter().collect()
}
