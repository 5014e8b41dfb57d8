//! The cache of packages and finished bases, content-addressed, under the user's cache folder.
//!
//! ```text
//! packages/<sha256>.deb
//! bases/<id>/{base.json,kernel,initrd,root.squashfs,boot/…,sha256}
//! extensions/<id>/            images that are overlaid on a base, with a file `sha256`
//! blobs/sha256/<hex>          programs and images, as registries have them
//! boot/<hash>                 kernels, initrds and live ISOs of other systems
//! apt/<arch>/                 apt's own lists
//! tmp/                        what is being made; renamed into place when it is complete
//! locks/                      empty files, locked by concurrent runs
//! ```
//!
//! Everything is written in `tmp/`, fsynced and renamed: a killed run leaves only entries of
//! `tmp/`, each guarded by a lock that died with its process, and the next run sweeps them.
//!
//! Nothing is believed because it is there: what goes into an artifact is compared with its hash,
//! which its name or the file `sha256` beside it says. What is damaged is told as [`Corrupt`], and
//! fetched or made again where that is possible.

mod record;

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

pub use record::{Corrupt, check, check_file, check_hash, seal, sha256_of};

/// The environment variable that sets the cache's folder.
pub const CACHE_VARIABLE: &str = "IMGBUILD_CACHE";

/// A cache folder.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// A folder in `tmp/` that no other run sweeps while this value lives, removed with it unless
/// published.
#[derive(Debug)]
pub struct Workspace {
    path: PathBuf,
    lock: PathBuf,
    /// Keeps the file locked.
    _guard: File,
}

/// An exclusive lock between runs, released when dropped.
#[derive(Debug)]
pub struct Exclusive {
    _guard: File,
}

impl Cache {
    /// A cache in `root`, which is created when first needed.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The cache that the environment names: `$IMGBUILD_CACHE`, `$XDG_CACHE_HOME/imgbuild` or
    /// `$HOME/.cache/imgbuild`.
    pub fn locate(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let folder = |name: &str| {
            variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        if let Some(path) = variable(CACHE_VARIABLE).filter(|value| !value.is_empty()) {
            return Ok(Self::new(std::path::absolute(path)?));
        }
        if let Some(path) = folder("XDG_CACHE_HOME") {
            return Ok(Self::new(path.join("imgbuild")));
        }
        if let Some(path) = folder("HOME") {
            return Ok(Self::new(path.join(".cache/imgbuild")));
        }
        bail!(
            "cannot locate the cache: neither {CACHE_VARIABLE} nor XDG_CACHE_HOME nor HOME is set"
        );
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the package with this hash is, or will be.
    pub fn package(&self, sha256: &str) -> PathBuf {
        self.root.join("packages").join(format!("{sha256}.deb"))
    }

    /// Where the base with this id is, or will be.
    pub fn base(&self, id: &str) -> PathBuf {
        self.root.join("bases").join(id)
    }

    /// Whether `path`, a file or folder of the cache, exists. If so, its modification time is set
    /// to now, to record that it was used.
    pub fn has(&self, path: &Path) -> bool {
        let Ok(file) = File::open(path) else {
            return false;
        };
        // A cache that cannot be written to can still be read.
        let _ = file.set_modified(std::time::SystemTime::now());
        true
    }

    /// Removes `path`, a file or folder of the cache. It is first moved away in one step, so that
    /// nobody ever sees a part of it.
    pub fn discard(&self, path: &Path) -> Result<()> {
        let work = self.workspace()?;
        fs::rename(path, work.path().join("gone"))
            .with_context(|| format!("removing {}", path.display()))
    }

    /// A folder below the cache, created with its parents.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let path = self.root.join(name);
        fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(path)
    }

    /// Waits until no other run holds the lock `name`, then holds it.
    pub fn exclusive(&self, name: &str) -> Result<Exclusive> {
        let path = self.folder("locks")?.join(name);
        let file = open_lock(&path)?;
        file.lock()
            .with_context(|| format!("locking {}", path.display()))?;
        Ok(Exclusive { _guard: file })
    }

    /// A new folder to work in. Leftovers of killed runs are removed first.
    pub fn workspace(&self) -> Result<Workspace> {
        let tmp = self.folder("tmp")?;
        // Sweeping and making exclude one another, or a folder could be swept between its making
        // and its locking.
        let _guard = self.exclusive("tmp")?;
        sweep(&tmp)?;
        let path = tempfile::Builder::new()
            .prefix("work-")
            .tempdir_in(&tmp)
            .with_context(|| format!("creating a folder in {}", tmp.display()))?
            .keep();
        let lock = path.with_extension("lock");
        let file = open_lock(&lock)?;
        file.lock()
            .with_context(|| format!("locking {}", lock.display()))?;
        Ok(Workspace {
            path,
            lock,
            _guard: file,
        })
    }
}

impl Workspace {
    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves `name`, a file or folder in here, to `target`: fsynced, and atomically. If another run
    /// was faster, its result stays.
    pub fn publish(&self, name: &str, target: &Path) -> Result<()> {
        let source = self.path.join(name);
        let parent = target.parent().context("publishing to the root folder")?;
        let publish = || -> std::io::Result<()> {
            fs::create_dir_all(parent)?;
            sync_tree(&source)?;
            match fs::rename(&source, target) {
                Err(_) if source.is_dir() && target.is_dir() => {}
                other => other?,
            }
            File::open(parent)?.sync_all()
        };
        publish().with_context(|| format!("storing {}", target.display()))
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        // Whatever cannot be removed now is removed by a later run.
        let _ = fs::remove_dir_all(&self.path);
        let _ = fs::remove_file(&self.lock);
    }
}

fn open_lock(path: &Path) -> Result<File> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .with_context(|| format!("opening {}", path.display()))
}

/// Removes what killed runs left in `tmp`: folders whose lock nobody holds.
fn sweep(tmp: &Path) -> Result<()> {
    let reading = || format!("reading {}", tmp.display());
    for entry in fs::read_dir(tmp).with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        if path.extension().is_some_and(|ending| ending == "lock") {
            continue;
        }
        let lock = path.with_extension("lock");
        let file = open_lock(&lock)?;
        match file.try_lock() {
            Ok(()) => {
                let removed = if path.is_dir() {
                    fs::remove_dir_all(&path)
                } else {
                    fs::remove_file(&path)
                };
                removed.with_context(|| format!("removing {}", path.display()))?;
                let _ = fs::remove_file(&lock);
            }
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", lock.display()));
            }
        }
    }
    Ok(())
}

/// Syncs a file, or a folder with everything in it.
fn sync_tree(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn location_by_the_environment() {
        type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<&'a str>);
        let cases: [Case<'_>; 5] = [
            (
                "own variable wins",
                &[
                    ("IMGBUILD_CACHE", "/a"),
                    ("XDG_CACHE_HOME", "/b"),
                    ("HOME", "/c"),
                ],
                Some("/a"),
            ),
            (
                "the desktop's variable",
                &[("XDG_CACHE_HOME", "/b"), ("HOME", "/c")],
                Some("/b/imgbuild"),
            ),
            (
                "a relative one does not count",
                &[("XDG_CACHE_HOME", "b"), ("HOME", "/c")],
                Some("/c/.cache/imgbuild"),
            ),
            ("home", &[("HOME", "/c")], Some("/c/.cache/imgbuild")),
            ("nothing", &[], None),
        ];
        for (name, variables, expected) in cases {
            let lookup = |wanted: &str| {
                variables
                    .iter()
                    .find(|(key, _)| *key == wanted)
                    .map(|(_, value)| OsString::from(value))
            };
            let found = Cache::locate(lookup).ok();
            assert_eq!(
                found.as_ref().map(Cache::root),
                expected.map(Path::new),
                "{name}"
            );
        }
    }

    #[test]
    fn published_folders_are_whole_and_the_first_stays() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let cache = Cache::new(folder.path());
        for text in ["first", "second"] {
            let work = cache.workspace().expect("workspace");
            fs::create_dir(work.path().join("new")).expect("mkdir");
            fs::write(work.path().join("new/file"), text).expect("write");
            work.publish("new", &cache.base("id")).expect("publish");
        }
        let kept = fs::read_to_string(cache.base("id").join("file")).expect("read");
        assert_eq!(kept, "first");
        assert_eq!(
            fs::read_dir(folder.path().join("tmp"))
                .expect("list")
                .count(),
            0
        );
    }

    #[test]
    fn dead_workspaces_are_swept_and_live_ones_kept() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let cache = Cache::new(folder.path());
        let live = cache.workspace().expect("workspace");
        let dead = folder.path().join("tmp/work-dead");
        fs::create_dir(&dead).expect("mkdir");
        fs::write(dead.join("half"), "x").expect("write");
        let _next = cache.workspace().expect("workspace");
        assert!(live.path().is_dir());
        assert!(!dead.exists());
    }
}
