//! Helm charts that a spec refers to.

use std::fs;
use std::path::{Path, PathBuf};

use super::folder::{LOCAL_BYTES_MAX, Project, read_bounded, reason, unreadable};
use crate::diagnostic::{Diagnostic, Span, codes};

/// Maximum number of files in one chart, and how deep its folders may lie in each other.
const FILES_MAX: usize = 10_000;
const DEPTH_MAX: usize = 32;

/// A chart as it lies in the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartFiles {
    /// Files by their paths, in order. Links were followed.
    Folder(Vec<(PathBuf, Vec<u8>)>),
    /// A compressed tar archive.
    Archive(Vec<u8>),
}

/// Reads the chart at `path`, which the value at `span` refers to. Helm follows links in a chart,
/// so they are followed here, as far as the project reaches.
pub fn read(path: &Path, project: &Project, span: Span) -> Result<ChartFiles, Box<Diagnostic>> {
    project.resolve(path, span)?;
    if !path.is_dir() {
        return Ok(ChartFiles::Archive(read_bounded(
            path,
            LOCAL_BYTES_MAX,
            Some(span),
        )?));
    }
    if !path.join("Chart.yaml").is_file() {
        let why = "it has no Chart.yaml";
        return Err(Box::new(unreadable(Some(span), path, why)));
    }
    let mut reading = Reading {
        project,
        span,
        files: Vec::new(),
        bytes_left: LOCAL_BYTES_MAX,
    };
    reading.folder(path, Path::new(""), 0)?;
    reading.files.sort();
    Ok(ChartFiles::Folder(reading.files))
}

struct Reading<'a> {
    project: &'a Project,
    span: Span,
    files: Vec<(PathBuf, Vec<u8>)>,
    bytes_left: u64,
}

impl Reading<'_> {
    /// Adds the files below `folder`, which is at `inner` of the chart.
    fn folder(&mut self, folder: &Path, inner: &Path, depth: usize) -> Result<(), Box<Diagnostic>> {
        let span = self.span;
        let failed = |path: &Path, error: &std::io::Error| {
            Box::new(unreadable(Some(span), path, &reason(error)))
        };
        for entry in fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
            let entry = entry.map_err(|error| failed(folder, &error))?;
            let (path, inner) = (entry.path(), inner.join(entry.file_name()));
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                self.project.resolve(&path, span)?;
            }
            if self.files.len() >= FILES_MAX || depth >= DEPTH_MAX {
                return Err(Box::new(Diagnostic::error(
                    codes::TOO_MANY_VALUES,
                    span,
                    format!(
                        "the chart has more than {FILES_MAX} files, or {DEPTH_MAX} levels of folders"
                    ),
                )));
            }
            if path.is_dir() {
                self.folder(&path, &inner, depth + 1)?;
                continue;
            }
            let contents = read_bounded(&path, self.bytes_left, Some(span))?;
            self.bytes_left -= contents.len() as u64;
            self.files.push((inner, contents));
        }
        Ok(())
    }
}
