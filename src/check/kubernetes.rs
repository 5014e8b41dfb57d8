//! Kubernetes: the cluster's networks, roles and versions.

use std::collections::BTreeSet;

use super::{kubernetes_networks, kubernetes_proxy, shared_address};
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::kubernetes::choices::{Join, Role};
use crate::facts::kubernetes::version::RELEASES;
use crate::node::Node;
use crate::node::kubernetes::Kubernetes;
use crate::node::kubernetes_keys::WithoutKeys;
use crate::node::kubernetes_settings::Encryption;

/// A node's Kubernetes as it is checked: without its keys.
type Keyless = Kubernetes<WithoutKeys>;

/// Kubelets may be this many minors older than API servers (Kubernetes' version skew policy; since
/// 1.28).
const KUBELET_SKEW: u16 = 3;

/// Finds everything that is wrong with the cluster of `nodes`, which have the Kubernetes of the
/// same index, if any.
pub(crate) fn check(all: &[Option<Keyless>], nodes: &[Node], found: &mut Vec<Diagnostic>) {
    for (kubernetes, node) in all.iter().zip(nodes) {
        if let Some(kubernetes) = kubernetes {
            kubernetes_networks::check(kubernetes, node, found);
            node_name(node, found);
            found.extend(nameless_kubelet(kubernetes, node));
        }
    }
    let cluster: Vec<_> = (all.iter().flatten())
        .filter(|m| m.role != Role::Standalone)
        .collect();
    unknown_releases(all, found);
    single(&cluster, found);
    agreement(&cluster, found);
    endpoints(&cluster, found);
    skew(&cluster, found);
    shared_address::check(all, nodes, found);
}

/// Warns once of each version that is newer than what imgbuild knows.
fn unknown_releases(all: &[Option<Keyless>], found: &mut Vec<Diagnostic>) {
    let newest = RELEASES[RELEASES.len() - 1].minor;
    let mut told = BTreeSet::new();
    for member in all.iter().flatten() {
        let version = member.version;
        // With what was learned from its programs, its facts are its own.
        let is_unknown = member.release.minor < version.value.minor;
        if is_unknown && told.insert(version.value) {
            found.push(
                Diagnostic::warning(
                    codes::NEWER_KUBE_VERSION,
                    version.span,
                    format!("Kubernetes {} is newer than this imgbuild", version.value),
                )
                .label(format!("taken for 1.{newest}"))
                .help(
                    "the images of the newest known release are used, and what that one lacks \
                     (flags, feature gates, fields, APIs) gets a warning; `imgbuild kubernetes learn` asks its \
                     programs instead",
                ),
            );
        }
    }
}

/// Warns of a node whose serving certificate has no address, since it gets one by DHCP: what
/// scrapes kubelets by address cannot verify it.
fn nameless_kubelet(kubernetes: &Keyless, node: &Node) -> Option<Diagnostic> {
    let member = kubernetes.member.as_ref()?;
    (member.join == Join::Certificate && kubernetes.node_ip.is_none()).then(|| {
        Diagnostic::warning(
            codes::KUBELET_WITHOUT_ADDRESS,
            kubernetes.span,
            format!(
                "the certificate of the kubelet on `{}` has its name, but no address",
                node.hostname.value
            ),
        )
        .label("its addresses come from DHCP")
        .help(
            "give the node a static address; else `kubectl logs` and `exec` fail with control planes \
             of another file, and metrics-server needs \
             `--kubelet-preferred-address-types=Hostname` and a name that resolves",
        )
    })
}

/// The node's name is the value of a label (`kubernetes.io/hostname`), which has 63 characters at
/// most: the API server refuses the Node.
fn node_name(node: &Node, found: &mut Vec<Diagnostic>) {
    if node.hostname.as_str().len() > 63 {
        found.push(
            Diagnostic::error(
                codes::BAD_HOSTNAME,
                node.hostname.span,
                "the name of a Kubernetes node can have at most 63 characters",
            )
            .help("shorten the name, or leave out the domain"),
        );
    }
}

fn single(cluster: &[&Keyless], found: &mut Vec<Diagnostic>) {
    if cluster.len() < 2 {
        return;
    }
    for member in cluster.iter().filter(|m| m.role == Role::Single) {
        found.push(
            Diagnostic::error(
                codes::SINGLE_AMONG_OTHERS,
                member.span,
                format!(
                    "node with role `single` is one of {} nodes in the cluster",
                    cluster.len()
                ),
            )
            .help("use `control-plane`, or give the node its own file"),
        );
    }
}

fn agreement(cluster: &[&Keyless], found: &mut Vec<Diagnostic>) {
    let plane = |m: &&&Keyless| m.role.has_control_plane();
    let Some(first) = cluster.iter().find(plane).or(cluster.first()) else {
        return;
    };
    for other in cluster
        .iter()
        .filter(|other| !std::ptr::eq(**other, *first))
    {
        kubernetes_proxy::check(first, other, found);
        let mut differ = |what: &str, same: bool, span: Span| {
            if !same {
                found.push(
                    Diagnostic::error(
                        codes::KUBE_DISAGREEMENT,
                        span,
                        format!("two nodes of one cluster have different values of `{what}`"),
                    )
                    .related(first.span, "the other node")
                    .help("set it once, at the top level next to `nodes:`"),
                );
            }
        };
        differ(
            "pod_network",
            first.pod_networks == other.pod_networks,
            other.pod_networks.first.span,
        );
        differ(
            "service_network",
            first.service_networks == other.service_networks,
            other.service_networks.first.span,
        );
        differ("cni", first.cni.kind == other.cni.kind, other.span);
        differ("domain", first.domain == other.domain, other.span);
        if first.role.has_control_plane() && !other.role.has_control_plane() {
            continue;
        }
        let endpoint = |m: &Keyless| {
            let shared = m.endpoint.shared.as_ref();
            let id = shared.map(|shared| shared.virtual_router_id.value);
            (m.endpoint.host.clone(), m.endpoint.port, id)
        };
        differ("endpoint", endpoint(first) == endpoint(other), other.span);
        differ(
            "encryption",
            encryption(first) == encryption(other),
            encryption(other).map_or(other.span, |encryption| encryption.span),
        );
    }
}

/// A worker may use another name for the API than the control planes, as long as their certificates
/// cover it.
fn endpoints(cluster: &[&Keyless], found: &mut Vec<Diagnostic>) {
    let planes = || cluster.iter().filter(|m| m.role.has_control_plane());
    for member in cluster.iter().filter(|m| !m.role.has_control_plane()) {
        let host = &*member.endpoint.host;
        let missing = planes().find(|plane| !(names(plane).iter()).any(|name| covers(name, host)));
        if let (Some(plane), Some(span)) = (missing, member.endpoint.span) {
            found.push(
                Diagnostic::error(
                    codes::ENDPOINT_NOT_IN_CERTIFICATE,
                    span,
                    format!("no API server certificate in this file covers `{host}`"),
                )
                .related(plane.span, "this control plane")
                .help(format!("add `extra_sans: [{host}]` to the control planes")),
            );
        }
    }
}

/// Returns everything that the certificate of the API server on a node covers; empty if there is
/// none.
fn names(kubernetes: &Keyless) -> BTreeSet<String> {
    let Some(plane) = kubernetes.control_plane() else {
        return BTreeSet::new();
    };
    let mut names = plane.extra_names.clone();
    names.extend(plane.extra_addresses.iter().map(ToString::to_string));
    names.extend(kubernetes.node_ips().map(|ip| ip.to_string()));
    names.insert(kubernetes.node_name.clone());
    names.insert(kubernetes.endpoint.host.clone());
    names
}

fn encryption(kubernetes: &Keyless) -> Option<&Located<Encryption>> {
    kubernetes.control_plane()?.encryption.as_ref()
}

/// Returns whether a name in a certificate covers `host` (RFC 6125 §6.4.3: a wildcard stands for
/// one label).
fn covers(name: &str, host: &str) -> bool {
    if let Some(parent) = name.strip_prefix("*.") {
        return host.split_once('.').is_some_and(|(_, rest)| rest == parent);
    }
    name == host
}

fn skew(cluster: &[&Keyless], found: &mut Vec<Diagnostic>) {
    let planes = || cluster.iter().filter(|m| m.role.has_control_plane());
    let Some(oldest) = planes().min_by_key(|m| m.version.value.minor) else {
        return;
    };
    let Some(newest) = planes().max_by_key(|m| m.version.value.minor) else {
        return;
    };
    let mut report = |at: &Keyless, other: &Keyless, message: String, help: &str| {
        found.push(
            Diagnostic::error(codes::KUBE_SKEW, at.version.span, message)
                .related(other.version.span, "an API server")
                .help(help),
        );
    };
    if newest.version.value.minor - oldest.version.value.minor > 1 {
        report(
            newest,
            oldest,
            format!(
                "API server versions {} and {} are not compatible",
                oldest.version.value, newest.version.value
            ),
            "they may differ by one minor version, during an upgrade",
        );
    }
    for member in cluster.iter().filter(|m| !m.role.has_control_plane()) {
        let minor = member.version.value.minor;
        if minor > oldest.version.value.minor {
            report(
                member,
                oldest,
                format!(
                    "kubelet {} is newer than API server {}",
                    member.version.value, oldest.version.value
                ),
                "upgrade the control planes first",
            );
        } else if minor + KUBELET_SKEW < newest.version.value.minor {
            report(
                member,
                newest,
                format!(
                    "kubelet {} is too old for API server {}",
                    member.version.value, newest.version.value
                ),
                "it may be at most three minor versions older",
            );
        }
    }
}
