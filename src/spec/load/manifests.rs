//! Kubernetes manifests that a spec refers to.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::folder::{Project, read_bounded, reason, unreadable};
use crate::diagnostic::{Diagnostic, Sources, Span, codes};
use crate::spec::yaml::{Limits, Node, parse_documents};

/// Maximum size of a file, in bytes. An object has at most 1.5 MiB in etcd; operators have a few
/// dozen in one file.
const BYTES_MAX: u64 = 8 << 20;

/// Maximum number of files in one folder.
const FILES_MAX: usize = 1000;

/// The limits on one file: the definitions of an operator's resources are deep and long.
pub const LIMITS: Limits = Limits {
    depth: 128,
    values: 1_000_000,
    text: 8 << 20,
};

/// A manifest file.
#[derive(Debug, Clone)]
pub struct ManifestFile {
    /// Its name without the extension.
    pub name: String,
    pub text: Arc<str>,
    /// The documents that are not empty, in order.
    pub documents: Vec<Node>,
}

/// Reads the file at `path`, which the value at `span` refers to, or the files of a folder, as
/// `kubectl apply -f` does: those that end in `.yaml`, `.yml` or `.json`, by name, without
/// subfolders. YAML mistakes are added to `found`.
pub fn read(
    path: &Path,
    project: &Project,
    span: Span,
    sources: &mut Sources,
    found: &mut Vec<Diagnostic>,
) -> Result<Vec<ManifestFile>, Box<Diagnostic>> {
    project.resolve(path, span)?;
    let mut files = Vec::new();
    if !path.is_dir() {
        files.extend(file(path, span, sources, found)?);
        return Ok(files);
    }
    for path in names(path, span)? {
        project.resolve(&path, span)?;
        files.extend(file(&path, span, sources, found)?);
    }
    if files.is_empty() {
        found.push(Diagnostic::warning(
            codes::NO_MANIFEST,
            span,
            format!("`{}` contains no manifest", path.display()),
        ));
    }
    Ok(files)
}

fn names(folder: &Path, span: Span) -> Result<Vec<PathBuf>, Box<Diagnostic>> {
    let failed = |error: std::io::Error| Box::new(unreadable(Some(span), folder, &reason(&error)));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str());
        if matches!(ending, Some("yaml" | "yml" | "json")) && !path.is_dir() {
            paths.push(path);
        }
    }
    if paths.len() > FILES_MAX {
        return Err(Box::new(Diagnostic::error(
            codes::TOO_MANY_VALUES,
            span,
            format!("the folder contains more than {FILES_MAX} manifests"),
        )));
    }
    paths.sort();
    Ok(paths)
}

fn file(
    path: &Path,
    span: Span,
    sources: &mut Sources,
    found: &mut Vec<Diagnostic>,
) -> Result<Option<ManifestFile>, Box<Diagnostic>> {
    let text = String::from_utf8(read_bounded(path, BYTES_MAX, Some(span))?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Box::new(Diagnostic::error(
            codes::NOT_UTF8,
            span,
            format!(
                "`{}` is not UTF-8: byte 0x{:02x} at offset {at}",
                path.display(),
                error.as_bytes()[at]
            ),
        ))
    })?;
    let text: Arc<str> = text.into();
    let source = sources.add(path, text.clone());
    let (documents, diagnostics) = parse_documents(&text, source, LIMITS);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    found.extend(diagnostics);
    if documents.is_empty() {
        if !found
            .iter()
            .any(|d| d.span.is_some_and(|s| s.source == source))
        {
            found.push(Diagnostic::warning(
                codes::NO_MANIFEST,
                span,
                format!("`{}` contains no manifest", path.display()),
            ));
        }
        return Ok(None);
    }
    Ok(Some(ManifestFile {
        name: plain(&stem),
        text,
        documents,
    }))
}

/// Returns `name` in characters that a file name on the node may have.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_.".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(64)
        .collect()
}
