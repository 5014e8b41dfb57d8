//! An Ignition config, of any version, as the files that it puts on a node.

use std::collections::BTreeMap;
use std::io::Read;

use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use super::damaged;

/// The most that compressed contents may unpack to, in bytes.
const UNPACKED_MAX: u64 = 256 << 20;

/// What counts of an Ignition config here: fields that 2.x and 3.x have alike.
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
    contents: Option<Contents>,
}

#[derive(Deserialize)]
struct Contents {
    source: Option<String>,
    compression: Option<String>,
}

#[derive(Deserialize)]
struct Disk {
    device: String,
}

/// What a config puts on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Laid {
    /// Contents of files by path; of those only that are in the config itself.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Devices that are partitioned.
    pub disks: Vec<String>,
}

/// Reads an Ignition config; one that is not JSON, or whose contents are damaged, is an error.
pub fn laid(config: &[u8]) -> Result<Laid> {
    let config: Config = serde_json::from_slice(config).context("reading the Ignition config")?;
    let mut files = BTreeMap::new();
    for file in config.storage.files {
        let Some(contents) = file.contents else {
            continue;
        };
        let Some(source) = contents.source.filter(|s| s.starts_with("data:")) else {
            continue;
        };
        let bytes = match crate::ignition::decode(&source) {
            Ok(bytes) => bytes,
            Err(why) => return damaged(format!("the contents of {}: {why}", file.path)),
        };
        let bytes = if contents.compression.as_deref() == Some("gzip") {
            let mut unpacked = Vec::new();
            MultiGzDecoder::new(bytes.as_slice())
                .take(UNPACKED_MAX)
                .read_to_end(&mut unpacked)
                .map_err(|e| super::reading(e, &file.path))?;
            unpacked
        } else {
            bytes
        };
        files.insert(file.path, bytes);
    }
    Ok(Laid {
        files,
        disks: config.storage.disks.into_iter().map(|d| d.device).collect(),
    })
}
