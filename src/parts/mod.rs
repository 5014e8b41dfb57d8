//! Writes: one small function a part, each from a decided node to a [`Fragment`].

mod etcd;
mod fragment;
mod hostname;
mod names;
mod network;
mod template;
mod users;

pub use fragment::*;
pub use network::{is_bond_option, kernel_named};

use crate::plan::Node;

/// What every part asks for on `node`, in a fixed order. The node's own `storage`, `systemd` and `passwd`
/// sections are not among it.
pub fn all(node: &Node) -> Vec<Fragment> {
    vec![
        hostname::hostname(node),
        hostname::hosts(node),
        users::users(node),
        network::network(node),
        etcd::etcd(node),
    ]
}

/// The node's arguments for the kernel's command line: those of the spec and those that parts need. They come after the base's own.
pub fn kernel_arguments(node: &Node) -> Vec<String> {
    let mut arguments: Vec<_> = node
        .kernel_arguments
        .iter()
        .map(|argument| argument.value.clone())
        .collect();
    arguments.extend(network::kernel_arguments(node));
    arguments
}
