//! An output folder that appears complete, or replaces one that this program made. What others put
//! into that, or changed in it, stays.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest as _, Sha256};

use super::temporary::{Sweep, Temporary};
use super::{folder_of, resolve, sync_folder};
use crate::formats::{damaged, whole_text};
use crate::text::hex;

/// Marks every folder that this program made, and lists its files as `sha256sum` does. A folder
/// without it is never replaced.
const MARKER: &str = ".imgbuild";
const MARKER_HEAD: &str = "\
# Made by imgbuild. The next build replaces the files listed here, but for those that were changed
# in the meantime, and keeps all others.
";

/// The first line of folders of earlier versions, which list no files.
const OLD_MARKER_HEAD: &str = "Made by imgbuild, which replaces";

/// The longest list, in bytes: that of 100,000 nodes.
const MARKER_MAX: u64 = 64 << 20;

/// What a new file's name gets in addition where the old one has its place.
const NEW: &str = ".new";

/// How deep folders are looked through for files of others.
const DEPTH_MAX: usize = 16;

/// A folder being filled under a temporary name.
#[derive(Debug)]
pub struct OutputFolder {
    target: PathBuf,
    temporary: Temporary,
}

/// A file that was not replaced.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    pub path: PathBuf,
    /// Where the new file is, which would have replaced it.
    pub new: PathBuf,
}

impl OutputFolder {
    /// A folder that becomes `path` on [`OutputFolder::commit`], and nothing before. `path` must
    /// not exist, be an empty folder, or be one that was made in this way. `secret`: only its owner
    /// can look into it.
    pub fn create(path: &Path, secret: bool) -> Result<Self> {
        // `out/` and `out` are the same place.
        let path: PathBuf = path.components().collect();
        check_replaceable(&path)?;
        let target = resolve(&path)?;
        Sweep::default().remove_left(&target)?;
        let mode = if secret { 0o700 } else { 0o777 };
        let (temporary, ()) =
            Temporary::create(&target, |name| DirBuilder::new().mode(mode).create(name))?;
        Ok(Self { target, temporary })
    }

    /// The folder to write the files to.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Syncs the finished folder to the disk and moves it to its path. Files of others in the
    /// folder that was there stay, and so do those that were changed since they were written; where
    /// one of these has the place of a new file, the latter gets another name.
    pub fn commit(self) -> Result<Vec<Kept>> {
        let Self { target, temporary } = self;
        let new = list(temporary.path())
            .with_context(|| format!("hashing the files of {}", target.display()))?;
        let marker = new
            .iter()
            .fold(String::from(MARKER_HEAD), |text, (path, hash)| {
                format!("{text}{}  {path}\n", hex(hash))
            });
        fs::write(temporary.path().join(MARKER), marker)
            .with_context(|| format!("creating {}", target.display()))?;
        let mut kept = Vec::new();
        let replaces = target.join(MARKER).exists();
        if replaces {
            let written = Written::read(&target)?;
            keep(&target, temporary.path(), &written, &new, &mut kept)
                .with_context(|| format!("keeping the files of others in {}", target.display()))?;
        }
        // One call for the whole file system is far cheaper than one for each of thousands of small
        // files.
        File::open(temporary.path())
            .and_then(|folder| Ok(rustix::fs::syncfs(folder)?))
            .with_context(|| format!("syncing {} to the disk", target.display()))?;
        check_replaceable(&target)?;
        if replaces {
            temporary.exchange(&target)?;
        } else {
            temporary.rename(&target)?;
        }
        sync_folder(folder_of(&target))?;
        Ok(kept)
    }
}

/// What this program wrote into a folder before.
enum Written {
    /// Files by path, with their hashes.
    Files(BTreeMap<String, String>),
    /// An earlier version did, and listed nothing.
    Unlisted,
}

impl Written {
    fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(MARKER);
        let text = whole_text(&path, MARKER_MAX)?.unwrap_or_default();
        if text.starts_with(OLD_MARKER_HEAD) {
            return Ok(Self::Unlisted);
        }
        let mut files = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((hash, path)) = line.split_once("  ") else {
                return damaged(format!("{} is damaged: `{line}`", path.display()));
            };
            files.insert(path.to_owned(), hash.to_owned());
        }
        Ok(Self::Files(files))
    }

    /// Whether the file `path` at `file` is as it was written, so that it may go.
    fn is_ours(&self, path: &str, file: &Path) -> io::Result<bool> {
        match self {
            Self::Files(files) => match files.get(path) {
                Some(hash) if fs::symlink_metadata(file)?.is_file() => {
                    Ok(hex(&hash_of(file)?) == *hash)
                }
                _ => Ok(false),
            },
            Self::Unlisted => Ok(is_name_of_old(path)),
        }
    }
}

/// Whether earlier versions wrote a file with this name. `dnsmasq.conf` is there to be filled in.
fn is_name_of_old(path: &str) -> bool {
    matches!(path, "boot.ipxe" | "initrd.img" | "rootfs.img" | "vmlinuz")
        || ["bases/", "machines/", "nodes/"]
            .iter()
            .any(|folder| path.starts_with(folder))
}

/// Links what is in `old` and not ours into `new`, whose files are `files`.
fn keep(
    old: &Path,
    new: &Path,
    written: &Written,
    files: &BTreeMap<String, [u8; 32]>,
    kept: &mut Vec<Kept>,
) -> Result<()> {
    for path in paths(old)? {
        let (was, is) = (old.join(&path), new.join(&path));
        if path == MARKER || written.is_ours(&path, &was)? {
            continue;
        }
        if let Some(hash) = files.get(&path) {
            let is_same = fs::symlink_metadata(&was)?.is_file() && hash_of(&was)? == *hash;
            if is_same {
                continue;
            }
            let beside = format!("{path}{NEW}");
            fs::rename(&is, new.join(&beside))?;
            kept.push(Kept {
                path: old.join(&path),
                new: old.join(beside),
            });
        } else if path
            .strip_suffix(NEW)
            .is_some_and(|path| files.contains_key(path))
        {
            // What could not replace a changed file in an earlier build.
            continue;
        }
        if let Some(folder) = is.parent() {
            fs::create_dir_all(folder)?;
        }
        match fs::symlink_metadata(&is) {
            Ok(_) => {}
            Err(_) => fs::hard_link(&was, &is).or_else(|_| fs::copy(&was, &is).map(|_| ()))?,
        }
    }
    Ok(())
}

/// The files of a folder with their hashes.
fn list(folder: &Path) -> Result<BTreeMap<String, [u8; 32]>> {
    let mut files = BTreeMap::new();
    for path in paths(folder)? {
        let hash = hash_of(&folder.join(&path))?;
        files.insert(path, hash);
    }
    Ok(files)
}

fn hash_of(path: &Path) -> io::Result<[u8; 32]> {
    let mut hash = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => return Ok(hash.finalize().into()),
            count => hash.update(&buffer[..count]),
        }
    }
}

/// The paths of everything in `folder` that is not a folder itself, relative to it.
fn paths(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut left = vec![(String::new(), 0)];
    while let Some((prefix, depth)) = left.pop() {
        for entry in fs::read_dir(folder.join(&prefix))? {
            let entry = entry?;
            let name = entry.file_name();
            let mut path = prefix.clone();
            let name = name
                .to_str()
                .with_context(|| format!("{} is not UTF-8", entry.path().display()))?;
            // Writing to a String does not fail.
            let _ = write!(path, "{name}");
            if entry.file_type()?.is_dir() {
                ensure!(depth < DEPTH_MAX, "{path} is nested too deeply");
                left.push((format!("{path}/"), depth + 1));
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn check_replaceable(path: &Path) -> Result<()> {
    let describe = || format!("reading {}", path.display());
    let mut entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(describe),
    };
    ensure!(
        path.join(MARKER).exists() || entries.next().is_none(),
        "{} contains files that imgbuild did not make: choose another folder, or empty this one",
        path.display()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds a folder of these files at `path`.
    fn fill(path: &Path, files: &[(&str, &str)]) -> Result<Vec<Kept>> {
        let folder = OutputFolder::create(path, true)?;
        for (name, text) in files {
            let file = folder.path().join(name);
            fs::create_dir_all(file.parent().expect("it has one"))?;
            fs::write(file, text)?;
        }
        folder.commit()
    }

    fn read(path: &Path) -> Vec<(String, String)> {
        let paths = paths(path).expect("readable").into_iter();
        paths
            .filter(|name| name != MARKER)
            .map(|name| {
                let text = fs::read_to_string(path.join(&name)).expect("readable");
                (name, text)
            })
            .collect()
    }

    fn files(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        files.iter().map(owned).collect()
    }

    #[test]
    fn folders_appear_whole_and_replace_only_their_own() {
        let root = tempfile::tempdir().expect("folder");
        let path = root.path().join("out");
        fill(&path, &[("file", "one")]).expect("new");
        assert_eq!(read(&path), files(&[("file", "one")]));
        fill(&path, &[("file", "two")]).expect("replaced");
        assert_eq!(read(&path), files(&[("file", "two")]));
        let left = fs::read_dir(root.path()).expect("readable").count();
        assert_eq!(left, 1, "nothing else is left beside it");

        // An unfinished one leaves the old one as it was.
        let folder = OutputFolder::create(&path.join(""), true).expect("created");
        fs::write(folder.path().join("file"), "three").expect("written");
        drop(folder);
        assert_eq!(read(&path), files(&[("file", "two")]));

        fs::remove_file(path.join(MARKER)).expect("removed");
        let error = fill(&path, &[("file", "four")]).expect_err("not ours");
        assert!(error.to_string().contains("did not make"), "{error}");
        fs::remove_file(path.join("file")).expect("removed");
        fill(&path, &[("file", "five")]).expect("an empty folder is filled");
        assert_eq!(read(&path), files(&[("file", "five")]));
    }

    #[test]
    fn files_of_others_and_changed_ones_stay() {
        let root = tempfile::tempdir().expect("folder");
        let path = root.path().join("out");
        let first = [
            ("a", "1"),
            ("b", "1"),
            ("nodes/gone", "1"),
            ("settings", "1"),
        ];
        fill(&path, &first).expect("new");
        fs::write(path.join("settings"), "mine").expect("written");
        fs::write(path.join("ipxe.efi"), "program").expect("written");
        fs::create_dir(path.join("mine")).expect("created");
        fs::write(path.join("mine/notes"), "notes").expect("written");
        std::os::unix::fs::symlink("ipxe.efi", path.join("link")).expect("linked");

        let second = [("a", "2"), ("b", "1"), ("settings", "2")];
        let kept = fill(&path, &second).expect("replaced");
        let settings = Kept {
            path: path.join("settings"),
            new: path.join("settings.new"),
        };
        assert_eq!(kept, std::slice::from_ref(&settings));
        let expected = files(&[
            ("a", "2"),
            ("b", "1"),
            ("ipxe.efi", "program"),
            ("link", "program"),
            ("mine/notes", "notes"),
            ("settings", "mine"),
            ("settings.new", "2"),
        ]);
        assert_eq!(read(&path), expected);
        assert!(
            fs::symlink_metadata(path.join("link"))
                .expect("there")
                .is_symlink()
        );

        // Again: what is new takes the place of what was new before.
        let third = [("a", "2"), ("b", "1"), ("settings", "3")];
        assert_eq!(fill(&path, &third).expect("replaced"), [settings]);
        assert_eq!(fs::read(path.join("settings.new")).expect("there"), b"3");
        // Taken over by the user: nothing is kept beside it any more.
        fs::rename(path.join("settings.new"), path.join("settings")).expect("renamed");
        assert_eq!(fill(&path, &third).expect("replaced"), []);
        assert!(!path.join("settings.new").exists());
        assert_eq!(fs::read(path.join("settings")).expect("there"), b"3");
    }

    #[test]
    fn folders_of_earlier_versions_lose_nothing_of_the_user() {
        let root = tempfile::tempdir().expect("folder");
        let path = root.path().join("out");
        let first = [
            ("boot.ipxe", "1"),
            ("nodes/a.ipxe", "1"),
            ("dnsmasq.conf", "mine"),
            ("ipxe.efi", "p"),
        ];
        fill(&path, &first).expect("new");
        let old = "Made by imgbuild, which replaces this folder as a whole.\n";
        fs::write(path.join(MARKER), old).expect("written");
        let kept = fill(&path, &[("boot.ipxe", "2"), ("dnsmasq.conf", "2")]).expect("replaced");
        assert_eq!(kept.len(), 1);
        let expected = files(&[
            ("boot.ipxe", "2"),
            ("dnsmasq.conf", "mine"),
            ("dnsmasq.conf.new", "2"),
            ("ipxe.efi", "p"),
        ]);
        assert_eq!(read(&path), expected);
    }
}
