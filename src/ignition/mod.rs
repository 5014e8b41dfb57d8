//! Merges fragments into one Ignition config, checks it and writes it.
//!
//! The version of its specification is the node's: 3.3.0 for Debian, whose Ignition 2.14 accepts
//! none newer, 2.2.0 for Container Linux.

mod base_files;
mod contents;
mod disks;
mod ignored;
mod merge;
mod paths;
mod programs;
mod report;
mod systemd;
mod trace;
pub mod v2;
mod values;
mod write;

use ignition_config::v3_4;

use crate::diagnostic::{Diagnostic, codes};
use crate::facts::systems::{IgnitionVersion, LinkManager};
use crate::node::fragment::{Contents, Fragment, Origin};
use crate::node::{Node, ignition_2};

/// A config, in the types of its specification.
#[derive(Debug, Clone, PartialEq)]
pub enum Config {
    /// 3.3.0 and later, in which the parts are the same.
    V3(v3_4::Config),
    /// 2.2.0 and 2.3.0.
    V2(ignition_2::Config),
}

impl Config {
    /// Returns the config, if it is of 3.x.
    pub fn into_v3(self) -> Option<v3_4::Config> {
        match self {
            Self::V3(config) => Some(config),
            Self::V2(_) => None,
        }
    }

    /// Returns the config, if it is of 2.x.
    pub fn into_v2(self) -> Option<ignition_2::Config> {
        match self {
            Self::V3(_) => None,
            Self::V2(config) => Some(config),
        }
    }
}

/// A node's Ignition config, checked.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub config: Config,
    /// Warnings, which do not stop the build.
    pub warnings: Vec<Diagnostic>,
    /// Files for the node's links that Ignition needs to reach remote sources before it has written
    /// any: for [`Payload::network`](crate::pack::Payload).
    pub network: Vec<(String, Vec<u8>)>,
}

/// Returns all errors and warnings about the Ignition config that `node` gets from `fragments`.
pub fn check(node: &Node, fragments: Vec<Fragment>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    merged(node, fragments, &mut found);
    found
}

/// Creates the Ignition config of `node` from the `fragments` of its parts, or returns everything
/// that is wrong with it.
pub fn compile(node: &Node, fragments: Vec<Fragment>) -> Result<Compiled, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let merged = merged(node, fragments, &mut found);
    if found.iter().any(report::is_error) {
        return Err(found);
    }
    Ok(Compiled {
        network: network_files(node, &merged),
        config: if node.ignition < IgnitionVersion::V3_3 {
            Config::V2(v2::config(merged, node.ignition))
        } else {
            Config::V3(write::config(merged, node.ignition))
        },
        warnings: found,
    })
}

/// Merges `fragments` and the spec's own sections, and checks the result.
fn merged(node: &Node, fragments: Vec<Fragment>, found: &mut Vec<Diagnostic>) -> Fragment {
    values::check(node, found);
    let merged = merge::merge(fragments, &node.user_sections, found);
    paths::check(&merged, node.target.facts(), node.ignition, found);
    base_files::check(&merged, node.target.facts(), found);
    contents::check(&merged, node.ignition, found);
    disks::check(&merged, node.target.facts(), node.ignition, found);
    systemd::check(&merged, found);
    programs::check(&merged, found);
    ignored::check(&merged, found);
    v2::check(&merged, node.ignition, found);
    replaced(&merged, found);
    merged
}

/// Returns `config` with the kernel arguments of `node`, which Ignition sets on systems that boot
/// from their own disk.
pub fn with_kernel_arguments(mut config: Config, node: &Node) -> Config {
    if let Config::V3(config) = &mut config {
        config.kernel_arguments = write::kernel_arguments(node);
    }
    config
}

/// Reports a config that replaces more than an empty one.
fn replaced(merged: &Fragment, found: &mut Vec<Diagnostic>) {
    let Some((_, origin)) = &merged.head.replacing else {
        return;
    };
    let things = trace::things(merged);
    if let Some((first, _)) = things.iter().find(|(_, of)| of != origin) {
        found.push(
            report::warning(
                codes::CONFIG_REPLACED,
                origin,
                "Ignition takes another config instead of this one".to_owned(),
            )
            .label(format!(
                "without the {first} and everything else of the spec"
            ))
            .help("use `merge` to keep both"),
        );
    }
}

/// Returns `config` as JSON without white space or nulls, for payloads.
pub fn to_json(config: &Config) -> Vec<u8> {
    write::json(config)
}

/// Returns `json` from [`to_json`] for people: indented, and ending in a newline.
pub fn indented(json: &[u8]) -> Vec<u8> {
    write::indented(json)
}

/// Returns `config` as JSON for people.
pub fn to_json_pretty(config: &Config) -> Vec<u8> {
    indented(&to_json(config))
}

/// Returns each thing that `fragments` ask for, by kind and name (`file /etc/hosts`), with what
/// asked for it.
pub fn trace(fragments: &[Fragment]) -> Vec<(String, Origin)> {
    fragments.iter().flat_map(trace::things).collect()
}

/// Returns the files of `merged` for the links, including the user's: name and text.
fn network_files(node: &Node, merged: &Fragment) -> Vec<(String, Vec<u8>)> {
    let links = node.target.facts().links;
    // Before Ignition runs, NetworkManager reads no keyfile without this extension.
    let is_read = |name: &str| match links {
        LinkManager::Networkd => true,
        LinkManager::NetworkManager => name.ends_with(".nmconnection"),
    };
    let mut files: Vec<_> = merged
        .files
        .iter()
        .filter_map(|file| {
            let name = file.path.as_str().strip_prefix(links.folder())?;
            let name = name.strip_prefix('/')?;
            match &file.contents {
                Some(Contents::Inline(text)) if !name.contains('/') && is_read(name) => {
                    Some((name.to_owned(), text.clone()))
                }
                _ => None,
            }
        })
        .collect();
    files.sort();
    files
}
