//! An Ignition config, of any version, as the files that it puts on a node.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::nested::{UNPACKED_MAX, configs, contents};
use crate::formats::damaged;

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
    /// Contents of files by path; only of those whose contents are in the config itself.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Devices that are partitioned.
    pub disks: Vec<String>,
}

/// Reads an Ignition config and those nested in it, of which later ones take precedence; one that
/// is not JSON, or whose contents are damaged, is an error.
pub fn laid(config: &[u8]) -> Result<Laid> {
    let mut laid = Laid::default();
    let mut left = UNPACKED_MAX;
    for config in configs(config)? {
        let config: Config = match serde_json::from_value(config) {
            Ok(config) => config,
            Err(why) => return damaged(format!("its Ignition config: {why}")),
        };
        for file in config.storage.files {
            let what = format!("the contents of {}", file.path);
            if let Some(bytes) = contents(&file.contents, &what, &mut left)? {
                laid.files.insert(file.path, bytes);
            }
        }
        let disks = config.storage.disks;
        laid.disks.extend(disks.into_iter().map(|d| d.device));
    }
    Ok(laid)
}
