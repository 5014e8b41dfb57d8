//! Disks, arrays, encrypted devices and file systems of the spec, checked with the rules that
//! Ignition applies before it touches anything.

use ignition_config::v3_4::{Disk, Filesystem, Luks, Partition, Raid};

use super::report::error;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::systems::{Facts, IgnitionVersion};
use crate::node::fragment::{Fragment, Origin};

/// The file systems that Ignition creates, each with the maximum label length in bytes.
const LABELS: [(&str, usize); 5] = [
    ("ext4", 16),
    ("btrfs", 255),
    ("xfs", 12),
    ("vfat", 11),
    ("swap", 15),
];

/// How many partitions `sgdisk` makes room for.
const LAST_PARTITION: i64 = 128;

/// The maximum length of a LUKS2 label in bytes.
const LUKS_LABEL: usize = 47;

/// Checks the disks of a merged fragment.
pub(super) fn check(
    fragment: &Fragment,
    target: &Facts,
    version: IgnitionVersion,
    found: &mut Vec<Diagnostic>,
) {
    for (disk, origin) in &fragment.disks {
        partitions(disk, origin, found);
    }
    for (array, origin) in &fragment.raid {
        raid(array, origin, found);
    }
    for (device, origin) in &fragment.luks {
        luks(device, target, origin, found);
        since_3_4(device, target, version, origin, found);
    }
    for (filesystem, origin) in &fragment.filesystems {
        on_partitions(filesystem, origin, fragment, found);
        self::filesystem(filesystem, target, origin, found);
    }
}

fn name(partition: &Partition) -> String {
    match (&partition.label, partition.number) {
        (Some(label), _) => format!("`{label}`"),
        (None, number) => format!("number {}", number.unwrap_or_default()),
    }
}

fn partitions(disk: &Disk, origin: &Origin, found: &mut Vec<Diagnostic>) {
    let mut wrong = |message: String, help: &str| {
        found.push(
            error(
                codes::BAD_PARTITION,
                origin,
                format!("disk `{}`: {message}", disk.device),
            )
            .help(help),
        );
    };
    let partitions = disk.partitions.as_deref().unwrap_or_default();
    let is_gone = |p: &Partition| p.should_exist == Some(false);
    let is_unnumbered = |p: &Partition| p.number.unwrap_or(0) == 0;
    if partitions.iter().any(is_gone) && partitions.iter().any(is_unnumbered) {
        wrong(
            "one partition is to be removed, and another has no number".to_owned(),
            "give every partition of the disk its `number`",
        );
    }
    if let Some((first, second)) = disk_is_full(disk) {
        wrong(
            format!(
                "partition {} takes the rest of the disk, so that none is left for {}",
                name(first),
                name(second)
            ),
            "give all but the last one a `size_mib`",
        );
    }
    for (at, partition) in partitions.iter().enumerate() {
        if partition
            .number
            .is_some_and(|number| number > LAST_PARTITION)
        {
            wrong(
                format!("partition {} has no room in the table", name(partition)),
                "the table has entries 1 to 128",
            );
        }
        let other_settings = Partition {
            number: None,
            should_exist: None,
            wipe_partition_entry: None,
            ..partition.clone()
        };
        if is_gone(partition) && other_settings != Partition::default() {
            wrong(
                format!(
                    "partition {} has `should_exist: false` and other settings",
                    name(partition)
                ),
                "set only its `number`",
            );
        }
        let Some((start, end)) = extent(partition) else {
            continue;
        };
        for other in &partitions[..at] {
            if let Some((other_start, other_end)) = extent(other)
                && start < other_end
                && other_start < end
            {
                wrong(
                    format!("partitions {} and {} overlap", name(other), name(partition)),
                    "start each partition where the previous one ends, in MiB",
                );
            }
        }
    }
}

/// A partition of a wiped disk without a size, and one that is created after it and finds no room.
fn disk_is_full(disk: &Disk) -> Option<(&Partition, &Partition)> {
    let is_zero = |value: Option<i64>| value.unwrap_or(0) == 0;
    if disk.wipe_table != Some(true) {
        // Those that are there have their sizes.
        return None;
    }
    let mut partitions: Vec<_> = disk.partitions.iter().flatten().collect();
    // Ignition creates those without a number last (internal/exec/stages/disks).
    partitions.sort_by_key(|p| is_zero(p.number));
    let mut free = partitions.into_iter().filter(|p| is_zero(p.start_mib));
    let first = free.find(|p| is_zero(p.size_mib))?;
    Some((first, free.next()?))
}

/// Reports a file system in place of the partitions that the spec puts on the device.
fn on_partitions(
    filesystem: &Filesystem,
    origin: &Origin,
    fragment: &Fragment,
    found: &mut Vec<Diagnostic>,
) {
    let is_kept = |p: &Partition| p.should_exist != Some(false);
    let disk = fragment.disks.iter().find(|(disk, _)| {
        let partitions = disk.partitions.as_deref().unwrap_or_default();
        disk.device == filesystem.device && partitions.iter().any(is_kept)
    });
    if disk.is_some() && filesystem.format.as_deref() != Some("none") {
        found.push(
            error(
                codes::BAD_FILESYSTEM,
                origin,
                format!(
                    "file system on `{}`: it would overwrite the disk's partitions",
                    filesystem.device
                ),
            )
            .help("name one of them: `/dev/disk/by-partlabel/LABEL`"),
        );
    }
}

/// Whether mkfs takes `uuid` for a file system of `format`.
fn is_uuid(uuid: &str, format: &str) -> bool {
    let is_hex = |text: &str, length| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if format == "vfat" {
        // FAT has a volume number, and Ignition removes its dash.
        let digits = uuid.replacen('-', "", 1);
        return is_hex(&digits, 8) && !uuid.starts_with('-') && !uuid.ends_with('-');
    }
    let parts: Vec<&str> = uuid.split('-').collect();
    parts.len() == 5
        && parts
            .iter()
            .zip([8, 4, 4, 4, 12])
            .all(|(part, length)| is_hex(part, length))
}

/// Returns the first MiB of the partition and the one after its last, if both are set.
fn extent(partition: &Partition) -> Option<(i64, i64)> {
    let start = partition.start_mib.filter(|start| *start > 0)?;
    let size = partition.size_mib.filter(|size| *size > 0)?;
    Some((start, start.checked_add(size)?))
}

fn raid(array: &Raid, origin: &Origin, found: &mut Vec<Diagnostic>) {
    let mut wrong = |message: &str, help: &str| {
        found.push(
            error(
                codes::BAD_ARRAY,
                origin,
                format!("array `{}`: {message}", array.name),
            )
            .help(help),
        );
    };
    let devices = array.devices.as_deref().unwrap_or_default();
    let spares = array.spares.unwrap_or(0);
    let is_plain = matches!(
        array.level.as_deref(),
        Some("linear" | "raid0" | "0" | "stripe")
    );
    if devices.is_empty() {
        wrong("it has no devices", "list them under `devices:`");
    } else if is_plain && spares != 0 {
        wrong("this RAID level does not support spares", "remove `spares`");
    } else if usize::try_from(spares).is_ok_and(|spares| spares >= devices.len()) {
        wrong(
            "all of its devices are spares",
            "`spares` must be smaller than the number of `devices`",
        );
    }
    for (at, device) in devices.iter().enumerate() {
        if devices[..at].contains(device) {
            wrong(
                &format!("device `{device}` is listed twice"),
                "list each device once",
            );
        }
    }
}

fn luks(luks: &Luks, target: &Facts, origin: &Origin, found: &mut Vec<Diagnostic>) {
    let mut wrong = |message: &str, help: &str| {
        let message = format!("encrypted device `{}`: {message}", luks.name);
        found.push(error(codes::BAD_ENCRYPTED_DEVICE, origin, message).help(help));
    };
    if luks.device.as_deref().is_none_or(str::is_empty) {
        wrong(
            "it has no device",
            "specify the device to encrypt: `device: /dev/vdb`",
        );
    }
    if luks.clevis.is_some() && !target.abilities.clevis {
        wrong(
            &format!("{} does not have clevis", target.title),
            "use a `key_file`",
        );
    }
    if luks
        .label
        .as_deref()
        .is_some_and(|label| label.len() > LUKS_LABEL)
    {
        wrong(
            "its label is too long",
            "a LUKS2 label must be at most 47 bytes long",
        );
    }
}

/// Reports what Ignition knows of encrypted devices since 3.4.0 alone.
fn since_3_4(
    luks: &Luks,
    target: &Facts,
    version: IgnitionVersion,
    origin: &Origin,
    found: &mut Vec<Diagnostic>,
) {
    if version >= IgnitionVersion::V3_4 {
        return;
    }
    let tang = luks.clevis.iter().flat_map(|clevis| &clevis.tang).flatten();
    for (name, is_set) in [
        ("discard", luks.discard.is_some()),
        ("open_options", luks.open_options.is_some()),
        (
            "advertisement",
            { tang }.any(|tang| tang.advertisement.is_some()),
        ),
    ] {
        if is_set {
            let message = format!(
                "encrypted device `{}`: `{name}` requires Ignition 3.4.0, and {} has {version}",
                luks.name, target.title
            );
            let help = "remove it, or choose a target with a newer Ignition";
            found.push(error(codes::BAD_ENCRYPTED_DEVICE, origin, message).help(help));
        }
    }
}

fn filesystem(
    filesystem: &Filesystem,
    target: &Facts,
    origin: &Origin,
    found: &mut Vec<Diagnostic>,
) {
    let mut wrong = |message: String, help: &str| {
        let message = format!("file system on `{}`: {message}", filesystem.device);
        found.push(error(codes::BAD_FILESYSTEM, origin, message).help(help));
    };
    let format = filesystem
        .format
        .as_deref()
        .filter(|format| !format.is_empty());
    let is_set = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
    let has_list =
        |value: &Option<Vec<String>>| value.as_ref().is_some_and(|list| !list.is_empty());
    match format {
        None => {
            if is_set(&filesystem.path)
                || is_set(&filesystem.label)
                || is_set(&filesystem.uuid)
                || has_list(&filesystem.options)
                || has_list(&filesystem.mount_options)
            {
                wrong("it has no format".to_owned(), "specify one: `format: ext4`");
            }
        }
        Some("none") => {}
        Some(format) => {
            let is_created =
                |known: &str| known == format && (known != "btrfs" || target.abilities.btrfs);
            let Some((_, longest)) = LABELS.iter().find(|(known, _)| is_created(known)) else {
                wrong(
                    format!("the node cannot create `{format}`"),
                    "use ext4, xfs, vfat or swap; `none` leaves the device unchanged",
                );
                return;
            };
            let label = filesystem.label.as_deref().unwrap_or_default();
            if label.len() > *longest {
                wrong(
                    format!("label `{label}` is too long"),
                    &format!("labels of {format} must be at most {longest} bytes long"),
                );
            }
            let uuid = filesystem.uuid.as_deref().unwrap_or_default();
            if !uuid.is_empty() && !is_uuid(uuid, format) {
                wrong(
                    format!("`{uuid}` is not a UUID of {format}"),
                    match format {
                        "vfat" => "FAT has eight hexadecimal digits: `A1B2-C3D4`",
                        _ => "write it like 5dfbf5f4-2848-4bac-aa5e-0d9a20b745a6",
                    },
                );
            }
            if format == "swap" && is_set(&filesystem.path) {
                wrong("swap is not mounted".to_owned(), "remove `path`");
            }
        }
    }
}
