//! Keys that are being written to the disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use anyhow::Result;

use super::staging;

/// Keys that a separate thread writes to the disk, since most of the time is spent waiting for it.
/// An artifact with a node's keys must not appear before they are on the disk: a node whose keys
/// nobody has is lost.
#[derive(Debug, Default)]
#[must_use]
pub struct PendingKeys(Option<JoinHandle<Result<()>>>);

impl PendingKeys {
    /// Begins to write `files` below `root`. Nobody else writes there as long as `lock` is held.
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

    /// Waits until they are written, or returns why they could not be. Later calls do nothing.
    pub fn finish(&mut self) -> Result<()> {
        match self.0.take() {
            Some(thread) => thread.join().expect("writing panics only because of a bug"),
            None => Ok(()),
        }
    }
}

impl Drop for PendingKeys {
    /// If a build has failed for another reason, which is reported, its keys are kept nevertheless.
    fn drop(&mut self) {
        let _ = self.finish();
    }
}
