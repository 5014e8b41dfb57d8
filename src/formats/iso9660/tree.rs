//! The files of an image, as a tree of names.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

/// The bytes of a file.
#[derive(Debug)]
pub enum Content {
    Bytes(Vec<u8>),
    /// Copied from an open file when the image is written.
    File {
        path: PathBuf,
        file: File,
        /// Bytes.
        length: u64,
    },
}

impl Content {
    /// A file of the host, opened now and copied later.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, length) = crate::formats::open(path)?;
        Ok(Self::File {
            path: path.to_owned(),
            file,
            length,
        })
    }

    /// Bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { length, .. } => *length,
        }
    }
}

/// Index of a directory or file in its tree. The root is 0.
pub(super) type Node = usize;

#[derive(Debug)]
struct Entry {
    /// Empty for the root.
    name: String,
    parent: Node,
    /// `None` for a directory.
    file: Option<(u32, Content)>,
}

/// Directories and files. Directories are created with the files in them.
#[derive(Debug)]
pub struct Tree {
    entries: Vec<Entry>,
}

impl Default for Tree {
    fn default() -> Self {
        Self {
            entries: vec![Entry {
                name: String::new(),
                parent: 0,
                file: None,
            }],
        }
    }
}

impl Tree {
    /// A tree with only its root.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file. `path` has no leading slash; `mode` are its permission bits, which Rock Ridge
    /// shows.
    pub fn add(&mut self, path: &str, mode: u32, content: Content) -> Result<()> {
        let mut parent = 0;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            ensure!(
                !name.is_empty() && name != "." && name != "..",
                "`{path}` is not a valid path in an ISO image"
            );
            let found = self.child(parent, name);
            if names.peek().is_none() {
                ensure!(found.is_none(), "`{path}` is listed twice in an ISO image");
                self.push(name, parent, Some((mode, content)));
                break;
            }
            parent = match found {
                Some(node) if self.is_directory(node) => node,
                Some(_) => bail!("`{path}`: `{name}` is a file"),
                None => self.push(name, parent, None),
            };
        }
        Ok(())
    }

    /// The node at `path`.
    pub(super) fn find(&self, path: &str) -> Option<Node> {
        path.split('/')
            .try_fold(0, |parent, name| self.child(parent, name))
    }

    pub(super) fn nodes(&self) -> std::ops::Range<Node> {
        0..self.entries.len()
    }

    pub(super) fn children(&self, parent: Node) -> impl Iterator<Item = Node> + '_ {
        self.nodes()
            .skip(1)
            .filter(move |&node| self.entries[node].parent == parent)
    }

    pub(super) fn is_directory(&self, node: Node) -> bool {
        self.entries[node].file.is_none()
    }

    pub(super) fn name(&self, node: Node) -> &str {
        &self.entries[node].name
    }

    pub(super) fn parent(&self, node: Node) -> Node {
        self.entries[node].parent
    }

    /// A file's permission bits; `None` for a directory.
    pub(super) fn file_mode(&self, node: Node) -> Option<u32> {
        self.entries[node].file.as_ref().map(|(mode, _)| *mode)
    }

    /// A file's bytes; `None` for a directory.
    pub(super) fn content(&self, node: Node) -> Option<&Content> {
        self.entries[node].file.as_ref().map(|(_, content)| content)
    }

    pub(super) fn content_mut(&mut self, node: Node) -> Option<&mut Content> {
        self.entries[node].file.as_mut().map(|(_, content)| content)
    }

    fn child(&self, parent: Node, name: &str) -> Option<Node> {
        self.children(parent).find(|&node| self.name(node) == name)
    }

    fn push(&mut self, name: &str, parent: Node, file: Option<(u32, Content)>) -> Node {
        self.entries.push(Entry {
            name: name.to_owned(),
            parent,
            file,
        });
        self.entries.len() - 1
    }
}
