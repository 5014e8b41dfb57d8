//! The only part of `spec` that touches files: reads a spec, what it includes, and the local files
//! that it refers to.
//!
//! All of them are in the spec's folder (the project) or below it, after following symbolic links;
//! SSH public keys may also come from the user's home. Sizes are limited before anything is read.
//! Every failure is a diagnostic at the value that refers to the file.

mod charts;
mod folder;
mod include;
mod learned;
mod local;
mod manifests;
mod rendered;

use std::path::Path;

pub use charts::ChartFiles;
pub use local::{LocalFiles, TreeEntry, TreeEntryKind};
pub use manifests::{LIMITS as MANIFEST_LIMITS, ManifestFile};
pub use rendered::{NodeCharts, RenderedCharts};

use super::assemble::assemble;
use super::types::Cluster;
use crate::diagnostic::{Diagnostic, Severity, Sources, in_order};
use crate::facts::kubernetes::learned::LearnedTables;

/// A spec and all files that it refers to.
#[derive(Debug)]
pub struct Loaded {
    /// What could be read of the spec.
    pub cluster: Cluster,
    /// The contents of the spec's local paths.
    pub files: LocalFiles,
    /// What was learned of the releases of Kubernetes that the spec names, from files beside it.
    pub learned: LearnedTables,
    /// What the charts of nodes became, once they are rendered: nothing yet.
    pub charts: RenderedCharts,
    /// All errors and warnings. With an error among them, the cluster must not be built, but can be
    /// checked further so that one run shows all mistakes: lists lack the items that could not be
    /// read, and keys that could not be read look as if they were not set.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Returns whether nothing may be built from this.
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Reads the spec at `path`. `home` is the folder that `~/` stands for. The texts read are stored
/// in `sources`. The error is for a file that is not a spec.
pub fn load(
    path: &Path,
    home: Option<&Path>,
    sources: &mut Sources,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let project = match folder::Project::from_spec_path(path, home) {
        Ok(project) => project,
        Err(diagnostic) => return Err(vec![*diagnostic]),
    };
    let Some(tree) = include::Includes::new(&project, sources, &mut diagnostics).tree_of(path)
    else {
        return Err(diagnostics);
    };
    let assembled = assemble(&tree);
    diagnostics.extend(assembled.diagnostics);
    let Some(cluster) = assembled.cluster else {
        return Err(in_order(diagnostics));
    };
    let files = LocalFiles::read(&assembled.local, &project, sources, &mut diagnostics);
    local::check_certificates(&cluster, &files, &mut diagnostics);
    let learned = learned::beside(path, &cluster, &mut diagnostics);
    Ok(Loaded {
        cluster,
        files,
        learned,
        charts: RenderedCharts::default(),
        diagnostics: in_order(diagnostics),
    })
}
