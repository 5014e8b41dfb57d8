//! kube-proxy as a static pod.

use super::artifacts::{program, volumes};
use super::component_config::with_settings;
use super::flags::Flags;
use super::{LATER, secret, static_pod};
use crate::parts::names::path;
use crate::parts::template::fill;
use crate::parts::{File, Fragment, Origin};
use crate::pki::Kubeconfig;
use crate::plan::{ImageUse, Kubernetes};

/// Nothing where the node knows no API server.
pub fn proxy(kubernetes: &Kubernetes) -> Fragment {
    let (Some(proxy), Some(api)) = (&kubernetes.proxy, &kubernetes.kubelet.api) else {
        return Fragment::default();
    };
    let origin = Origin::new("kube-proxy", kubernetes.span);
    let flags = Flags::new(
        [("config", "/etc/kubernetes/kube-proxy.yaml".to_owned())],
        &proxy.extra_args,
    );
    // iptables, nft, ipset and the kernel's modules: those of the node, where the pod's image has none.
    let (mounts, volumes) = volumes(kubernetes, kubernetes.system.paths.system_folders);
    let kubeconfig = Kubeconfig {
        cluster: &kubernetes.cluster_name,
        server: &api.server,
        certificate_authority: &api.certificate_authority,
        user: "system:kube-proxy",
        client: &proxy.client,
    };
    Fragment {
        files: vec![
            static_pod(
                LATER,
                "kube-proxy",
                fill(
                    include_str!("../../../manifests/kube-proxy.yaml"),
                    &[
                        ("image", &kubernetes.image(ImageUse::Proxy)),
                        ("program", &program(kubernetes, "kube-proxy")),
                        ("program_mounts", &mounts),
                        ("program_volumes", &volumes),
                        ("arguments", &flags.yaml_items()),
                    ],
                ),
                &origin,
            ),
            File::text(
                path("/etc/kubernetes/kube-proxy.yaml"),
                with_settings(
                    fill(
                        include_str!("../../../manifests/kube-proxy-config.yaml"),
                        &[
                            ("mode", proxy.mode.as_str()),
                            ("pod_network", &kubernetes.pod_network.to_string()),
                            ("node", &kubernetes.node_name),
                        ],
                    ),
                    &proxy.settings,
                ),
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
