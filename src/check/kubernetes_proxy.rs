//! kube-proxy as one `DaemonSet` for all nodes of a cluster.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::diagnostic::{Diagnostic, codes};
use crate::facts::kubernetes::choices::{ProxyImage, ProxyMode};
use crate::node::kubernetes::{Kubernetes, ProxyPod};
use crate::node::kubernetes_keys::WithoutKeys;

/// What one `DaemonSet` has in common on all nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct SharedProxy<'a> {
    image: ProxyImage,
    mode: ProxyMode,
    settings: &'a BTreeMap<String, Json>,
    flags: &'a BTreeMap<String, String>,
    /// The folder of the node's programs.
    programs: &'static str,
}

impl<'a> SharedProxy<'a> {
    /// `None`: the node runs its own kube-proxy.
    fn new(kubernetes: &'a Kubernetes<WithoutKeys>) -> Option<Self> {
        let member = kubernetes.member.as_ref()?;
        let ProxyPod::DaemonSet(image) = member.proxy_pod else {
            return None;
        };
        Some(Self {
            image,
            mode: member.proxy.mode,
            settings: &member.proxy.settings,
            flags: &member.proxy.extra_args,
            programs: kubernetes.system.paths.programs,
        })
    }
}

/// Checks that `other` agrees with `first`, which has a control plane if the file has one.
pub(super) fn check(
    first: &Kubernetes<WithoutKeys>,
    other: &Kubernetes<WithoutKeys>,
    found: &mut Vec<Diagnostic>,
) {
    let (first_span, other_span) = (first.span, other.span);
    let runs = |it: &Kubernetes<WithoutKeys>| {
        let mode = it.proxy().map(|proxy| proxy.mode);
        mode.is_some_and(|mode| mode != ProxyMode::None)
    };
    let agree = runs(first) == runs(other);
    let (first, other) = (SharedProxy::new(first), SharedProxy::new(other));
    if agree && first.is_none() && other.is_none() {
        return;
    }
    let differs = |what: &str, help: &str| {
        Diagnostic::error(codes::KUBE_DISAGREEMENT, other_span, what.to_owned())
            .related(first_span, "the other node")
            .help(help)
    };
    if !agree {
        found.push(differs(
            "kube-proxy runs on one node of the cluster and not on another",
            "set `proxy:` once, at the top level next to `nodes:`",
        ));
        return;
    }
    let (Some(one), Some(two)) = (first, other) else {
        found.push(differs(
            "kube-proxy is a DaemonSet on one node of the cluster and a static pod on another",
            "set `proxy:` once, at the top level next to `nodes:`",
        ));
        return;
    };
    let of_nodes = [one.image, two.image] == [ProxyImage::Node; 2];
    if of_nodes && one.programs != two.programs {
        found.push(differs(
            "one DaemonSet cannot run the programs of nodes with different targets",
            "use `proxy: {daemon_set: true, image: upstream}`",
        ));
    } else if (SharedProxy {
        programs: one.programs,
        ..two
    }) != one
    {
        found.push(differs(
            "one DaemonSet runs one kube-proxy, but two nodes of the cluster have different ones",
            "set `proxy:`, and `extra_args` of kube-proxy, once at the top level next to \
             `nodes:`; use `image: upstream` if some nodes pull",
        ));
    }
}
