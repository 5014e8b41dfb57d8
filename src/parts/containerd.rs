//! containerd: its settings, its registries, and the images built into the node.

use std::fmt::Write as _;

use super::containerd_config::{config, server, toml};
use super::names::{path, unit};
use super::template::fill;
use crate::facts::runtimes::Runtime;
use crate::node::Node;
use crate::node::containers::Registry;
use crate::node::fragment::{File, Fragment, Origin, Unit};
use crate::node::needed_images::embedded_images;

/// The folder with the settings of each registry (containerd, docs/hosts.md).
const REGISTRIES: &str = "/etc/containerd/certs.d";

const CONFIG: &str = "/etc/containerd/config.toml";

const IMPORT: &str = "/etc/containerd/import-images";

/// Nothing if the node has neither Kubernetes nor settings for containerd, or runs another runtime.
pub fn containerd(node: &Node) -> Fragment {
    if node.runtime() != Runtime::Containerd {
        return Fragment::default();
    }
    let span = match (&node.containerd, &node.kubernetes) {
        (Some(containerd), _) => containerd.span,
        (None, Some(kubernetes)) => kubernetes.span,
        (None, None) => return Fragment::default(),
    };
    let origin = Origin::new("runtime", span);
    let registries = node.containerd.as_ref();
    let registries = registries.map_or(&[][..], |containerd| &containerd.registries);
    let system = node.target.facts();
    let config = File::text(path(CONFIG), config(node), origin.clone());
    let has_login = (registries.iter()).any(|registry| registry.credentials.is_some());
    let mut fragment = Fragment {
        files: vec![if has_login {
            config.mode(0o600)
        } else {
            config
        }],
        ..Fragment::default()
    };
    if let Some(variable) = system.containerd.config_variable {
        fragment.units.push(Unit::dropin(
            unit(system.units.runtime),
            "10-imgbuild.conf",
            format!("[Service]\nEnvironment={variable}={CONFIG}\n"),
            origin.clone(),
        ));
    }
    if system.containerd.is_off {
        let unit = unit(system.units.runtime);
        fragment.units.push(Unit::enable(unit, origin.clone()));
    }
    for registry in registries {
        fragment.files.extend(hosts(registry, &origin));
    }
    let has_programs = (node.kubernetes.as_ref()).is_some_and(|kubernetes| !kubernetes.is_pulled());
    if has_programs || embedded_images(node).is_some() {
        fragment.files.push(File::text(
            path(IMPORT),
            include_str!("../../manifests/import-images.sh"),
            origin.clone(),
        ));
        fragment.units.push(Unit::enabled(
            unit("imgbuild-images.service"),
            fill(
                include_str!("../../manifests/imgbuild-images.service"),
                &[("archives", system.paths.images), ("script", IMPORT)],
            ),
            origin,
        ));
    }
    fragment
}

/// `hosts.toml` of a registry, if containerd's defaults are not enough, and the authority that it
/// refers to.
fn hosts(registry: &Registry, origin: &Origin) -> Vec<File> {
    let folder = format!("{REGISTRIES}/{}", registry.host);
    let own = format!("https://{}", server(&registry.host));
    let mut files = Vec::new();
    let mut settings = String::new();
    if let Some(ca) = &registry.ca {
        let at = format!("{folder}/ca.crt");
        let _ = writeln!(settings, "  ca = {}", toml(&at));
        files.push(File::text(path(&at), ca.as_str(), origin.clone()));
    }
    if registry.insecure {
        settings.push_str("  skip_verify = true\n");
    }
    let mut text = format!("server = {}\n", toml(&own));
    for mirror in &registry.mirrors {
        let (url, overrides) = if mirror.prefix.is_empty() {
            (mirror.server.clone(), "")
        } else {
            // The path is then complete, including the version of the API.
            let url = format!("{}/v2/{}", mirror.server, mirror.prefix);
            (url, "  override_path = true\n")
        };
        let _ = write!(
            text,
            "\n[host.{}]\n  capabilities = [\"pull\", \"resolve\"]\n{overrides}{settings}",
            toml(&url)
        );
    }
    if registry.mirrors.is_empty() && !settings.is_empty() {
        let _ = write!(text, "\n[host.{}]\n{settings}", toml(&own));
    }
    if registry.mirrors.is_empty() && registry.insecure {
        // Tried after the first, as CRI-O and docker do.
        let open = format!("http://{}", server(&registry.host));
        let _ = write!(text, "\n[host.{}]\n", toml(&open));
    }
    // containerd 1.x takes a file without hosts for damaged, and has the server by default.
    if text.contains("\n[host.") {
        files.push(File::text(
            path(&format!("{folder}/hosts.toml")),
            text,
            origin.clone(),
        ));
    }
    files
}
