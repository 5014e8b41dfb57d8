//! Writes: one small function a part, each from a decided node to a [`Fragment`].

mod ca_certificates;
mod container_linux;
mod containerd;
mod containerd_config;
mod crio;
mod etcd;
mod etcd_care;
mod etcd_container;
mod firewall;
mod flannel;
mod fragment;
mod hostname;
mod kernel;
mod kubernetes;
mod names;
mod network;
mod ntp;
mod storage;
mod swap;
mod sysext;
mod template;
mod users;

pub(crate) use ca_certificates::subject_hash;
pub use fragment::*;
pub(crate) use names::escape_path;
pub use network::{IpVersion, is_bond_option, kernel_named, takes_routes, takes_settings};

use crate::plan::Node;

/// What every part asks for on `node`, in a fixed order. The node's own `storage`, `systemd` and
/// `passwd` sections are not among it.
pub fn all(node: &Node) -> Vec<Fragment> {
    if let Some(own) = &node.container_linux {
        return container_linux::all(node, own);
    }
    let mut fragments = vec![
        hostname::hostname(node),
        hostname::hosts(node),
        users::users(node),
        network::network(node),
        ntp::ntp(node),
        firewall::firewall(node),
        kernel::sysctls(node),
        kernel::modules(node),
        ca_certificates::ca_certificates(node),
        swap::swap(node),
        storage::storage_device(node),
        etcd::etcd(node),
        etcd_care::etcd_care(node),
        flannel::flannel(node),
        containerd::containerd(node),
        crio::crio(node),
        sysext::sysext(node),
    ];
    fragments.extend(kubernetes::kubernetes(node));
    fragments
}
