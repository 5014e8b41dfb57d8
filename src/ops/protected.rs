//! What no output may replace: the files that it is made from.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::{Error, Result, Session, SpecFile};

/// How deep the key folder is looked through.
const DEPTH_MAX: usize = 8;

/// Files that are read for an output.
#[derive(Debug, Default)]
pub struct Protected {
    /// With what each is.
    files: Vec<(PathBuf, &'static str)>,
    /// The key folder, in which there is nothing else.
    keys: Option<PathBuf>,
}

impl Protected {
    /// The spec with its lock and its keys, and what was read for it so far.
    pub fn spec(spec: &SpecFile, session: &Session<'_>) -> Self {
        let mut files = vec![
            (spec.path.clone(), "the spec"),
            (spec.lock.clone(), "the lock"),
        ];
        let read = session
            .sources
            .paths()
            .map(|path| (path.to_owned(), "part of the spec"));
        files.extend(read);
        Self {
            files,
            keys: Some(spec.keys.clone()),
        }
    }

    /// A file of its own.
    pub fn file(path: &Path, what: &'static str) -> Self {
        Self {
            files: vec![(path.to_owned(), what)],
            keys: None,
        }
    }

    /// Refuses an output at `path` that is one of them, by whatever name.
    pub(super) fn refuse(&self, path: &Path) -> Result<()> {
        let found = self.files.iter().find(|(file, _)| is_same(file, path));
        let what = match (found, &self.keys) {
            (Some((_, what)), _) => what,
            (None, Some(keys)) if is_within(keys, path) || holds(keys, path, DEPTH_MAX) => {
                "part of the key folder"
            }
            _ => return Ok(()),
        };
        Err(Error::Request(format!(
            "{} is {what}, which an output must not replace: choose another name",
            path.display()
        )))
    }
}

/// Whether both are one file: the same name, or another one for it (a link of either kind).
fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        // One that is not there yet, such as a lock, has no other names.
        _ => place(one).is_some_and(|place| Some(place) == self::place(other)),
    }
}

/// The real path of a file that need not exist; `None`: its folder does not.
fn place(path: &Path) -> Option<PathBuf> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    Some(fs::canonicalize(folder).ok()?.join(path.file_name()?))
}

/// Whether `path` is in the folder `keys`, or it.
fn is_within(keys: &Path, path: &Path) -> bool {
    let Ok(keys) = fs::canonicalize(keys) else {
        return false;
    };
    let real = fs::canonicalize(path).ok().or_else(|| place(path));
    real.is_some_and(|path| path.starts_with(keys))
}

/// Whether a file below `folder` is the one at `path`.
fn holds(folder: &Path, path: &Path, depth: usize) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut entries = entries.map(|entry| (entry.path(), entry.file_type()));
    entries.any(|(entry, kind)| match kind {
        Ok(kind) if kind.is_dir() => depth > 0 && holds(&entry, path, depth - 1),
        _ => is_same(&entry, path),
    })
}
