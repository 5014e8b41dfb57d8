//! What Ignition's own validation of 2.2.0 and 2.3.0 rejects (coreos/ignition, `config/v2_2/types`
//! and `config/v2_3/types`), each thing by itself. A rule returns reasons, each a clause without
//! the thing's name.

use crate::facts::systems::IgnitionVersion;
use crate::node::ignition_2::{
    Contents, Disk, DropIn, File, Filesystem, Mount, NetworkdUnit, Owner, Partition, Raid,
    Reference, Unit, User, Verification,
};

/// The schemes that it fetches from.
const SCHEMES: [&str; 6] = ["data", "http", "https", "oem", "s3", "tftp"];

/// Unit types (2.x also has `snapshot`).
const UNITS: [&str; 12] = [
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "snapshot",
    "slice",
    "scope",
];

/// Types of networkd's files.
const NETWORKD: [&str; 3] = ["link", "netdev", "network"];

/// Sectors in a MiB, at 512 bytes.
const MIB_SECTORS: u64 = 2048;

/// The reasons to reject one thing.
pub(crate) type Reasons = Vec<String>;

fn refuse(reasons: &mut Reasons, wrong: bool, why: impl Into<String>) {
    if wrong {
        reasons.push(why.into());
    }
}

fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// A path on the node, or the path of a device.
pub(crate) fn path(path: &str) -> Reasons {
    let mut reasons = Vec::new();
    refuse(
        &mut reasons,
        !path.starts_with('/'),
        format!("its path `{path}` is not absolute"),
    );
    reasons
}

/// The source of fetched bytes.
pub(crate) fn source(source: &str) -> Reasons {
    let mut reasons = Vec::new();
    // An empty source stands for an empty file.
    if source.is_empty() {
        return reasons;
    }
    let scheme = source.split_once(':').map_or("", |(scheme, _)| scheme);
    if !SCHEMES.contains(&scheme) {
        reasons.push(format!("its source is not one of {}", SCHEMES.join(", ")));
    } else if scheme == "data"
        && let Err(why) = crate::data_url::decode(source)
    {
        reasons.push(format!("its `data:` URL is wrong: {why}"));
    }
    reasons
}

/// The verification of fetched bytes.
pub(crate) fn verification(verification: &Verification) -> Reasons {
    let mut reasons = Vec::new();
    if let Some(hash) = &verification.hash {
        let digits = hash.strip_prefix("sha512-");
        let good =
            digits.is_some_and(|d| d.len() == 128 && d.bytes().all(|b| b.is_ascii_hexdigit()));
        refuse(
            &mut reasons,
            !good,
            "its hash is not `sha512-` and 128 hexadecimal digits",
        );
    }
    reasons
}

/// Another config, or a certificate authority.
pub(crate) fn reference(reference: &Reference) -> Reasons {
    let mut reasons = source(&reference.source);
    reasons.extend(verification(&reference.verification));
    reasons
}

/// Contents of a file.
pub(crate) fn contents(contents: &Contents) -> Reasons {
    let mut reasons = source(&contents.source);
    reasons.extend(verification(&contents.verification));
    let known = matches!(contents.compression.as_str(), "" | "gzip");
    refuse(&mut reasons, !known, "its compression is not gzip");
    reasons
}

/// What files, directories and links have in common.
pub(crate) fn node(
    filesystem: &str,
    at: &str,
    mode: Option<u32>,
    owners: [&Option<Owner>; 2],
) -> Reasons {
    let mut reasons = path(at);
    refuse(&mut reasons, filesystem.is_empty(), "it has no file system");
    refuse(
        &mut reasons,
        mode.is_some_and(|mode| mode > 0o7777),
        "its mode has more than 12 bits",
    );
    for owner in owners.into_iter().flatten() {
        refuse(
            &mut reasons,
            owner.id.is_some() && !owner.name.is_empty(),
            "its owner has both an ID and a name",
        );
    }
    reasons
}

/// A file, in addition to what all nodes have.
pub(crate) fn file(file: &File) -> Reasons {
    let mut reasons = contents(&file.contents);
    refuse(
        &mut reasons,
        file.append && file.overwrite == Some(true),
        "it has both `append` and `overwrite`",
    );
    reasons
}

/// A unit of systemd.
pub(crate) fn unit(unit: &Unit) -> Reasons {
    let mut reasons = Vec::new();
    let known = UNITS.contains(&ending(&unit.name));
    refuse(&mut reasons, !known, "its name does not end in a unit type");
    reasons.extend(dropins(&unit.dropins));
    reasons
}

/// A networkd file.
pub(crate) fn networkd(unit: &NetworkdUnit) -> Reasons {
    let mut reasons = Vec::new();
    let known = NETWORKD.contains(&ending(&unit.name)) && !unit.name.contains('/');
    refuse(
        &mut reasons,
        !known,
        "its name does not end in .network, .netdev or .link",
    );
    reasons.extend(dropins(&unit.dropins));
    reasons
}

fn dropins(dropins: &[DropIn]) -> Reasons {
    let wrong = dropins
        .iter()
        .filter(|dropin| ending(&dropin.name) != "conf");
    wrong
        .map(|dropin| format!("its drop-in `{}` does not end in .conf", dropin.name))
        .collect()
}

/// A user.
pub(crate) fn user(user: &User) -> Reasons {
    let mut reasons = Vec::new();
    if user.create.is_some() {
        for (field, is_given) in [
            ("gecos", !user.gecos.is_empty()),
            ("groups", !user.groups.is_empty()),
            ("home_dir", !user.home_dir.is_empty()),
            ("no_create_home", user.no_create_home),
            ("no_log_init", user.no_log_init),
            ("no_user_group", user.no_user_group),
            ("primary_group", !user.primary_group.is_empty()),
            ("shell", !user.shell.is_empty()),
            ("system", user.system),
            ("uid", user.uid.is_some()),
        ] {
            refuse(
                &mut reasons,
                is_given,
                format!("`create` and `{field}` are mutually exclusive"),
            );
        }
    }
    reasons
}

/// An array.
pub(crate) fn raid(raid: &Raid) -> Reasons {
    let mut reasons = Vec::new();
    match raid.level.as_str() {
        "linear" | "raid0" | "0" | "stripe" => {
            refuse(
                &mut reasons,
                raid.spares != 0,
                "its RAID level does not support spares",
            );
        }
        "raid1" | "1" | "mirror" | "raid4" | "4" | "raid5" | "5" | "raid6" | "6" | "raid10"
        | "10" => {}
        _ => reasons.push("its RAID level is unknown to Ignition".to_owned()),
    }
    refuse(&mut reasons, raid.name.is_empty(), "it has no name");
    refuse(&mut reasons, raid.devices.is_empty(), "it has no devices");
    reasons.extend(raid.devices.iter().flat_map(|device| path(device)));
    reasons
}

/// A file system.
pub(crate) fn filesystem(filesystem: &Filesystem) -> Reasons {
    let mut reasons = Vec::new();
    match (&filesystem.mount, &filesystem.path) {
        (None, None) => reasons.push("it has neither `mount` nor `path`".to_owned()),
        (Some(_), Some(_)) => reasons.push("`mount` and `path` are mutually exclusive".to_owned()),
        (None, Some(at)) => reasons.extend(path(at)),
        (Some(mount), None) => reasons.extend(mount_of(mount)),
    }
    reasons
}

fn mount_of(mount: &Mount) -> Reasons {
    let mut reasons = path(&mount.device);
    // The manual pages of the mkfs programs; mkswap truncates after 15.
    let longest = match mount.format.as_str() {
        "ext4" => 16,
        "btrfs" => 256,
        "xfs" => 12,
        "swap" => 15,
        "vfat" => 11,
        _ => {
            reasons.push("its format is not one of ext4, btrfs, xfs, vfat, swap".to_owned());
            usize::MAX
        }
    };
    let label = mount.label.as_deref().unwrap_or_default();
    refuse(
        &mut reasons,
        label.len() > longest,
        format!(
            "labels of {} must be at most {longest} bytes long",
            mount.format
        ),
    );
    if mount.create.is_some() {
        refuse(
            &mut reasons,
            mount.wipe_filesystem,
            "`create` and `wipe_filesystem` are mutually exclusive",
        );
        refuse(
            &mut reasons,
            !mount.options.is_empty(),
            "`create` and `options` are mutually exclusive",
        );
    }
    reasons
}

/// A disk and its partitions, with the keys of `version`.
pub(crate) fn disk(disk: &Disk, version: IgnitionVersion) -> Reasons {
    let mut reasons = path(&disk.device);
    for (at, partition) in disk.partitions.iter().enumerate() {
        reasons.extend(partition_by_itself(partition, version));
        for other in &disk.partitions[..at] {
            let both = partition.number != 0 && partition.number == other.number;
            refuse(
                &mut reasons,
                both,
                format!("two partitions have the number {}", partition.number),
            );
            if let (Some(a), Some(b)) = (extent(partition), extent(other)) {
                let overlap = a.0 <= b.1 && b.0 <= a.1;
                refuse(&mut reasons, overlap, "two of its partitions overlap");
            }
        }
    }
    reasons
}

fn partition_by_itself(partition: &Partition, version: IgnitionVersion) -> Reasons {
    let mut reasons = Vec::new();
    let label = partition.label.as_deref().unwrap_or_default();
    refuse(
        &mut reasons,
        label.chars().count() > 36,
        "a partition label must be at most 36 characters long",
    );
    for guid in [&partition.guid, &partition.type_guid] {
        let groups: Vec<usize> = guid.split('-').map(str::len).collect();
        let good = guid.is_empty()
            || groups == [8, 4, 4, 4, 12]
                && guid.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit());
        refuse(&mut reasons, !good, format!("`{guid}` is not a GUID"));
    }
    let start = partition.start.unwrap_or_default();
    refuse(
        &mut reasons,
        !start.is_multiple_of(MIB_SECTORS),
        "a partition does not start at a whole MiB",
    );
    let newer = partition.size_mib.is_some()
        || partition.start_mib.is_some()
        || partition.should_exist.is_some()
        || partition.wipe_partition_entry;
    refuse(
        &mut reasons,
        newer && version < IgnitionVersion::V2_3,
        "`sizeMiB`, `startMiB`, `shouldExist` and `wipePartitionEntry` require 2.3.0",
    );
    refuse(
        &mut reasons,
        partition.size.is_some() && partition.size_mib.is_some()
            || partition.start.is_some() && partition.start_mib.is_some(),
        "a partition has its size both in sectors and in MiB",
    );
    reasons
}

/// First and last unit of a partition with a known position.
fn extent(partition: &Partition) -> Option<(u64, u64)> {
    let start = partition.start.or(partition.start_mib)?;
    let size = partition.size.or(partition.size_mib).unwrap_or_default();
    (start != 0).then(|| (start, start + size.saturating_sub(1)))
}
