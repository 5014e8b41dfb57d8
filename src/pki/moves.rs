//! Renames several files of the key folder atomically, even if the machine stops.
//!
//! The moves are written to a file first; from then on they are carried out, if necessary by
//! whoever opens the folder for writing next.

use std::fmt::Write;
use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::folder::{Access, KeyFolder};

/// One move per line: the old name, a tab, the new name, both relative to the folder.
const MOVES: &str = ".moves";

/// From where, to where.
pub(super) type Move = (PathBuf, PathBuf);

impl KeyFolder {
    /// Carries out `moves` in order. A target must not exist, unless an earlier move moves it away.
    pub(super) fn move_all(&mut self, moves: &[Move]) -> Result<()> {
        debug_assert_eq!(self.access(), Access::Write);
        let mut text = String::new();
        for (index, (from, to)) in moves.iter().enumerate() {
            let taken_away = moves[..index].iter().any(|(earlier, _)| earlier == to);
            if !taken_away && self.path(to).exists() {
                bail!("{} already exists", self.path(to).display());
            }
            // Writing to a String does not fail.
            let _ = writeln!(text, "{}\t{}", from.display(), to.display());
        }
        self.write(MOVES, &text)?;
        self.finish_moves()
    }

    /// Completes moves that were begun. A move whose target exists has been made, since no target
    /// existed before.
    pub(super) fn finish_moves(&self) -> Result<()> {
        let Some(text) = self.read(MOVES)? else {
            return Ok(());
        };
        if self.access() == Access::Look {
            bail!(
                "a change of {} was interrupted: `imgbuild keys init` finishes it",
                self.root().display()
            );
        }
        for line in text.lines() {
            let Some((from, to)) = line.split_once('\t') else {
                bail!("{} is damaged", self.path(MOVES).display());
            };
            let (from, to) = (self.path(from), self.path(to));
            let moving = || format!("moving {} to {}", from.display(), to.display());
            if to.exists() {
                continue;
            }
            let parent = to.parent().unwrap_or(self.root());
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)
                .with_context(moving)?;
            fs::rename(&from, &to).with_context(moving)?;
            sync(parent)?;
            sync(from.parent().unwrap_or(self.root()))?;
        }
        let moves = self.path(MOVES);
        fs::remove_file(&moves).with_context(|| format!("removing {}", moves.display()))?;
        sync(self.root())
    }
}

fn sync(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("writing {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names below `root` and what is in them.
    fn contents(root: &Path) -> Vec<String> {
        let folder = KeyFolder::open(root, Access::Write).expect("opened");
        let mut found = Vec::new();
        for ending in ["crt", "key"] {
            for file in folder.files(ending).expect("listed") {
                let text = folder.read(&file).expect("read").expect("there");
                found.push(format!("{}={text}", file.display()));
            }
        }
        found
    }

    fn moves() -> Vec<Move> {
        [
            ("ca.crt", "ca.old.crt"),
            ("ca.key", "ca.old.key"),
            ("ca.next.crt", "ca.crt"),
            ("ca.next.key", "ca.key"),
        ]
        .map(|(from, to)| (PathBuf::from(from), PathBuf::from(to)))
        .to_vec()
    }

    fn filled(root: &Path) -> KeyFolder {
        let mut folder = KeyFolder::open(root, Access::Write).expect("opened");
        for (file, text) in [
            ("ca.crt", "c1"),
            ("ca.key", "k1"),
            ("ca.next.crt", "c2"),
            ("ca.next.key", "k2"),
        ] {
            folder.write(file, text).expect("written");
        }
        folder
    }

    const MOVED: [&str; 4] = ["ca.crt=c2", "ca.old.crt=c1", "ca.key=k2", "ca.old.key=k1"];

    #[test]
    fn stopped_at_any_point_it_is_finished_by_the_next() {
        for made in 0..=4 {
            let scratch = tempfile::tempdir().expect("a folder");
            let root = scratch.path().join("keys");
            let mut folder = filled(&root);
            let lines = moves()
                .into_iter()
                .map(|(from, to)| format!("{}\t{}\n", from.display(), to.display()));
            let text: String = lines.collect();
            folder.write(MOVES, &text).expect("written");
            for (from, to) in &moves()[..made] {
                fs::rename(root.join(from), root.join(to)).expect("renamed");
            }
            drop(folder);
            let refusal = KeyFolder::open(&root, Access::Look).expect_err("unfinished");
            assert!(refusal.to_string().contains("was interrupted"), "{refusal}");
            assert_eq!(contents(&root), MOVED, "stopped after {made}");
            assert!(!root.join(MOVES).exists());
        }
    }

    #[test]
    fn nothing_is_overwritten() {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = scratch.path().join("keys");
        let mut folder = filled(&root);
        folder.write("ca.old.key", "k0").expect("written");
        assert!(folder.move_all(&moves()).is_err());
        drop(folder);
        assert_eq!(contents(&root)[0], "ca.crt=c1");
    }
}
