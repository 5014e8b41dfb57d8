//! What changes from one spec or artifact to another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::diff::{self, Release, Side, Skew};
use crate::facts::systems::LinkManager;
use crate::formats::Damaged;
use crate::ignition;
use crate::parts;
use crate::pki::Access;
use crate::read;
use crate::read::Artifact;

use super::spec_file::{chosen, few, is_spec};
use super::{Error, Result, Session, SpecFile};

/// What is compared: specs, by their names (`.yaml`), or artifacts of any format.
#[derive(Debug, Clone)]
pub struct DiffOptions {
    pub old: PathBuf,
    pub new: PathBuf,
    /// Of clusters, only the node with this host name.
    pub node: Option<String>,
    /// The folder of the cluster's keys; `None`: beside each spec.
    pub keys: Option<PathBuf>,
}

impl DiffOptions {
    /// Compares all nodes of `old` and `new`.
    pub fn new(old: impl Into<PathBuf>, new: impl Into<PathBuf>) -> Self {
        Self {
            old: old.into(),
            new: new.into(),
            node: None,
            keys: None,
        }
    }
}

/// What changes, node by node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// By host name, in its order: first the nodes that are there afterwards, then those that are
    /// gone.
    pub nodes: Vec<(String, NodeChange)>,
    /// How Kubernetes is upgraded, one step after the other; empty where it is not, or cannot be.
    pub steps: Vec<String>,
    /// Nodes whose Kubernetes cannot go from the old version to the new one, and why.
    pub refused: Vec<String>,
}

/// What changes of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeChange {
    /// It was not there.
    New,
    /// It is no longer there.
    Gone,
    /// It is on both sides.
    Changed {
        /// Its Kubernetes before and after, where that is another one.
        upgrade: Option<(Release, Release)>,
        /// What differs, one line a thing; empty: nothing.
        lines: Vec<String>,
    },
}

/// Compares two specs or artifacts. Secrets are compared, and not told; the key folder stays as it
/// is.
pub fn diff(options: &DiffOptions, session: &mut Session<'_>) -> Result<Changes> {
    let (old, new) = (&options.old, &options.new);
    let mut before = sides(old, options, 0, session)?;
    let held = size(&before);
    let mut after = sides(new, options, held, session)?;
    same_name(&mut before, &mut after);
    // An image is one node: the others of a cluster are not gone because of it.
    if before.len() == 1 && !is_whole(old) {
        after.retain(|name, _| before.contains_key(name));
        if after.is_empty() {
            let names: Vec<&str> = before.keys().map(String::as_str).collect();
            return Err(Error::Request(format!(
                "{} has no node `{}`, the node of {}",
                new.display(),
                names.join(", "),
                old.display()
            )));
        }
    }
    let mut changes = changes(&before, &after);
    if is_whole(new) {
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        let gone = gone.map(|name| (name.clone(), NodeChange::Gone));
        changes.nodes.extend(gone);
    }
    Ok(changes)
}

/// What changes of the nodes that are there afterwards.
fn changes(before: &BTreeMap<String, Side>, after: &BTreeMap<String, Side>) -> Changes {
    let mut changes = Changes::default();
    let mut upgraded = Vec::new();
    for (name, side) in after {
        let Some(was) = before.get(name) else {
            changes.nodes.push((name.clone(), NodeChange::New));
            continue;
        };
        let mut upgrade = None;
        if let (Some(from), Some(to)) = (&was.kubernetes, &side.kubernetes) {
            match diff::skew(from, to) {
                Skew::None => {}
                Skew::Upgrade => {
                    upgrade = Some((from.clone(), to.clone()));
                    upgraded.push((name.as_str(), to.role.as_str()));
                }
                Skew::Unsupported(why) => changes.refused.push(format!("{name}: {why}")),
            }
        }
        let lines = diff::differences(was, side);
        let change = NodeChange::Changed { upgrade, lines };
        changes.nodes.push((name.clone(), change));
    }
    if changes.refused.is_empty() {
        changes.steps = diff::steps(&upgraded);
    }
    changes
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

/// How many bytes `sides` take in memory, about.
fn size(sides: &BTreeMap<String, Side>) -> u64 {
    sides.values().map(Side::size).sum()
}

/// The nodes of a spec or an artifact, by host name, beside others of `held` bytes.
fn sides(
    path: &Path,
    options: &DiffOptions,
    held: u64,
    session: &mut Session<'_>,
) -> Result<BTreeMap<String, Side>> {
    if is_spec(path) {
        sides_of_spec(path, options, session)
    } else {
        sides_of_artifacts(path, options.node.as_deref(), held)
    }
}

fn sides_of_spec(
    path: &Path,
    options: &DiffOptions,
    session: &mut Session<'_>,
) -> Result<BTreeMap<String, Side>> {
    let spec = SpecFile::new(path).with_keys(options.keys.clone());
    let cluster = spec.decide(Access::Look, session)?;
    let mut sides = BTreeMap::new();
    for node in chosen(&cluster, options.node.as_deref())? {
        let compiled = ignition::compile(node, parts::all(node))?;
        // As for its own disk; a command line that is known counts instead.
        let config = ignition::with_kernel_arguments(compiled.config, node);
        let side = Side::new(&ignition::to_json(&config))?;
        sides.insert(node.hostname.to_string(), side);
    }
    Ok(sides)
}

fn sides_of_artifacts(
    path: &Path,
    node: Option<&str>,
    mut held: u64,
) -> Result<BTreeMap<String, Side>> {
    let mut read = || -> anyhow::Result<_> {
        let mut sides = BTreeMap::new();
        for artifact in read::artifacts(path)? {
            let mut artifact = artifact?;
            leave_out_repeated(&mut artifact)?;
            let side = Side::from_artifact_beside(&artifact, held)
                .map_err(|error| Damaged(format!("{}: {error:#}", path.display())))?;
            held += side.size();
            sides.insert(side.hostname.clone(), side);
        }
        Ok(sides)
    };
    let mut sides: BTreeMap<String, Side> = read().map_err(Error::from_reading)?;
    if let Some(wanted) = node {
        let there = sides.keys().cloned().collect::<Vec<_>>();
        sides.retain(|name, _| name == wanted);
        if sides.is_empty() {
            return Err(Error::Request(format!(
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
    if artifact.network.is_empty() {
        return Ok(());
    }
    let laid = read::laid(&artifact.config)?;
    let folder = LinkManager::NetworkManager.folder();
    (artifact.network)
        .retain(|name, contents| laid.files.get(&format!("{folder}/{name}")) != Some(contents));
    Ok(())
}
