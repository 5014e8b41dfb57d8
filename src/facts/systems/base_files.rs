//! What a base has outside the read-only image, where Ignition would find it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Facts;

/// Something that is on a node before Ignition writes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BaseFile<'a> {
    File,
    Directory,
    /// A symbolic link, with its target.
    Link(&'a str),
}

impl BaseFile<'_> {
    /// Returns its kind in a word.
    pub fn kind(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Directory => "directory",
            Self::Link(_) => "link",
        }
    }
}

/// What a base has outside the read-only image, by path; empty: unknown.
pub(super) type BaseFiles = LazyLock<BTreeMap<&'static str, BaseFile<'static>>>;

/// What Debian's base has outside /usr.
const DEBIAN_LIST: &str = include_str!("debian_files.txt");

/// Reads the list once: each path of each node is looked up in it.
pub(super) static DEBIAN: BaseFiles = LazyLock::new(|| {
    DEBIAN_LIST
        .lines()
        .filter(|line| line.starts_with('/'))
        .map(|line| {
            if let Some((path, target)) = line.split_once(" -> ") {
                (path, BaseFile::Link(target))
            } else if let Some(path) = line.strip_suffix('/') {
                (path, BaseFile::Directory)
            } else {
                (line, BaseFile::File)
            }
        })
        .collect()
});

pub(super) static UNKNOWN: BaseFiles = LazyLock::new(BTreeMap::new);

impl Facts {
    /// Returns everything that the base has outside the read-only image, as far as imgbuild knows:
    /// path and kind, in order.
    pub fn base_files(&self) -> impl Iterator<Item = (&'static str, BaseFile<'static>)> {
        self.files.iter().map(|(path, file)| (*path, *file))
    }

    /// Returns what the base has at `path`.
    pub fn base_file(&self, path: &str) -> Option<BaseFile<'static>> {
        self.files.get(path).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::systems::Target;

    #[test]
    fn the_list_is_in_order_and_has_all_kinds() {
        let paths: Vec<_> = DEBIAN_LIST
            .lines()
            .filter(|it| it.starts_with('/'))
            .collect();
        assert!(paths.is_sorted(), "debian_files.txt");
        for (path, file) in [
            ("/etc/motd", Some(BaseFile::File)),
            ("/etc/ssh", Some(BaseFile::Directory)),
            (
                "/etc/os-release",
                Some(BaseFile::Link("../usr/lib/os-release")),
            ),
            ("/etc/hostname", None),
        ] {
            assert_eq!(Target::Debian.facts().base_file(path), file, "{path}");
            assert_eq!(Target::Flatcar.facts().base_file(path), None, "{path}");
        }
    }
}
