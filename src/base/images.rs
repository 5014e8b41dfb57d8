//! Container images that a node has with it: an extension in which they lie unpacked, so that a runtime needs neither to copy nor to
//! unpack them.
//!
//! ```text
//! /opt/kubernetes/images/index.tar      manifests and configs of all images that lie unpacked
//! /opt/kubernetes/images/rootfs/<hex>/  the files of one, by the chain ID of its layers
//! /opt/kubernetes/images/snapshots      those chain IDs
//! /opt/kubernetes/images/<n>.tar        a whole image that squashfs as written here cannot hold unpacked (one with devices, say)
//! /opt/kubernetes/images/*.list         digest and name of each image of the archive of that name
//! ```
//!
//! `manifests/import-images.sh` tells containerd of them.

use std::collections::BTreeSet;
use std::fs::{self, File};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::cache::Cache;
use super::extension::{Extension, OPTIONS};
use super::hex;
use super::layers::Layers;
use super::squashfs::{Options, Writer};
use super::tree::{Content, Kind, Node, Tree};
use crate::names::Arch;
use crate::oci::{StoredImage, write_bundle};
use crate::plan::IMAGE_ARCHIVES;
use crate::progress::Progress;

/// Counts up whenever the same images give other bytes.
const VERSION: u32 = 1;

/// The extension of `images`, each with a name of its own, for `arch`. From the cache, or made there.
pub fn extension(
    cache: &Cache,
    arch: Arch,
    images: &[StoredImage],
    progress: &dyn Progress,
) -> Result<Extension> {
    let mut images: Vec<&StoredImage> = images.iter().collect();
    images.sort_by(|a, b| a.name.cmp(&b.name));
    let mut hash = Sha256::new();
    hash.update(format!("imgbuild images extension {VERSION} {arch}\n"));
    for image in &images {
        hash.update(format!("{} {}\n", image.name, image.digest()));
    }
    let id = hex(&hash.finalize());

    let _exclusive = cache.exclusive(&format!("extension-{id}"))?;
    let target = cache.folder("extensions")?.join(&id);
    if !target.exists() {
        build(cache, &target, &images, progress)?;
    }
    Ok(Extension {
        name: "images",
        id,
        file: target.join("image.squashfs"),
    })
}

fn build(
    cache: &Cache,
    target: &std::path::Path,
    images: &[&StoredImage],
    progress: &dyn Progress,
) -> Result<()> {
    let work = cache.workspace()?;
    let folder = work.path().join("extension");
    fs::create_dir(&folder).context("making a folder for the extension")?;
    let file = File::create(folder.join("image.squashfs")).context("making the extension")?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut writer = Writer::new(file, Options { threads, ..OPTIONS })?;
    let mut tree = Tree::new();
    let mut layers = Layers::default();
    let mut snapshots = BTreeSet::new();
    let mut unpacked = Vec::new();
    let mut whole = Vec::new();
    tree.insert(IMAGE_ARCHIVES, Node::directory(0o755));
    progress.start("packing images", Some(images.len() as u64));
    for &image in images {
        let Some(chain) = image.chain_id() else {
            whole.push(image);
            continue;
        };
        let at = rootfs(&chain);
        let laid_out = snapshots.contains(&chain)
            || layers
                .lay_out(image, &at, &mut tree, &mut writer)
                .with_context(|| format!("unpacking the image {}", image.name))?;
        if laid_out {
            snapshots.insert(chain);
            unpacked.push(image);
        } else {
            whole.push(image);
        }
        progress.advance(1);
    }
    if !unpacked.is_empty() {
        archive(
            &mut tree,
            &mut writer,
            work.path(),
            "index",
            &unpacked,
            false,
        )?;
        let list = snapshots
            .iter()
            .fold(String::new(), |list, chain| list + chain + "\n");
        tree.insert(
            &format!("{IMAGE_ARCHIVES}/snapshots"),
            Node::file(0o644, list.into_bytes()),
        );
    }
    for (number, image) in whole.into_iter().enumerate() {
        let name = number.to_string();
        archive(&mut tree, &mut writer, work.path(), &name, &[image], true)?;
    }
    writer.finish(&tree, 0)?;
    progress.finish();
    work.publish("extension", target)
}

fn rootfs(chain: &str) -> String {
    format!(
        "{IMAGE_ARCHIVES}/rootfs/{}",
        chain.trim_start_matches("sha256:")
    )
}

/// Adds the archive `name` of `images`, and its list.
fn archive(
    tree: &mut Tree,
    writer: &mut Writer,
    work: &std::path::Path,
    name: &str,
    images: &[&StoredImage],
    with_layers: bool,
) -> Result<()> {
    let path = work.join("archive.tar");
    let mut out = std::io::BufWriter::new(File::create(&path).context("making an archive")?);
    write_bundle(images, with_layers, &mut out)?;
    out.into_inner().context("writing an archive")?;
    let stored = writer.add(&mut File::open(&path)?, false)?;
    let mut node = Node::file(0o644, Vec::new());
    node.kind = Kind::File(Content::Stored(stored));
    tree.insert(&format!("{IMAGE_ARCHIVES}/{name}.tar"), node);
    let list = images.iter().fold(String::new(), |list, image| {
        format!("{list}{} {}\n", image.digest(), image.name)
    });
    tree.insert(
        &format!("{IMAGE_ARCHIVES}/{name}.list"),
        Node::file(0o644, list.into_bytes()),
    );
    Ok(())
}
