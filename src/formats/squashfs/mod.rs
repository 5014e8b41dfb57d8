//! A writer of squashfs images, version 4.0, compressed with zstd (Linux
//! `Documentation/filesystems/squashfs.rst`).
//!
//! Why not the crate `backhand`: it reads contents when the image is written, once the whole tree
//! is known, so that the contents of packages would have to be kept on disk until then (600 MB),
//! and compresses on one thread (607 MB at level 15: 73 s of one core). Here contents go straight
//! from a package into compressed blocks on all cores while the next package is read; only what
//! becomes inodes stays in memory. Modules, which are already compressed, are stored unchanged;
//! small files share small blocks, so that reading `/etc/hosts` decompresses little.
//!
//! Not supported: devices, sockets, extended attributes other than capabilities and labels of
//! `SELinux`, an NFS export table, sparse files, directory indexes.

mod data;
mod metadata;
mod tables;

use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom, Write as _};

use anyhow::{Context as _, Result};

use super::tree::Tree;
use data::DataWriter;
pub use data::FileId;
use tables::Attributes;

/// How an image is compressed.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes of a data block: a power of two from 4 KiB to 1 MiB.
    pub block_size: u32,
    /// Files below this share blocks of this size; at most `block_size`.
    pub fragment_size: u32,
    /// zstd's level.
    pub level: i32,
    /// Compressing threads.
    pub threads: usize,
}

/// Bytes of the superblock, which the data follows.
const SUPERBLOCK_LENGTH: usize = 96;

/// The size of an image is a multiple of this, as `mksquashfs` has it, so that it fits on any block
/// device.
const IMAGE_ALIGNMENT: u64 = 4096;

/// An image that is being written: first the contents of files, then the tree that names them.
#[derive(Debug)]
pub struct Writer {
    data: DataWriter,
    options: Options,
}

impl Writer {
    /// Writes to `file` from its start.
    pub fn new(mut file: File, options: Options) -> Result<Self> {
        file.write_all(&[0; SUPERBLOCK_LENGTH])?;
        Ok(Self {
            data: DataWriter::new(file, SUPERBLOCK_LENGTH as u64, options),
            options,
        })
    }

    /// Stores the bytes of a file. `compressed`: they are compressed already, and compressing them
    /// again is of no use.
    pub fn add(&mut self, contents: &mut dyn Read, compressed: bool) -> Result<FileId> {
        self.data.add(contents, compressed)
    }

    /// Writes the tree. Contents of [`super::tree::Content::Bytes`] are stored first. `time` is the
    /// image's.
    pub fn finish(mut self, tree: &Tree, time: u32) -> Result<()> {
        let late = tables::store_bytes(tree, &mut self.data)?;
        let stored = self.data.finish()?;
        let mut file = stored.file;
        let tables = tables::Tables::new(tree, &late, &stored.files, time, self.options.level)?;

        let mut position = stored.end;
        let mut append = |bytes: &[u8]| -> Result<u64> {
            let start = position;
            file.write_all(bytes)
                .context("writing the image's tables")?;
            position += bytes.len() as u64;
            Ok(start)
        };
        let inodes = append(&tables.inodes)?;
        let directories = append(&tables.directories)?;
        let fragments = match &stored.fragments[..] {
            [] => NO_TABLE,
            entries => append_lookup(
                &mut append,
                &metadata::indexed(
                    &entries
                        .iter()
                        .flat_map(data::FragmentEntry::bytes)
                        .collect::<Vec<u8>>(),
                    self.options.level,
                )?,
            )?,
        };
        let ids: Vec<u8> = tables.ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        let id_table = append_lookup(&mut append, &metadata::indexed(&ids, self.options.level)?)?;

        let attributes = if tables.attributes.is_empty() {
            NO_TABLE
        } else {
            append_attributes(&mut append, &tables.attributes, self.options.level)?
        };

        let end = position;
        let padding = end.next_multiple_of(IMAGE_ALIGNMENT) - end;
        file.write_all(&vec![0; usize::try_from(padding)?])?;

        let mut superblock = Vec::with_capacity(SUPERBLOCK_LENGTH);
        superblock.extend(b"hsqs");
        superblock.extend(tables.inode_count.to_le_bytes());
        superblock.extend(time.to_le_bytes());
        superblock.extend(self.options.block_size.to_le_bytes());
        superblock.extend(u32::try_from(stored.fragments.len())?.to_le_bytes());
        superblock.extend(COMPRESSOR_ZSTD.to_le_bytes());
        superblock.extend(u16::try_from(self.options.block_size.ilog2())?.to_le_bytes());
        let flags = if attributes == NO_TABLE {
            FLAG_NO_XATTRS
        } else {
            0
        };
        superblock.extend(flags.to_le_bytes());
        superblock.extend(u16::try_from(tables.ids.len())?.to_le_bytes());
        superblock.extend(4u16.to_le_bytes());
        superblock.extend(0u16.to_le_bytes());
        for value in [
            tables.root,
            end,
            id_table,
            attributes,
            inodes,
            directories,
            fragments,
            NO_TABLE,
        ] {
            superblock.extend(value.to_le_bytes());
        }
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&superblock)
            .context("writing the image's superblock")?;
        file.sync_all().context("writing the image")?;
        Ok(())
    }
}

/// `SQUASHFS_INVALID_BLK`
const NO_TABLE: u64 = u64::MAX;

/// `ZSTD_COMPRESSION`
const COMPRESSOR_ZSTD: u16 = 6;

/// `SQUASHFS_NO_XATTR`
const FLAG_NO_XATTRS: u16 = 1 << 9;

/// `SQUASHFS_XATTR_SECURITY`
const SECURITY: u16 = 2;

/// Writes the table of extended attributes: names and values, an index of them, and last a pointer
/// to both, which has to end the file system (Linux `fs/squashfs/xattr_id.c`).
fn append_attributes(
    append: &mut dyn FnMut(&[u8]) -> Result<u64>,
    sets: &[Attributes],
    level: i32,
) -> Result<u64> {
    let mut values = metadata::MetadataWriter::new(level)?;
    let mut ids = Vec::new();
    for attributes in sets {
        let place = values.place()?;
        let mut entries = Vec::new();
        for (name, value) in attributes {
            entries.extend(SECURITY.to_le_bytes());
            entries.extend(u16::try_from(name.len())?.to_le_bytes());
            entries.extend(name.as_bytes());
            entries.extend(u32::try_from(value.len())?.to_le_bytes());
            entries.extend(value);
        }
        values.write(&entries)?;
        ids.extend(place.reference().to_le_bytes());
        ids.extend(u32::try_from(attributes.len())?.to_le_bytes());
        ids.extend(u32::try_from(entries.len())?.to_le_bytes());
    }
    let start = append(&values.finish()?.bytes)?;
    let ids = metadata::indexed(&ids, level)?;
    let ids_start = append(&ids.bytes)?;
    let mut header = start.to_le_bytes().to_vec();
    header.extend(u32::try_from(sets.len())?.to_le_bytes());
    header.extend(0u32.to_le_bytes());
    header.extend(
        ids.blocks
            .iter()
            .flat_map(|offset| (ids_start + offset).to_le_bytes()),
    );
    append(&header)
}

/// Writes a table's metadata blocks, then the list of their positions, which is where the
/// superblock points.
fn append_lookup(
    append: &mut dyn FnMut(&[u8]) -> Result<u64>,
    table: &metadata::Indexed,
) -> Result<u64> {
    let start = append(&table.bytes)?;
    let list: Vec<u8> = table
        .blocks
        .iter()
        .flat_map(|offset| (start + offset).to_le_bytes())
        .collect();
    append(&list)
}
