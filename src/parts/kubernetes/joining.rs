//! The objects that let nodes join by token: imgbuild's own nodes, and those that run `kubeadm
//! join`.

use super::flags::yaml_scalar;
use crate::node::kubernetes::{CLUSTER_NAME, ControlPlane, Kubernetes, Member, ProxyPod};
use crate::parts::template::fill;
use crate::pki::{ClusterToken, cluster_info};

/// The objects that kubeadm creates for this (`kubeadm init phase bootstrap-token`,
/// `upload-config`), but for the token.
pub fn joining(kubernetes: &Kubernetes, plane: &ControlPlane) -> String {
    let url = kubernetes.endpoint.outside();
    let outside = url.trim_start_matches("https://");
    let info = cluster_info(&url, &plane.keys.pki.trusted_authorities);
    // `kubeadm upgrade` ignores a kube-proxy that is not a DaemonSet.
    let is_daemon_set = |member: &Member| matches!(member.proxy_pod, ProxyPod::DaemonSet(_));
    let proxy = if kubernetes.member.as_ref().is_some_and(is_daemon_set) {
        ""
    } else {
        "proxy:\n      disabled: true"
    };
    fill(
        include_str!("../../../manifests/joining.yaml"),
        &[
            ("cluster_info", &info),
            ("cluster", &yaml_scalar(CLUSTER_NAME)),
            ("endpoint", &format!("{outside:?}")),
            ("proxy", proxy),
            ("version", &kubernetes.version.value.to_string()),
            ("domain", &kubernetes.domain),
            (
                "pod_network",
                &format!("{:?}", kubernetes.pod_networks.to_string()),
            ),
            (
                "service_network",
                &format!("{:?}", kubernetes.service_networks.to_string()),
            ),
            ("dns", &format!("{:?}", kubernetes.dns_ip().to_string())),
        ],
    )
}

/// The Secret by which the cluster accepts a token. The cluster removes it once it has expired.
pub fn token_secret(known: &ClusterToken) -> String {
    let token = &known.token;
    let expiration =
        (known.expires.as_ref()).map_or_else(String::new, |end| format!("expiration: {end:?}"));
    fill(
        include_str!("../../../manifests/bootstrap-token.yaml"),
        &[
            ("id", token.id()),
            ("quoted_id", &format!("{:?}", token.id())),
            ("secret", &format!("{:?}", token.secret())),
            ("expiration", &expiration),
        ],
    )
}
