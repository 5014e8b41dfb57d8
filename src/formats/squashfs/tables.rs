//! Inodes and directories.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, Result, ensure};

use super::data::{DataWriter, FileId, StoredFile};
use super::metadata::{MetadataWriter, Place};
use crate::formats::tree::{Content, Kind, Node, Tree};

/// The tree as squashfs has it.
#[derive(Debug)]
pub struct Tables {
    pub inodes: Vec<u8>,
    pub directories: Vec<u8>,
    /// Users and groups, by the index that inodes use.
    pub ids: Vec<u32>,
    /// Sets of extended attributes, by the index that inodes use.
    pub attributes: Vec<Attributes>,
    /// Reference to the root's inode.
    pub root: u64,
    pub inode_count: u32,
}

/// The extended attributes of an inode, all of the class `security.`: names without it, and values.
pub type Attributes = Vec<(&'static str, Vec<u8>)>;

/// Inode types (`squashfs_fs.h`). Directory entries use the basic ones only.
mod kind {
    pub const DIRECTORY: u16 = 1;
    pub const FILE: u16 = 2;
    pub const SYMLINK: u16 = 3;
    pub const LONG_DIRECTORY: u16 = 8;
    pub const LONG_FILE: u16 = 9;
    pub const LONG_SYMLINK: u16 = 10;
}

/// `SQUASHFS_INVALID_FRAG`, `SQUASHFS_INVALID_XATTR`
const NONE: u32 = u32::MAX;

/// A directory's size counts its listing and this: `.` and `..`, which are not stored.
const DOT_ENTRIES: usize = 3;

/// Entries that one directory header can hold (`SQUASHFS_DIR_COUNT`).
const HEADER_ENTRIES_MAX: usize = 256;

/// The deepest tree: that of an image has a few levels more than the image itself.
const DEPTH_MAX: usize = super::super::tar::DEPTH_MAX + 32;

/// Stores the contents that are in memory; returns their ids by path.
pub fn store_bytes(tree: &Tree, data: &mut DataWriter) -> Result<HashMap<String, FileId>> {
    let mut late = HashMap::new();
    for (path, node) in tree.iter() {
        if let Kind::File(Content::Bytes(bytes)) = &node.kind {
            let id = data
                .add(&mut &bytes[..], false)
                .with_context(|| format!("storing {path}"))?;
            late.insert(path.to_owned(), id);
        }
    }
    Ok(late)
}

/// A directory entry.
struct Entry<'a> {
    name: &'a str,
    place: Place,
    number: u32,
    kind: u16,
}

struct Builder<'a> {
    tree: &'a Tree,
    late: &'a HashMap<String, FileId>,
    files: &'a [StoredFile],
    time: u32,
    inodes: MetadataWriter,
    directories: MetadataWriter,
    ids: Vec<u32>,
    attributes: Vec<Attributes>,
    numbers: HashMap<&'a str, u32>,
    /// Names of each file's contents: more than one are hard links.
    links: BTreeMap<FileId, u32>,
    /// Inodes of files that were written.
    written: HashMap<FileId, Place>,
}

impl Tables {
    /// Lays out `tree`, whose contents are stored.
    pub fn new(
        tree: &Tree,
        late: &HashMap<String, FileId>,
        files: &[StoredFile],
        time: u32,
        level: i32,
    ) -> Result<Self> {
        let mut links = BTreeMap::new();
        let mut numbers = HashMap::new();
        let mut numbers_of_files = HashMap::new();
        let mut next = 1;
        for (path, node) in tree.iter() {
            let number = match &node.kind {
                Kind::File(Content::Stored(id)) => {
                    *links.entry(*id).or_insert(0) += 1;
                    *numbers_of_files
                        .entry(*id)
                        .or_insert_with(|| take(&mut next))
                }
                _ => take(&mut next),
            };
            numbers.insert(path, number);
        }
        // Folders are written from within their parents.
        let deepest = (tree.iter())
            .map(|(path, _)| path.matches('/').count())
            .max();
        ensure!(
            deepest.is_none_or(|depth| depth <= DEPTH_MAX),
            "folders are nested more than {DEPTH_MAX} levels deep"
        );
        let mut builder = Builder {
            tree,
            late,
            files,
            time,
            inodes: MetadataWriter::new(level)?,
            directories: MetadataWriter::new(level)?,
            ids: Vec::new(),
            attributes: Vec::new(),
            numbers,
            links,
            written: HashMap::new(),
        };
        // The root's parent is one beyond the last inode, as `mksquashfs` has it.
        let root = tree.get("/").context("the tree has no root")?;
        let root = builder.directory("/", root, next)?;
        Ok(Self {
            inodes: builder.inodes.finish()?.bytes,
            directories: builder.directories.finish()?.bytes,
            ids: builder.ids,
            attributes: builder.attributes,
            root: root.reference(),
            inode_count: next - 1,
        })
    }
}

fn take(next: &mut u32) -> u32 {
    *next += 1;
    *next - 1
}

impl<'a> Builder<'a> {
    /// Writes a folder with everything in it, and returns the place of its inode.
    fn directory(&mut self, path: &'a str, node: &Node, parent: u32) -> Result<Place> {
        let number = self.numbers[path];
        let mut entries = Vec::new();
        let mut folders = 0;
        let tree = self.tree;
        for (name, child_path, child) in tree.children(path) {
            let child_number = self.numbers[child_path];
            let (place, kind) = match &child.kind {
                Kind::Directory => {
                    folders += 1;
                    (self.directory(child_path, child, number)?, kind::DIRECTORY)
                }
                Kind::File(content) => {
                    let id = match content {
                        Content::Stored(id) => *id,
                        Content::Bytes(_) => self.late[child_path],
                    };
                    (self.file(id, child, child_number)?, kind::FILE)
                }
                Kind::Symlink(target) => {
                    let mut body = 1u32.to_le_bytes().to_vec();
                    body.extend(u32::try_from(target.len())?.to_le_bytes());
                    body.extend(target.as_bytes());
                    let attributes = self.attributes(child)?;
                    let kind = if attributes == NONE {
                        kind::SYMLINK
                    } else {
                        body.extend(attributes.to_le_bytes());
                        kind::LONG_SYMLINK
                    };
                    (self.inode(kind, child, child_number, &body)?, kind::SYMLINK)
                }
            };
            entries.push(Entry {
                name,
                place,
                number: child_number,
                kind,
            });
        }

        let start = self.directories.place()?;
        let length = self.listing(&entries)?;
        let links: u32 = 2 + folders;
        let size = length + DOT_ENTRIES;
        let attributes = self.attributes(node)?;
        if let (Ok(size), NONE) = (u16::try_from(size), attributes) {
            let mut body = start.block.to_le_bytes().to_vec();
            body.extend(links.to_le_bytes());
            body.extend(size.to_le_bytes());
            body.extend(start.offset.to_le_bytes());
            body.extend(parent.to_le_bytes());
            self.inode(kind::DIRECTORY, node, number, &body)
        } else {
            let mut body = links.to_le_bytes().to_vec();
            body.extend(u32::try_from(size)?.to_le_bytes());
            body.extend(start.block.to_le_bytes());
            body.extend(parent.to_le_bytes());
            body.extend(0u16.to_le_bytes());
            body.extend(start.offset.to_le_bytes());
            body.extend(attributes.to_le_bytes());
            self.inode(kind::LONG_DIRECTORY, node, number, &body)
        }
    }

    /// Writes a directory's entries and returns their length in bytes.
    fn listing(&mut self, entries: &[Entry<'_>]) -> Result<usize> {
        let mut length = 0;
        let mut rest = entries;
        while let Some(first) = rest.first() {
            // A header serves entries whose inodes are in one metadata block, with numbers near its
            // own.
            let count = rest
                .iter()
                .take(HEADER_ENTRIES_MAX)
                .take_while(|entry| {
                    entry.place.block == first.place.block && delta(first, entry).is_ok()
                })
                .count();
            let mut bytes = u32::try_from(count - 1)?.to_le_bytes().to_vec();
            bytes.extend(first.place.block.to_le_bytes());
            bytes.extend(first.number.to_le_bytes());
            for entry in &rest[..count] {
                bytes.extend(entry.place.offset.to_le_bytes());
                bytes.extend(delta(first, entry)?.to_le_bytes());
                bytes.extend(entry.kind.to_le_bytes());
                let name = u16::try_from(entry.name.len()).context("a file name is too long")?;
                bytes.extend((name - 1).to_le_bytes());
                bytes.extend(entry.name.as_bytes());
            }
            self.directories.write(&bytes)?;
            length += bytes.len();
            rest = &rest[count..];
        }
        Ok(length)
    }

    fn file(&mut self, id: FileId, node: &Node, number: u32) -> Result<Place> {
        if let Some(place) = self.written.get(&id) {
            return Ok(*place);
        }
        let stored = StoredFile::of(self.files, id);
        let links = self.links.get(&id).copied().unwrap_or(1);
        let (fragment, offset) = stored.fragment.unwrap_or((NONE, 0));
        let short = (u32::try_from(stored.start), u32::try_from(stored.size));
        let attributes = self.attributes(node)?;
        let (kind, mut body) = if let (1, (Ok(start), Ok(size)), NONE) = (links, short, attributes)
        {
            let mut body = start.to_le_bytes().to_vec();
            body.extend(fragment.to_le_bytes());
            body.extend(offset.to_le_bytes());
            body.extend(size.to_le_bytes());
            (kind::FILE, body)
        } else {
            let mut body = stored.start.to_le_bytes().to_vec();
            body.extend(stored.size.to_le_bytes());
            body.extend(0u64.to_le_bytes());
            body.extend(links.to_le_bytes());
            body.extend(fragment.to_le_bytes());
            body.extend(offset.to_le_bytes());
            body.extend(attributes.to_le_bytes());
            (kind::LONG_FILE, body)
        };
        body.extend(stored.blocks.iter().flat_map(|size| size.to_le_bytes()));
        let place = self.inode(kind, node, number, &body)?;
        self.written.insert(id, place);
        Ok(place)
    }

    fn inode(&mut self, kind: u16, node: &Node, number: u32, body: &[u8]) -> Result<Place> {
        let place = self.inodes.place()?;
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend(node.mode.to_le_bytes());
        bytes.extend(self.id(node.uid)?.to_le_bytes());
        bytes.extend(self.id(node.gid)?.to_le_bytes());
        bytes.extend(node.mtime.unwrap_or(self.time).to_le_bytes());
        bytes.extend(number.to_le_bytes());
        bytes.extend(body);
        self.inodes.write(&bytes)?;
        Ok(place)
    }

    /// The index of a node's extended attributes; [`NONE`]: it has none.
    fn attributes(&mut self, node: &Node) -> Result<u32> {
        let mut attributes = Attributes::new();
        if let Some(capability) = &node.capability {
            attributes.push(("capability", capability.clone()));
        }
        if let Some(label) = &node.label {
            // The kernel's own have the end of a string, as those of setfiles(8) do.
            attributes.push(("selinux", format!("{label}\0").into_bytes()));
        }
        if attributes.is_empty() {
            return Ok(NONE);
        }
        let known = (self.attributes.iter()).position(|known| *known == attributes);
        let index = known.unwrap_or_else(|| {
            self.attributes.push(attributes);
            self.attributes.len() - 1
        });
        u32::try_from(index).context("too many sets of extended attributes")
    }

    fn id(&mut self, id: u32) -> Result<u16> {
        let known = self.ids.iter().position(|known| *known == id);
        let index = known.unwrap_or_else(|| {
            self.ids.push(id);
            self.ids.len() - 1
        });
        u16::try_from(index).context("too many owners")
    }
}

fn delta(first: &Entry<'_>, entry: &Entry<'_>) -> Result<i16> {
    Ok(i16::try_from(
        i64::from(entry.number) - i64::from(first.number),
    )?)
}
