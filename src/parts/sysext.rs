//! System extensions, where systemd-sysext(8) looks for them.

use super::names::{path, unit};
use crate::facts::layout::{IMAGES_EXTENSION, PROGRAMS_EXTENSION};
use crate::facts::systems::SysextArrival;
use crate::node::Node;
use crate::node::fragment::{Fragment, Link, Origin, Owner, Unit};
use crate::node::kubernetes::Images;
use crate::node::needed_images::embedded_images;

/// The names of the extensions built into the node.
pub fn extensions(node: &Node) -> Vec<&'static str> {
    let kubernetes = node.kubernetes.as_ref();
    let has_programs = kubernetes.is_some_and(|it| matches!(it.images, Images::Embedded { .. }));
    let names = [
        (PROGRAMS_EXTENSION, has_programs),
        (IMAGES_EXTENSION, embedded_images(node).is_some()),
    ];
    let here = names.into_iter().filter(|(_, is_there)| *is_there);
    here.map(|(name, _)| name).collect()
}

/// What makes systemd-sysext find the extensions built into the node. Nothing if stage 0 overlays
/// them on the root image.
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
    let names = extensions(node);
    let origin = || Origin::new("system extensions", span);
    match sysext.arrival {
        SysextArrival::Linked(folder) => Fragment {
            links: (names.into_iter())
                .map(|name| Link {
                    path: path(&format!("/etc/extensions/{name}.raw")),
                    target: format!("{folder}/{name}.raw"),
                    hard: false,
                    owner: Owner::default(),
                    overwrite: false,
                    origin: origin(),
                })
                .collect(),
            ..Fragment::default()
        },
        SysextArrival::Moved => Fragment {
            units: (names.first().iter())
                .map(|_| Unit::enable(unit("systemd-sysext.service"), origin()))
                .collect(),
            ..Fragment::default()
        },
    }
}
