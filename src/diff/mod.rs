//! Compares two nodes: their Ignition configs and what lies beside them, item by item.
//!
//! Secrets are compared, but never shown.

mod contents;
mod immutable;
mod upgrade;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;

use crate::facts::kubernetes::version::KubeVersion;
use crate::facts::layout::VERSION_FILE;
use crate::read::{self, Artifact, Budget};
use contents::{Content, size_of_settings, text_diff};
use immutable::Objects;

pub use upgrade::{Skew, skew, steps};

/// Kubernetes on a node: its version and its role, as the spec writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub version: KubeVersion,
    pub role: String,
}

/// The names of the files that nodes apply to their cluster.
const MANIFESTS: &str = "file /etc/kubernetes/imgbuild/";

/// The most bytes that the contents of all compared nodes may have in memory; of further ones only
/// a hash is kept, so that their lines are not shown.
const KEPT_MAX: u64 = 48 << 20;

/// The most bytes of changed lines that are shown.
const LINES_MAX: usize = 8 << 20;

/// How long the search for the shortest differences of texts may take altogether.
const SEARCH: Duration = Duration::from_secs(20);

/// Sections of configs of spec 2 and 3.
const KNOWN: [&str; 6] = [
    "ignition",
    "kernelArguments",
    "networkd",
    "passwd",
    "storage",
    "systemd",
];

/// A node, as far as it is compared.
#[derive(Debug, Clone, Default)]
pub struct Side {
    pub hostname: String,
    pub kubernetes: Option<Release>,
    /// `None`: unknown, as for a config alone.
    pub kernel_arguments: Option<Vec<String>>,
    /// Whether they are on a command line of its own rather than left to Ignition.
    has_command_line: bool,
    /// The base's id; `None`: unknown.
    pub base: Option<String>,
    /// The version of Ignition's specification; empty if there is no config.
    version: String,
    things: BTreeMap<String, Content>,
}

impl Side {
    /// Reads an Ignition config of spec 2 or 3, and those nested in it.
    pub fn new(config: &[u8]) -> Result<Self> {
        Self::beside(config, 0)
    }

    /// The same, for a caller that has nodes of `held` bytes already.
    fn beside(config: &[u8], held: u64) -> Result<Self> {
        let mut things = BTreeMap::new();
        let mut budget = Budget::beside(held);
        let mut kept = KEPT_MAX.saturating_sub(held);
        let mut version = None;
        for config in read::configs(config, &mut budget)? {
            version.get_or_insert_with(|| name(&config["ignition"], "version").to_owned());
            // A later config's thing replaces an earlier one's.
            things.extend(things_of(&config, &mut budget, &mut kept)?);
        }
        let text = |path: &str| {
            let content: &Content = things.get(&format!("file {path}"))?;
            Some(content.text()?.trim().to_owned())
        };
        let kubernetes = text(VERSION_FILE).and_then(|text| {
            let (version, role) = text.split_once(' ')?;
            Some(Release {
                version: version.parse().ok()?,
                role: role.to_owned(),
            })
        });
        Ok(Self {
            hostname: text("/etc/hostname").unwrap_or_default(),
            kubernetes,
            kernel_arguments: None,
            has_command_line: false,
            base: None,
            version: version.unwrap_or_default(),
            things,
        })
    }

    /// Reads an artifact's config, and whatever else it tells about the node.
    pub fn from_artifact(artifact: &Artifact) -> Result<Self> {
        Self::from_artifact_beside(artifact, 0)
    }

    /// The same, for a caller that has nodes of `held` bytes already.
    pub fn from_artifact_beside(artifact: &Artifact, held: u64) -> Result<Self> {
        let mut side = Self::beside(&artifact.config, held)?;
        side.kernel_arguments.clone_from(&artifact.kernel_arguments);
        side.has_command_line = !artifact.format.facts().is_config_alone();
        if artifact.format.facts().is_live {
            for (name, contents) in &artifact.network {
                side.add_private("keyfile", name, contents);
            }
        }
        side.base.clone_from(&artifact.base);
        Ok(side)
    }

    /// How many bytes it takes in memory, about.
    pub fn size(&self) -> u64 {
        let things = self.things.iter();
        things
            .map(|(name, content)| name.len() as u64 + content.size())
            .sum()
    }

    /// The objects that the node applies to its cluster.
    fn objects(&self) -> Objects {
        let mut objects = Objects::default();
        for (name, content) in &self.things {
            let manifest = name.starts_with(MANIFESTS) && name.strip_suffix(".yaml").is_some();
            if let Some(text) = content.unshown_text().filter(|_| manifest) {
                objects.add(text);
            }
        }
        objects
    }

    /// Adds a file beside the config. Its contents are not shown, since it may contain passwords.
    fn add_private(&mut self, kind: &str, name: &str, contents: &[u8]) {
        self.things
            .insert(format!("{kind} {name}"), Content::private(contents));
    }
}

/// The things that one config defines, by kind and name.
fn things_of(
    config: &Value,
    budget: &mut Budget,
    kept: &mut u64,
) -> Result<BTreeMap<String, Content>> {
    let mut things = BTreeMap::new();
    let mut pieces: BTreeMap<&str, usize> = BTreeMap::new();
    budget.take(size_of_settings(config))?;
    let is_v2 = name(&config["ignition"], "version").starts_with("2.");
    let storage = &config["storage"];
    for file in list(&storage["files"]) {
        let path = name(file, "path");
        // In 2.x each piece that is appended to a file is a separate entry.
        let piece = pieces.entry(path).or_insert(0);
        *piece += 1;
        let key = match *piece {
            1 => format!("file {path}"),
            more => format!("file {path} (piece {more})"),
        };
        things.insert(key, Content::file(file, is_v2, budget, kept)?);
    }
    for (section, kind) in [("systemd", "unit"), ("networkd", "networkd unit")] {
        for unit in list(&config[section]["units"]) {
            let unit_name = name(unit, "name");
            for dropin in list(&unit["dropins"]) {
                let key = format!("drop-in {unit_name}.d/{}", name(dropin, "name"));
                things.insert(key, Content::unit(dropin));
            }
            things.insert(format!("{kind} {unit_name}"), Content::unit(unit));
        }
    }
    for (section, kind, key) in [
        ("directories", "directory", "path"),
        ("links", "link", "path"),
        ("disks", "disk", "device"),
        ("filesystems", "filesystem", "device"),
        ("raid", "raid", "name"),
        ("luks", "luks", "name"),
    ] {
        for thing in list(&storage[section]) {
            // In 2.x a file system's device is one level deeper, and one that is already mounted
            // has only a name.
            let mount = &thing["mount"];
            let named = if mount.is_object() { mount } else { thing };
            let key = if named[key].is_string() { key } else { "name" };
            let content = match section {
                "directories" => Content::directory(thing, is_v2),
                _ => Content::other(thing),
            };
            things.insert(format!("{kind} {}", name(named, key)), content);
        }
    }
    for (section, kind) in [("users", "user"), ("groups", "group")] {
        for thing in list(&config["passwd"][section]) {
            things.insert(
                format!("{kind} {}", name(thing, "name")),
                Content::other(thing),
            );
        }
    }
    things.extend(settings_of(config));
    Ok(things)
}

/// The kinds of things that are kernel arguments which Ignition adds and removes.
const SET_BY_IGNITION: [&str; 2] = [
    "kernel argument, by Ignition:",
    "no kernel argument, by Ignition:",
];

fn is_set_by_ignition(name: &str) -> bool {
    SET_BY_IGNITION.iter().any(|kind| name.starts_with(kind))
}

/// Whether `image` has the kernel arguments on its command line that `config` leaves to Ignition.
fn arguments_are_on_line(image: &Side, config: &Side) -> bool {
    image.has_command_line
        && !config.has_command_line
        && !image.things.keys().any(|name| is_set_by_ignition(name))
}

/// A config's settings of Ignition itself and of the kernel, and sections unknown to Ignition 2 and
/// 3.
fn settings_of(config: &Value) -> BTreeMap<String, Content> {
    let mut things = BTreeMap::new();
    for (list_name, kind) in ["shouldExist", "shouldNotExist"]
        .into_iter()
        .zip(SET_BY_IGNITION)
    {
        for argument in list(&config["kernelArguments"][list_name]) {
            let argument = argument.as_str().unwrap_or_default();
            things.insert(format!("{kind} {argument}"), Content::other(&Value::Null));
        }
    }
    for (key, value) in config["ignition"].as_object().into_iter().flatten() {
        match key.as_str() {
            "version" => {}
            "config" => {
                for how in ["merge", "append", "replace"] {
                    let others = &value[how];
                    let one = std::slice::from_ref(others);
                    for other in others.as_array().map_or(one, Vec::as_slice) {
                        let source = name(other, "source");
                        // Nested configs are read as part of it.
                        if !source.is_empty() && !source.starts_with("data:") {
                            things
                                .insert(format!("config to {how} {source}"), Content::other(other));
                        }
                    }
                }
            }
            _ => {
                things.insert(format!("setting ignition.{key}"), Content::other(value));
            }
        }
    }
    for (key, value) in config.as_object().into_iter().flatten() {
        if !KNOWN.contains(&key.as_str()) {
            things.insert(format!("unknown section {key}"), Content::other(value));
        }
    }
    things
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn name<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The changes from `old` to `new`, one line each, with the changed lines of texts; empty if there
/// are none.
pub fn differences(old: &Side, new: &Side) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(before), Some(after)) = (&old.base, &new.base)
        && before != after
    {
        lines.push(format!(
            "~ base {} -> {} (packages, kernel or extensions)",
            shortened(before),
            shortened(after)
        ));
    }
    if !old.version.is_empty() && !new.version.is_empty() && old.version != new.version {
        lines.push(format!("~ Ignition {} -> {}", old.version, new.version));
    }
    if let (Some(before), Some(after)) = (&old.kernel_arguments, &new.kernel_arguments) {
        arguments(before, after, &mut lines);
    }
    let names: BTreeSet<&String> = old.things.keys().chain(new.things.keys()).collect();
    let (mut shown, deadline) = (0, Instant::now() + SEARCH);
    let left_to_line = arguments_are_on_line(old, new) || arguments_are_on_line(new, old);
    for name in names {
        if left_to_line && is_set_by_ignition(name) {
            continue;
        }
        match (old.things.get(name), new.things.get(name)) {
            (Some(_), None) => lines.push(format!("- {name}")),
            (None, Some(_)) => lines.push(format!("+ {name}")),
            (Some(before), Some(after)) if before != after => {
                lines.push(format!("~ {name}{}", before.why(after)));
                let changed = text_diff(before, after, deadline);
                let size: usize = changed.iter().map(String::len).sum();
                if shown + size > LINES_MAX {
                    lines.push("    (more lines than are shown)".to_owned());
                } else {
                    shown += size;
                    lines.extend(changed);
                }
            }
            _ => {}
        }
    }
    lines.extend(old.objects().refused(&new.objects()));
    lines
}

/// Enough of a hash to distinguish it from others; a name unchanged.
fn shortened(id: &str) -> &str {
    let is_hash = id.len() > 12 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hash { &id[..12] } else { id }
}

/// Changed kernel arguments; the base's id has its own line.
fn arguments(before: &[String], after: &[String], lines: &mut Vec<String>) {
    let own = |argument: &&String| {
        !argument.starts_with("imgbuild.base=") && !argument.starts_with("imgbuild.images=")
    };
    let (old, new): (HashSet<_>, HashSet<_>) = (before.iter().collect(), after.iter().collect());
    for argument in before.iter().filter(own).filter(|a| !new.contains(a)) {
        lines.push(format!("- kernel argument {argument}"));
    }
    for argument in after.iter().filter(own).filter(|a| !old.contains(a)) {
        lines.push(format!("+ kernel argument {argument}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(config: &str) -> Side {
        Side::new(config.as_bytes()).expect("a config")
    }

    #[test]
    fn every_kind_of_change_is_told_and_no_secret() {
        let old = side(
            r#"{"storage":{"files":[
                {"path":"/etc/hostname","mode":420,"contents":{"source":"data:,kube1%0A"}},
                {"path":"/etc/a","mode":420,"contents":{"source":"data:,one%0Atwo%0Athree%0A"}},
                {"path":"/etc/key","mode":384,"contents":{"source":"data:,hidden1"}},
                {"path":"/etc/gone","mode":420,"contents":{"source":"data:,x"}},
                {"path":"/etc/mode","mode":420,"contents":{"source":"data:,x"}}]},
               "systemd":{"units":[{"name":"a.service","enabled":true,"contents":"[Service]\nExecStart=/bin/a\n"}]},
               "passwd":{"users":[{"name":"core","passwordHash":"$6$secret1"}]}}"#,
        );
        let new = side(
            r#"{"storage":{"files":[
                {"path":"/etc/hostname","mode":420,"contents":{"source":"data:,kube1%0A"}},
                {"path":"/etc/a","mode":420,"contents":{"source":"data:;base64,b25lCjIKdGhyZWUK"}},
                {"path":"/etc/key","mode":384,"contents":{"source":"data:,hidden2"}},
                {"path":"/etc/mode","mode":256,"contents":{"source":"data:,x"}}]},
               "systemd":{"units":[{"name":"a.service","enabled":false,"contents":"[Service]\nExecStart=/bin/b\n"},{"name":"b.service","contents":""}]},
               "passwd":{"users":[{"name":"core","passwordHash":"$6$secret2"}]}}"#,
        );
        assert_eq!(new.hostname, "kube1");
        assert_eq!(
            differences(&old, &new),
            [
                "~ file /etc/a",
                "    @@ -1,3 +1,3 @@",
                "     one",
                "    -two",
                "    +2",
                "     three",
                "- file /etc/gone",
                "~ file /etc/key: contents differ (secret)",
                "~ file /etc/mode: mode 0644 -> 0400",
                "~ unit a.service: enabled -> disabled",
                "    @@ -1,2 +1,2 @@",
                "     [Service]",
                "    -ExecStart=/bin/a",
                "    +ExecStart=/bin/b",
                "+ unit b.service",
                "~ user core: settings differ",
            ]
        );
        assert_eq!(differences(&old, &old), [""; 0]);
    }

    #[test]
    fn arguments_and_bases_are_told() {
        let with = |base: &str, arguments: &[&str]| Side {
            base: Some(base.repeat(20)),
            kernel_arguments: Some(arguments.iter().map(ToString::to_string).collect()),
            ..Side::default()
        };
        assert_eq!(
            differences(
                &with("a", &["x=1", "imgbuild.base=a", "q"]),
                &with("b", &["q", "imgbuild.base=b", "imgbuild.images=b", "x=2"])
            ),
            [
                "~ base aaaaaaaaaaaa -> bbbbbbbbbbbb (packages, kernel or extensions)",
                "- kernel argument x=1",
                "+ kernel argument x=2",
            ]
        );
    }
}
