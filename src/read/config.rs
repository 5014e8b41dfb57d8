//! An Ignition config, of any version, as the files that it puts on a node.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::live::DEST_PATH;
use super::nested::{Budget, configs, contents};
use crate::formats::damaged;

/// The largest file that is kept, in bytes: what imgbuild looks at is smaller.
const FILE_MAX: u64 = 1 << 20;

/// The part of an Ignition config that is read here: fields that are the same in 2.x and 3.x.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    storage: Storage,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Storage {
    files: Vec<File>,
    disks: Vec<Disk>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    #[serde(default)]
    contents: Value,
}

#[derive(Deserialize)]
struct Disk {
    device: String,
}

/// What a config puts on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Laid {
    /// Contents of files by path; only of those whose contents are in the config itself, and have
    /// at most 1 MiB or are another config.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Devices that are partitioned.
    pub disks: Vec<String>,
}

impl Laid {
    /// How many bytes the kept contents have.
    pub(crate) fn size(&self) -> u64 {
        self.files.values().map(|bytes| bytes.len() as u64).sum()
    }
}

/// Reads an Ignition config and those nested in it, of which later ones take precedence; one that
/// is not JSON, or whose contents are damaged, is an error.
pub fn laid(config: &[u8]) -> Result<Laid> {
    laid_beside(config, 0)
}

/// The same, for a caller that holds `held` bytes beside the config.
pub(crate) fn laid_beside(config: &[u8], held: u64) -> Result<Laid> {
    let mut laid = Laid::default();
    let mut budget = Budget::beside(held);
    for config in configs(config, &mut budget)? {
        let config: Config = match serde_json::from_value(config) {
            Ok(config) => config,
            Err(why) => return damaged(format!("its Ignition config: {why}")),
        };
        for file in config.storage.files {
            let what = format!("the contents of {}", file.path);
            let kept = match file.path.as_str() {
                DEST_PATH => u64::MAX,
                _ => FILE_MAX,
            };
            let Some(contents) = contents(&file.contents, &what, kept, &mut budget)? else {
                continue;
            };
            // A later file replaces an earlier one, whatever is kept of it.
            laid.files.remove(&file.path);
            if let Some(bytes) = contents.bytes {
                laid.files.insert(file.path, bytes);
            }
        }
        let disks = config.storage.disks;
        laid.disks.extend(disks.into_iter().map(|d| d.device));
    }
    Ok(laid)
}
