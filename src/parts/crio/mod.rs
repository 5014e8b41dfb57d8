//! CRI-O: its unit and settings, its stores of images, and registries.
//!
//! Its programs, and the settings that depend on which of them the node has, are in the same
//! extension as those of Kubernetes ([`crate::extensions::kubernetes`]); so are stores of
//! images that it reads in place.

mod registries;

use super::containerd_config::toml;
use super::names::{path, unit};
use super::template::fill;
use crate::extensions::crio::runtime_table as cri_o_runtime_table;
use crate::facts::layout::{IMAGES_EXTENSION, PROGRAMS_EXTENSION};
use crate::facts::runtimes::{Runtime, extension_settings, image_store};
use crate::node::Node;
use crate::node::containers::{Containerd, RuntimeKind};
use crate::node::fragment::{File, Fragment, Link, Origin, Owner, Unit};
use crate::node::images::ImageUse;
use crate::node::kubernetes::Kubernetes;
use crate::node::needed_images::embedded_images;

const SETTINGS: &str = "/etc/crio/crio.conf";

/// The folder of settings that are read after it, in the order of their names.
const MORE_SETTINGS: &str = "/etc/crio/crio.conf.d";

/// Nothing if another runtime runs the node's containers.
pub fn crio(node: &Node) -> Fragment {
    let kubernetes = node.kubernetes.as_ref();
    match kubernetes.filter(|kubernetes| kubernetes.runtime.value == Runtime::CriO) {
        Some(kubernetes) => of_pods(node, kubernetes),
        None => Fragment::default(),
    }
}

fn of_pods(node: &Node, kubernetes: &Kubernetes) -> Fragment {
    let origin = Origin::new("runtime", kubernetes.runtime.span);
    let facts = kubernetes.runtime.value.facts();
    let paths = &kubernetes.system.paths;
    let images = embedded_images(node).is_some();
    let extensions: Vec<&str> = [(PROGRAMS_EXTENSION, true), (IMAGES_EXTENSION, images)]
        .into_iter()
        .filter_map(|(name, is_there)| is_there.then_some(name))
        .collect();
    let stores: Vec<_> = (extensions.iter())
        .map(|name| format!("\"{}\"", image_store(paths.images, name)))
        .collect();
    let containerd = node.containerd.as_ref();
    let mut files = registries::files(
        containerd.map_or(&[][..], |containerd| &containerd.registries),
        &origin,
    );
    if let Some(text) = containerd.and_then(|containerd| runtimes(containerd, paths.programs)) {
        let at = path(&format!("{MORE_SETTINGS}/30-runtimes.conf"));
        files.push(File::text(at, text, origin.clone()));
    }
    let auth_file = files
        .iter()
        .any(|file| file.path.as_str() == registries::AUTH_FILE)
        .then(|| format!("global_auth_file = \"{}\"", registries::AUTH_FILE));
    let settings = fill(
        include_str!("../../../manifests/crio.conf"),
        &[
            (
                "socket",
                facts
                    .endpoint
                    .strip_prefix("unix://")
                    .unwrap_or(facts.endpoint),
            ),
            ("programs", paths.programs),
            ("pause_image", &kubernetes.image(ImageUse::Pause)),
            ("auth_file", &auth_file.unwrap_or_default()),
            ("cni_bin", paths.cni_bin),
        ],
    );
    for (at, text) in [
        (SETTINGS, settings),
        (
            "/etc/containers/storage.conf",
            fill(
                include_str!("../../../manifests/containers-storage.conf"),
                &[("storage", facts.folder), ("stores", &stores.join(", "))],
            ),
        ),
        (
            "/etc/crictl.yaml",
            fill(
                include_str!("../../../manifests/crictl.yaml"),
                &[("endpoint", facts.endpoint)],
            ),
        ),
        // Images are verified by TLS and digests, as with containerd.
        (
            "/etc/containers/policy.json",
            "{\"default\": [{\"type\": \"insecureAcceptAnything\"}]}\n".to_owned(),
        ),
    ] {
        files.push(File::text(path(at), text, origin.clone()));
    }
    let mut links: Vec<Link> = (extensions.iter().enumerate())
        .map(|(number, name)| {
            let at = format!("{MORE_SETTINGS}/{}0-{name}.conf", number + 1);
            link(&at, extension_settings(paths.images, name), &origin)
        })
        .collect();
    for program in ["crio", "crictl"] {
        let at = format!("{}/{program}", paths.user_programs);
        links.push(link(&at, format!("{}/{program}", paths.programs), &origin));
    }
    let units = vec![
        Unit::enabled(
            unit(facts.unit),
            fill(
                include_str!("../../../manifests/crio.service"),
                &[("storage", facts.folder), ("programs", paths.programs)],
            ),
            origin.clone(),
        ),
        // Nothing on the node would use it.
        Unit {
            enabled: None,
            mask: Some(true),
            ..Unit::enable(unit(Runtime::Containerd.facts().unit), origin)
        },
    ];
    Fragment {
        files,
        links,
        units,
        ..Fragment::default()
    }
}

/// The spec's runtimes, and the default runtime; `None` if nothing has to be set.
fn runtimes(containerd: &Containerd, programs: &str) -> Option<String> {
    let mut text = "# Runtimes of this node.\n".to_owned();
    let nothing = text.len();
    if let Some(default) = &containerd.default_runtime {
        text.push_str("[crio.runtime]\ndefault_runtime = ");
        text.push_str(&toml(default));
        text.push('\n');
    }
    for runtime in &containerd.runtimes {
        // Shims are specific to containerd; `plan` refuses them.
        if let RuntimeKind::Program(program) = &runtime.kind {
            text.push_str(&cri_o_runtime_table(
                programs,
                &runtime.name,
                program.as_str(),
            ));
        }
    }
    (text.len() > nothing).then_some(text)
}

fn link(at: &str, target: String, origin: &Origin) -> Link {
    Link {
        path: path(at),
        target,
        hard: false,
        owner: Owner::default(),
        overwrite: false,
        origin: origin.clone(),
    }
}
