//! Swap space: in compressed memory, or on a device.

use ignition_config::v3_4;

use super::names::unit;
use super::template::fill;
use crate::names::escape_path;
use crate::node::fragment::{Fragment, Origin, Unit};
use crate::node::{Node, Swap};

/// The unit that enables swap, and for a device the signature that Ignition writes if there is none
/// yet. A device with other contents is left alone: Ignition fails with an error.
pub fn swap(node: &Node) -> Fragment {
    let mut fragment = Fragment::default();
    match &node.swap {
        None => {}
        Some(Swap::Zram { size, span }) => fragment.units.push(Unit::enabled(
            unit("zram-swap.service"),
            fill(
                include_str!("../../manifests/zram-swap.service"),
                &[("bytes", &size.to_string())],
            ),
            Origin::new("swap", *span),
        )),
        Some(Swap::Device(device)) => {
            let origin = Origin::new("swap", device.span);
            fragment.filesystems.push((
                v3_4::Filesystem {
                    format: Some("swap".to_owned()),
                    wipe_filesystem: Some(false),
                    ..v3_4::Filesystem::new(device.to_string())
                },
                origin.clone(),
            ));
            fragment.units.push(Unit::enabled(
                unit(&format!("{}.swap", escape_path(device))),
                fill(
                    include_str!("../../manifests/device.swap"),
                    &[("device", device.as_str())],
                ),
                origin,
            ));
        }
    }
    fragment
}
