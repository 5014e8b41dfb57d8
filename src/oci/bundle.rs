//! Archives of existing images for a node.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anyhow::{Context as _, Result};
use serde_json::json;
use tar::{Builder, Header};

use super::archive::file;
use super::{StoredImage, digest_of};

/// Writes `images` as one archive in the OCI image layout, with or without their layers. The same
/// images produce the same bytes.
///
/// An archive without layers is for a runtime that already has the images' files.
pub fn write_bundle(
    images: &[&StoredImage],
    with_layers: bool,
    out: &mut impl Write,
) -> Result<()> {
    let manifests: Vec<_> = images
        .iter()
        .map(|image| {
            json!({
                "mediaType": image.manifest_type,
                "digest": image.digest(),
                "size": image.manifest.len(),
                // The annotation that containerd reads (containerd, `images/annotations.go`), and
                // the one that others read.
                "annotations": {
                    "io.containerd.image.name": image.name,
                    "org.opencontainers.image.ref.name": image.name,
                },
            })
        })
        .collect();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    });
    let mut tar = Builder::new(out);
    file(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    file(&mut tar, "index.json", index.to_string().as_bytes())?;
    let mut written = BTreeSet::new();
    for image in images {
        for bytes in [&image.manifest, &image.config] {
            let digest = digest_of(bytes);
            if written.insert(digest.clone()) {
                file(&mut tar, &path(&digest), bytes)?;
            }
        }
        for layer in image.layers.iter().filter(|_| with_layers) {
            if written.insert(layer.digest.clone()) {
                let mut header = Header::new_gnu();
                header.set_mode(0o644);
                header.set_size(layer.blob.size);
                header.set_mtime(0);
                header.set_uid(0);
                header.set_gid(0);
                let mut bytes = layer.open_stored()?;
                tar.append_data(&mut header, path(&layer.digest), &mut bytes)
                    .and_then(|()| io::copy(&mut bytes, &mut io::sink()).map(|_| ()))
                    .with_context(|| {
                        format!("copying the layer {} of {}", layer.digest, image.name)
                    })?;
            }
        }
    }
    tar.finish().context("finishing the archive")
}

fn path(digest: &str) -> String {
    digest.replace("sha256:", "blobs/sha256/")
}
