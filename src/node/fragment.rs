//! What a part adds to a node: files, units, users and disks, each with the place in the spec that
//! it comes from.

use ignition_config::v3_4;

use crate::diagnostic::Span;
use crate::names::{AbsolutePath, UnitName, UserName};
use crate::node::ignition_2;

/// Where a generated thing comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The value of the spec that it comes from; `None`: every node has it.
    pub span: Option<Span>,
    /// The name of the part that made it, in a word or two: `etcd`, `network`.
    pub part: &'static str,
}

impl Origin {
    /// The origin of what `part` makes because of the value at `span`.
    pub fn new(part: &'static str, span: Span) -> Self {
        Self {
            span: Some(span),
            part,
        }
    }

    /// The origin of what `part` makes on every node.
    pub fn always(part: &'static str) -> Self {
        Self { span: None, part }
    }
}

/// A piece of a node's configuration. Fragments are merged by `ignition`.
#[derive(Debug, Clone, Default)]
pub struct Fragment {
    pub files: Vec<File>,
    pub directories: Vec<Directory>,
    pub links: Vec<Link>,
    pub units: Vec<Unit>,
    pub users: Vec<(v3_4::User, Origin)>,
    pub groups: Vec<(v3_4::Group, Origin)>,
    pub disks: Vec<(v3_4::Disk, Origin)>,
    pub raid: Vec<(v3_4::Raid, Origin)>,
    pub luks: Vec<(v3_4::Luks, Origin)>,
    pub filesystems: Vec<(v3_4::Filesystem, Origin)>,
    /// Certificate authorities that Ignition itself trusts for downloads.
    pub ignition_cas: Vec<(v3_4::Resource, Origin)>,
    /// The proxy for Ignition's own downloads.
    pub ignition_proxy: Option<(v3_4::Proxy, Origin)>,
    /// What the config says of itself.
    pub head: Box<Head>,
    /// What only Ignition 2.x can express.
    pub only_v2: Box<OnlyV2>,
}

/// What a config of 3.x says of itself in `ignition`, besides the authorities and the proxy.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Configs that are merged over this one.
    pub merged: Vec<(v3_4::Resource, Origin)>,
    /// The config that replaces this one.
    pub replacing: Option<(v3_4::Resource, Origin)>,
    pub timeouts: Option<v3_4::Timeouts>,
}

/// What only Ignition 2.x can express: Container Linux's networkd units, and the parts of ct's
/// sections that 3.x expresses differently.
#[derive(Debug, Clone, Default)]
pub struct OnlyV2 {
    pub networkd: Vec<(ignition_2::NetworkdUnit, Origin)>,
    /// Users with `create`, its older form.
    pub users: Vec<(ignition_2::User, Origin)>,
    pub disks: Vec<(ignition_2::Disk, Origin)>,
    pub filesystems: Vec<(ignition_2::Filesystem, Origin)>,
    /// Files on other file systems than the root.
    pub files: Vec<(ignition_2::File, Origin)>,
    /// Directories on other file systems than the root.
    pub directories: Vec<(ignition_2::Directory, Origin)>,
    /// Links on other file systems than the root.
    pub links: Vec<(ignition_2::Link, Origin)>,
    pub references: ignition_2::References,
    pub timeouts: ignition_2::Timeouts,
}

/// The owner of a file, directory or link; `None` for root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Owner {
    pub user: Option<UserName>,
    /// If the spec gives a number instead of a name.
    pub user_id: Option<u32>,
    pub group: Option<UserName>,
    /// If the spec gives a number instead of a name.
    pub group_id: Option<u32>,
}

/// The source of a file's bytes.
#[derive(Debug, Clone, PartialEq)]
pub enum Contents {
    Inline(Vec<u8>),
    /// Fetched by Ignition on the node.
    Remote(v3_4::Resource),
}

/// A regular file.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    pub path: AbsolutePath,
    /// Permission bits, as in `0o644`.
    pub mode: u32,
    pub owner: Owner,
    /// `None`: the file is only appended to, or created empty.
    pub contents: Option<Contents>,
    pub append: Vec<Contents>,
    /// Whether it replaces a file of the base.
    pub overwrite: bool,
    pub origin: Origin,
}

impl File {
    /// A world-readable text file (0644, root) that `part` makes because of `span`. It replaces a
    /// file of the base.
    pub fn text(path: AbsolutePath, text: impl Into<Vec<u8>>, origin: Origin) -> Self {
        Self {
            path,
            mode: 0o644,
            owner: Owner::default(),
            contents: Some(Contents::Inline(text.into())),
            append: Vec::new(),
            overwrite: true,
            origin,
        }
    }

    /// Text appended to a file of the base or another part, if there is one.
    pub fn appended(path: AbsolutePath, text: impl Into<Vec<u8>>, origin: Origin) -> Self {
        Self {
            contents: None,
            append: vec![Contents::Inline(text.into())],
            overwrite: false,
            ..Self::text(path, Vec::new(), origin)
        }
    }

    /// The same file with other permission bits.
    #[must_use]
    pub fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    /// The same file with another owner.
    #[must_use]
    pub fn owner(self, owner: Owner) -> Self {
        Self { owner, ..self }
    }
}

impl Unit {
    /// A whole unit, enabled.
    pub fn enabled(name: UnitName, contents: impl Into<String>, origin: Origin) -> Self {
        Self {
            name,
            enabled: Some(true),
            mask: None,
            contents: Some(contents.into()),
            dropins: Vec::new(),
            origin,
        }
    }

    /// Enables a unit of the base.
    pub fn enable(name: UnitName, origin: Origin) -> Self {
        Self {
            contents: None,
            ..Self::enabled(name, "", origin)
        }
    }

    /// A drop-in for a unit of the base, which stays enabled or disabled as it is.
    pub fn dropin(name: UnitName, dropin: &str, text: impl Into<String>, origin: Origin) -> Self {
        Self {
            enabled: None,
            contents: None,
            dropins: vec![(dropin.to_owned(), text.into())],
            ..Self::enabled(name, "", origin)
        }
    }
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

/// A systemd unit, or drop-ins for one of the base.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    pub name: UnitName,
    pub enabled: Option<bool>,
    /// `Some(false)` undoes the mask of the base.
    pub mask: Option<bool>,
    pub contents: Option<String>,
    /// File name (`10-name.conf`) and text; a drop-in without text is created empty.
    pub dropins: Vec<(String, String)>,
    pub origin: Origin,
}
