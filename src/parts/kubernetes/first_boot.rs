//! Joins the node to its cluster once the API server answers.

use std::net::SocketAddr;

use super::joining::{joining, token_secret};
use super::kubelet::kubeconfig_of;
use super::proxy::daemon_set;
use super::{AFTER_ETCD, addons, artifacts, cni, secret};
use crate::facts::kubernetes::choices::Role;
use crate::node::addons::Manifest;
use crate::node::fragment::{File, Fragment, Origin, Unit};
use crate::node::kubernetes::{ControlPlane, Kubernetes};
use crate::parts::names::{path, unit};
use crate::parts::template::fill;

/// The folder of the scripts and the manifests.
const FOLDER: &str = "/etc/kubernetes/imgbuild";

/// The user's manifests, which may contain Secrets. `rank` orders them among the others, their
/// number keeps the order of the spec.
fn users(rank: u8, manifests: &[Manifest], origin: &Origin) -> Vec<File> {
    (manifests.iter().enumerate())
        .map(|(index, Manifest { name, text })| {
            let at = format!("{FOLDER}/{rank}-{index:03}-{name}.yaml");
            secret(&at, text.as_str(), origin)
        })
        .collect()
}

/// The manifests that a control plane applies, in the order of their names. All of them may be
/// applied repeatedly, and by several nodes.
fn applied(kubernetes: &Kubernetes, plane: &ControlPlane, origin: &Origin) -> Vec<File> {
    let mut files = Vec::new();
    files.push(File::text(
        path(&format!("{FOLDER}/10-rbac.yaml")),
        include_str!("../../../manifests/rbac.yaml"),
        origin.clone(),
    ));
    if let Some(token) = &plane.keys.bootstrap_token {
        files.push(File::text(
            path(&format!("{FOLDER}/12-joining.yaml")),
            joining(kubernetes, plane),
            origin.clone(),
        ));
        files.push(secret(
            &format!("{FOLDER}/tokens/{}.yaml", token.token.id()),
            token_secret(token),
            origin,
        ));
    }
    if let Some(proxy) = daemon_set(kubernetes, plane) {
        files.push(File::text(
            path(&format!("{FOLDER}/15-kube-proxy.yaml")),
            proxy,
            origin.clone(),
        ));
    }
    if !plane.runtime_classes.is_empty() {
        files.push(File::text(
            path(&format!("{FOLDER}/15-runtime-classes.yaml")),
            addons::runtime_classes(&plane.runtime_classes),
            origin.clone(),
        ));
    }
    if let Some(network) = cni::applied(kubernetes) {
        files.push(File::text(
            path(&format!(
                "{FOLDER}/20-{}.yaml",
                kubernetes.cni.kind.as_str()
            )),
            network,
            origin.clone(),
        ));
    }
    files.extend(users(20, &kubernetes.cni.manifests, origin));
    if let Some(dns) = &kubernetes.core_dns {
        files.push(File::text(
            path(&format!("{FOLDER}/30-coredns.yaml")),
            addons::core_dns(kubernetes, dns),
            origin.clone(),
        ));
    }
    for add_on in &kubernetes.add_ons {
        files.push(File::text(
            path(&format!("{FOLDER}/40-{}.yaml", add_on.facts().name)),
            addons::add_on(*add_on),
            origin.clone(),
        ));
    }
    files.extend(users(50, &plane.manifests, origin));
    files
}

/// The kubeconfig with which a control plane works. That of the first one needs no rights in the
/// cluster, which it grants to that of the others.
fn administrator(plane: &ControlPlane) -> &'static str {
    if plane.is_first() {
        "/etc/kubernetes/super-admin.conf"
    } else {
        "/etc/kubernetes/admin.conf"
    }
}

/// Nothing if the node has no API server.
pub fn first_boot(kubernetes: &Kubernetes) -> Fragment {
    let Some(member) = &kubernetes.member else {
        return Fragment::default();
    };
    let origin = Origin::new("first boot", kubernetes.span);
    let mut files = vec![
        File::text(
            path(&format!("{FOLDER}/api-servers")),
            fill(
                include_str!("../../../manifests/api-servers.sh"),
                &[
                    ("programs", kubernetes.system.paths.programs),
                    ("node", &kubernetes.node_name),
                ],
            ),
            origin.clone(),
        ),
        File::text(
            path(&format!("{FOLDER}/join")),
            include_str!("../../../manifests/join.sh"),
            origin.clone(),
        ),
    ];
    let (kubeconfig, labels) = match &member.control_plane {
        Some(plane) => {
            files.extend(applied(kubernetes, plane, &origin));
            // A kubelet may not set this label on its own node; `kubectl get nodes` shows it as the
            // role.
            let mut labels = vec!["node-role.kubernetes.io/control-plane=".to_owned()];
            // Keys and values contain no character that is special in a unit's command line.
            labels.extend(
                (kubernetes.kubelet.api_labels.iter()).map(|(key, value)| format!("{key}={value}")),
            );
            (administrator(plane).to_owned(), labels.join(" "))
        }
        // A node that joins by token has it once it has joined; the script waits for it as for
        // everything else.
        None => (kubeconfig_of(&member.keys), String::new()),
    };
    files.push(
        File::text(
            path(&format!(
                "{}/kubectl",
                kubernetes.system.paths.user_programs
            )),
            fill(
                include_str!("../../../manifests/kubectl"),
                &[("programs", kubernetes.system.paths.programs)],
            ),
            origin.clone(),
        )
        .mode(0o755),
    );
    debug_assert!(kubernetes.role != Role::Standalone);
    let join = Unit::enabled(
        unit("imgbuild-kubernetes.service"),
        fill(
            include_str!("../../../manifests/imgbuild-kubernetes.service"),
            &[
                ("kubeconfig", &kubeconfig),
                ("node", &kubernetes.node_name),
                (
                    "server",
                    kubernetes.first_server().trim_start_matches("https://"),
                ),
                ("labels", &labels),
            ],
        ),
        origin,
    );
    Fragment {
        files,
        units: vec![join],
        ..Fragment::default()
    }
}

/// Delays the kubelet until this node may start its API server, so that control planes start one
/// after the other. If the kubelet runs etcd, only the API server is delayed: the members of a
/// cluster, and so all kubelets, are needed before the first API server can be ready. Nothing on
/// the first node, unless it waits for etcd.
pub fn api_server_order(kubernetes: &Kubernetes) -> Fragment {
    let Some(plane) = (kubernetes.control_plane())
        .filter(|plane| !plane.earlier.is_empty() || plane.etcd_pod.is_some())
    else {
        return Fragment::default();
    };
    let mut after = vec!["network-online.target"];
    after.extend(artifacts::unit_name(kubernetes));
    let after = after.join(" ");
    let (order, waiting) = if plane.etcd_pod.is_some() {
        (
            format!("After={after} kubelet.service"),
            format!(" {AFTER_ETCD}/kube-apiserver.yaml"),
        )
    } else {
        (
            format!("After={after}\nBefore=kubelet.service"),
            String::new(),
        )
    };
    let origin = Origin::new("first boot", kubernetes.span);
    Fragment {
        files: vec![File::text(
            path(&format!("{FOLDER}/api-server-order")),
            include_str!("../../../manifests/api-server-order.sh"),
            origin.clone(),
        )],
        units: vec![Unit::enabled(
            unit("imgbuild-api-server-order.service"),
            fill(
                include_str!("../../../manifests/imgbuild-api-server-order.service"),
                &[
                    ("order", &order),
                    ("waiting", &waiting),
                    ("kubeconfig", administrator(plane)),
                    ("programs", kubernetes.system.paths.programs),
                    ("earlier", &list(&plane.earlier)),
                    ("later", &list(&plane.later)),
                ],
            ),
            origin,
        )],
        ..Fragment::default()
    }
}

/// API servers as arguments of the script.
fn list(servers: &[SocketAddr]) -> String {
    let servers: Vec<_> = servers.iter().map(ToString::to_string).collect();
    servers.join(" ")
}
