//! System extensions, where systemd-sysext(8) looks for them.

use super::names::path;
use crate::facts::layout::{IMAGES_EXTENSION, PROGRAMS_EXTENSION};
use crate::node::Node;
use crate::node::fragment::{Fragment, Link, Origin, Owner};
use crate::node::kubernetes::Images;
use crate::node::needed_images::embedded_images;

/// Links to the extensions built into the node. Nothing if stage 0 overlays them on the root image.
pub fn sysext(node: &Node) -> Fragment {
    let Some(sysext) = &node.target.facts().sysext else {
        return Fragment::default();
    };
    let kubernetes = node.kubernetes.as_ref();
    let span = match (kubernetes, &node.containerd) {
        (Some(kubernetes), _) => kubernetes.span,
        (None, Some(containerd)) => containerd.span,
        (None, None) => return Fragment::default(),
    };
    let has_programs = kubernetes.is_some_and(|it| matches!(it.images, Images::Embedded { .. }));
    let names = [
        (PROGRAMS_EXTENSION, has_programs),
        (IMAGES_EXTENSION, embedded_images(node).is_some()),
    ];
    let links = names
        .into_iter()
        .filter(|(_, is_there)| *is_there)
        .map(|(name, _)| Link {
            path: path(&format!("/etc/extensions/{name}.raw")),
            target: format!("{}/{name}.raw", sysext.on_node),
            hard: false,
            owner: Owner::default(),
            overwrite: false,
            origin: Origin::new("system extensions", span),
        });
    Fragment {
        links: links.collect(),
        ..Fragment::default()
    }
}
