//! What a part asks of the node: files, units, users and disks, each with the place in the spec that asked for it.

use ignition_config::v3_3;

use crate::diagnostic::Span;
use crate::names::{AbsolutePath, UnitName, UserName};

/// Where a generated thing comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The value of the spec that asked for it; `None`: every node has it.
    pub span: Option<Span>,
    /// The part that made it, in a word or two: `etcd`, `network`.
    pub part: &'static str,
}

/// A piece of a node's configuration. Fragments are merged by `ignition`.
#[derive(Debug, Clone, Default)]
pub struct Fragment {
    pub files: Vec<File>,
    pub directories: Vec<Directory>,
    pub links: Vec<Link>,
    pub units: Vec<Unit>,
    pub users: Vec<(v3_3::User, Origin)>,
    pub groups: Vec<(v3_3::Group, Origin)>,
    pub disks: Vec<(v3_3::Disk, Origin)>,
    pub raid: Vec<(v3_3::Raid, Origin)>,
    pub luks: Vec<(v3_3::Luks, Origin)>,
    pub filesystems: Vec<(v3_3::Filesystem, Origin)>,
    /// Certificate authorities that Ignition itself trusts when it fetches.
    pub ignition_cas: Vec<(v3_3::Resource, Origin)>,
}

/// The owner of a file, directory or link; `None` for root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    pub user: Option<UserName>,
    pub group: Option<UserName>,
}

/// Where a file's bytes come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Contents {
    Inline(Vec<u8>),
    /// Fetched by Ignition on the node.
    Remote(v3_3::Resource),
}

/// A regular file.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    pub path: AbsolutePath,
    /// Permission bits, as in `0o644`.
    pub mode: u32,
    pub owner: Owner,
    /// `None`: the file is only appended to, or made empty.
    pub contents: Option<Contents>,
    pub append: Vec<Contents>,
    /// Replaces what the base has there.
    pub overwrite: bool,
    pub origin: Origin,
}

/// A directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Directory {
    pub path: AbsolutePath,
    pub mode: u32,
    pub owner: Owner,
    pub overwrite: bool,
    pub origin: Origin,
}

/// A symbolic or hard link.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    pub path: AbsolutePath,
    pub target: String,
    pub hard: bool,
    pub owner: Owner,
    pub overwrite: bool,
    pub origin: Origin,
}

/// A systemd unit, or drop-ins to one that the base has.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    pub name: UnitName,
    pub enabled: Option<bool>,
    pub mask: bool,
    pub contents: Option<String>,
    /// File name (`10-name.conf`) and text; a drop-in without text is made empty.
    pub dropins: Vec<(String, String)>,
    pub origin: Origin,
}
