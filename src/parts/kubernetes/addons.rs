//! Our own manifests that the first boot applies: runtime classes, flannel and CoreDNS.

use crate::facts::kubernetes::choices::ProxyMode;
use crate::node::addons::CoreDns;
use crate::node::containers::runtime_label;
use crate::node::flannel::Flannel;
use crate::node::kubernetes::Kubernetes;
use crate::parts::flannel::settings;
use crate::parts::template::fill;

/// A runtime class for each runtime, by whose name pods select it.
pub fn runtime_classes(names: &[String]) -> String {
    let class = |name: &String| {
        fill(
            include_str!("../../../manifests/runtime-class.yaml"),
            &[("name", name), ("label", &runtime_label(name))],
        )
    };
    names.iter().map(class).collect()
}

/// flannel's namespace, permissions, settings and pods.
pub fn flannel(kubernetes: &Kubernetes, flannel: &Flannel) -> String {
    // The same as kube-proxy: rules of one kind are easier to read than of two.
    let nftables = kubernetes
        .proxy()
        .is_some_and(|proxy| proxy.mode == ProxyMode::Nftables);
    let settings = settings(kubernetes.pod_network.value, nftables, &flannel.backend);
    // Pretty-printed JSON, indented like the surrounding block of the template.
    let network = format!("{settings:#}").replace('\n', "\n    ");
    fill(
        include_str!("../../../manifests/flannel.yaml"),
        &[
            ("network", &network),
            ("settings", &settings.to_string().replace(['"', '\\'], "")),
            ("image", &flannel.image.to_string()),
            ("plugin_image", &flannel.plugin_image.to_string()),
            (
                "interface",
                flannel.interface.as_deref().unwrap_or("$(NODE_ADDRESS)"),
            ),
        ],
    )
}

/// CoreDNS's permissions, settings, pods and service.
pub fn core_dns(kubernetes: &Kubernetes, dns: &CoreDns) -> String {
    let forward = if dns.forwards {
        "forward . /etc/resolv.conf {\n            max_concurrent 1000\n        }"
    } else {
        ""
    };
    fill(
        include_str!("../../../manifests/coredns.yaml"),
        &[
            ("domain", &kubernetes.domain),
            ("forward", forward),
            ("replicas", &dns.replicas.to_string()),
            ("image", &dns.image.to_string()),
            ("address", &kubernetes.dns_ip().to_string()),
        ],
    )
}
