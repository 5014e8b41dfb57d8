//! `imgbuild diff`: what changes from one spec or artifact to another.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context;

use crate::diagnostic::Sources;
use crate::diff::{self, Side, Skew};
use crate::facts::systems::LinkManager;
use crate::formats::Damaged;
use crate::ignition;
use crate::parts;
use crate::pki::Access;
use crate::read;
use crate::read::Artifact;

use super::inspect::is_spec;
use super::messages::Messages;
use super::outcome::Failure;
use super::spec_file::{SpecFile, chosen, few};

/// Prints what changes from `old` to `new`; for clusters, node by node. A version of Kubernetes
/// that the nodes cannot be upgraded to is invalid input.
pub fn run(
    (old, new): (&Path, &Path),
    node: Option<&str>,
    keys: Option<&Path>,
    sources: &mut Sources,
    messages: Messages,
) -> Result<(), Failure> {
    let mut before = sides(old, node, keys, sources, messages)?;
    let mut after = sides(new, node, keys, sources, messages)?;
    same_name(&mut before, &mut after);
    // An image is one node: the others of a cluster are not gone because of it.
    if before.len() == 1 && !is_whole(old) {
        after.retain(|name, _| before.contains_key(name));
        if after.is_empty() {
            let names: Vec<&str> = before.keys().map(String::as_str).collect();
            return Err(Failure::Usage(format!(
                "{} has no node `{}`, the node of {}",
                new.display(),
                names.join(", "),
                old.display()
            )));
        }
    }
    let mut text = String::new();
    let mut upgraded = Vec::new();
    let mut refused = Vec::new();
    for (name, side) in &after {
        let Some(was) = before.get(name) else {
            let _ = writeln!(text, "{name}: new node");
            continue;
        };
        if let (Some(from), Some(to)) = (&was.kubernetes, &side.kubernetes) {
            match diff::skew(from, to) {
                Skew::None => {}
                Skew::Upgrade => {
                    let _ = writeln!(
                        text,
                        "{name}: Kubernetes {} -> {}",
                        from.version, to.version
                    );
                    upgraded.push((name.as_str(), to.role.as_str()));
                }
                Skew::Unsupported(why) => refused.push(format!("{name}: {why}")),
            }
        }
        let lines = diff::differences(was, side);
        if lines.is_empty() {
            let _ = writeln!(text, "{name}: no changes");
        } else {
            let _ = writeln!(text, "{name}:\n  {}", lines.join("\n  "));
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        if is_whole(new) {
            let _ = writeln!(text, "{name}: node removed");
        }
    }
    if !upgraded.is_empty() && refused.is_empty() {
        let _ = writeln!(text, "\nTo upgrade, take these steps in order:");
        for (index, step) in diff::steps(&upgraded).iter().enumerate() {
            let _ = writeln!(text, "  {}. {step}", index + 1);
        }
    }
    std::io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .context("writing to standard output")?;
    if refused.is_empty() {
        Ok(())
    } else {
        Err(Failure::Usage(refused.join("; ")))
    }
}

/// Calls a node that has no name, such as a live image without a config, by the name of the only
/// one that it is compared with.
fn same_name(before: &mut BTreeMap<String, Side>, after: &mut BTreeMap<String, Side>) {
    if before.len() != 1 || after.len() != 1 {
        return;
    }
    let rename = |nameless: &mut BTreeMap<String, Side>, named: &BTreeMap<String, Side>| {
        if let (Some(side), Some(name)) = (nameless.remove(""), named.keys().next()) {
            nameless.insert(name.clone(), side);
        }
    };
    rename(before, after);
    rename(after, before);
}

/// Whether `path` holds all nodes of a cluster: a spec does, and a folder for network boot.
fn is_whole(path: &Path) -> bool {
    is_spec(path) || path.is_dir()
}

/// The nodes of a spec or an artifact, by host name.
fn sides(
    path: &Path,
    node: Option<&str>,
    keys: Option<&Path>,
    sources: &mut Sources,
    messages: Messages,
) -> Result<BTreeMap<String, Side>, Failure> {
    if is_spec(path) {
        let cluster = SpecFile::new(path, keys).decide(Access::Look, sources, messages)?;
        let mut sides = BTreeMap::new();
        for node in chosen(&cluster, node)? {
            let compiled = ignition::compile(node, parts::all(node))?;
            let side = Side::new(&ignition::to_json(&compiled.config))?;
            sides.insert(node.hostname.to_string(), side);
        }
        return Ok(sides);
    }
    let of_artifacts = || {
        let mut sides = BTreeMap::new();
        for mut artifact in read::artifacts(path)? {
            leave_out_repeated(&mut artifact)?;
            let side = Side::from_artifact(&artifact)
                .map_err(|error| Damaged(format!("{}: {error:#}", path.display())))?;
            sides.insert(side.hostname.clone(), side);
        }
        Ok(sides)
    };
    let mut sides: BTreeMap<String, Side> = of_artifacts().map_err(Failure::of_reading)?;
    if let Some(wanted) = node {
        let there = sides.keys().cloned().collect::<Vec<_>>();
        sides.retain(|name, _| name == wanted);
        if sides.is_empty() {
            return Err(Failure::Usage(format!(
                "{} holds the node `{}`",
                path.display(),
                few(&there)
            )));
        }
    }
    Ok(sides)
}

/// Leaves out keyfiles that are also files of the config: those of a spec are, and a spec has no
/// others.
fn leave_out_repeated(artifact: &mut Artifact) -> anyhow::Result<()> {
    let laid = read::laid(&artifact.config)?;
    let folder = LinkManager::NetworkManager.folder();
    (artifact.network)
        .retain(|name, contents| laid.files.get(&format!("{folder}/{name}")) != Some(contents));
    Ok(())
}
