//! From the path of a spec to decided nodes: what every command that takes a spec begins with.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::diagnostic::{Diagnostic, Sources};
use crate::ignition;
use crate::pki::{Access, KeyFolder, Keys, system_random};
use crate::plan::{self, Cluster, Node};
use crate::spec::{self, Loaded};

use super::messages::Messages;
use super::outcome::Failure;

/// A spec's place and what lies beside it.
#[derive(Debug, Clone)]
pub struct SpecFile {
    pub path: PathBuf,
    pub keys: PathBuf,
    pub lock: PathBuf,
}

impl SpecFile {
    /// The spec at `path`, its keys in `keys` or beside it.
    pub fn new(path: &Path, keys: Option<&Path>) -> Self {
        let folder = path.parent().unwrap_or(Path::new(""));
        Self {
            path: path.to_owned(),
            keys: keys.map_or_else(|| folder.join("keys"), Path::to_owned),
            lock: folder.join("imgbuild.lock"),
        }
    }

    /// Reads the spec and all that it names.
    pub fn load(&self, sources: &mut Sources) -> Result<Loaded, Failure> {
        let home = std::env::home_dir();
        Ok(spec::load(&self.path, home.as_deref(), sources)?)
    }

    /// Reads and decides. With [`Access::Look`] the key folder stays as it is. Warnings are said at once; with an error
    /// nothing is made.
    pub fn decide(
        &self,
        access: Access,
        sources: &mut Sources,
        messages: Messages,
    ) -> Result<Cluster, Failure> {
        let loaded = self.load(sources)?;
        let decided = plan::decide(&loaded, sources)
            .map_err(|found| with_those_of_ignition(found, &plan::tentative(&loaded, sources)))?;
        messages.diagnostics(sources, &decided.warnings);
        let mut rng = system_random();
        // A folder that nothing is needed of is neither made nor read.
        let access = if decided.needs_keys() {
            access
        } else {
            Access::Look
        };
        let folder = KeyFolder::open(&self.keys, access)?;
        let mut keys = Keys::new(folder, SystemTime::now(), &mut rng);
        let cluster = decided.with_keys(&mut keys)?;
        for notice in keys.notices() {
            if notice.is_warning() {
                messages.warn(&notice.to_string());
            } else if access == Access::Write {
                messages.note(&notice.to_string());
            }
        }
        Ok(cluster)
    }
}

/// What is wrong with a spec, and what `ignition` would find wrong with its nodes at other places: one run shows all.
fn with_those_of_ignition(mut found: Vec<Diagnostic>, nodes: &[Node]) -> Vec<Diagnostic> {
    let told: HashSet<_> = found.iter().map(|diagnostic| diagnostic.span).collect();
    for node in nodes {
        let more = match ignition::compile(node) {
            Ok(compiled) => compiled.warnings,
            Err(diagnostics) => diagnostics,
        };
        found.extend(
            more.into_iter()
                .filter(|diagnostic| !told.contains(&diagnostic.span)),
        );
    }
    sort_by_place(&mut found);
    found
}

/// In the order of the text; what is about the whole comes first. What two nodes share is said once.
pub fn sort_by_place(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by_key(|d| (d.span.map(|s| (s.source, s.start, s.end)), d.code));
    diagnostics.dedup();
}

/// The nodes that are meant: all, or the one named `hostname`.
pub fn chosen<'a>(cluster: &'a Cluster, hostname: Option<&str>) -> Result<Vec<&'a Node>, Failure> {
    let Some(hostname) = hostname else {
        return Ok(cluster.nodes.iter().collect());
    };
    match cluster
        .nodes
        .iter()
        .find(|node| node.hostname.as_str() == hostname)
    {
        Some(node) => Ok(vec![node]),
        None => Err(Failure::Usage(format!(
            "no node is named `{hostname}`; there are {}",
            names(cluster)
        ))),
    }
}

/// The host names of `cluster`, for a message.
pub fn names(cluster: &Cluster) -> String {
    let names: Vec<_> = cluster
        .nodes
        .iter()
        .map(|node| node.hostname.as_str())
        .collect();
    names.join(", ")
}
