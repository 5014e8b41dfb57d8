//! Our own manifests that the first boot applies: runtime classes and CoreDNS.

use crate::node::addons::CoreDns;
use crate::node::containers::runtime_label;
use crate::node::kubernetes::Kubernetes;
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
