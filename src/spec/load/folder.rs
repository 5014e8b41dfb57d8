//! The project folder: what may be read from it, and how much.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic, Span, codes};

/// Maximum size of a spec or an included file, in bytes.
pub const SPEC_BYTES_MAX: u64 = 1 << 20;

/// Maximum size of a file that a spec refers to, in bytes.
pub const LOCAL_BYTES_MAX: u64 = 64 << 20;

/// The folder that contains a spec.
#[derive(Debug)]
pub struct Project {
    /// Absolute, without symbolic links.
    root: PathBuf,
    /// What `~/` stands for.
    pub home: Option<PathBuf>,
}

impl Project {
    /// Returns the folder of the spec at `path`.
    pub fn from_spec_path(path: &Path, home: Option<&Path>) -> Result<Self, Box<Diagnostic>> {
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let root = fs::canonicalize(folder)
            .map_err(|error| Box::new(unreadable(None, path, &reason(&error))))?;
        Ok(Self {
            root,
            home: home.map(Path::to_owned),
        })
    }

    /// Returns the real path of `path`, which the value at `span` refers to; an error if it is
    /// outside the project.
    pub fn resolve(&self, path: &Path, span: Span) -> Result<PathBuf, Box<Diagnostic>> {
        match fs::canonicalize(path) {
            Ok(real) if real.starts_with(&self.root) => Ok(real),
            Ok(_) => Err(Box::new(outside(path, span))),
            // Whether a file outside exists is not revealed.
            Err(_) if !self.leads_inside(path) => Err(Box::new(outside(path, span))),
            Err(error) => Err(Box::new(unreadable(Some(span), path, &reason(&error)))),
        }
    }

    /// Returns whether the existing part of `path` is in the project.
    fn leads_inside(&self, path: &Path) -> bool {
        path.ancestors()
            .skip(1)
            .map(|folder| {
                if folder.as_os_str().is_empty() {
                    Path::new(".")
                } else {
                    folder
                }
            })
            .find_map(|folder| fs::canonicalize(folder).ok())
            .is_some_and(|folder| folder.starts_with(&self.root))
    }
}

fn outside(path: &Path, span: Span) -> Diagnostic {
    Diagnostic::error(
        codes::OUTSIDE_PROJECT,
        span,
        format!("`{}` is outside the spec's folder", path.display()),
    )
    .label("points outside the project")
    .help("move the file next to the spec, or the spec to a folder above the file")
}

/// Reports that `path`, which the value at `span` refers to, cannot be read, and why.
pub fn unreadable(span: Option<Span>, path: &Path, why: &str) -> Diagnostic {
    about(
        codes::UNREADABLE_FILE,
        span,
        format!("cannot read `{}`: {why}", path.display()),
    )
}

fn about(code: Code, span: Option<Span>, message: String) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(code, span.unwrap_or_default(), message);
    diagnostic.span = span;
    diagnostic
}

/// Returns the error in words that do not depend on the system's language.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::NotADirectory => "part of the path is not a folder".to_owned(),
        _ => error.to_string(),
    }
}

/// Returns the bytes of the regular file at `path`, at most `most`; `span` is the value that refers
/// to it.
pub fn read_bounded(
    path: &Path,
    most: u64,
    span: Option<Span>,
) -> Result<Vec<u8>, Box<Diagnostic>> {
    let failed = |error: io::Error| Box::new(unreadable(span, path, &reason(&error)));
    let too_large = || {
        Box::new(about(
            codes::FILE_TOO_LARGE,
            span,
            format!("`{}` is larger than {} MiB", path.display(), most >> 20),
        ))
    };
    // Checked before opening, because opening a pipe waits for its other end.
    let metadata = fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(Box::new(unreadable(span, path, "it is a folder")));
    }
    if !metadata.is_file() {
        return Err(Box::new(unreadable(span, path, "it is not a regular file")));
    }
    if metadata.len() > most {
        return Err(too_large());
    }
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > most {
        return Err(too_large());
    }
    Ok(bytes)
}
