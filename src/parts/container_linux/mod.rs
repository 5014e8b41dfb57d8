//! Parts that are specific to Container Linux: networkd units, ct's sections, Kubernetes 1.9 from
//! one image.

mod kubernetes;
mod network;
mod services;

use super::names::path;
use super::{hostname, kernel, ntp, users};
use crate::node::Node;
use crate::node::container_linux::ContainerLinux;
use crate::node::fragment::{File, Fragment, Origin};

/// Every part of a Container Linux node, in a fixed order.
pub(super) fn all(node: &Node, own: &ContainerLinux) -> Vec<Fragment> {
    let mut fragments = vec![
        host_name(node),
        users::users(node),
        network::network(node),
        ntp::ntp(node),
        kernel::sysctls(node),
        kernel::modules(node),
        services::metadata(own),
        services::etcd(own),
        services::flannel(own),
        services::docker(own),
        services::update(own),
    ];
    if !node.hosts.is_empty() {
        fragments.push(hostname::hosts(node));
    }
    if let Some(kubernetes) = &own.kubernetes {
        fragments.extend(kubernetes::kubernetes(node, kubernetes));
    }
    fragments
}

/// `/etc/hostname`, as ct's users write it: only the name.
fn host_name(node: &Node) -> Fragment {
    if !node.is_named {
        return Fragment::default();
    }
    Fragment {
        files: vec![File::text(
            path("/etc/hostname"),
            node.hostname.to_string(),
            Origin::new("hostname", node.hostname.span),
        )],
        ..Fragment::default()
    }
}
