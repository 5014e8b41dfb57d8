//! kube-proxy: a static pod on each node, or a `DaemonSet` of the cluster.

use std::collections::BTreeSet;

use super::artifacts::{program, volumes};
use super::component_config::with_settings;
use super::flags::{Flags, yaml_scalar};
use super::{DEFERRED_PODS, secret, static_pod};
use crate::facts::kubernetes::tables::Component;
use crate::node::fragment::{File, Fragment, Origin};
use crate::node::images::ImageUse;
use crate::node::kubernetes::{CLUSTER_NAME, ControlPlane, Kubernetes, Proxy, ProxyPod};
use crate::parts::names::path;
use crate::parts::template::fill;
use crate::pki::Kubeconfig;

/// The static pod. Nothing if the node has no API server, the cluster runs kube-proxy, or nothing
/// does.
pub fn proxy(kubernetes: &Kubernetes) -> Fragment {
    let Some(member) = &kubernetes.member else {
        return Fragment::default();
    };
    let ProxyPod::Static { client } = &member.proxy_pod else {
        return Fragment::default();
    };
    let proxy = &member.proxy;
    let origin = Origin::new("kube-proxy", kubernetes.span);
    let flags = Flags::new(
        [("config", "/etc/kubernetes/kube-proxy.yaml".to_owned())],
        &proxy.extra_args,
    );
    // iptables, nft, ipset and the kernel modules: the node's, if the pod's image has none.
    let (mounts, volumes) = volumes(kubernetes, kubernetes.system.paths.system_folders);
    let kubeconfig = Kubeconfig {
        cluster: CLUSTER_NAME,
        server: &kubernetes.server(),
        certificate_authority: &member.keys.certificate_authority,
        user: "system:kube-proxy",
        client,
    };
    let settings = settings(
        kubernetes,
        proxy,
        &format!("hostnameOverride: {}", kubernetes.node_name),
        "/etc/kubernetes/kube-proxy.conf",
    );
    Fragment {
        files: vec![
            static_pod(
                DEFERRED_PODS,
                Component::Proxy.as_str(),
                fill(
                    include_str!("../../../manifests/kube-proxy.yaml"),
                    &[
                        ("image", &kubernetes.image(ImageUse::Proxy)),
                        ("program", &program(kubernetes, Component::Proxy)),
                        ("program_mounts", &mounts),
                        ("program_volumes", &volumes),
                        ("arguments", &flags.yaml_items()),
                    ],
                ),
                &origin,
            ),
            File::text(
                path("/etc/kubernetes/kube-proxy.yaml"),
                settings,
                origin.clone(),
            ),
            secret(
                "/etc/kubernetes/kube-proxy.conf",
                kubeconfig.to_yaml(),
                &origin,
            ),
        ],
        ..Fragment::default()
    }
}

/// `KubeProxyConfiguration`, kubeproxy.config.k8s.io/v1alpha1. `host_name` is a line with the
/// node's name, or empty.
fn settings(kubernetes: &Kubernetes, proxy: &Proxy, host_name: &str, kubeconfig: &str) -> String {
    let own = fill(
        include_str!("../../../manifests/kube-proxy-config.yaml"),
        &[
            ("mode", proxy.mode.as_str()),
            ("pod_network", &kubernetes.pod_networks.to_string()),
            ("host_name", host_name),
            ("kubeconfig", kubeconfig),
        ],
    );
    with_settings(own, &proxy.settings)
}

/// The manifest that a control plane applies if kube-proxy is a `DaemonSet`.
pub fn daemon_set(kubernetes: &Kubernetes, plane: &ControlPlane) -> Option<String> {
    let member = (kubernetes.member.as_ref())
        .filter(|member| matches!(member.proxy_pod, ProxyPod::DaemonSet(_)))?;
    let (proxy, image) = (&member.proxy, member.proxy_pod.image()?);
    let flags = Flags::new(
        [
            ("config", "/var/lib/kube-proxy/config.conf".to_owned()),
            ("hostname-override", "$(NODE_NAME)".to_owned()),
        ],
        &proxy.extra_args,
    );
    let (program, (mounts, volumes)) = if image == ImageUse::ProxyEverywhere {
        // Upstream's image contains iptables and the like; the kernel modules are the node's, if it
        // has any.
        (
            Component::Proxy.to_string(),
            (
                "- name: lib-modules\n      mountPath: /lib/modules\n      readOnly: true"
                    .to_owned(),
                "- name: lib-modules\n    hostPath:\n      path: /lib/modules".to_owned(),
            ),
        )
    } else {
        (
            program(kubernetes, Component::Proxy),
            volumes(kubernetes, kubernetes.system.paths.system_folders),
        )
    };
    let settings = settings(kubernetes, proxy, "", "/var/lib/kube-proxy/kubeconfig.conf");
    // The template is nested two levels deeper than a pod's.
    let deeper = |text: &str| text.replace('\n', "\n    ");
    Some(fill(
        include_str!("../../../manifests/kube-proxy-daemon-set.yaml"),
        &[
            ("config", &deeper(settings.trim_end())),
            ("server", &yaml_scalar(&kubernetes.endpoint.url())),
            ("host_aliases", &host_aliases(kubernetes, plane)),
            ("image", &kubernetes.image(image)),
            ("program", &program),
            ("arguments", &deeper(&flags.yaml_items())),
            ("program_mounts", &deeper(&mounts)),
            ("program_volumes", &deeper(&volumes)),
        ],
    ))
}

/// The addresses of an API name that only nodes of the spec can resolve: the pods also run on
/// machines that joined.
fn host_aliases(kubernetes: &Kubernetes, plane: &ControlPlane) -> String {
    if kubernetes.endpoint.addresses.is_empty() {
        return String::new();
    }
    let name = &kubernetes.endpoint.host;
    let servers: BTreeSet<_> = [&plane.earlier[..], &[plane.advertise], &plane.later]
        .concat()
        .iter()
        .map(std::net::SocketAddr::ip)
        .collect();
    servers.iter().fold("hostAliases:".to_owned(), |text, ip| {
        format!("{text}\n      - ip: \"{ip}\"\n        hostnames: [{name}]")
    })
}
