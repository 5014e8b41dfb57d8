//! Container images that a node has with it: an extension in which they lie unpacked, so that a runtime needs neither to copy nor to
//! unpack them.
//!
//! ```text
//! index.tar      manifests and configs of all images that lie unpacked
//! rootfs/<hex>/  the files of one, by the chain ID of its layers
//! snapshots      those chain IDs
//! <n>.tar        a whole image that squashfs as written here cannot hold unpacked (one with devices, say)
//! *.list         digest and name of each image of the archive of that name
//! ```
//!
//! The folder is [`crate::target::Paths::images`].
//!
//! `manifests/import-images.sh` tells containerd of them.

use std::collections::BTreeSet;
use std::fs::File;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::cache::Cache;
use super::extension::{Extension, Unmade, Work, layout};
use super::hex;
use super::layers::Layers;
use super::squashfs::Writer;
use super::tree::{Content, Kind, Node, Tree};
use crate::names::Arch;
use crate::oci::{StoredImage, write_bundle};
use crate::plan::IMAGES_EXTENSION;
use crate::progress::Progress;
use crate::target::Facts;

/// Counts up whenever the same images give other bytes.
const VERSION: u32 = 1;

/// The extension of `images`, each with a name of its own, for `arch`. From the cache, or made there.
pub fn extension(
    cache: &Cache,
    arch: Arch,
    system: &Facts,
    images: &[StoredImage],
    progress: &dyn Progress,
) -> Result<Extension> {
    let mut images: Vec<&StoredImage> = images.iter().collect();
    images.sort_by(|a, b| a.name.cmp(&b.name));
    let mut hash = Sha256::new();
    hash.update(format!("imgbuild images extension {VERSION} {arch}\n"));
    hash.update(layout(system));
    for image in &images {
        hash.update(format!("{} {}\n", image.name, image.digest()));
    }
    let id = hex(&hash.finalize());
    let extension = Unmade {
        name: IMAGES_EXTENSION,
        id,
        arch,
        system,
    };
    extension.made(cache, |work| {
        build(work, system.paths.images, &images, progress)
    })
}

/// The files of `images`, which lie in the folder `at` of the node.
fn build(
    work: &Work,
    at: &str,
    images: &[&StoredImage],
    progress: &dyn Progress,
) -> Result<(Writer, Tree)> {
    let mut writer = work.writer()?;
    let mut tree = Tree::new();
    let mut layers = Layers::default();
    let mut snapshots = BTreeSet::new();
    let mut unpacked = Vec::new();
    let mut whole = Vec::new();
    tree.insert(at, Node::directory(0o755));
    progress.start("packing images", Some(images.len() as u64));
    for &image in images {
        let Some(chain) = image.chain_id() else {
            whole.push(image);
            continue;
        };
        let rootfs = format!("{at}/rootfs/{}", chain.trim_start_matches("sha256:"));
        let laid_out = snapshots.contains(&chain)
            || layers
                .lay_out(image, &rootfs, &mut tree, &mut writer)
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
            (&mut tree, &mut writer),
            work,
            &format!("{at}/index"),
            &unpacked,
            false,
        )?;
        let list = snapshots
            .iter()
            .fold(String::new(), |list, chain| list + chain + "\n");
        tree.insert(
            &format!("{at}/snapshots"),
            Node::file(0o644, list.into_bytes()),
        );
    }
    for (number, image) in whole.into_iter().enumerate() {
        archive(
            (&mut tree, &mut writer),
            work,
            &format!("{at}/{number}"),
            &[image],
            true,
        )?;
    }
    progress.finish();
    Ok((writer, tree))
}

/// Adds the archive `stem.tar` of `images`, and its list.
fn archive(
    (tree, writer): (&mut Tree, &mut Writer),
    work: &Work,
    stem: &str,
    images: &[&StoredImage],
    with_layers: bool,
) -> Result<()> {
    let path = work.scratch().join("archive.tar");
    let mut out = std::io::BufWriter::new(File::create(&path).context("making an archive")?);
    write_bundle(images, with_layers, &mut out)?;
    out.into_inner().context("writing an archive")?;
    let stored = writer.add(&mut File::open(&path)?, false)?;
    let mut node = Node::file(0o644, Vec::new());
    node.kind = Kind::File(Content::Stored(stored));
    tree.insert(&format!("{stem}.tar"), node);
    let list = images.iter().fold(String::new(), |list, image| {
        format!("{list}{} {}\n", image.digest(), image.name)
    });
    tree.insert(
        &format!("{stem}.list"),
        Node::file(0o644, list.into_bytes()),
    );
    Ok(())
}
