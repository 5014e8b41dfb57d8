//! OCI image layouts as one tar archive (OCI Image Layout Specification), which runtimes import.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, Header};

use crate::names::Arch;
use crate::text::hex;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// An image to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image<'a> {
    /// Its name with registry and tag, as in pods.
    pub name: &'a str,
    pub arch: Arch,
    /// Uncompressed tar archives, the lowest first.
    pub layers: Vec<Vec<u8>>,
    pub entrypoint: Vec<String>,
    /// `NAME=value`
    pub environment: Vec<String>,
}

/// Writes `images` as one archive. The same images produce the same bytes.
pub fn write_archive(images: &[Image], out: &mut impl Write) -> io::Result<()> {
    let mut blobs = BTreeMap::new();
    let mut manifests = Vec::new();
    for image in images {
        let layers: Vec<_> = image
            .layers
            .iter()
            .map(|layer| add(&mut blobs, LAYER, layer.clone()))
            .collect();
        // An uncompressed layer's own digest is its diff id.
        let diff_ids: Vec<_> = layers.iter().map(|layer| layer["digest"].clone()).collect();
        let config = json!({
            "architecture": image.arch.as_str(),
            "os": "linux",
            "config": { "Env": image.environment, "Entrypoint": image.entrypoint },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = add(&mut blobs, CONFIG, config.to_string().into_bytes());
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config,
            "layers": layers,
        });
        let mut manifest = add(&mut blobs, MANIFEST, manifest.to_string().into_bytes());
        manifest["platform"] = json!({ "architecture": image.arch.as_str(), "os": "linux" });
        // The name that containerd gives the image on import (containerd, pkg
        // images/annotations.go).
        manifest["annotations"] = json!({ "io.containerd.image.name": image.name });
        manifests.push(manifest);
    }
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });

    let mut tar = Builder::new(out);
    file(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    file(&mut tar, "index.json", index.to_string().as_bytes())?;
    for (digest, blob) in &blobs {
        file(&mut tar, &format!("blobs/sha256/{digest}"), blob)?;
    }
    tar.finish()
}

/// Stores `blob` under its digest, and returns its descriptor.
fn add(blobs: &mut BTreeMap<String, Vec<u8>>, media_type: &str, blob: Vec<u8>) -> Value {
    let digest = hex(&Sha256::digest(&blob));
    let descriptor = json!({
        "mediaType": media_type,
        "digest": format!("sha256:{digest}"),
        "size": blob.len(),
    });
    blobs.insert(digest, blob);
    descriptor
}

pub(super) fn file(tar: &mut Builder<impl Write>, path: &str, contents: &[u8]) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(contents.len() as u64);
    tar.append_data(&mut header, path, contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_descriptor_names_a_blob_of_the_archive() {
        let mut bytes = Vec::new();
        crate::oci::write_node_image(Arch::Arm64, &mut bytes).expect("written");
        let mut again = Vec::new();
        crate::oci::write_node_image(Arch::Arm64, &mut again).expect("written");
        assert_eq!(bytes, again);

        let mut files = BTreeMap::new();
        let mut archive = tar::Archive::new(bytes.as_slice());
        for entry in archive.entries().expect("tar") {
            let mut entry = entry.expect("entry");
            let path = entry.path().expect("path").display().to_string();
            let mut contents = Vec::new();
            io::copy(&mut entry, &mut contents).expect("contents");
            files.insert(path, contents);
        }
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().expect("a digest");
            let blob = &files[&digest.replace("sha256:", "blobs/sha256/")];
            assert_eq!(digest, format!("sha256:{}", hex(&Sha256::digest(blob))));
            assert_eq!(descriptor["size"], blob.len());
            blob.clone()
        };
        let index: Value = serde_json::from_slice(&files["index.json"]).expect("JSON");
        let manifest = &index["manifests"][0];
        assert_eq!(
            manifest["annotations"]["io.containerd.image.name"],
            crate::oci::NODE_IMAGE
        );
        let manifest: Value = serde_json::from_slice(&blob(manifest)).expect("JSON");
        let config: Value = serde_json::from_slice(&blob(&manifest["config"])).expect("JSON");
        assert_eq!(config["architecture"], "arm64");
        let layer = &manifest["layers"][0];
        assert_eq!(config["rootfs"]["diff_ids"][0], layer["digest"]);
        let mut paths = Vec::new();
        for entry in tar::Archive::new(blob(layer).as_slice())
            .entries()
            .expect("tar")
        {
            paths.push(
                entry
                    .expect("entry")
                    .path()
                    .expect("path")
                    .display()
                    .to_string(),
            );
        }
        assert!(paths.contains(&"pause".to_owned()) && paths.contains(&"sbin".to_owned()));
    }
}
