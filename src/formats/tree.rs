//! The tree of a root image: names, owners and modes in memory; contents in memory only if they are
//! small or still being read.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::squashfs::FileId;

/// A root file system. Paths are absolute and without `.`, `..` or a slash at the end; the root
/// itself is `/`.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    nodes: BTreeMap<String, Node>,
}

/// One file, folder, link or device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    pub kind: Kind,
    /// Permission bits, including set-user-ID, set-group-ID and sticky.
    pub mode: u16,
    pub uid: u32,
    pub gid: u32,
    /// Seconds since 1970; `None`: the time of the image.
    pub mtime: Option<u32>,
    /// The value of `security.capability` (capabilities(7), "File capabilities"); of files only.
    pub capability: Option<Vec<u8>>,
    /// The value of `security.selinux`, a context of `SELinux`.
    pub label: Option<String>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Directory,
    File(Content),
    Symlink(String),
}

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Bytes(Arc<[u8]>),
    /// Already in the image. Two paths with the same id are one file (hard links).
    Stored(FileId),
}

impl Node {
    /// A folder owned by root.
    pub fn directory(mode: u16) -> Self {
        Self::of_root(Kind::Directory, mode)
    }

    /// A file owned by root.
    pub fn file(mode: u16, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::of_root(Kind::File(Content::Bytes(bytes.into())), mode)
    }

    /// A symbolic link.
    pub fn symlink(target: impl Into<String>) -> Self {
        Self::of_root(Kind::Symlink(target.into()), 0o777)
    }

    /// The same, owned by someone else.
    #[must_use]
    pub fn owned_by(self, uid: u32, gid: u32) -> Self {
        Self { uid, gid, ..self }
    }

    fn of_root(kind: Kind, mode: u16) -> Self {
        Self {
            kind,
            mode,
            uid: 0,
            gid: 0,
            mtime: None,
            capability: None,
            label: None,
        }
    }
}

impl Tree {
    /// A tree with only a root folder.
    pub fn new() -> Self {
        let mut tree = Self::default();
        tree.nodes.insert("/".to_owned(), Node::directory(0o755));
        tree
    }

    /// What is at `path`.
    pub fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// What is at `path`, to change it.
    pub fn get_mut(&mut self, path: &str) -> Option<&mut Node> {
        self.nodes.get_mut(path)
    }

    /// Gives everything the label of its path.
    pub fn label(&mut self, label: impl Fn(&str) -> String) {
        for (path, node) in &mut self.nodes {
            node.label = Some(label(path));
        }
    }

    /// The bytes of the file at `path`, where they are in memory.
    pub fn bytes(&self, path: &str) -> Option<Arc<[u8]>> {
        match &self.get(path)?.kind {
            Kind::File(Content::Bytes(bytes)) => Some(Arc::clone(bytes)),
            _ => None,
        }
    }

    /// Puts `node` at `path`, replacing what was there; missing parents are created as folders
    /// owned by root with mode 0755. An existing folder keeps its contents.
    pub fn insert(&mut self, path: &str, node: Node) {
        let directory = matches!(node.kind, Kind::Directory);
        if let Some(old) = self.nodes.get(path)
            && matches!(old.kind, Kind::Directory)
            && !directory
        {
            self.remove(path);
        }
        let mut parent = path;
        while let Some((above, _)) = parent.rsplit_once('/') {
            parent = above;
            if parent.is_empty() || self.nodes.contains_key(parent) {
                break;
            }
            self.nodes.insert(parent.to_owned(), Node::directory(0o755));
        }
        self.nodes.insert(path.to_owned(), node);
    }

    /// Like [`Tree::insert`], unless `path` exists.
    pub fn insert_if_absent(&mut self, path: &str, node: Node) {
        if !self.nodes.contains_key(path) {
            self.insert(path, node);
        }
    }

    /// Removes what is at `path`, with everything in it.
    pub fn remove(&mut self, path: &str) {
        self.nodes.remove(path);
        let below: Vec<String> = self.below(path).map(|(path, _)| path.to_owned()).collect();
        for path in below {
            self.nodes.remove(&path);
        }
    }

    /// All nodes, sorted by path as bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    /// All nodes below the folder `path`, at any depth.
    pub fn below(&self, path: &str) -> impl Iterator<Item = (&str, &Node)> {
        let prefix = if path == "/" {
            path.to_owned()
        } else {
            format!("{path}/")
        };
        self.nodes
            .range(prefix.clone()..)
            .take_while(move |(path, _)| path.starts_with(&prefix))
            .filter(|(path, _)| *path != "/")
            .map(|(path, node)| (path.as_str(), node))
    }

    /// Names and paths of what is directly in the folder `path`, sorted by name.
    pub fn children<'a>(
        &'a self,
        path: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Node)> {
        let start = if path == "/" { 1 } else { path.len() + 1 };
        self.below(path).filter_map(move |(child, node)| {
            let name = &child[start..];
            (!name.contains('/')).then_some((name, child, node))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_made_and_replaced_folders_emptied() {
        let mut tree = Tree::new();
        tree.insert("/a/b/c", Node::file(0o644, *b"x"));
        tree.insert("/a-b", Node::symlink("a"));
        assert_eq!(tree.get("/a/b"), Some(&Node::directory(0o755)));
        let names: Vec<&str> = tree.children("/").map(|(name, _, _)| name).collect();
        assert_eq!(names, ["a", "a-b"]);
        tree.insert("/a/b", Node::directory(0o700));
        assert!(tree.get("/a/b/c").is_some());
        tree.insert("/a", Node::symlink("a-b"));
        assert_eq!(tree.iter().count(), 3);
        tree.remove("/a");
        assert!(tree.get("/a-b").is_some());
    }
}
