//! containerd's own settings, in the version that the node's containerd reads.

use std::fmt::Write as _;

use super::template::fill;
use crate::facts::kubernetes::version::RELEASES;
use crate::facts::runtimes::SHIMS;
use crate::facts::systems::ContainerdConfig;
use crate::node::Node;
use crate::node::containers::{ContainerRuntime, RUNC, Registry, RuntimeKind};
use crate::node::images::{ImageRef, ImageUse};

/// The names in a version of the settings (containerd, docs/PLUGINS.md: 2.0 split its plugin for
/// pods).
struct Words {
    version: ContainerdConfig,
    /// The plugin for images and registries.
    images: &'static str,
    /// The plugin for runtimes.
    runtime: &'static str,
    /// The key of the sandbox image, in the table of `images`.
    sandbox: &'static str,
}

const WORDS: [Words; 2] = [
    Words {
        version: ContainerdConfig::V2,
        images: "io.containerd.grpc.v1.cri",
        runtime: "io.containerd.grpc.v1.cri",
        sandbox: "sandbox_image",
    },
    Words {
        version: ContainerdConfig::V3,
        images: "io.containerd.cri.v1.images",
        runtime: "io.containerd.cri.v1.runtime",
        sandbox: "pinned_images.sandbox",
    },
];

/// The sandbox of pods on a node that is not of a cluster of imgbuild's: whoever brings a kubelet
/// has or fetches upstream's.
fn pause_image() -> String {
    let newest = &RELEASES[RELEASES.len() - 1];
    ImageRef::upstream(ImageUse::Pause, "pause", &*newest.pause).to_string()
}

/// The settings file.
pub(super) fn config(node: &Node) -> String {
    let system = &node.target.facts().containerd;
    let version = match &node.containerd {
        Some(containerd) => containerd.config,
        None => (system.config_versions.first().copied()).unwrap_or(ContainerdConfig::V2),
    };
    let words = (WORDS.iter())
        .find(|words| words.version == version)
        .expect("every version has its words");
    let sandbox = (node.kubernetes.as_ref())
        .map_or_else(pause_image, |kubernetes| kubernetes.image(ImageUse::Pause));
    let containerd = node.containerd.as_ref();
    let own = containerd.map_or(&[][..], |containerd| &containerd.runtimes);
    let registries = containerd.map_or(&[][..], |containerd| &containerd.registries);
    fill(
        include_str!("../../manifests/containerd.toml"),
        &[
            ("version", version.as_str()),
            ("images", words.images),
            ("runtime", words.runtime),
            ("sandbox", words.sandbox),
            ("sandbox_image", &toml(&sandbox)),
            ("selinux", if system.selinux { "true" } else { "false" }),
            (
                "default_runtime",
                &toml((containerd.and_then(|it| it.default_runtime.as_deref())).unwrap_or(RUNC)),
            ),
            ("runtimes", &runtimes(words, own)),
            ("logins", &logins(words, registries)),
        ],
    )
}

/// The tables of runc and of the spec's runtimes, `own`.
fn runtimes(words: &Words, own: &[ContainerRuntime]) -> String {
    let mut text = String::new();
    let mut table = |name: &str, lines: &[(&str, String)]| {
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\n[plugins.\"{}\".containerd.runtimes.{name}]\n",
            words.runtime
        );
        for (key, value) in lines {
            let _ = writeln!(text, "  {key} = {value}");
        }
    };
    let shim_of_runc = || ("runtime_type", toml("io.containerd.runc.v2"));
    let cgroups = || ("options.SystemdCgroup", "true".to_owned());
    table(RUNC, &[shim_of_runc(), cgroups()]);
    for ContainerRuntime { name, kind } in own {
        match kind {
            RuntimeKind::Program(program) => {
                let binary = ("options.BinaryName", toml(program.as_str()));
                table(name, &[shim_of_runc(), binary, cgroups()]);
            }
            RuntimeKind::Shim {
                name: shim,
                program,
                settings,
            } => {
                let mut lines = vec![("runtime_type", toml(shim))];
                lines.extend((program.iter()).map(|path| ("runtime_path", toml(path.as_str()))));
                let known = SHIMS.iter().find(|known| known.name == shim);
                if known.is_some_and(|known| !known.takes_devices) {
                    lines.push(("privileged_without_host_devices", "true".to_owned()));
                }
                if let Some(path) = settings {
                    let kind = known.and_then(|known| known.settings_type);
                    lines.extend(kind.map(|kind| ("options.TypeUrl", toml(kind))));
                    lines.push(("options.ConfigPath", toml(path.as_str())));
                }
                table(name, &lines);
            }
        }
    }
    text
}

/// The server of a registry: only Docker's own differs from its name.
pub(super) fn server(host: &str) -> &str {
    if host == "docker.io" {
        "registry-1.docker.io"
    } else {
        host
    }
}

/// The node's registry credentials, by the host that is contacted (containerd,
/// docs/cri/registry.md).
///
/// containerd 2.x warns that this is deprecated and will be removed in 2.4; the beta of 2.4 still
/// has it, and no replacement: a registry with tokens does not accept a `header` of `hosts.toml`,
/// and the kubelet's credentials apply neither to mirrors nor to the sandbox image (containerd,
/// RELEASES.md, "Deprecated config properties"; issues 8228 and 10996).
fn logins(words: &Words, registries: &[Registry]) -> String {
    let mut text = String::new();
    for registry in registries {
        let Some(login) = &registry.credentials else {
            continue;
        };
        // Writing to a String does not fail.
        let _ = write!(
            text,
            "\n[plugins.\"{}\".registry.configs.{}.auth]\n  username = {}\n  password = {}\n",
            words.images,
            toml(server(&registry.host)),
            toml(&login.username),
            toml(&login.password),
        );
    }
    text
}

/// A basic string of TOML 1.0.
pub(super) fn toml(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
