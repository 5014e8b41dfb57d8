//! Writes: one small function a part, each from a decided node to a [`Fragment`].

mod fragment;
mod hostname;
mod names;

pub use fragment::*;

use crate::plan::Node;

/// What every part asks for on `node`, in a fixed order. The node's own `storage`, `systemd` and `passwd`
/// sections are not among it.
pub fn all(node: &Node) -> Vec<Fragment> {
    vec![hostname::hostname(node), hostname::hosts(node)]
}

/// The node's arguments for the kernel's command line: those of the spec and those that parts need. They come after the base's own.
pub fn kernel_arguments(node: &Node) -> Vec<String> {
    node.kernel_arguments
        .iter()
        .map(|argument| argument.value.clone())
        .collect()
}
