//! Fetches container images and programs from registries and download sites. They are pinned in
//! `imgbuild.lock` and kept in the cache by their digests.
//!
//! Blobs are in `blobs/sha256/<hex>` of the cache. Each is checked when it is stored and again when
//! it is used; a damaged one is fetched again.

mod boot_files;
mod credentials;
mod distribution;
mod http;
mod images;
mod mirrors;
mod programs;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::cache::{Cache, Corrupt, check_hash};
use crate::formats::{json, whole};
use crate::lock::pins::Pins;
use crate::oci::{MANIFEST_MAX, is_digest};
use crate::progress::Progress;

pub use boot_files::{CheckedBootFiles, boot_files};
pub use credentials::{Credentials, Login};
pub use http::Network;
pub use images::Images;
pub use mirrors::Mirrors;
pub use programs::{DEFAULT_SITE, Programs};

/// How files may be obtained.
#[derive(Debug, Clone)]
pub struct Access {
    /// Do not access the network: a file missing from the cache is an error.
    pub offline: bool,
    /// Do not change the lock: a pin missing from it is an error.
    pub locked: bool,
    /// Resolve again what the lock pins already, and update its pins.
    pub refresh: bool,
    pub cache: Cache,
}

impl Access {
    /// The path of the blob with this digest (`sha256:…`).
    fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        self.cache.root().join("blobs/sha256").join(hex)
    }

    /// Whether the cache has the blob with this digest, undamaged. A damaged one is removed where
    /// it can be fetched again.
    fn has_blob(&self, digest: &str, progress: &dyn Progress) -> Result<bool> {
        let path = self.blob(digest);
        if !self.cache.has(&path) {
            return Ok(false);
        }
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        match check_hash(&path, hex) {
            Ok(()) => Ok(true),
            Err(error) => self.discard_damaged(error, progress).map(|()| false),
        }
    }

    /// Removes the file of the cache that `error` says is damaged, so that it is fetched again.
    /// Returns any other error, and every one where nothing may be fetched.
    pub fn discard_damaged(&self, error: anyhow::Error, progress: &dyn Progress) -> Result<()> {
        let Some(corrupt) = Corrupt::find(&error) else {
            return Err(error);
        };
        if !corrupt.path.starts_with(self.cache.root()) {
            return Err(error);
        }
        if self.offline {
            return Err(error.context(
                "a file of the cache is damaged: a run without `--offline` fetches it again",
            ));
        }
        progress.warn(&format!("{corrupt}; it is fetched again"));
        self.cache.discard(&corrupt.path)
    }
}

/// The blobs of `cache` that the images and programs of `locks` consist of, by their digests in
/// hexadecimal: those that the locks name, and what the manifests among them name in turn.
pub fn reachable(cache: &Cache, locks: &[crate::lock::Lock]) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let mut left = Vec::new();
    for lock in locks {
        left.extend(Pins::from_lock(lock)?.digests().map(str::to_owned));
    }
    while let Some(digest) = left.pop() {
        let hex = digest.trim_start_matches("sha256:");
        let path = cache.root().join("blobs/sha256").join(hex);
        let is_new = found.insert(hex.to_owned());
        let is_small = fs::metadata(&path).is_ok_and(|data| data.len() <= MANIFEST_MAX);
        if is_new && is_small {
            let bytes = whole(&path, MANIFEST_MAX)?;
            // Anything but a manifest refers to nothing.
            let named = json::parse::<Json>(&bytes).unwrap_or_default();
            left.extend(digests(&named));
        }
    }
    Ok(found)
}

/// The digests of the descriptors in `manifest` (OCI Image Specification, descriptor.md): those of
/// an image's config and layers, or of an index's manifests.
fn digests(manifest: &Json) -> impl Iterator<Item = String> {
    let lists = ["layers", "manifests"].map(|key| manifest[key].as_array());
    (lists.into_iter().flatten().flatten())
        .chain([&manifest["config"]])
        .filter_map(|descriptor| descriptor["digest"].as_str())
        .filter(|digest| is_digest(digest))
        .map(str::to_owned)
}

/// A file that is hashed while it is written into the cache.
struct Incoming {
    work: crate::cache::Workspace,
    file: std::io::BufWriter<std::fs::File>,
    hash: Sha256,
    size: u64,
}

const NAME: &str = "blob";

impl Incoming {
    fn new(cache: &Cache) -> Result<Self> {
        let work = cache.workspace()?;
        let path = work.path().join(NAME);
        let file =
            std::fs::File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        Ok(Self {
            work,
            file: std::io::BufWriter::new(file),
            hash: Sha256::new(),
            size: 0,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// Stores it under `digest`, if that is its digest.
    fn finish(mut self, access: &Access, digest: &str) -> Result<PathBuf> {
        self.file.flush().context("writing to the cache")?;
        let found = self.digest();
        anyhow::ensure!(
            found == digest,
            "digest mismatch: expected {digest}, got {found}"
        );
        let target = access.blob(digest);
        self.work.publish(NAME, &target)?;
        Ok(target)
    }

    fn digest(&self) -> String {
        let hash = self.hash.clone().finalize();
        format!("sha256:{}", crate::text::hex(&hash))
    }
}
