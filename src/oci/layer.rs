//! Layers: uncompressed tar archives (OCI Image Layer Filesystem Changeset), so that a runtime has
//! nothing to inflate.

use std::io;

use tar::{Builder, EntryType, Header};

/// What is at one path of a layer.
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
    /// A regular file, root's.
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

    /// A directory, root's.
    pub fn directory(path: &str, mode: u32) -> Self {
        Self {
            path: path.to_owned(),
            mode,
            what: What::Directory,
        }
    }
}

/// The layer that holds `entries` in their order, all of the time 0. Fails for paths that tar
/// cannot hold.
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
