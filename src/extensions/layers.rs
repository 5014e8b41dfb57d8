//! A container image's layers as one tree, laid out as a runtime would (OCI Image Layer Filesystem
//! Changeset).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{self, Read};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

use crate::formats::squashfs::Writer;
use crate::formats::tar::{Limits, Member, Members};
use crate::formats::tree::{Content, Kind, Node, Tree};
use crate::oci::{StoredImage, StoredLayer};
use crate::text::hex;

/// Marks a file of lower layers as removed (a whiteout).
const WHITEOUT: &str = ".wh.";

/// Marks everything in a folder of lower layers as removed (an opaque whiteout).
const OPAQUE: &str = ".wh..wh..opq";

/// Extended attributes in tar's PAX headers, as GNU tar and Go's archive/tar write them.
const XATTR: &str = "SCHILY.xattr.";

/// The only attribute that images use in practice: what a program may do without being root
/// (capabilities(7)).
const CAPABILITY: &str = "security.capability";

/// The most bytes of a layer before compression: a limit against bombs, which compress a
/// thousandfold and more. A layer may have the first in any case, and the other so many times its
/// own size.
const UNPACKED_ANYWAY: u64 = 1 << 30;
const UNPACKED_TIMES: u64 = 100;

/// A change that a layer makes. Contents are in the image that is being written.
#[derive(Debug, Clone)]
enum Change {
    Put(String, Node),
    /// A hard link: path and target.
    Link(String, String),
    Hide(String),
    HideInside(String),
}

/// Layers that were read, by digest: images share them.
#[derive(Debug, Default)]
pub struct Layers {
    known: HashMap<String, KnownLayer>,
    limits: Limits,
}

/// A layer that was read.
#[derive(Debug)]
struct KnownLayer {
    /// `None`: it has a file that our squashfs cannot represent.
    changes: Option<Vec<Change>>,
    /// Bytes before compression.
    size: u64,
    /// The digest of these.
    diff_id: String,
}

impl Layers {
    /// Adds the file system of `image` to `tree` at `at`; contents go to `writer`. Returns the size
    /// of its layers before compression. `None`, with nothing added: it has a file that our
    /// squashfs cannot represent, such as a device.
    pub fn lay_out(
        &mut self,
        image: &StoredImage,
        at: &str,
        tree: &mut Tree,
        writer: &mut Writer,
    ) -> Result<Option<u64>> {
        self.read(image, writer)?;
        let mut own = Tree::new();
        let mut size = 0;
        for layer in &image.layers {
            let read = &self.known[&layer.digest];
            let Some(changes) = &read.changes else {
                return Ok(None);
            };
            for change in changes {
                if !apply(change, &mut own) {
                    return Ok(None);
                }
            }
            size += read.size;
        }
        for (path, node) in own.iter() {
            let path = if path == "/" { "" } else { path };
            tree.insert(&format!("{at}{path}"), node.clone());
        }
        Ok(Some(size))
    }

    /// Reads the layers of `image` that were not read yet. Refuses those that its config does not
    /// list: images share their files by what their configs say, so one could replace another's.
    pub fn read(&mut self, image: &StoredImage, writer: &mut Writer) -> Result<()> {
        for (layer, diff_id) in image.layers.iter().zip(&image.diff_ids) {
            let known = match self.known.entry(layer.digest.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(
                    read(layer, writer, &mut self.limits)
                        .with_context(|| format!("reading the layer {}", layer.digest))?,
                ),
            };
            ensure!(
                known.diff_id == *diff_id,
                "the layer {} is not the one in its config: expected {diff_id} before compression, got {}",
                layer.digest,
                known.diff_id
            );
        }
        Ok(())
    }
}

fn apply(change: &Change, tree: &mut Tree) -> bool {
    match change {
        Change::Put(path, node) => {
            let old_is_directory =
                (tree.get(path)).is_some_and(|old| matches!(old.kind, Kind::Directory));
            if !(old_is_directory && matches!(node.kind, Kind::Directory)) {
                tree.remove(path);
            }
            // A file where a folder has to be: runtimes refuse such tar archives too.
            if !parents_are_directories(path, tree) {
                return false;
            }
            tree.insert(path, node.clone());
        }
        Change::Link(path, target) => match tree.get(target).cloned() {
            Some(node) if matches!(node.kind, Kind::File(_)) => tree.insert(path, node),
            _ => return false,
        },
        Change::Hide(path) => tree.remove(path),
        Change::HideInside(path) => {
            let inside: Vec<String> = tree.below(path).map(|(path, _)| path.to_owned()).collect();
            for path in inside {
                tree.remove(&path);
            }
        }
    }
    true
}

fn parents_are_directories(path: &str, tree: &Tree) -> bool {
    let mut parent = path;
    while let Some((above, _)) = parent.rsplit_once('/') {
        if above.is_empty() {
            return true;
        }
        parent = above;
        if (tree.get(parent)).is_some_and(|node| !matches!(node.kind, Kind::Directory)) {
            return false;
        }
    }
    true
}

fn read(layer: &StoredLayer, writer: &mut Writer, limits: &mut Limits) -> Result<KnownLayer> {
    let mut archive = tar::Archive::new(Counted {
        inner: layer.open()?,
        bytes: 0,
        most: (layer.blob.size.saturating_mul(UNPACKED_TIMES)).max(UNPACKED_ANYWAY),
        hash: Sha256::new(),
    });
    let mut changes = Vec::new();
    let mut holds = true;
    let mut members = Members::new(archive.entries()?, limits);
    while let Some(member) = members.next()? {
        match change(member, writer)? {
            Some(change) => changes.push(change),
            None => holds = false,
        }
    }
    // The digest is that of all bytes, including those after the archive's end.
    let mut rest = archive.into_inner();
    io::copy(&mut rest, &mut io::sink())?;
    Ok(KnownLayer {
        changes: holds.then_some(changes),
        size: rest.bytes,
        diff_id: format!("sha256:{}", hex(&rest.hash.finalize())),
    })
}

/// Counts and hashes the bytes read from `inner`.
struct Counted<R> {
    inner: R,
    bytes: u64,
    /// More of them are an error.
    most: u64,
    hash: Sha256,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        if self.bytes > self.most {
            let why = format!("it decompresses to more than {} MiB", self.most >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

/// The change that a member makes; `None` if our squashfs cannot represent it.
fn change<R: Read>(mut member: Member<'_, R>, writer: &mut Writer) -> Result<Option<Change>> {
    use tar::EntryType;
    let mut capability = None;
    for (key, value) in &member.extended {
        match key.strip_prefix(XATTR) {
            Some(CAPABILITY) => capability = Some(value.clone()),
            Some(_) => return Ok(None),
            None => {}
        }
    }
    let Some(path) = std::str::from_utf8(&member.path).ok().and_then(absolute) else {
        return Ok(None);
    };
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
    if name == OPAQUE {
        let folder = if folder.is_empty() { "/" } else { folder };
        return Ok(Some(Change::HideInside(folder.to_owned())));
    }
    if let Some(hidden) = name.strip_prefix(WHITEOUT) {
        return Ok(Some(Change::Hide(format!("{folder}/{hidden}"))));
    }
    let header = member.entry.header();
    let kind = header.entry_type();
    let (mode, time) = (header.mode()?, header.mtime()?);
    let (uid, gid) = member.owner()?;
    let (Ok(uid), Ok(gid)) = (u32::try_from(uid), u32::try_from(gid)) else {
        return Ok(None);
    };
    let Ok(target) = String::from_utf8(member.link.take().unwrap_or_default()) else {
        return Ok(None);
    };
    let kind = match kind {
        EntryType::Directory => Kind::Directory,
        EntryType::Regular | EntryType::Continuous => {
            Kind::File(Content::Stored(writer.add(&mut member.entry, false)?))
        }
        EntryType::Symlink => Kind::Symlink(target),
        EntryType::Link => {
            return Ok(absolute(&target).map(|target| Change::Link(path, target)));
        }
        _ => return Ok(None),
    };
    let node = Node {
        kind,
        mode: u16::try_from(mode & 0o7777).unwrap_or(0o755),
        uid,
        gid,
        mtime: Some(u32::try_from(time).unwrap_or(u32::MAX)),
        capability,
        label: None,
    };
    Ok(Some(Change::Put(path, node)))
}

/// `./a//b/` as `/a/b`, the root as `/`; `None` if it contains `..`.
fn absolute(path: &str) -> Option<String> {
    let mut absolute = String::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return None,
            part => {
                absolute.push('/');
                absolute.push_str(part);
            }
        }
    }
    Some(if absolute.is_empty() {
        "/".to_owned()
    } else {
        absolute
    })
}
