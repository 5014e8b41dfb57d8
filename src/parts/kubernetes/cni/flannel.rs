//! flannel in pods.

use crate::facts::cni::{FLANNEL_IMAGE, FLANNEL_PLUGIN_IMAGE};
use crate::facts::kubernetes::choices::ProxyMode;
use crate::node::images::{ImageRef, ImageUse};
use crate::node::kubernetes::Kubernetes;
use crate::parts::flannel::settings;
use crate::parts::kubernetes::artifacts::trusted;
use crate::parts::template::fill;

/// Its namespace, permissions, settings and pods.
pub fn applied(kubernetes: &Kubernetes) -> Option<String> {
    let flannel = kubernetes.cni.flannel.as_ref()?;
    let networks: Vec<_> = kubernetes.pod_networks.all().map(|net| net.value).collect();
    // The same as kube-proxy: rules of one kind are easier to read than of two.
    let nftables = kubernetes
        .proxy()
        .is_some_and(|proxy| proxy.mode == ProxyMode::Nftables);
    let settings = settings(&networks, nftables, &flannel.backend);
    // Pretty-printed JSON, indented like the surrounding block of the template.
    let network = format!("{settings:#}").replace('\n', "\n    ");
    let selinux = match trusted(kubernetes) {
        options if options.is_empty() => options,
        options => format!("securityContext:\n        {options}"),
    };
    let image = |image| ImageRef::new(ImageUse::PodNetwork, image).to_string();
    Some(fill(
        include_str!("../../../../manifests/flannel.yaml"),
        &[
            ("network", &network),
            ("settings", &settings.to_string().replace(['"', '\\'], "")),
            ("image", &image(FLANNEL_IMAGE)),
            ("plugin_image", &image(FLANNEL_PLUGIN_IMAGE)),
            ("selinux", &selinux),
            (
                "interface",
                flannel.interface.as_deref().unwrap_or("$(NODE_ADDRESS)"),
            ),
        ],
    ))
}
