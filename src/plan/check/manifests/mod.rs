//! Manifests of Kubernetes, as the API server of their version would judge them.

use crate::diagnostic::Diagnostic;
use crate::spec::ManifestFile;

/// What is wrong with `files`, for the API server of 1.`minor`.
pub(in crate::plan) fn check(
    files: &[&ManifestFile],
    minor: u16,
    runtime_config: bool,
    found: &mut Vec<Diagnostic>,
) {
    let _ = (files, minor, runtime_config, found);
}
