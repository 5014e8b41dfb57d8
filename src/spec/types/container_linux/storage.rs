//! ct's `storage:`. What it means is Ignition 2.x'.

use crate::diagnostic::Located;
use crate::names::AbsolutePath;
use crate::spec::decode::{Leaf, LeafError, record, word_leaf};
use crate::spec::types::{Compression, FilesystemFormat, OwnerRef, Raid};
use crate::spec::values::{Fstab, Line, LocalFile, Mode, PartitionLabel, PlainName, SourceUrl};
use crate::spec::yaml::Scalar;
use crate::words::words;

record! {
    /// Disks, RAID, file systems, files, directories and links, as in ct.
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
        /// The path of the device.
        #[example = "/dev/disk/by-id/virtio-data"]
        pub device: Located<AbsolutePath>,
        /// Whether to replace the partition table.
        #[default = "false"]
        pub wipe_table: Option<Located<bool>>,
        /// Partitions.
        #[example = "[{label: data, size: 1GiB}]"]
        pub partitions: Vec<CtPartition>,
    }
    "a disk"
}

record! {
    /// A partition of a GPT.
    pub struct CtPartition {
        /// The name in the partition table.
        #[example = "data"]
        pub label: Option<Located<PartitionLabel>>,
        /// The number.
        #[default = "0"]
        #[example = "1"]
        pub number: Option<Located<u32>>,
        /// The size, in whole MiB.
        #[otherwise = "all that is left"]
        #[example = "512MiB"]
        pub size: Option<Located<Mebibytes>>,
        /// The start, in whole MiB.
        #[otherwise = "the first place that fits"]
        #[example = "1MiB"]
        pub start: Option<Located<Mebibytes>>,
        /// The GUID of the partition.
        #[otherwise = "a random one"]
        #[example = "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6"]
        pub guid: Option<Located<crate::spec::values::Uuid>>,
        /// The GUID of the type, or ct's word for one: `linux_filesystem_data`, `raid_partition`,
        /// `raid_containing_root`, `swap_partition`.
        #[otherwise = "that of a Linux file system"]
        #[example = "linux_filesystem_data"]
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
    /// A file system: either one that is made and mounted while files are written, or one that is
    /// already mounted.
    pub struct CtFilesystem {
        /// The name by which files refer to it.
        #[example = "data"]
        pub name: Option<Located<PlainName>>,
        /// A file system on a device.
        #[example = "{device: /dev/disk/by-partlabel/data, format: ext4}"]
        pub mount: Option<CtMount>,
        /// Where it is mounted already.
        #[example = "/sysroot/usr/share/oem"]
        pub path: Option<Located<AbsolutePath>>,
    }
    "a file system",
    exactly_one(mount, path)
}

record! {
    /// A file system on a device.
    pub struct CtMount {
        /// The path of the device.
        #[example = "/dev/disk/by-partlabel/data"]
        pub device: Located<AbsolutePath>,
        /// The kind.
        pub format: Located<FilesystemFormat>,
        /// An older form of `wipe_filesystem` and `options`.
        pub create: Option<CtCreateFilesystem>,
        /// Whether to replace what is on the device.
        #[default = "false"]
        pub wipe_filesystem: Option<Located<bool>>,
        /// The label.
        #[example = "data"]
        pub label: Option<Located<Line>>,
        /// The UUID.
        #[otherwise = "a random one"]
        #[example = "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6"]
        pub uuid: Option<Located<Line>>,
        /// Further arguments of mkfs.
        #[example = "['-m', '0']"]
        pub options: Vec<Located<Fstab>>,
    }
    "a mount",
    at_most_one(create, wipe_filesystem)
}

record! {
    /// How a file system is made.
    pub struct CtCreateFilesystem {
        /// Whether to replace what is on the device.
        #[default = "false"]
        pub force: Option<Located<bool>>,
        /// Further arguments of mkfs.
        #[example = "['-m', '0']"]
        pub options: Vec<Located<Fstab>>,
    }
    "the making of a file system"
}

record! {
    /// A file to write.
    pub struct CtFile {
        /// The file system that it is on, by its name in `filesystems`.
        #[default = "root"]
        #[example = "data"]
        pub filesystem: Option<Located<PlainName>>,
        /// The path on the node.
        #[example = "/etc/motd"]
        pub path: Located<AbsolutePath>,
        /// The owner.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub user: Option<OwnerRef>,
        /// The group.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub group: Option<OwnerRef>,
        /// The permission bits, in octal.
        #[otherwise = "0644; with `append`, as it is where the file exists"]
        #[example = "0600"]
        pub mode: Option<Located<Mode>>,
        /// What to write.
        #[otherwise = "nothing: the file is empty"]
        #[example = "{inline: \"hello\\n\"}"]
        pub contents: Option<CtContents>,
        /// Whether to replace what is there.
        #[otherwise = "true, or false with `append`"]
        pub overwrite: Option<Located<bool>>,
        /// Whether to add `contents` at the end of what is there.
        #[default = "false"]
        pub append: Option<Located<bool>>,
    }
    "a file"
}

record! {
    /// Where a file's bytes come from.
    pub struct CtContents {
        /// A file that Ignition fetches on the node.
        #[example = "{url: 'https://files.example/motd.txt'}"]
        pub remote: Option<CtRemote>,
        /// The text itself.
        #[example = "\"hello\\n\""]
        pub inline: Option<Located<String>>,
        /// A file beside the spec.
        #[example = "motd.txt"]
        pub local: Option<Located<LocalFile>>,
    }
    "contents",
    at_most_one(inline, local, remote)
}

record! {
    /// A file that Ignition fetches.
    pub struct CtRemote {
        /// The URL.
        #[example = "https://files.example/motd.txt"]
        pub url: Located<CtSourceUrl>,
        /// How the bytes are compressed.
        #[otherwise = "not compressed"]
        #[example = "gzip"]
        pub compression: Option<Located<Compression>>,
        /// What the bytes must be.
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
}

word_leaf!(CtHashFunction, "a hash function");

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
        /// The file system that it is on, by its name in `filesystems`.
        #[default = "root"]
        #[example = "data"]
        pub filesystem: Option<Located<PlainName>>,
        /// The path on the node.
        #[example = "/var/lib/data"]
        pub path: Located<AbsolutePath>,
        /// The owner.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub user: Option<OwnerRef>,
        /// The group.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub group: Option<OwnerRef>,
        /// The permission bits, in octal.
        #[default = "0755"]
        #[example = "0700"]
        pub mode: Option<Located<Mode>>,
        /// Whether to replace what is there.
        #[default = "false"]
        pub overwrite: Option<Located<bool>>,
    }
    "a directory"
}

record! {
    /// A link to make.
    pub struct CtLink {
        /// The file system that it is on, by its name in `filesystems`.
        #[default = "root"]
        #[example = "data"]
        pub filesystem: Option<Located<PlainName>>,
        /// The path on the node.
        #[example = "/etc/localtime"]
        pub path: Located<AbsolutePath>,
        /// The owner.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub user: Option<OwnerRef>,
        /// The group.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub group: Option<OwnerRef>,
        /// Whether it is a hard link.
        #[default = "false"]
        pub hard: Option<Located<bool>>,
        /// What it leads to; the path may be relative.
        #[example = "/usr/share/zoneinfo/UTC"]
        pub target: Located<Line>,
        /// Whether to replace what is there.
        #[default = "false"]
        pub overwrite: Option<Located<bool>>,
    }
    "a link"
}
