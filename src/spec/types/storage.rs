//! `storage:`, with Butane's names (fcos 1.4, which is Ignition 3.3.0). What they mean is
//! Ignition's.

use crate::diagnostic::Located;
use crate::names::{AbsolutePath, UserName};
use crate::spec::decode::{record, word_leaf};
use crate::spec::values::{
    Digest, Fstab, Line, LocalFile, LocalFolder, Mode, PartitionLabel, PlainName, SourceUrl, Uuid,
};
use crate::words::words;

record! {
    /// Disks, RAID, LUKS, file systems, files, directories, links and trees.
    pub struct Storage {
        /// Disks and their partitions.
        pub disks: Vec<Disk>,
        /// Arrays of disks.
        pub raid: Vec<Raid>,
        /// Encrypted devices.
        pub luks: Vec<Luks>,
        /// File systems.
        pub filesystems: Vec<Filesystem>,
        /// Files to write.
        pub files: Vec<StorageFile>,
        /// Directories to make.
        pub directories: Vec<StorageDirectory>,
        /// Symbolic and hard links.
        pub links: Vec<StorageLink>,
        /// Folders beside the spec whose files are written to the node.
        pub trees: Vec<Tree>,
    }
    "storage"
}

record! {
    /// A disk and its partitions.
    pub struct Disk {
        /// The path of the device.
        #[example = "/dev/disk/by-id/virtio-data"]
        pub device: Located<AbsolutePath>,
        /// Whether to replace the partition table.
        #[otherwise = "false"]
        pub wipe_table: Option<Located<bool>>,
        /// Partitions.
        #[example = "[{label: data, size_mib: 1024}]"]
        pub partitions: Vec<Partition>,
    }
    "a disk"
}

record! {
    /// A partition of a GPT.
    pub struct Partition {
        /// The name in the partition table, as under `/dev/disk/by-partlabel`.
        #[example = "data"]
        pub label: Option<Located<PartitionLabel>>,
        /// The number.
        #[otherwise = "0, the next free one; on Debian, the next one that the list does not use"]
        #[example = "1"]
        pub number: Option<Located<u32>>,
        /// The size in MiB.
        #[otherwise = "0, all that is left"]
        #[example = "1024"]
        pub size_mib: Option<Located<u64>>,
        /// The start in MiB.
        #[otherwise = "0, the first place that fits"]
        #[example = "1"]
        pub start_mib: Option<Located<u64>>,
        /// The GUID of the type.
        #[otherwise = "that of a Linux file system"]
        #[example = "0fc63daf-8483-4772-8e79-3d69d8477de4"]
        pub type_guid: Option<Located<Uuid>>,
        /// The GUID of the partition.
        #[otherwise = "a random one"]
        #[example = "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6"]
        pub guid: Option<Located<Uuid>>,
        /// Whether to replace a partition that does not match.
        #[otherwise = "false"]
        pub wipe_partition_entry: Option<Located<bool>>,
        /// Whether the partition exists; with `false` it is deleted.
        #[otherwise = "true"]
        pub should_exist: Option<Located<bool>>,
        /// Whether to resize a partition that differs only in size.
        #[otherwise = "false"]
        pub resize: Option<Located<bool>>,
    }
    "a partition",
    at_least_one(label, number)
}

record! {
    /// An array of disks.
    pub struct Raid {
        /// The name, as under `/dev/md`.
        #[example = "data"]
        pub name: Located<PlainName>,
        /// The level.
        pub level: Located<RaidLevel>,
        /// The devices.
        #[example = "[/dev/vdb, /dev/vdc]"]
        pub devices: Vec<Located<AbsolutePath>>,
        /// How many of the devices are spares.
        #[otherwise = "0"]
        #[example = "1"]
        pub spares: Option<Located<u32>>,
        /// Further arguments of `mdadm --create`.
        #[example = "['--chunk=256']"]
        pub options: Vec<Located<Fstab>>,
    }
    "an array"
}

words! {
    /// A level of RAID that Ignition makes.
    pub enum RaidLevel {
        /// One disk after the other.
        Linear = "linear",
        /// Striped.
        Raid0 = "raid0",
        /// Striped.
        Zero = "0",
        /// Striped.
        Stripe = "stripe",
        /// Mirrored.
        Raid1 = "raid1",
        /// Mirrored.
        One = "1",
        /// Mirrored.
        Mirror = "mirror",
        /// Parity on one disk.
        Raid4 = "raid4",
        /// Parity on one disk.
        Four = "4",
        /// Parity on all disks.
        Raid5 = "raid5",
        /// Parity on all disks.
        Five = "5",
        /// Two parities.
        Raid6 = "raid6",
        /// Two parities.
        Six = "6",
        /// Mirrored and striped.
        Raid10 = "raid10",
        /// Mirrored and striped.
        Ten = "10",
    }
}

word_leaf!(RaidLevel, "a RAID level");

record! {
    /// An encrypted device.
    pub struct Luks {
        /// The name, as under `/dev/mapper`.
        #[example = "secret"]
        pub name: Located<PlainName>,
        /// The device that holds it.
        #[example = "/dev/disk/by-partlabel/secret"]
        pub device: Option<Located<AbsolutePath>>,
        /// The key.
        #[otherwise = "a random one, made on the node; required on Debian"]
        #[example = "{local: luks.key}"]
        pub key_file: Option<Resource>,
        /// The label.
        #[example = "secret"]
        pub label: Option<Located<Line>>,
        /// The UUID.
        #[otherwise = "a random one"]
        #[example = "5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6"]
        pub uuid: Option<Located<Uuid>>,
        /// Further arguments of `cryptsetup luksFormat`.
        #[example = "['--cipher=aes-xts-plain64']"]
        pub options: Vec<Located<Fstab>>,
        /// Further arguments of `cryptsetup luksOpen`, which are kept for later boots.
        #[example = "['--perf-no_read_workqueue']"]
        pub open_options: Vec<Located<Fstab>>,
        /// Whether the device is told which blocks are free, as SSDs want it. Who has the disk can
        /// then see how full it is.
        #[otherwise = "false"]
        pub discard: Option<Located<bool>>,
        /// Whether to replace what is on the device.
        #[otherwise = "false"]
        pub wipe_volume: Option<Located<bool>>,
        /// Unlocking without a key file.
        #[example = "{tpm2: true}"]
        pub clevis: Option<Clevis>,
    }
    "an encrypted device"
}

record! {
    /// How an encrypted device is unlocked without a key file.
    pub struct Clevis {
        /// Servers that help to unlock.
        #[example = "[{url: 'http://tang.example', thumbprint: REPLACE-WITH-THUMBPRINT}]"]
        pub tang: Vec<Tang>,
        /// Whether the TPM helps to unlock.
        #[otherwise = "false"]
        pub tpm2: Option<Located<bool>>,
        /// How many of them have to help.
        #[otherwise = "1"]
        #[example = "2"]
        pub threshold: Option<Located<u32>>,
        /// Another Clevis pin.
        pub custom: Option<ClevisCustom>,
    }
    "a clevis binding"
}

record! {
    /// A server that helps to unlock.
    pub struct Tang {
        /// The URL of the server.
        #[example = "http://tang.example"]
        pub url: Located<SourceUrl>,
        /// The thumbprint of its key.
        #[example = "REPLACE-WITH-THUMBPRINT"]
        pub thumbprint: Located<Line>,
        /// What the server says of itself, so that it need not be there on the first boot.
        #[example = "'{\"payload\": \"…\"}'"]
        pub advertisement: Option<Located<String>>,
    }
    "a tang server"
}

record! {
    /// A Clevis pin of another kind.
    pub struct ClevisCustom {
        /// The name of the pin.
        #[example = "tang"]
        pub pin: Located<Line>,
        /// The configuration of the pin.
        #[example = "'{\"url\": \"http://tang.example\"}'"]
        pub config: Located<String>,
        /// Whether the pin needs the network.
        #[otherwise = "false"]
        pub needs_network: Option<Located<bool>>,
    }
    "a custom pin"
}

words! {
    /// A file system that Ignition makes.
    pub enum FilesystemFormat {
        /// ext4
        Ext4 = "ext4",
        /// Btrfs
        Btrfs = "btrfs",
        /// XFS
        Xfs = "xfs",
        /// FAT
        Vfat = "vfat",
        /// Swap space
        Swap = "swap",
        /// No formatting
        None = "none",
    }
}

word_leaf!(FilesystemFormat, "a file system");

record! {
    /// A file system.
    pub struct Filesystem {
        /// The device that holds it.
        #[example = "/dev/disk/by-partlabel/data"]
        pub device: Located<AbsolutePath>,
        /// The kind.
        pub format: Option<Located<FilesystemFormat>>,
        /// Where it is mounted.
        #[example = "/var/lib/data"]
        pub path: Option<Located<AbsolutePath>>,
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
        /// Options of mount(8).
        #[example = "[noatime]"]
        pub mount_options: Vec<Located<Fstab>>,
        /// Whether to replace what is on the device.
        #[otherwise = "false"]
        pub wipe_filesystem: Option<Located<bool>>,
        /// Whether to make a mount unit for it, or a swap unit for swap space.
        #[default = "false"]
        pub with_mount_unit: Option<Located<bool>>,
    }
    "a file system"
}

words! {
    /// A compression that Ignition undoes.
    pub enum Compression {
        /// gzip
        Gzip = "gzip",
        /// Not compressed
        None = "",
    }
}

word_leaf!(Compression, "a compression");

record! {
    /// Where bytes come from.
    pub struct Resource {
        /// The text itself.
        #[example = "\"hello\\n\""]
        pub inline: Option<Located<String>>,
        /// A file beside the spec.
        #[example = "motd.txt"]
        pub local: Option<Located<LocalFile>>,
        /// A URL from which Ignition fetches on the node.
        #[example = "https://files.example/motd.txt"]
        pub source: Option<Located<SourceUrl>>,
        /// How the bytes at `source` are compressed.
        #[otherwise = "not compressed"]
        #[example = "gzip"]
        pub compression: Option<Located<Compression>>,
        /// Headers to send when `source` is fetched.
        #[example = "[{name: Accept, value: text/plain}]"]
        pub http_headers: Vec<HttpHeader>,
        /// What the bytes at `source` must be.
        pub verification: Option<Verification>,
    }
    "contents",
    at_most_one(inline, local, source)
}

record! {
    /// A header of HTTP.
    pub struct HttpHeader {
        /// The name.
        #[example = "Accept"]
        pub name: Located<PlainName>,
        /// The value.
        #[example = "text/plain"]
        pub value: Option<Located<Line>>,
    }
    "an HTTP header"
}

record! {
    /// What bytes must be.
    pub struct Verification {
        /// Their hash: `sha256-…` or `sha512-…`.
        #[example = "sha256-e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]
        pub hash: Located<Digest>,
    }
    "a verification"
}

record! {
    /// An owner, by number or name.
    pub struct OwnerRef {
        /// The numeric ID.
        #[example = "1000"]
        pub id: Option<Located<u32>>,
        /// The name.
        #[example = "core"]
        pub name: Option<Located<UserName>>,
    }
    "an owner",
    exactly_one(id, name)
}

record! {
    /// A file to write.
    pub struct StorageFile {
        /// The path on the node.
        #[example = "/etc/lab/motd"]
        pub path: Located<AbsolutePath>,
        /// Whether to replace what is there.
        #[default = "false"]
        pub overwrite: Option<Located<bool>>,
        /// What to write.
        #[otherwise = "what is there, or nothing"]
        #[example = "{inline: \"hello\\n\"}"]
        pub contents: Option<Resource>,
        /// What to add at the end.
        #[example = "[{inline: \"hello\\n\"}]"]
        pub append: Vec<Resource>,
        /// The permission bits, in octal.
        #[default = "0644"]
        #[example = "0600"]
        pub mode: Option<Located<Mode>>,
        /// The owner.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub user: Option<OwnerRef>,
        /// The group.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub group: Option<OwnerRef>,
    }
    "a file"
}

record! {
    /// A directory to make.
    pub struct StorageDirectory {
        /// The path on the node.
        #[example = "/var/lib/data"]
        pub path: Located<AbsolutePath>,
        /// Whether to replace what is there.
        #[default = "false"]
        pub overwrite: Option<Located<bool>>,
        /// The permission bits, in octal.
        #[default = "0755"]
        #[example = "0700"]
        pub mode: Option<Located<Mode>>,
        /// The owner.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub user: Option<OwnerRef>,
        /// The group.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub group: Option<OwnerRef>,
    }
    "a directory"
}

record! {
    /// A link to make.
    pub struct StorageLink {
        /// The path on the node.
        #[example = "/etc/localtime"]
        pub path: Located<AbsolutePath>,
        /// What it leads to; the path may be relative.
        #[example = "/usr/share/zoneinfo/UTC"]
        pub target: Located<Line>,
        /// Whether it is a hard link.
        #[default = "false"]
        pub hard: Option<Located<bool>>,
        /// Whether to replace what is there.
        #[default = "false"]
        pub overwrite: Option<Located<bool>>,
        /// The owner.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub user: Option<OwnerRef>,
        /// The group.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub group: Option<OwnerRef>,
    }
    "a link"
}

record! {
    /// A folder beside the spec whose files, directories' names and links are written to the node.
    pub struct Tree {
        /// The folder beside the spec.
        #[example = "rootfs"]
        pub local: Located<LocalFolder>,
        /// Where its files go on the node.
        #[default = "/"]
        #[example = "/opt/site"]
        pub path: Option<Located<AbsolutePath>>,
        /// The user that owns its files and links, and its directories unless `path` is one of the
        /// system's own.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub user: Option<OwnerRef>,
        /// The group that owns them.
        #[otherwise = "root"]
        #[example = "{name: core}"]
        pub group: Option<OwnerRef>,
    }
    "a tree"
}
