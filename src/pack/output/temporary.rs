//! Unfinished outputs that have a name: created beside their target, locked while their process
//! lives, removed afterward.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::folder_of;

/// How many names are tried; needing more means that something else is wrong.
const ATTEMPTS: u32 = 1000;

/// A file or folder that is removed when dropped, unless it was renamed.
#[derive(Debug)]
pub(super) struct Temporary {
    /// Empty once renamed.
    path: PathBuf,
    /// Holds the lock that shows other processes that this output is in use.
    _lock: File,
}

impl Temporary {
    /// Lets `make` create something under a free name beside `target`, and locks it.
    pub(super) fn create<T>(
        target: &Path,
        make: impl Fn(&Path) -> io::Result<T>,
    ) -> Result<(Self, T)> {
        let describe = || format!("creating {}", target.display());
        let prefix = prefix(target);
        for attempt in 0..ATTEMPTS {
            let mut name = prefix.clone();
            name.push(format!("{}-{attempt}", std::process::id()));
            let path = folder_of(target).join(name);
            let value = match make(&path) {
                Ok(value) => value,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error).with_context(describe),
            };
            // Another run may remove it between its creation and its locking: then the next name is
            // tried.
            let lock = match File::open(&path) {
                Ok(lock) => lock,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error).with_context(describe),
            };
            match lock.try_lock() {
                Err(TryLockError::WouldBlock) => continue,
                // File systems without locks: nobody removes anything there either.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            if path.exists() {
                return Ok((Self { path, _lock: lock }, value));
            }
        }
        bail!("no free temporary name beside {}", target.display())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to `target`, which must not be a folder with something in it.
    pub(super) fn rename(mut self, target: &Path) -> Result<()> {
        fs::rename(&self.path, target)
            .with_context(|| format!("replacing {}", target.display()))?;
        self.path = PathBuf::new();
        Ok(())
    }

    /// Exchanges it with the folder `target`, whose former contents are removed.
    pub(super) fn exchange(self, target: &Path) -> Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        renameat_with(CWD, &self.path, CWD, target, RenameFlags::EXCHANGE)
            .with_context(|| format!("replacing {}", target.display()))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            // What cannot be removed now is removed by the next run.
            let _ = remove(&self.path);
        }
    }
}

/// Removes what killed runs left behind. Each folder is read once, however many outputs go there.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// By folder: the hidden names in it, the temporary ones among them.
    found: BTreeMap<PathBuf, Vec<OsString>>,
}

impl Sweep {
    /// Removes unfinished outputs for `target` that killed runs left behind.
    pub(super) fn remove_left(&mut self, target: &Path) -> Result<()> {
        let folder = folder_of(target);
        let found = match self.found.entry(folder.to_owned()) {
            Entry::Occupied(found) => found.into_mut(),
            Entry::Vacant(place) => place.insert(
                hidden_names(folder).with_context(|| format!("reading {}", folder.display()))?,
            ),
        };
        let prefix = prefix(target);
        let left = found.iter().filter(|name| {
            name.as_encoded_bytes()
                .starts_with(prefix.as_encoded_bytes())
        });
        for name in left {
            let path = folder.join(name);
            let Ok(file) = File::open(&path) else {
                continue;
            };
            if file.try_lock().is_ok() {
                remove(&path).with_context(|| format!("removing {}", path.display()))?;
            }
        }
        Ok(())
    }
}

/// The hidden names in `folder`, including the temporary ones.
fn hidden_names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    Ok(names)
}

/// The prefix of temporary names for `target`: `.NAME.imgbuild-`.
fn prefix(target: &Path) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(target.file_name().unwrap_or(OsStr::new("output")));
    prefix.push(".imgbuild-");
    prefix
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
