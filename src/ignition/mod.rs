//! Merges fragments into one Ignition config, checks it and writes it.
//!
//! The config is of spec 3.3.0, the newest that Debian's Ignition 2.14 accepts.

mod contents;
mod disks;
pub(crate) mod encode;
mod merge;
mod paths;
mod report;
mod systemd;
mod trace;
mod values;
mod write;

pub(crate) use contents::decode;
pub use encode::resource;
use ignition_config::v3_3;

use crate::diagnostic::Diagnostic;
use crate::parts::{self, Contents, Fragment, Origin};
use crate::plan::Node;

/// A node's Ignition config, checked.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub config: v3_3::Config,
    /// What is doubtful but does not stop the build.
    pub warnings: Vec<Diagnostic>,
    /// networkd files that Ignition needs to reach remote sources before it has written any: for
    /// [`Payload::network`](crate::pack::Payload).
    pub network: Vec<(String, Vec<u8>)>,
}

/// All that is wrong or doubtful with the Ignition config that `node` would have.
pub fn check(node: &Node) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    merged(node, &mut found);
    found
}

/// Makes the Ignition config of `node`, or says all that is wrong with it.
pub fn compile(node: &Node) -> Result<Compiled, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let merged = merged(node, &mut found);
    if found.iter().any(report::is_error) {
        return Err(found);
    }
    Ok(Compiled {
        network: network_files(&merged),
        config: write::config(merged),
        warnings: found,
    })
}

/// Everything that is asked of `node` in one, checked.
fn merged(node: &Node, found: &mut Vec<Diagnostic>) -> Fragment {
    values::check(node, found);
    let merged = merge::merge(parts::all(node), &node.own, found);
    paths::check(&merged, found);
    contents::check(&merged, found);
    disks::check(&merged, found);
    systemd::check(&merged, found);
    merged
}

/// `config` as JSON without white space or nulls, for payloads.
pub fn to_json(config: &v3_3::Config) -> Vec<u8> {
    write::json(config, false)
}

/// `config` as JSON for people, ending in a newline.
pub fn to_json_pretty(config: &v3_3::Config) -> Vec<u8> {
    write::json(config, true)
}

/// Each thing that `fragments` ask for, by kind and name (`file /etc/hosts`), with what asked for it.
pub fn trace(fragments: &[Fragment]) -> Vec<(String, Origin)> {
    fragments.iter().flat_map(trace::things).collect()
}

/// The networkd files of `merged`, the spec's own among them: name and text.
fn network_files(merged: &Fragment) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = merged
        .files
        .iter()
        .filter_map(|file| {
            let name = file.path.as_str().strip_prefix("/etc/systemd/network/")?;
            match &file.contents {
                Some(Contents::Inline(text)) if !name.contains('/') => {
                    Some((name.to_owned(), text.clone()))
                }
                _ => None,
            }
        })
        .collect();
    files.sort();
    files
}
