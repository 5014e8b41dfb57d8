//! ct's `storage:`. What it means is Ignition 2.x'.

use crate::diagnostic::Located;
use crate::names::AbsolutePath;
use crate::spec::decode::{Leaf, LeafError, record, words};
use crate::spec::types::{Compression, FilesystemFormat, OwnerRef, Raid};
use crate::spec::values::{Fstab, Line, LocalFile, Mode, PartitionLabel, PlainName, SourceUrl};
use crate::spec::yaml::Scalar;

record! {
    /// Disks, RAID, file systems, files, directories and links, as ct has them.
    pub struct CtStorage {
        /// Disks and their partitions.
        pub disks: Vec<CtDisk>,
        /// Arrays of disks.
        pub raid: Vec<Raid>,
        /// File systems, to be made or to write files to.
        pub filesystems: Vec<CtFilesystem>,
        /// Files to write.
        pub files: Vec<CtFile>,
        /// Directories to make.
        pub directories: Vec<CtDirectory>,
        /// Links to make.
        pub links: Vec<CtLink>,
    }
    "storage"
}

record! {
    /// A disk and its partitions.
    pub struct CtDisk {
        /// The device's path.
        pub device: Located<AbsolutePath>,
        /// Whether the partition table is made anew.
        pub wipe_table: Option<Located<bool>>,
        /// Partitions.
        pub partitions: Vec<CtPartition>,
    }
    "a disk"
}

record! {
    /// A partition of a GPT.
    pub struct CtPartition {
        /// The name in the partition table.
        pub label: Option<Located<PartitionLabel>>,
        /// The number; the next free one where nothing is said.
        pub number: Option<Located<u32>>,
        /// The size, in whole MiB: 512MiB. All that is left where nothing is said.
        pub size: Option<Located<Mebibytes>>,
        /// Where it starts, in whole MiB; the first place that fits where nothing is said.
        pub start: Option<Located<Mebibytes>>,
        /// The GUID of the partition.
        pub guid: Option<Located<crate::spec::values::Uuid>>,
        /// The GUID of the type, or ct's word for one: `linux_filesystem_data`, `raid_partition`,
        /// `raid_containing_root`, `swap_partition`.
        pub type_guid: Option<Located<TypeGuid>>,
    }
    "a partition"
}

/// A size in whole MiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mebibytes(pub u64);

impl Leaf for Mebibytes {
    const WHAT: &'static str = "a size";

    fn schema() -> serde_json::Value {
        crate::spec::values::ByteSize::schema()
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        const MIB: u64 = 1 << 20;
        if &*scalar.text == "0" {
            return Ok(Self(0));
        }
        let bytes = crate::spec::values::ByteSize::read(scalar)?.0;
        if bytes.is_multiple_of(MIB) {
            return Ok(Self(bytes / MIB));
        }
        Err(LeafError::rule(
            crate::diagnostic::codes::BAD_SIZE,
            &scalar.text,
            "a partition size",
            "must be a whole number of MiB",
        ))
    }
}

/// The GUID of a partition's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeGuid(pub String);

/// ct's words for types (doc/configuration.md).
const TYPE_GUIDS: [(&str, &str); 4] = [
    (
        "raid_containing_root",
        "be9067b9-ea49-4f15-b4f6-f36f8c9e1818",
    ),
    (
        "linux_filesystem_data",
        "0fc63daf-8483-4772-8e79-3d69d8477de4",
    ),
    ("swap_partition", "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"),
    ("raid_partition", "a19d880f-05fc-4d3b-a006-743f0f84911e"),
];

impl Leaf for TypeGuid {
    const WHAT: &'static str = "a partition type GUID";

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        if let Some((_, guid)) = TYPE_GUIDS.iter().find(|(word, _)| *word == &*scalar.text) {
            return Ok(Self((*guid).to_owned()));
        }
        let guid = crate::spec::values::Uuid::read(scalar)?;
        Ok(Self(guid.as_str().to_owned()))
    }
}

record! {
    /// A file system: one that is made and mounted while files are written, or one that is mounted
    /// already.
    pub struct CtFilesystem {
        /// What files call it.
        pub name: Option<Located<PlainName>>,
        /// A file system on a device.
        pub mount: Option<CtMount>,
        /// Where it is mounted already.
        pub path: Option<Located<AbsolutePath>>,
    }
    "a file system",
    exactly_one(mount, path)
}

record! {
    /// A file system on a device.
    pub struct CtMount {
        /// The device's path.
        pub device: Located<AbsolutePath>,
        /// The kind.
        pub format: Located<FilesystemFormat>,
        /// An older form of `wipe_filesystem` and `options`.
        pub create: Option<CtCreateFilesystem>,
        /// Whether what is there is made anew.
        pub wipe_filesystem: Option<Located<bool>>,
        /// The label.
        pub label: Option<Located<Line>>,
        /// The UUID.
        pub uuid: Option<Located<Line>>,
        /// Further arguments of mkfs.
        pub options: Vec<Located<Fstab>>,
    }
    "a mount",
    at_most_one(create, wipe_filesystem)
}

record! {
    /// How a file system is made.
    pub struct CtCreateFilesystem {
        /// Whether what is there is made anew.
        pub force: Option<Located<bool>>,
        /// Further arguments of mkfs.
        pub options: Vec<Located<Fstab>>,
    }
    "the making of a file system"
}

record! {
    /// A file to write.
    pub struct CtFile {
        /// The file system that it lies on; `root` where nothing is said.
        pub filesystem: Option<Located<PlainName>>,
        /// Where.
        pub path: Located<AbsolutePath>,
        /// The owning user; root where nothing is said.
        pub user: Option<OwnerRef>,
        /// The owning group; root where nothing is said.
        pub group: Option<OwnerRef>,
        /// Permission bits in octal; 0644 where nothing is said.
        pub mode: Option<Located<Mode>>,
        /// What is written; an empty file where nothing is said.
        pub contents: Option<CtContents>,
        /// Whether what is there is replaced; true where nothing is said.
        pub overwrite: Option<Located<bool>>,
        /// Whether it is added to the end of what is there.
        pub append: Option<Located<bool>>,
    }
    "a file"
}

record! {
    /// Where a file's bytes come from.
    pub struct CtContents {
        /// Fetched by Ignition on the node.
        pub remote: Option<CtRemote>,
        /// The text itself.
        pub inline: Option<Located<String>>,
        /// A file beside the spec.
        pub local: Option<Located<LocalFile>>,
    }
    "contents",
    at_most_one(inline, local, remote)
}

record! {
    /// Bytes that Ignition fetches.
    pub struct CtRemote {
        /// Where from.
        pub url: Located<CtSourceUrl>,
        /// How they are compressed.
        pub compression: Option<Located<Compression>>,
        /// What they must be.
        pub verification: Option<CtVerification>,
    }
    "a remote source"
}

/// A URL that Ignition 2.x fetches: those that its successors fetch, and `oem:///path`, a file of
/// the partition of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CtSourceUrl(String);

impl CtSourceUrl {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for CtSourceUrl {
    const WHAT: &'static str = SourceUrl::WHAT;

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "pattern": "^((https?|tftp|s3)://|data:|oem:///)" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let path = scalar.text.strip_prefix("oem:///");
        if path.is_some_and(|path| !path.is_empty() && !path.contains(char::is_whitespace)) {
            return Ok(Self(scalar.text.to_string()));
        }
        SourceUrl::read(scalar).map(|url| Self(url.as_str().to_owned()))
    }
}

record! {
    /// What fetched bytes must be.
    pub struct CtVerification {
        /// Their hash.
        pub hash: CtHash,
    }
    "a verification"
}

words! {
    /// A hash function that Ignition 2.x knows.
    pub enum CtHashFunction {
        /// SHA-512
        Sha512 = "sha512",
    }
    "a hash function"
}

/// The digits of a SHA-512.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CtHashSum(pub String);

impl Leaf for CtHashSum {
    const WHAT: &'static str = "a hash";

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": ["string", "number"] })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        // Digits alone look like a number.
        let text = &*scalar.text;
        if text.len() == 128 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(Self(text.to_owned()));
        }
        Err(LeafError::rule(
            crate::diagnostic::codes::BAD_DIGEST,
            text,
            Self::WHAT,
            "a SHA-512 hash must have 128 hexadecimal digits",
        ))
    }
}

record! {
    /// A hash.
    pub struct CtHash {
        /// `sha512`
        pub function: Located<CtHashFunction>,
        /// Its 128 hexadecimal digits.
        pub sum: Located<CtHashSum>,
    }
    "a hash"
}

record! {
    /// A directory to make.
    pub struct CtDirectory {
        /// The file system that it lies on; `root` where nothing is said.
        pub filesystem: Option<Located<PlainName>>,
        /// Where.
        pub path: Located<AbsolutePath>,
        /// The owning user; root where nothing is said.
        pub user: Option<OwnerRef>,
        /// The owning group; root where nothing is said.
        pub group: Option<OwnerRef>,
        /// Permission bits in octal; 0755 where nothing is said.
        pub mode: Option<Located<Mode>>,
        /// Whether what is there is replaced.
        pub overwrite: Option<Located<bool>>,
    }
    "a directory"
}

record! {
    /// A link to make.
    pub struct CtLink {
        /// The file system that it lies on; `root` where nothing is said.
        pub filesystem: Option<Located<PlainName>>,
        /// Where.
        pub path: Located<AbsolutePath>,
        /// The owning user; root where nothing is said.
        pub user: Option<OwnerRef>,
        /// The owning group; root where nothing is said.
        pub group: Option<OwnerRef>,
        /// Whether it is a hard link.
        pub hard: Option<Located<bool>>,
        /// What it leads to; may be relative.
        pub target: Located<Line>,
        /// Whether what is there is replaced.
        pub overwrite: Option<Located<bool>>,
    }
    "a link"
}
