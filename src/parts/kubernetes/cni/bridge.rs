//! The `bridge` plugin, with the node's share of the pod network.

use std::net::IpAddr;

use serde_json::json;

use crate::node::fragment::{File, Origin};
use crate::node::kubernetes::Kubernetes;
use crate::parts::names::path;
use crate::parts::template::fill;

/// The plugin's configuration.
pub fn on_node(kubernetes: &Kubernetes, origin: &Origin) -> Vec<File> {
    let shares = &kubernetes.cni.node_pods;
    if shares.is_empty() {
        return Vec::new();
    }
    // Pods have an address of each range.
    let ranges: Vec<_> = shares
        .iter()
        .map(|pods| json!([{ "subnet": pods.to_string() }]).to_string())
        .collect();
    let routes: Vec<_> = shares
        .iter()
        .map(|pods| match pods.addr() {
            IpAddr::V4(_) => json!({ "dst": "0.0.0.0/0" }).to_string(),
            IpAddr::V6(_) => json!({ "dst": "::/0" }).to_string(),
        })
        .collect();
    let file = File::text(
        path("/etc/cni/net.d/10-imgbuild.conflist"),
        fill(
            include_str!("../../../../manifests/cni-bridge.conflist"),
            &[
                ("ranges", &ranges.join(", ")),
                ("routes", &routes.join(", ")),
            ],
        ),
        origin.clone(),
    );
    vec![file.mode(0o600)]
}
