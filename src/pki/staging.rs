//! Writes new files of the key folder to a staging folder, syncs them to the disk, and only then
//! moves them to their places. So each file is complete or absent, even if the build is killed or
//! the machine stops.
//!
//! No file has its final name until all of them are on the disk. Then each file, or the topmost new
//! folder with everything in it, gets its name by one rename, in the order of the files. If the
//! machine stops, some of these names remain, and the next build makes what is missing; once a
//! write has returned, everything is on the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::processors::on_all_processors;

/// The prefix of staging folders; those of a killed build are removed by the next.
pub(super) const UNFINISHED: &str = ".unfinished-";

/// From how many files or folders on the whole file system is synced. Each sync waits for the disk,
/// so that many of them take longer than syncing the whole file system.
const MANY: usize = 16;

/// From how many files on threads are used to write them: a few dozen are written before a thread
/// runs.
const WORTH_THREADS: usize = 256;

/// A file, relative to the folder, and its text.
pub(super) type New<'a> = (&'a Path, &'a str);

/// Writes `files` below `root`, readable only by the owner.
pub(super) fn write_all(root: &Path, files: &BTreeMap<PathBuf, String>) -> Result<()> {
    write(root, &in_order(files))
}

/// `files` in the order in which they appear, so that the next build can continue wherever the
/// machine stops: keys before certificates, since a key without its certificate is used; and
/// authorities before what they issue, which would be useless without them.
fn in_order(files: &BTreeMap<PathBuf, String>) -> Vec<New<'_>> {
    let mut ordered: Vec<New> = (files.iter())
        .map(|(file, text)| (file.as_path(), text.as_str()))
        .collect();
    ordered.sort_by_key(|(file, _)| {
        let is_issued = ["clients", "nodes"].iter().any(|of| file.starts_with(of));
        let is_certificate = file.extension().is_some_and(|ending| ending == "crt");
        (is_issued, is_certificate)
    });
    ordered
}

/// Writes `files` below `root`, readable only by the owner. They appear in this order.
pub(super) fn write(root: &Path, files: &[New]) -> Result<()> {
    let staging = stage(root, files)?;
    let changed = place(root, staging.path(), &moves(root, files))?;
    if changed.len() > MANY {
        sync_all(root)?;
    } else {
        sync(root, changed.into_iter())?;
    }
    (staging.close()).with_context(|| format!("writing below {}", root.display()))
}

/// `files` in a staging folder below `root`, synced to the disk.
fn stage(root: &Path, files: &[New]) -> Result<TempDir> {
    let writing = || format!("writing below {}", root.display());
    let staging = tempfile::Builder::new()
        .prefix(UNFINISHED)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(root)
        .with_context(writing)?;
    let beside = staging.path();
    let folders: BTreeSet<&Path> = files
        .iter()
        .flat_map(|(file, _)| folders_of(file))
        .collect();
    // Sorted: each after its parent.
    for folder in &folders {
        (DirBuilder::new().mode(0o700).create(beside.join(folder))).with_context(writing)?;
    }
    let write_one = |(file, text): &New| {
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(beside.join(file))
            .and_then(|mut out| out.write_all(text.as_bytes()))
            .with_context(|| format!("writing {}", root.join(file).display()))
    };
    if files.len() > WORTH_THREADS {
        let written = on_all_processors(files, write_one);
        written.into_iter().collect::<Result<()>>()?;
    } else {
        files.iter().try_for_each(write_one)?;
    }
    if files.len() > MANY {
        sync_all(beside)?;
    } else {
        sync(
            beside,
            folders
                .into_iter()
                .chain(files.iter().map(|(file, _)| *file)),
        )?;
    }
    Ok(staging)
}

/// Carries out `moves` from `beside` to `root`, and returns the folders of `root` with new entries.
fn place<'a>(root: &Path, beside: &Path, moves: &[&'a Path]) -> Result<BTreeSet<&'a Path>> {
    let mut changed = BTreeSet::new();
    for moved in moves {
        let to = root.join(moved);
        fs::rename(beside.join(moved), &to).with_context(|| format!("writing {}", to.display()))?;
        changed.insert(moved.parent().unwrap_or(Path::new("")));
    }
    Ok(changed)
}

/// What to rename so that `files` are in their places: the topmost folder that does not exist, or
/// else the file.
fn moves<'a>(root: &Path, files: &[New<'a>]) -> Vec<&'a Path> {
    let mut there = BTreeSet::new();
    let mut new = BTreeSet::new();
    let mut moves = Vec::new();
    for &(file, _) in files {
        let mut folders: Vec<&Path> = folders_of(file).collect();
        let mut missing = None;
        // The topmost is the last.
        while let Some(folder) = folders.pop() {
            if there.contains(folder) {
                continue;
            }
            if new.contains(folder) || !root.join(folder).exists() {
                missing = Some(folder);
                break;
            }
            there.insert(folder);
        }
        match missing {
            Some(folder) if !new.insert(folder) => {} // moved with an earlier file
            topmost => moves.push(topmost.unwrap_or(file)),
        }
    }
    moves
}

/// The parent folders of a file, innermost first, without the root.
fn folders_of(file: &Path) -> impl Iterator<Item = &Path> {
    let outer = file.ancestors().skip(1);
    outer.take_while(|folder| !folder.as_os_str().is_empty())
}

/// Syncs `paths` below `folder` to the disk.
fn sync<'a>(folder: &Path, paths: impl Iterator<Item = &'a Path>) -> Result<()> {
    for path in paths {
        let path = folder.join(path);
        File::open(&path)
            .and_then(|open| open.sync_all())
            .with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Syncs the whole file system of `folder` to the disk.
fn sync_all(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|open| Ok(rustix::fs::syncfs(&open)?))
        .with_context(|| format!("writing {}", folder.display()))
}

/// Removes what killed builds left in `root`.
pub(super) fn remove_unfinished(root: &Path) -> Result<()> {
    let reading = || format!("reading {}", root.display());
    for entry in fs::read_dir(root).with_context(reading)? {
        let entry = entry.with_context(reading)?;
        if is_unfinished(&entry.file_name()) {
            let path = entry.path();
            fs::remove_dir_all(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}

/// Whether `name` is that of a staging folder.
pub(super) fn is_unfinished(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(UNFINISHED.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the order in which they are to appear.
    fn files() -> [New<'static>; 9] {
        [
            ("ca.key", "k1"),
            ("etcd/ca.key", "k2"),
            ("sa.key", "k5"),
            ("ca.crt", "c1"),
            ("etcd/ca.crt", "c2"),
            ("nodes/kube1/etcd/server.key", "k3"),
            ("nodes/kube2/etcd/server.key", "k4"),
            ("nodes/kube1/etcd/server.crt", "c3"),
            ("nodes/kube2/etcd/server.crt", "c4"),
        ]
        .map(|(file, text)| (Path::new(file), text))
    }

    #[test]
    fn authorities_come_before_what_they_issue() {
        let unordered: BTreeMap<PathBuf, String> = (files().into_iter())
            .map(|(file, text)| (file.to_owned(), text.to_owned()))
            .collect();
        assert_eq!(in_order(&unordered), files());
    }

    /// Those that are in their places; each has to be whole.
    fn there(root: &Path) -> Vec<&'static Path> {
        let found = files().into_iter().filter(|(file, text)| {
            let found = fs::read_to_string(root.join(file));
            found.is_ok_and(|found| {
                assert_eq!(found, *text, "{}", file.display());
                true
            })
        });
        found.map(|(file, _)| file).collect()
    }

    /// A node that is new comes with its folder, whose files are there together; beside others,
    /// keys come first.
    #[test]
    fn stopped_at_any_point_files_are_whole_and_keys_come_first() {
        let files = files();
        for there_before in ["", "nodes", "nodes/kube1/etcd"] {
            for made in 0.. {
                let folder = tempfile::tempdir().expect("a folder");
                let root = folder.path();
                fs::create_dir_all(root.join(there_before)).expect("made");
                let staging = stage(root, &files).expect("staged");
                assert!(there(root).is_empty());
                let moves = moves(root, &files);
                if made > moves.len() {
                    break;
                }
                place(root, staging.path(), &moves[..made]).expect("moved");
                // As if the machine had stopped.
                let left = staging.keep();
                let found = there(root);
                assert_eq!(found.len() == files.len(), made == moves.len());
                for file in &found {
                    let key = file.with_extension("key");
                    assert!(found.contains(&&*key), "{}", file.display());
                    let is_leaf = file.starts_with("nodes");
                    let authority = Path::new("etcd/ca.crt");
                    assert!(!is_leaf || found.contains(&authority), "{found:?}");
                }
                remove_unfinished(root).expect("removed");
                assert!(!left.exists());
                assert_eq!(there(root), found);
                write(root, &files).expect("written");
                assert_eq!(there(root).len(), files.len());
                assert_eq!(fs::read_dir(root).expect("read").count(), 5);
            }
        }
    }
}
