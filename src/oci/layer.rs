//! Layers: uncompressed tar archives (OCI Image Layer Filesystem Changeset), so that a runtime need
//! not decompress them.

use std::io;

use tar::{Builder, EntryType, Header};

/// A file, link or directory of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Relative to the root.
    path: String,
    mode: u32,
    what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    File(Vec<u8>),
    Link(String),
    Directory,
}

impl Entry {
    /// A regular file owned by root.
    pub fn file(path: &str, mode: u32, contents: impl Into<Vec<u8>>) -> Self {
        Self {
            path: path.to_owned(),
            mode,
            what: What::File(contents.into()),
        }
    }

    /// A symbolic link.
    pub fn link(path: &str, target: &str) -> Self {
        Self {
            path: path.to_owned(),
            mode: 0o777,
            what: What::Link(target.to_owned()),
        }
    }

    /// A directory owned by root.
    pub fn directory(path: &str, mode: u32) -> Self {
        Self {
            path: path.to_owned(),
            mode,
            what: What::Directory,
        }
    }
}

/// The layer that contains `entries` in this order, all with the time 0. Fails for paths that tar
/// cannot represent.
pub fn layer(entries: &[Entry]) -> io::Result<Vec<u8>> {
    let mut tar = Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_gnu();
        header.set_mode(entry.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(0);
        match &entry.what {
            What::File(contents) => {
                header.set_entry_type(EntryType::Regular);
                header.set_size(contents.len() as u64);
                tar.append_data(&mut header, &entry.path, contents.as_slice())?;
            }
            What::Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                tar.append_link(&mut header, &entry.path, target)?;
            }
            What::Directory => {
                header.set_entry_type(EntryType::Directory);
                tar.append_data(&mut header, &entry.path, io::empty())?;
            }
        }
    }
    tar.into_inner()
}
