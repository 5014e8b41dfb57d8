//! The parts of a node: one small function each, from a decided node to a [`Fragment`].

mod ca_certificates;
mod container_linux;
mod containerd;
mod containerd_config;
mod crio;
mod etcd;
mod firewall;
mod flannel;
mod hostname;
mod kernel;
mod kubernetes;
mod names;
mod network;
mod ntp;
mod proxy;
mod storage;
mod swap;
mod sysext;
mod template;
mod users;

pub use network::{is_bond_option, wrong_bond_value};
pub use sysext::extensions;

use crate::node::Node;
use crate::node::fragment::Fragment;

/// The fragments of all parts of `node`, in a fixed order. The node's own `storage`, `systemd` and
/// `passwd` sections are not included.
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
        proxy::proxy(node),
        kernel::sysctls(node),
        kernel::modules(node),
        ca_certificates::ca_certificates(node),
        swap::swap(node),
        storage::storage_device(node),
        etcd::etcd(node),
        etcd::care::etcd_care(node),
        flannel::flannel(node),
        containerd::containerd(node),
        crio::crio(node),
        sysext::sysext(node),
    ];
    fragments.extend(kubernetes::kubernetes(node));
    fragments
}
