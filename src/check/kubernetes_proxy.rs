//! A kube-proxy that is one `DaemonSet` for all nodes of a cluster.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, Span, codes};
use crate::node::kubernetes::{ProxyImage, ProxyMode};

/// What one `DaemonSet` makes the same on all nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SharedProxy<'a> {
    pub image: ProxyImage,
    pub mode: ProxyMode,
    pub settings: &'a BTreeMap<String, Json>,
    pub flags: &'a BTreeMap<String, String>,
    /// The folder of the node's programs.
    pub programs: &'static str,
}

/// What `other` says otherwise than `first`, which has a control plane where the file has one.
pub(super) fn check(
    (first, first_span): (Option<SharedProxy<'_>>, Span),
    (other, other_span): (Option<SharedProxy<'_>>, Span),
    found: &mut Vec<Diagnostic>,
) {
    if first.is_none() && other.is_none() {
        return;
    }
    let differs = |what: &str, help: &str| {
        Diagnostic::error(codes::KUBE_DISAGREEMENT, other_span, what.to_owned())
            .related(first_span, "the other node")
            .help(help)
    };
    let (Some(one), Some(two)) = (first, other) else {
        found.push(differs(
            "kube-proxy is a DaemonSet for one node of a cluster and a static pod on another",
            "write `proxy:` once, beside `nodes:`",
        ));
        return;
    };
    let of_nodes = [one.image, two.image] == [ProxyImage::Node; 2];
    if of_nodes && one.programs != two.programs {
        found.push(differs(
            "one DaemonSet cannot run the programs of nodes of different targets",
            "write `proxy: {daemon_set: true, image: upstream}`",
        ));
    } else if (SharedProxy {
        programs: one.programs,
        ..two
    }) != one
    {
        found.push(differs(
            "one DaemonSet has one kube-proxy, and two nodes of the cluster have different ones",
            "write `proxy:`, and kube-proxy's `extra_args`, once, beside `nodes:`; `image: upstream` where some nodes pull",
        ));
    }
}
