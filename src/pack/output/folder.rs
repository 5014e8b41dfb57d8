//! An output folder that appears complete, or replaces one that this program made.

use std::fs::{self, DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::temporary::{Sweep, Temporary};
use super::{folder_of, resolve, sync_folder};

/// Marks every folder that this program made. A folder without it is never replaced.
const MARKER: &str = ".imgbuild";
const MARKER_CONTENTS: &str =
    "Made by imgbuild, which replaces this folder as a whole. Keep nothing of your own here.\n";

/// A folder being filled under a temporary name.
#[derive(Debug)]
pub struct OutputFolder {
    target: PathBuf,
    temporary: Temporary,
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
        fs::write(temporary.path().join(MARKER), MARKER_CONTENTS)
            .with_context(|| format!("creating {}", target.display()))?;
        Ok(Self { target, temporary })
    }

    /// The folder to write the files to.
    pub fn path(&self) -> &Path {
        self.temporary.path()
    }

    /// Syncs the finished folder to the disk and moves it to its path.
    pub fn commit(self) -> Result<()> {
        let Self { target, temporary } = self;
        // One call for the whole file system is far cheaper than one for each of thousands of small
        // files.
        File::open(temporary.path())
            .and_then(|folder| Ok(rustix::fs::syncfs(folder)?))
            .with_context(|| format!("syncing {} to the disk", target.display()))?;
        check_replaceable(&target)?;
        if target.join(MARKER).exists() {
            temporary.exchange(&target)?;
        } else {
            temporary.rename(&target)?;
        }
        sync_folder(folder_of(&target))
    }
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

    #[test]
    fn folders_appear_whole_and_replace_only_their_own() {
        let root = tempfile::tempdir().expect("folder");
        let path = root.path().join("out");
        let fill = |text: &str| -> Result<()> {
            let folder = OutputFolder::create(&path, true)?;
            fs::write(folder.path().join("file"), text)?;
            folder.commit()
        };
        fill("one").expect("new");
        assert_eq!(fs::read(path.join("file")).expect("there"), b"one");
        fill("two").expect("replaced");
        assert_eq!(fs::read(path.join("file")).expect("there"), b"two");
        let left = fs::read_dir(root.path()).expect("readable").count();
        assert_eq!(left, 1, "nothing else is left beside it");

        // An unfinished one leaves the old one as it was.
        let folder = OutputFolder::create(&path.join(""), true).expect("created");
        fs::write(folder.path().join("file"), "three").expect("written");
        drop(folder);
        assert_eq!(fs::read(path.join("file")).expect("there"), b"two");

        fs::remove_file(path.join(MARKER)).expect("removed");
        let error = fill("four").expect_err("not ours");
        assert!(error.to_string().contains("did not make"), "{error}");
        fs::remove_file(path.join("file")).expect("removed");
        fill("five").expect("an empty folder is filled");
        assert_eq!(fs::read(path.join("file")).expect("there"), b"five");
    }
}
