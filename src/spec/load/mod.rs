//! The only part of `spec` that touches files: reads a spec, what it includes, and the local files
//! that it names.
//!
//! All of them lie in the spec's folder (the project) or below it, after symbolic links are
//! followed; SSH public keys may also come from the user's home. Sizes are bounded before anything
//! is read. Every failure is a diagnostic at the value that names the file.

mod folder;
mod include;
mod local;
mod manifests;

use std::path::Path;

pub use local::{LocalFiles, TreeEntry, TreeEntryKind};
pub use manifests::ManifestFile;

use super::assemble::assemble;
use super::types::Cluster;
use crate::diagnostic::{Diagnostic, Severity, Sources, sort};

/// A spec and all files that it names.
#[derive(Debug)]
pub struct Loaded {
    /// What could be read of the spec.
    pub cluster: Cluster,
    /// What the spec's local paths hold.
    pub files: LocalFiles,
    /// Everything wrong or doubtful. With an error among them the cluster is not to be built, but
    /// can be checked further so that one run shows all mistakes: lists lack the elements that
    /// could not be read, and keys that could not be read look as if they were not written.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    /// Whether nothing may be built from this.
    pub fn has_errors(&self) -> bool {
        self.diagnostics
            .iter()
            .any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// Reads the spec at `path`. `home` is the folder that `~/` stands for. The texts read are kept in
/// `sources`. The error is for a file that is no spec at all.
pub fn load(
    path: &Path,
    home: Option<&Path>,
    sources: &mut Sources,
) -> Result<Loaded, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let project = match folder::Project::of(path, home) {
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
        sort(&mut diagnostics);
        return Err(diagnostics);
    };
    let files = LocalFiles::read(&assembled.local, &project, sources, &mut diagnostics);
    local::check_certificates(&cluster, &files, &mut diagnostics);
    sort(&mut diagnostics);
    Ok(Loaded {
        cluster,
        files,
        diagnostics,
    })
}
