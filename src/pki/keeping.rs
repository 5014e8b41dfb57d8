//! Keys on their way to the disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use anyhow::Result;

use super::staging;

/// Keys that a thread of its own puts on the disk, where most of the time goes with waiting for
/// that. What holds a node's keys is not to appear before they are there: a node whose keys nobody
/// has is lost.
#[derive(Debug, Default)]
#[must_use]
pub struct Keeping(Option<JoinHandle<Result<()>>>);

impl Keeping {
    /// Begins to write `files` below `root`. Nobody else does as long as `lock` is held.
    pub(super) fn begin(
        root: PathBuf,
        files: BTreeMap<PathBuf, String>,
        lock: Option<File>,
    ) -> Self {
        Self(Some(thread::spawn(move || {
            let written = staging::write_all(&root, &files);
            drop(lock);
            written
        })))
    }

    /// Waits until they are there, or gives the reason why they are not. Later calls do nothing.
    pub fn finish(&mut self) -> Result<()> {
        match self.0.take() {
            Some(thread) => thread.join().expect("no writing panics but with a bug"),
            None => Ok(()),
        }
    }
}

impl Drop for Keeping {
    /// Where a build has failed for another reason, which is told, its keys are kept all the same.
    fn drop(&mut self) {
        let _ = self.finish();
    }
}
