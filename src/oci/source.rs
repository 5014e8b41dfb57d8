//! Reads images from files: OCI layouts and archives of them, archives of `docker save`, and
//! folders of these.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde_json::json;

use super::digest_of;
use super::name::{ImageName, is_digest};
use super::stored::{
    Blob, Compression, Descriptor, INDEX_TYPES, Index, MANIFEST_TYPES, StoredImage, StoredLayer,
};
use crate::formats::json;
use crate::formats::tar::{Limits, Members};
use crate::names::Arch;

/// The file that marks an OCI layout.
const LAYOUT: &str = "oci-layout";

const NOT_TAR: &str = "not a tar archive; if it is compressed, decompress it first";

/// The most images of one archive, and bytes of their manifests and configs.
const IMAGES_MAX: usize = 1000;
const CONFIGS_MAX: usize = 64 << 20;

/// How deep nested indexes are followed.
const DEPTH_MAX: usize = 4;

/// The images for `arch` at `path`: an archive, a layout, or a folder of archives and layouts, in
/// the order of their names.
pub fn read(path: &Path, arch: Arch) -> Result<Vec<StoredImage>> {
    let reading = || format!("reading the images in {}", path.display());
    let data = fs::metadata(path).with_context(reading)?;
    if !data.is_dir() {
        return archive(path, arch).with_context(reading);
    }
    if path.join(LAYOUT).exists() {
        let files = Files::Layout(path.to_owned());
        return layout(&files, arch).with_context(reading);
    }
    let mut images = Vec::new();
    for path in inside(path).with_context(reading)? {
        images.extend(read(&path, arch)?);
    }
    if images.is_empty() {
        bail!(
            "{} contains no images: neither an OCI layout nor archives (*.tar)",
            path.display()
        );
    }
    Ok(images)
}

/// Archives and layouts directly in `folder`, sorted.
pub fn inside(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let is_archive = path.extension().is_some_and(|ending| ending == "tar");
        if is_archive || path.join(LAYOUT).exists() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The files of a layout.
enum Files {
    Layout(PathBuf),
    /// Paths in the archive, and where their bytes are.
    Archive(PathBuf, BTreeMap<String, Blob>),
}

impl Files {
    fn find(&self, path: &str) -> Result<Blob> {
        match self {
            Self::Layout(folder) => Blob::from_file(folder.join(path)),
            Self::Archive(file, entries) => entries
                .get(path)
                .cloned()
                .with_context(|| format!("{} does not contain {path}", file.display())),
        }
    }

    fn text(&self, path: &str) -> Result<Vec<u8>> {
        use std::io::Read as _;
        let blob = self.find(path)?;
        ensure!(
            blob.size <= super::stored::MANIFEST_MAX,
            "{path} is too large"
        );
        let mut bytes = Vec::new();
        blob.open()?.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Blob> {
        ensure!(
            is_digest(&descriptor.digest),
            "`{}` is not a SHA-256 digest",
            descriptor.digest
        );
        let blob = self.find(&descriptor.digest.replace("sha256:", "blobs/sha256/"))?;
        ensure!(
            descriptor.size == 0 || descriptor.size == blob.size,
            "the blob {} has {} bytes, expected {}",
            descriptor.digest,
            blob.size,
            descriptor.size
        );
        Ok(blob)
    }
}

fn archive(path: &Path, arch: Arch) -> Result<Vec<StoredImage>> {
    let mut entries = BTreeMap::new();
    let mut tar = tar::Archive::new(File::open(path)?);
    let mut limits = Limits::default();
    // Seeking past contents keeps this fast for any size.
    let mut members = Members::new(tar.entries_with_seek().context(NOT_TAR)?, &mut limits);
    while let Some(member) = members.next().context(NOT_TAR)? {
        let entry = &member.entry;
        let name = String::from_utf8_lossy(&member.path).into_owned();
        let name = name.trim_start_matches("./").to_owned();
        if let Some(target) = &member.link {
            // Old versions of `docker save` write a layer that two images share once, and link to
            // it.
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let target = joined(folder, &String::from_utf8_lossy(target));
            if let Some(blob) = entries.get(&target).cloned() {
                entries.insert(name, blob);
            }
        } else if entry.header().entry_type().is_file() {
            entries.insert(
                name,
                Blob {
                    file: path.to_owned(),
                    offset: entry.raw_file_position(),
                    size: entry.size(),
                },
            );
        }
    }
    let is_layout = entries.contains_key("index.json");
    let is_docker = entries.contains_key("manifest.json");
    let files = Files::Archive(path.to_owned(), entries);
    if is_layout {
        layout(&files, arch)
    } else if is_docker {
        docker(&files, arch)
    } else {
        bail!(
            "it contains neither an OCI layout (index.json) nor an archive of `docker save` (manifest.json)"
        )
    }
}

/// `target` from the folder `folder`, both in an archive.
fn joined(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn layout(files: &Files, arch: Arch) -> Result<Vec<StoredImage>> {
    let index: Index = json::parse(&files.text("index.json")?).context("reading index.json")?;
    let mut images = Vec::new();
    for descriptor in &index.manifests {
        let other =
            |p: &super::stored::Platform| p.os != "linux" || p.architecture != arch.as_str();
        // An index that lists one image for several platforms.
        if descriptor.platform.as_ref().is_some_and(other) {
            continue;
        }
        let name = name_of(descriptor)?;
        let image = one(files, descriptor, arch, &name, DEPTH_MAX)
            .with_context(|| format!("reading the image {name}"))?;
        images.push(image);
        check_size(&images)?;
    }
    ensure!(!images.is_empty(), "it contains no image for linux/{arch}");
    Ok(images)
}

/// Refuses more images than fit into memory.
fn check_size(images: &[StoredImage]) -> Result<()> {
    let sizes = images
        .iter()
        .map(|image| image.manifest.len() + image.config.len());
    ensure!(
        images.len() <= IMAGES_MAX && sizes.sum::<usize>() <= CONFIGS_MAX,
        "it contains more than {IMAGES_MAX} images, or {} MiB of manifests and configs",
        CONFIGS_MAX >> 20
    );
    Ok(())
}

fn one(
    files: &Files,
    descriptor: &Descriptor,
    arch: Arch,
    name: &str,
    deepest: usize,
) -> Result<StoredImage> {
    let bytes = files.blob(descriptor)?.read(&descriptor.digest)?;
    if INDEX_TYPES.contains(&descriptor.media_type.as_str()) {
        ensure!(deepest > 0, "its indexes are nested too deeply");
        let index: Index = json::parse(&bytes).context("reading its index")?;
        return one(files, index.of(arch)?, arch, name, deepest - 1);
    }
    ensure!(
        descriptor.media_type.is_empty()
            || MANIFEST_TYPES.contains(&descriptor.media_type.as_str()),
        "`{}` is not the media type of a container image's manifest",
        descriptor.media_type
    );
    StoredImage::new(name.to_owned(), arch, bytes, |d| files.blob(d))
}

/// The name that containerd gives an image on import: its own annotation, or OCI's if that is a
/// full name.
fn name_of(descriptor: &Descriptor) -> Result<String> {
    let annotation = |key: &str| descriptor.annotations.get(key);
    let name = annotation("io.containerd.image.name").or_else(|| {
        annotation("org.opencontainers.image.ref.name").filter(|name| name.contains([':', '/']))
    });
    let name = name.with_context(|| {
        format!(
            "the image {} has no name; set one with `skopeo copy oci-archive:OLD oci-archive:NEW:NAME`",
            descriptor.digest
        )
    })?;
    let parsed: ImageName = (name.parse()).map_err(|why: crate::names::InvalidName| {
        anyhow::anyhow!("invalid name `{name}`: {}", why.0)
    })?;
    Ok(parsed.to_string())
}

/// An image of `manifest.json` (Docker Image Specification v1.2, "Combined Image JSON + Filesystem
/// Changeset Format").
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

fn docker(files: &Files, arch: Arch) -> Result<Vec<StoredImage>> {
    let saved: Vec<Saved> =
        json::parse(&files.text("manifest.json")?).context("reading manifest.json")?;
    let mut images = Vec::new();
    for saved in saved {
        let names = saved.repo_tags.clone().unwrap_or_default();
        ensure!(
            !names.is_empty(),
            "the image with the config {} has no name; save it by name, not by id",
            saved.config
        );
        for name in names {
            let name: ImageName = (name.parse()).map_err(|why: crate::names::InvalidName| {
                anyhow::anyhow!("invalid name `{name}`: {}", why.0)
            })?;
            let name = name.to_string();
            images.push(
                one_saved(files, &saved, arch, &name)
                    .with_context(|| format!("reading the image {name}"))?,
            );
            check_size(&images)?;
        }
    }
    Ok(images)
}

/// Layers are uncompressed here, so that their digests are those in the config; the manifest is
/// made in the same way as by containerd.
fn one_saved(files: &Files, saved: &Saved, arch: Arch, name: &str) -> Result<StoredImage> {
    let config = files.text(&saved.config)?;
    let parsed: serde_json::Value = json::parse(&config).context("reading its config")?;
    let diff_ids = parsed["rootfs"]["diff_ids"].as_array();
    let diff_ids = diff_ids.map_or(&[][..], Vec::as_slice);
    ensure!(
        diff_ids.len() == saved.layers.len(),
        "its config lists {} layers, but manifest.json lists {}",
        diff_ids.len(),
        saved.layers.len()
    );
    let mut layers = Vec::new();
    for (path, digest) in saved.layers.iter().zip(diff_ids) {
        let blob = files.find(path)?;
        layers.push(StoredLayer {
            digest: digest.as_str().unwrap_or_default().to_owned(),
            size: blob.size,
            compression: Compression::None,
            blob,
        });
    }
    let listed: Vec<_> = layers
        .iter()
        .map(|layer| {
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": layer.digest,
                "size": layer.size,
            })
        })
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPES[0],
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest_of(&config),
            "size": config.len(),
        },
        "layers": listed,
    });
    StoredImage {
        name: name.to_owned(),
        manifest_type: MANIFEST_TYPES[0].to_owned(),
        manifest: manifest.to_string().into_bytes(),
        config,
        layers,
        diff_ids: Vec::new(),
    }
    .checked(arch)
}
