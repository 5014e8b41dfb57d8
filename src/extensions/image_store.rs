//! A store of images as containers/storage has it (its `docs/`, `images.go`, `layers.go`,
//! `drivers/overlay/overlay.go`), which CRI-O and podman read where it is, and write nothing to
//! (containers-storage.conf(5), `additionalimagestores`).
//!
//! ```text
//! overlay-images/images.json        names, digests and layers of all images
//! overlay-images/<id>/              manifests and configs
//! overlay-layers/layers.json        all layers
//! overlay/<layer>/diff/             the files of one
//! overlay/<layer>/link              its other name,
//! overlay/l/<other name>            a link to its files, which keeps the options of mounts short
//! *.lock                            empty
//! ```
//!
//! An image has one layer here, made of all its layers on top of one another, since squashfs as
//! written here cannot represent whiteouts. It goes by the chain ID of the layers (OCI Image
//! Format, `config.md`), which is that of the layer itself where there is one only; the chain ID of
//! several is not the digest of anything in a registry, so that nobody mistakes the layer for one
//! of those.

use std::collections::{BTreeMap, BTreeSet};

use base64ct::{Base64, Encoding as _};
use serde_json::{Map, json};

use crate::formats::tree::{Node, Tree};
use crate::oci::{ImageName, StoredImage, digest_of};

/// The key of the manifest that applies.
const MANIFEST: &str = "manifest";

/// A store that is being filled.
#[derive(Debug)]
pub struct ImageStore {
    /// Its folder on the node.
    at: String,
    /// By their ids, the hexadecimal digests of their configs.
    images: BTreeMap<String, Image>,
    /// Bytes of the layers, by chain ID.
    layers: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Image {
    digest: String,
    names: BTreeSet<String>,
    /// `None`: it has no files.
    chain: Option<String>,
    /// Its data, by key.
    data: BTreeMap<String, Vec<u8>>,
}

impl ImageStore {
    /// An empty store in the folder `at`.
    pub fn new(at: String) -> Self {
        Self {
            at,
            images: BTreeMap::new(),
            layers: BTreeMap::new(),
        }
    }

    /// The folder for the files of the layers that `chain` names.
    pub fn files_of(&self, chain: &str) -> String {
        format!("{}/overlay/{}/diff", self.at, hex(chain))
    }

    /// Adds `image`, whose files, where it has any, are in [`ImageStore::files_of`] its chain ID:
    /// `size` bytes.
    pub fn add(&mut self, image: &StoredImage, size: u64) {
        let chain = image.chain_id();
        if let Some(chain) = &chain {
            self.layers.insert(chain.clone(), size);
        }
        let config = digest_of(&image.config);
        let digest = image.digest();
        let known = (self.images.entry(hex(&config).to_owned())).or_insert_with(|| Image {
            digest: digest.clone(),
            names: BTreeSet::new(),
            chain,
            data: BTreeMap::from([
                (MANIFEST.to_owned(), image.manifest.clone()),
                (config, image.config.clone()),
            ]),
        });
        known.names.extend(names(&image.name));
        (known.data).insert(format!("{MANIFEST}-{digest}"), image.manifest.clone());
    }

    /// The names of all images, sorted.
    pub fn names(&self) -> BTreeSet<&str> {
        let images = self.images.values();
        images
            .flat_map(|image| &image.names)
            .map(String::as_str)
            .collect()
    }

    /// Writes everything but the files of the layers.
    pub fn write(&self, tree: &mut Tree) {
        let at = &self.at;
        let mut text = |path: String, bytes: Vec<u8>| {
            tree.insert(&format!("{at}/{path}"), Node::file(0o644, bytes));
        };
        let mut images = Vec::new();
        for (id, image) in &self.images {
            let (mut sizes, mut digests) = (Map::new(), Map::new());
            for (key, bytes) in &image.data {
                sizes.insert(key.clone(), json!(bytes.len()));
                digests.insert(key.clone(), json!(digest_of(bytes)));
                text(
                    format!("overlay-images/{id}/{}", file_name(key)),
                    bytes.clone(),
                );
            }
            images.push(json!({
                "id": id,
                "digest": image.digest,
                "names": image.names,
                "layer": image.chain.as_deref().map(hex).unwrap_or_default(),
                "big-data-names": image.data.keys().collect::<Vec<_>>(),
                "big-data-sizes": sizes,
                "big-data-digests": digests,
            }));
        }
        let mut layers = Vec::new();
        for (chain, size) in &self.layers {
            layers.push(json!({ "id": hex(chain), "diff-digest": chain, "diff-size": size }));
            text(format!("overlay/{}/link", hex(chain)), link(chain).into());
        }
        for (kind, list) in [("images", images), ("layers", layers)] {
            text(format!("overlay-{kind}/{kind}.lock"), Vec::new());
            text(
                format!("overlay-{kind}/{kind}.json"),
                json!(list).to_string().into_bytes(),
            );
        }
        tree.insert(&format!("{at}/overlay/l"), Node::directory(0o755));
        for chain in self.layers.keys() {
            let layer = hex(chain);
            // Whoever mounts a layer by itself expects these, and cannot create them here.
            for folder in ["empty", "merged", "work"] {
                let path = format!("{at}/overlay/{layer}/{folder}");
                tree.insert(&path, Node::directory(0o700));
            }
            tree.insert(
                &format!("{at}/overlay/l/{}", link(chain)),
                Node::symlink(format!("../{layer}/diff")),
            );
        }
    }
}

/// The names that containers/storage knows an image by: with a tag, or with a digest, but not with
/// both.
fn names(name: &str) -> Vec<String> {
    let Ok(parsed) = name.parse::<ImageName>() else {
        return vec![name.to_owned()];
    };
    let repository = format!("{}/{}", parsed.registry(), parsed.repository());
    let tag = parsed.tag().map(|tag| format!("{repository}:{tag}"));
    let digest = parsed.digest();
    let digest = digest.map(|digest| format!("{repository}@{digest}"));
    tag.into_iter().chain(digest).collect()
}

/// A digest without the name of its algorithm.
fn hex(digest: &str) -> &str {
    digest.trim_start_matches("sha256:")
}

/// A layer's other name: 26 letters and digits, as containers/storage makes them at random.
fn link(chain: &str) -> String {
    hex(chain)
        .chars()
        .take(26)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}

/// The file of what is kept by `key` (containers/storage, `makeBigDataBaseName`).
fn file_name(key: &str) -> String {
    let plain = |b: u8| b == b'.' || b.is_ascii_digit() || b.is_ascii_lowercase();
    if key.bytes().all(plain) {
        key.to_owned()
    } else {
        format!("={}", Base64::encode_string(key.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_tag_or_a_digest() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        for (name, want) in [
            ("a.example/b:c".to_owned(), vec!["a.example/b:c".to_owned()]),
            (
                format!("a.example/b@{digest}"),
                vec![format!("a.example/b@{digest}")],
            ),
            (
                format!("a.example/b:c@{digest}"),
                vec!["a.example/b:c".to_owned(), format!("a.example/b@{digest}")],
            ),
        ] {
            assert_eq!(names(&name), want, "{name}");
        }
    }

    #[test]
    fn files_are_named_as_containers_storage_names_them() {
        for (key, want) in [
            ("manifest", "manifest"),
            ("sha256:0a", "=c2hhMjU2OjBh"),
            ("manifest-sha256:0a", "=bWFuaWZlc3Qtc2hhMjU2OjBh"),
        ] {
            assert_eq!(file_name(key), want);
        }
    }
}
