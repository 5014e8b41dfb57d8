//! `storage:`, with Butane's names (fcos 1.4, which is Ignition 3.3.0). What they mean is
//! Ignition's.

use crate::diagnostic::Located;
use crate::names::{AbsolutePath, UserName};
use crate::spec::decode::{record, words};
use crate::spec::values::{
    Digest, Fstab, Line, LocalFile, LocalFolder, Mode, PartitionLabel, PlainName, SourceUrl, Uuid,
};

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
        /// The device's path.
        pub device: Located<AbsolutePath>,
        /// Whether the partition table is made anew.
        pub wipe_table: Option<Located<bool>>,
        /// Partitions.
        pub partitions: Vec<Partition>,
    }
    "a disk"
}

record! {
    /// A partition of a GPT.
    pub struct Partition {
        /// The name in the partition table, as under `/dev/disk/by-partlabel`.
        pub label: Option<Located<PartitionLabel>>,
        /// The number; 0 for the next free one.
        pub number: Option<Located<u32>>,
        /// The size in MiB; 0 for all that is left.
        pub size_mib: Option<Located<u64>>,
        /// The start in MiB; 0 for the first place that fits.
        pub start_mib: Option<Located<u64>>,
        /// The GUID of the type.
        pub type_guid: Option<Located<Uuid>>,
        /// The GUID of the partition.
        pub guid: Option<Located<Uuid>>,
        /// Whether a partition that does not match is made anew.
        pub wipe_partition_entry: Option<Located<bool>>,
        /// Whether the partition should be there; true where nothing is said.
        pub should_exist: Option<Located<bool>>,
        /// Whether a partition that differs in size only is resized.
        pub resize: Option<Located<bool>>,
    }
    "a partition",
    at_least_one(label, number)
}

record! {
    /// An array of disks.
    pub struct Raid {
        /// The name, as under `/dev/md`.
        pub name: Located<PlainName>,
        /// The level: linear, raid0, raid1, raid5 …
        pub level: Located<RaidLevel>,
        /// The devices.
        pub devices: Vec<Located<AbsolutePath>>,
        /// How many of the devices are spares.
        pub spares: Option<Located<u32>>,
        /// Further arguments of `mdadm --create`.
        pub options: Vec<Located<Fstab>>,
    }
    "an array"
}

words! {
    /// A level of RAID that Ignition makes.
    pub enum RaidLevel {
        /// One after the other.
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
    "a RAID level"
}

record! {
    /// An encrypted device.
    pub struct Luks {
        /// The name, as under `/dev/mapper`.
        pub name: Located<PlainName>,
        /// The device that holds it.
        pub device: Option<Located<AbsolutePath>>,
        /// The key; one is made where nothing is said.
        pub key_file: Option<Resource>,
        /// The label.
        pub label: Option<Located<Line>>,
        /// The UUID.
        pub uuid: Option<Located<Uuid>>,
        /// Further arguments of `cryptsetup luksFormat`.
        pub options: Vec<Located<Fstab>>,
        /// Whether what is there is made anew.
        pub wipe_volume: Option<Located<bool>>,
        /// Unlocking without a key file.
        pub clevis: Option<Clevis>,
    }
    "an encrypted device"
}

record! {
    /// How an encrypted device is unlocked without a key file.
    pub struct Clevis {
        /// Servers that help to unlock.
        pub tang: Vec<Tang>,
        /// Whether the TPM helps to unlock.
        pub tpm2: Option<Located<bool>>,
        /// How many have to help; 1 where nothing is said.
        pub threshold: Option<Located<u32>>,
        /// A pin of one's own.
        pub custom: Option<ClevisCustom>,
    }
    "a clevis binding"
}

record! {
    /// A server that helps to unlock.
    pub struct Tang {
        /// Its address.
        pub url: Located<SourceUrl>,
        /// The thumbprint of its key.
        pub thumbprint: Located<Line>,
    }
    "a tang server"
}

record! {
    /// A clevis pin of one's own.
    pub struct ClevisCustom {
        /// Its name.
        pub pin: Located<Line>,
        /// Its settings.
        pub config: Located<String>,
        /// Whether it needs the network.
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
        /// Whatever is there
        None = "none",
    }
    "a file system"
}

record! {
    /// A file system.
    pub struct Filesystem {
        /// The device that holds it.
        pub device: Located<AbsolutePath>,
        /// The kind.
        pub format: Option<Located<FilesystemFormat>>,
        /// Where it is mounted.
        pub path: Option<Located<AbsolutePath>>,
        /// The label.
        pub label: Option<Located<Line>>,
        /// The UUID.
        pub uuid: Option<Located<Line>>,
        /// Further arguments of mkfs.
        pub options: Vec<Located<Fstab>>,
        /// Options of mount(8).
        pub mount_options: Vec<Located<Fstab>>,
        /// Whether what is there is made anew.
        pub wipe_filesystem: Option<Located<bool>>,
        /// Whether a mount unit (a swap unit for swap space) is made for it.
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
    "a compression"
}

record! {
    /// Where bytes come from.
    pub struct Resource {
        /// The text itself.
        pub inline: Option<Located<String>>,
        /// A file beside the spec.
        pub local: Option<Located<LocalFile>>,
        /// A URL that Ignition fetches on the node.
        pub source: Option<Located<SourceUrl>>,
        /// How `source` is compressed.
        pub compression: Option<Located<Compression>>,
        /// Sent when `source` is fetched.
        pub http_headers: Vec<HttpHeader>,
        /// What the bytes must be.
        pub verification: Option<Verification>,
    }
    "contents",
    at_most_one(inline, local, source)
}

record! {
    /// A header of HTTP.
    pub struct HttpHeader {
        /// Its name.
        pub name: Located<PlainName>,
        /// Its value.
        pub value: Option<Located<Line>>,
    }
    "an HTTP header"
}

record! {
    /// What bytes must be.
    pub struct Verification {
        /// sha256-… or sha512-…
        pub hash: Located<Digest>,
    }
    "a verification"
}

record! {
    /// An owner, by number or name.
    pub struct OwnerRef {
        /// The number.
        pub id: Option<Located<u32>>,
        /// The name.
        pub name: Option<Located<UserName>>,
    }
    "an owner",
    exactly_one(id, name)
}

record! {
    /// A file to write.
    pub struct StorageFile {
        /// Where.
        pub path: Located<AbsolutePath>,
        /// Whether what is there is replaced.
        pub overwrite: Option<Located<bool>>,
        /// What is written.
        pub contents: Option<Resource>,
        /// What is added to its end.
        pub append: Vec<Resource>,
        /// Permission bits in octal; 0644 where nothing is said.
        pub mode: Option<Located<Mode>>,
        /// The owning user; root where nothing is said.
        pub user: Option<OwnerRef>,
        /// The owning group; root where nothing is said.
        pub group: Option<OwnerRef>,
    }
    "a file"
}

record! {
    /// A directory to make.
    pub struct StorageDirectory {
        /// Where.
        pub path: Located<AbsolutePath>,
        /// Whether what is there is replaced.
        pub overwrite: Option<Located<bool>>,
        /// Permission bits in octal; 0755 where nothing is said.
        pub mode: Option<Located<Mode>>,
        /// The owning user; root where nothing is said.
        pub user: Option<OwnerRef>,
        /// The owning group; root where nothing is said.
        pub group: Option<OwnerRef>,
    }
    "a directory"
}

record! {
    /// A link to make.
    pub struct StorageLink {
        /// Where.
        pub path: Located<AbsolutePath>,
        /// What it leads to; may be relative.
        pub target: Located<Line>,
        /// Whether it is a hard link.
        pub hard: Option<Located<bool>>,
        /// Whether what is there is replaced.
        pub overwrite: Option<Located<bool>>,
        /// The owning user; root where nothing is said.
        pub user: Option<OwnerRef>,
        /// The owning group; root where nothing is said.
        pub group: Option<OwnerRef>,
    }
    "a link"
}

record! {
    /// A folder beside the spec whose files, directories' names and links are written to the node.
    pub struct Tree {
        /// The folder beside the spec.
        pub local: Located<LocalFolder>,
        /// Where its files go on the node; `/` where nothing is said.
        pub path: Option<Located<AbsolutePath>>,
    }
    "a tree"
}
