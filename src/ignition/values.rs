//! Values of the node that are valid by themselves but not where they are used.

use super::report::error;
use crate::diagnostic::{Diagnostic, codes};
use crate::names::AbsolutePath;
use crate::node::fragment::Origin;
use crate::node::{Node, Swap};

/// Checks the values of `node`.
pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    if let Some(device) = &node.storage_device {
        unit_path(device, &Origin::new("storage_device", device.span), found);
    }
    if let Some(Swap::Device(device)) = &node.swap {
        unit_path(device, &Origin::new("swap", device.span), found);
    }
    if let Some(member) = &node.etcd {
        unit_path(&member.data_dir, &Origin::new("etcd", member.span), found);
    }
}

/// Paths are used in units without quotes.
fn unit_path(path: &AbsolutePath, origin: &Origin, found: &mut Vec<Diagnostic>) {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/._:@,+=-".contains(&b);
    if !path.as_str().bytes().all(is_plain) {
        found.push(
            error(
                codes::PATH_FOR_UNIT,
                origin,
                format!("`{path}` cannot be used in a unit"),
            )
            .help("use only letters, digits and `._:@,+=-`"),
        );
    }
}
