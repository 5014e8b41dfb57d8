//! What the cache holds, and what of it can be removed: `imgbuild base list | gc`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::id;
use crate::cache::Cache;
use crate::facts::debian::BaseKind;
use crate::facts::kernel::KernelFlavor;
use crate::formats::whole;
use crate::lock::Lock;
use crate::names::Arch;

/// Describes a base, in its folder. Its modification time is when the base was last used.
const DESCRIPTION: &str = "base.json";

/// The longest description, in bytes.
const DESCRIPTION_MAX: u64 = 64 << 10;

/// A base in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBase {
    pub id: String,
    pub arch: Arch,
    pub kernel: KernelFlavor,
    /// `6.12.1+deb13-amd64`
    pub kernel_release: String,
    /// Bytes of all its files.
    pub size: u64,
    pub last_used: SystemTime,
}

/// What [`collect`] removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Collected {
    /// Ids of bases.
    pub bases: Vec<String>,
    /// Number of package files.
    pub packages: usize,
    /// Number of images overlaid on bases, of blobs, and of other systems' boot files.
    pub others: usize,
    /// Bytes of all of these.
    pub bytes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Description {
    arch: String,
    kernel: String,
    kernel_release: String,
}

/// Writes the description of a base that is being made in `folder`.
pub fn describe(folder: &Path, kind: &BaseKind, kernel_release: &str) -> Result<()> {
    let description = Description {
        arch: kind.arch.to_string(),
        kernel: kind.kernel.as_str().to_owned(),
        kernel_release: kernel_release.to_owned(),
    };
    let text = serde_json::to_string_pretty(&description)?;
    fs::write(folder.join(DESCRIPTION), text + "\n").context("describing the base")
}

/// Records that the base is used now.
pub fn touch(cache: &Cache, id: &str) -> Result<()> {
    let path = cache.base(id).join(DESCRIPTION);
    fs::File::open(&path)
        .and_then(|file| file.set_modified(SystemTime::now()))
        .with_context(|| format!("touching {}", path.display()))
}

/// The bases in the cache, the last used first. Folders that do not hold a base, or whose
/// description is damaged, are skipped.
pub fn list(cache: &Cache) -> Result<Vec<StoredBase>> {
    let folder = cache.root().join("bases");
    let bases = entries(&folder)?.into_iter();
    let mut bases: Vec<StoredBase> = bases
        .filter_map(|(name, path)| read(&name, &path))
        .collect();
    bases.sort_by(|a, b| b.last_used.cmp(&a.last_used).then_with(|| a.id.cmp(&b.id)));
    Ok(bases)
}

/// What [`collect`] keeps regardless of age.
#[derive(Debug, Clone, Default)]
pub struct Kept {
    /// Ids of bases.
    bases: BTreeSet<String>,
    /// Names of the files in `packages`.
    packages: BTreeSet<String>,
    /// Names of the files in `blobs/sha256`.
    blobs: BTreeSet<String>,
}

impl Kept {
    /// What `locks` name, and the `blobs` (digests in hexadecimal).
    pub fn new(locks: &[Lock], blobs: BTreeSet<String>) -> Self {
        let mut kept = Self {
            blobs,
            ..Self::default()
        };
        for (kind, base) in locks.iter().flat_map(Lock::bases) {
            kept.bases.insert(id::id(&kind, base));
            kept.packages
                .extend((base.all_packages()).map(|package| format!("{}.deb", package.sha256)));
        }
        kept
    }
}

/// Removes what is not `kept` and has not been used for `unused_for` before `now`.
///
/// A build that runs at the same time has just used its base: with an hour or more, nothing that it
/// needs is removed.
pub fn collect(
    cache: &Cache,
    kept: &Kept,
    unused_for: Duration,
    now: SystemTime,
) -> Result<Collected> {
    let old = |time: SystemTime| now.duration_since(time).is_ok_and(|age| age >= unused_for);

    let mut collected = Collected::default();
    // What is damaged serves nobody, and would never be listed.
    for (id, path) in entries(&cache.root().join("bases"))? {
        let _exclusive = cache.exclusive(&format!("base-{id}"))?;
        if path.is_dir() && read(&id, &path).is_none() {
            collected.bytes += remove(cache, &path)?;
            collected.bases.push(id);
        }
    }
    for base in list(cache)? {
        if kept.bases.contains(&base.id) || !old(base.last_used) {
            continue;
        }
        let _exclusive = cache.exclusive(&format!("base-{}", base.id))?;
        collected.bytes += remove(cache, &cache.base(&base.id))?;
        collected.bases.push(base.id);
    }
    let nothing = BTreeSet::new();
    for (folder, kept) in [
        ("packages", &kept.packages),
        ("extensions", &nothing),
        ("blobs/sha256", &kept.blobs),
        ("boot", &nothing),
    ] {
        for (name, path) in entries(&cache.root().join(folder))? {
            let data =
                fs::metadata(&path).with_context(|| format!("reading {}", path.display()))?;
            if kept.contains(&name) || !old(data.modified()?) {
                continue;
            }
            let _exclusive = if data.is_dir() {
                Some(cache.exclusive(&format!("extension-{name}"))?)
            } else {
                None
            };
            collected.bytes += remove(cache, &path)?;
            if folder == "packages" {
                collected.packages += 1;
            } else {
                collected.others += 1;
            }
        }
    }
    Ok(collected)
}

/// Removes a file or folder and returns its size.
fn remove(cache: &Cache, path: &Path) -> Result<u64> {
    let removing = || format!("removing {}", path.display());
    let data = fs::metadata(path).with_context(removing)?;
    let size = if data.is_dir() {
        size(path).with_context(removing)?
    } else {
        data.len()
    };
    cache.discard(path)?;
    Ok(size)
}

/// The base in `folder`. `None`: there is none whose description can be read.
fn read(id: &str, folder: &Path) -> Option<StoredBase> {
    let path = folder.join(DESCRIPTION);
    let description = whole(&path, DESCRIPTION_MAX).ok()?;
    let description: Description = serde_json::from_slice(&description).ok()?;
    let kernel = KernelFlavor::from_word(&description.kernel).unwrap_or_default();
    Some(StoredBase {
        id: id.to_owned(),
        arch: description.arch.parse().ok()?,
        kernel,
        kernel_release: description.kernel_release,
        size: size(folder).ok()?,
        last_used: fs::metadata(&path).ok()?.modified().ok()?,
    })
}

/// Bytes of all files below `folder`.
fn size(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let data = entry.metadata()?;
        sum += if data.is_dir() {
            size(&entry.path())?
        } else {
            data.len()
        };
    }
    Ok(sum)
}

/// Names and paths of what is in `folder`, sorted; nothing if it does not exist.
fn entries(folder: &Path) -> Result<Vec<(String, std::path::PathBuf)>> {
    let reading = || format!("reading {}", folder.display());
    let list = match fs::read_dir(folder) {
        Ok(list) => list,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(reading),
    };
    let mut found = Vec::new();
    for entry in list {
        let entry = entry.with_context(reading)?;
        found.push((
            entry.file_name().to_string_lossy().into_owned(),
            entry.path(),
        ));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock::{Archive, LockedBase, LockedPackage};

    fn package(name: &str) -> LockedPackage {
        LockedPackage {
            name: name.to_owned(),
            version: "1".to_owned(),
            architecture: "all".to_owned(),
            archive: Archive::Main,
            path: format!("pool/{name}.deb"),
            size: 1,
            sha256: name.repeat(64),
        }
    }

    #[test]
    fn what_is_old_and_in_no_lock_goes() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let cache = Cache::new(folder.path());
        let mut lock = Lock::default();
        let locked = LockedBase {
            request: String::new(),
            packages: vec![package("a")],
            boot_loaders: Vec::new(),
            firmware: Vec::new(),
        };
        let kind = BaseKind::new(Arch::Amd64, KernelFlavor::Cloud);
        let locked_id = id::id(&kind, &locked);
        lock.set_base(&kind, locked);
        for id in [locked_id.as_str(), "other"] {
            fs::create_dir_all(cache.base(id)).expect("mkdir");
            describe(&cache.base(id), &kind, "6.12").expect("describe");
            fs::write(cache.base(id).join("kernel"), "1234").expect("write");
        }
        fs::create_dir_all(cache.root().join("packages")).expect("mkdir");
        for name in ["a", "b"] {
            fs::write(cache.package(&name.repeat(64)), "x").expect("write");
        }
        for file in [
            "extensions/e/image.squashfs",
            "blobs/sha256/a",
            "blobs/sha256/b",
            "boot/b",
        ] {
            let path = cache.root().join(file);
            fs::create_dir_all(path.parent().expect("it has one")).expect("mkdir");
            fs::write(path, "12345").expect("write");
        }
        assert_eq!(list(&cache).expect("list").len(), 2);

        let hour = Duration::from_secs(3600);
        let soon = SystemTime::now() + hour / 2;
        let nothing = collect(&cache, &Kept::default(), hour, soon).expect("collect");
        assert_eq!(nothing, Collected::default());

        let kept = Kept::new(&[lock], BTreeSet::from(["a".to_owned()]));
        let collected = collect(&cache, &kept, hour, soon + hour).expect("collect");
        assert_eq!(collected.bases, ["other"]);
        assert_eq!(collected.packages, 1);
        assert_eq!(collected.others, 3);
        let left = list(&cache).expect("list");
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].id, locked_id);
        assert!(cache.package(&"a".repeat(64)).exists());
        assert!(cache.root().join("blobs/sha256/a").exists());
        assert!(!cache.root().join("extensions/e").exists());
    }
}
