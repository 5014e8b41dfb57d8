//! Our own manifests that the first boot applies: runtime classes, CoreDNS and add-ons.

use crate::facts::add_ons::AddOn;
use crate::facts::state::VOLUMES;
use crate::node::addons::CoreDns;
use crate::node::containers::runtime_label;
use crate::node::images::ImageRef;
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

/// The manifest of an add-on.
pub fn add_on(add_on: AddOn) -> String {
    let images: Vec<_> = ImageRef::of_add_on(add_on)
        .map(|it| it.to_string())
        .collect();
    match add_on {
        AddOn::LocalPath => fill(
            include_str!("../../../manifests/local-path.yaml"),
            &[
                ("image", &images[0]),
                ("helper", &images[1]),
                ("path", VOLUMES),
            ],
        ),
        AddOn::Metrics => fill(
            include_str!("../../../manifests/metrics-server.yaml"),
            &[("image", &images[0])],
        ),
    }
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
