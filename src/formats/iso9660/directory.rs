//! Directory hierarchies and path tables (ECMA-119 §9.1, §9.4), one for the primary names and one
//! for Joliet's.

use std::collections::HashMap;

use anyhow::{Result, ensure};

use super::rock_ridge::{self, Record};
use super::tree::{Node, Tree};
use super::{SECTOR, SECTOR_SIZE, both_u16, both_u32, fill_sector};
use super::{joliet, primary};

/// The names of a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Primary { rock_ridge: bool },
    Joliet,
}

/// The position of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Extent {
    /// Logical block.
    pub(super) block: u32,
    /// Bytes.
    pub(super) length: u64,
}

/// The longest section of a file: as many whole blocks as a 32-bit length can express. Longer files
/// have several (§6.5.1).
const SECTION_MAX: u64 = 0xffff_f800;
/// 1970-01-01 00:00:00 UTC in a directory record (§9.1.5).
const DATE: [u8; 7] = [70, 1, 1, 0, 0, 0, 0];
/// File flags (§9.1.6).
const FLAG_DIRECTORY: u8 = 1 << 1;
const FLAG_MULTI_EXTENT: u8 = 1 << 7;
/// Identifiers of the records for a directory itself and for its parent (§9.1.11).
const SELF: &[u8] = &[0];
const PARENT: &[u8] = &[1];
/// Depth of the hierarchy, the root counted (§6.8.2.1).
const DEPTH_MAX: usize = 8;

/// A directory, and what is in it, sorted.
#[derive(Debug)]
struct Directory {
    node: Node,
    children: Vec<Child>,
}

#[derive(Debug)]
struct Child {
    identifier: Vec<u8>,
    node: Node,
}

/// One hierarchy, laid out.
#[derive(Debug)]
pub(super) struct Hierarchy {
    names: Names,
    /// In the order of the path table.
    directories: Vec<Directory>,
    /// Directory numbers of the path table, from 1.
    numbers: HashMap<Node, u16>,
    /// Bytes of one path table.
    pub(super) path_table_length: u32,
    /// Blocks of the path tables: little-endian (type L), then big-endian (type M).
    pub(super) path_tables: [u32; 2],
    extents: HashMap<Node, Extent>,
}

impl Hierarchy {
    /// The hierarchy of `tree`, laid out from `block` on. Also returns the block after it.
    pub(super) fn new(tree: &Tree, names: Names, block: u32) -> Result<(Self, u32)> {
        let mut hierarchy = Self {
            names,
            directories: Vec::new(),
            numbers: HashMap::new(),
            path_table_length: 0,
            path_tables: [0; 2],
            extents: HashMap::new(),
        };
        // Path tables go by level, then by number of the parent, then by name (§6.9.1): breadth
        // first.
        let mut level = vec![0];
        for _ in 0..DEPTH_MAX {
            let mut next = Vec::new();
            for node in level {
                let children = hierarchy.sorted_children(tree, node)?;
                next.extend(
                    children
                        .iter()
                        .map(|child| child.node)
                        .filter(|&node| tree.is_directory(node)),
                );
                let number = u16::try_from(hierarchy.directories.len() + 1)?;
                hierarchy.numbers.insert(node, number);
                hierarchy.directories.push(Directory { node, children });
            }
            level = next;
        }
        ensure!(
            level.is_empty(),
            "the directories of an ISO image can be nested at most {DEPTH_MAX} deep"
        );
        let end = hierarchy.place(tree, block)?;
        Ok((hierarchy, end))
    }

    /// The position of the root directory.
    pub(super) fn root(&self) -> Extent {
        self.extents[&0]
    }

    /// Path tables and directories, as on the medium.
    pub(super) fn encode(&self, tree: &Tree, files: &HashMap<Node, Extent>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for big_endian in [false, true] {
            bytes.extend(self.path_table(tree, big_endian)?);
            fill_sector(&mut bytes);
        }
        for directory in &self.directories {
            bytes.extend(self.directory(tree, directory, files)?);
        }
        Ok(bytes)
    }

    fn sorted_children(&self, tree: &Tree, directory: Node) -> Result<Vec<Child>> {
        let mut children = tree
            .children(directory)
            .map(|node| {
                let identifier = self.identifier(tree, node)?;
                Ok(Child { identifier, node })
            })
            .collect::<Result<Vec<_>>>()?;
        match self.names {
            Names::Primary { .. } => {
                children.sort_by_cached_key(|child| primary::sort_key(&child.identifier));
            }
            Names::Joliet => children.sort_by(|a, b| a.identifier.cmp(&b.identifier)),
        }
        for pair in children.windows(2) {
            ensure!(
                pair[0].identifier != pair[1].identifier,
                "`{}` and `{}` have the same name in an ISO image",
                tree.name(pair[0].node),
                tree.name(pair[1].node)
            );
        }
        Ok(children)
    }

    fn identifier(&self, tree: &Tree, node: Node) -> Result<Vec<u8>> {
        let name = tree.name(node);
        match (self.names, tree.is_directory(node)) {
            (Names::Primary { rock_ridge }, directory) => {
                ensure!(
                    !rock_ridge || name.len() <= rock_ridge::NAME_MAX,
                    "`{name}` is too long for an ISO image"
                );
                if directory {
                    primary::directory(name)
                } else {
                    primary::file(name)
                }
            }
            (Names::Joliet, true) => joliet::directory(name),
            (Names::Joliet, false) => joliet::file(name),
        }
    }

    /// Assigns blocks to path tables and directories.
    fn place(&mut self, tree: &Tree, block: u32) -> Result<u32> {
        let mut next = block;
        self.path_table_length = u32::try_from(self.path_table(tree, false)?.len())?;
        for table in &mut self.path_tables {
            *table = next;
            next += blocks(u64::from(self.path_table_length))?;
        }
        // The length of a directory does not depend on the position of files, only on how many
        // sections they have.
        let files = lengths(tree);
        for directory in &self.directories {
            let length = self.directory(tree, directory, &files)?.len() as u64;
            let extent = Extent {
                block: next,
                length,
            };
            self.extents.insert(directory.node, extent);
            next += blocks(length)?;
        }
        Ok(next)
    }

    /// A path table (§9.4).
    fn path_table(&self, tree: &Tree, big_endian: bool) -> Result<Vec<u8>> {
        let mut table = Vec::new();
        for &Directory { node, .. } in &self.directories {
            let identifier = if node == 0 {
                SELF.to_vec()
            } else {
                self.identifier(tree, node)?
            };
            let block = self.extents.get(&node).map_or(0, |extent| extent.block);
            let parent = self.numbers[&tree.parent(node)];
            table.push(u8::try_from(identifier.len())?);
            table.push(0);
            if big_endian {
                table.extend(block.to_be_bytes());
                table.extend(parent.to_be_bytes());
            } else {
                table.extend(block.to_le_bytes());
                table.extend(parent.to_le_bytes());
            }
            table.extend(&identifier);
            if identifier.len() % 2 == 1 {
                table.push(0);
            }
        }
        Ok(table)
    }

    /// A directory's records, none of which crosses the end of a sector (§6.8.1.1).
    fn directory(
        &self,
        tree: &Tree,
        directory: &Directory,
        files: &HashMap<Node, Extent>,
    ) -> Result<Vec<u8>> {
        let place = |node: Node| self.extents.get(&node).copied().unwrap_or_default();
        let dot = if directory.node == 0 {
            Record::RootDot
        } else {
            Record::Dot
        };
        let mut records = vec![
            self.record(SELF, place(directory.node), FLAG_DIRECTORY, dot)?,
            self.record(
                PARENT,
                place(tree.parent(directory.node)),
                FLAG_DIRECTORY,
                Record::Dot,
            )?,
        ];
        for Child { identifier, node } in &directory.children {
            let node = *node;
            let named = Record::Named(tree.name(node), tree.file_mode(node));
            if tree.is_directory(node) {
                records.push(self.record(identifier, place(node), FLAG_DIRECTORY, named)?);
                continue;
            }
            let file = files.get(&node).copied().unwrap_or_default();
            let mut section = file;
            loop {
                section.length = section.length.min(SECTION_MAX);
                let done = u64::from(section.block - file.block) * SECTOR + section.length;
                let flags = if done < file.length {
                    FLAG_MULTI_EXTENT
                } else {
                    0
                };
                records.push(self.record(identifier, section, flags, named)?);
                if flags == 0 {
                    break;
                }
                section = Extent {
                    block: section.block + blocks(section.length)?,
                    length: file.length - done,
                };
            }
        }
        let sector = usize::from(SECTOR_SIZE);
        let mut bytes = Vec::new();
        for record in records {
            if bytes.len() % sector + record.len() > sector {
                fill_sector(&mut bytes);
            }
            bytes.extend(record);
        }
        fill_sector(&mut bytes);
        Ok(bytes)
    }

    fn record(
        &self,
        identifier: &[u8],
        place: Extent,
        flags: u8,
        described: Record<'_>,
    ) -> Result<Vec<u8>> {
        let system_use = match self.names {
            Names::Primary { rock_ridge: true } => rock_ridge::system_use(described),
            _ => Vec::new(),
        };
        record(identifier, place, flags, &system_use)
    }
}

/// A directory record (§9.1).
pub(super) fn record(
    identifier: &[u8],
    place: Extent,
    flags: u8,
    system_use: &[u8],
) -> Result<Vec<u8>> {
    let mut record = vec![0, 0];
    record.extend(both_u32(place.block));
    record.extend(both_u32(u32::try_from(place.length)?));
    record.extend(DATE);
    record.push(flags);
    record.extend([0, 0]);
    record.extend(both_u16(1));
    record.push(u8::try_from(identifier.len())?);
    record.extend(identifier);
    if identifier.len().is_multiple_of(2) {
        record.push(0);
    }
    record.extend(system_use);
    if record.len() % 2 == 1 {
        record.push(0);
    }
    record[0] = u8::try_from(record.len())?;
    Ok(record)
}

/// The record of the root directory in a volume descriptor (§8.4.18).
pub(super) fn root_record(root: Extent) -> Result<Vec<u8>> {
    record(SELF, root, FLAG_DIRECTORY, &[])
}

/// How many blocks `length` bytes take.
pub(super) fn blocks(length: u64) -> Result<u32> {
    Ok(u32::try_from(length.div_ceil(SECTOR))?)
}

/// The files of `tree` with their lengths, not yet placed.
fn lengths(tree: &Tree) -> HashMap<Node, Extent> {
    tree.nodes()
        .filter_map(|node| {
            let length = tree.content(node)?.length();
            Some((node, Extent { block: 0, length }))
        })
        .collect()
}
