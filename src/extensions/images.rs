//! Container images that are built into a node: an extension in which they lie unpacked, so that a
//! runtime need neither copy nor unpack them.
//!
//! ```text
//! index.tar      manifests and configs of all images that lie unpacked
//! rootfs/<hex>/  the files of one, by the chain ID of its layers
//! snapshots      those chain IDs
//! <n>.tar        a whole image that squashfs as written here cannot hold (with devices)
//! *.list         digest and name of each image of the archive of that name
//! crio/images/   a store of all for CRI-O, which then has the files; rootfs/<hex> is a link
//! ```
//!
//! The folder is [`crate::facts::systems::Paths::images`].
//!
//! `manifests/import-images.sh` imports them into containerd. CRI-O finds them by itself.

use std::collections::BTreeMap;
use std::fs::File;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use super::crio;
use super::image_store::ImageStore;
use super::layers::Layers;
use crate::cache::{Cache, Corrupt};
use crate::extensions::{Extension, Unmade, Work, layout};
use crate::facts::layout::IMAGES_EXTENSION;
use crate::facts::runtimes::{extension_settings, image_store};
use crate::facts::systems::Facts;
use crate::formats::squashfs::Writer;
use crate::formats::tree::{Content, Kind, Node, Tree};
use crate::names::Arch;
use crate::oci::{StoredImage, write_bundle};
use crate::progress::Progress;
use crate::text::hex;

/// Incremented whenever the same images produce different bytes.
const VERSION: u32 = 3;

/// Images for a node.
#[derive(Debug, Clone, Copy)]
pub struct Images<'a> {
    /// Their names are unique.
    pub all: &'a [StoredImage],
    /// Whether CRI-O uses them too.
    pub cri_o: bool,
}

/// The extension of `images` for `arch`. From the cache, or made there.
pub fn extension(
    cache: &Cache,
    arch: Arch,
    system: &Facts,
    images: Images<'_>,
    progress: &dyn Progress,
) -> Result<Extension> {
    let Images { all, cri_o } = images;
    let mut images: Vec<&StoredImage> = all.iter().collect();
    images.sort_by(|a, b| a.name.cmp(&b.name));
    let mut hash = Sha256::new();
    hash.update(format!("imgbuild images extension {VERSION} {arch}\n"));
    hash.update(layout(system));
    for image in &images {
        hash.update(format!("{} {}\n", image.name, image.digest()));
    }
    if cri_o {
        hash.update("for CRI-O 1\n");
    }
    let id = hex(&hash.finalize());
    let extension = Unmade {
        name: IMAGES_EXTENSION,
        id,
        arch,
        system,
    };
    extension.made(cache, progress, |work| {
        build(work, system.paths.images, &images, cri_o, progress)
            .map_err(|error| damaged_layer(&images).unwrap_or(error))
    })
}

/// The error of the first layer whose stored bytes are not those that its digest is of: whoever
/// reads them says little, since a decompressor stumbles first.
fn damaged_layer(images: &[&StoredImage]) -> Option<anyhow::Error> {
    for image in images {
        for layer in &image.layers {
            let copied = layer
                .open_stored()
                .and_then(|mut bytes| Ok(std::io::copy(&mut bytes, &mut std::io::sink())?));
            if let Err(error) = copied {
                let corrupt = Corrupt::new(&layer.blob.file, format!("{error:#}"));
                let of_image = || format!("reading a layer of the image {}", image.name);
                return Some(anyhow::Error::new(corrupt).context(of_image()));
            }
        }
    }
    None
}

/// The files of `images`, which lie in the folder `at` of the node.
fn build(
    work: &Work,
    at: &str,
    images: &[&StoredImage],
    cri_o: bool,
    progress: &dyn Progress,
) -> Result<(Writer, Tree)> {
    let mut writer = work.writer()?;
    let mut tree = Tree::new();
    let mut layers = Layers::default();
    let mut store = cri_o.then(|| ImageStore::new(image_store(at, IMAGES_EXTENSION)));
    // By chain ID: the bytes of the layers.
    let mut snapshots = BTreeMap::new();
    let mut unpacked = Vec::new();
    let mut whole = Vec::new();
    tree.insert(at, Node::directory(0o755));
    progress.start("packing images", Some(images.len() as u64));
    for &image in images {
        let chain = image.chain_id();
        let known = chain.as_ref().and_then(|chain| snapshots.get(chain));
        let mut size = known.copied();
        if size.is_some() {
            // Its files are there, as those of an image that has the same layers by its config.
            layers
                .read(image, &mut writer)
                .with_context(|| format!("unpacking the image {}", image.name))?;
        }
        if let (Some(chain), None) = (&chain, size) {
            let rootfs = format!("{at}/rootfs/{}", chain.trim_start_matches("sha256:"));
            let files = (store.as_ref()).map_or_else(|| rootfs.clone(), |it| it.files_of(chain));
            size = layers
                .lay_out(image, &files, &mut tree, &mut writer)
                .with_context(|| format!("unpacking the image {}", image.name))?;
            if let Some(size) = size {
                snapshots.insert(chain.clone(), size);
                if files != rootfs {
                    let target = format!("..{}", &files[at.len()..]);
                    tree.insert(&rootfs, Node::symlink(target));
                }
            }
        }
        match size {
            Some(_) => unpacked.push(image),
            None => whole.push(image),
        }
        if let Some(store) = &mut store {
            if chain.is_some() && size.is_none() {
                bail!(
                    "the image {} has files that cannot be stored unpacked (devices, or extended attributes other than capabilities), \
                     and CRI-O cannot get an image in any other way without a registry: let the node pull it, or run the node's pods in \
                     containerd",
                    image.name
                );
            }
            store.add(image, size.unwrap_or_default());
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
            .keys()
            .fold(String::new(), |list, chain| list + chain + "\n");
        tree.insert(
            &format!("{at}/snapshots"),
            Node::file(0o644, list.into_bytes()),
        );
    }
    if let Some(store) = store {
        store.write(&mut tree);
        let settings = crio::pinned(store.names().into_iter());
        tree.insert(
            &extension_settings(at, IMAGES_EXTENSION),
            Node::file(0o644, settings.into_bytes()),
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
