//! Block devices and mount points: none may be used twice.

use super::Once;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::systems::KernelArguments;
use crate::names::AbsolutePath;
use crate::node::{Node, Swap};
pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    if let Some(device) = &node.storage_device {
        storage_device(node, device, found);
    }
    if let Some(Swap::Device(device)) = &node.swap {
        swap(node, device, found);
    }
    twice(node, found);
    mounts(node, found);
}

fn swap(node: &Node, device: &Located<AbsolutePath>, found: &mut Vec<Diagnostic>) {
    block_device(device, "swap", found);
    let storage = node
        .storage_device
        .iter()
        .map(|storage| (storage.to_string(), storage.span, "the storage device"));
    let mut all = storage.chain(others(node));
    let used = all.find(|(other, ..)| {
        // A partition that `storage` creates on another disk is meant for swap.
        let made_for_it = disk_of_partition(device.as_str()) == Some(other)
            && Some(other.as_str()) != node.storage_device.as_deref().map(AbsolutePath::as_str);
        same_disk(device.as_str(), other) && !made_for_it
    });
    if let Some((_, span, what)) = used {
        found.push(
            Diagnostic::error(
                codes::SWAP_ON_USED_DEVICE,
                device.span,
                format!("the swap device `{}` is also {what}", device.value),
            )
            .related(span, "used here")
            .help("use a separate device or partition for swap, or `zram`, which needs none"),
        );
    }
}

fn storage_device(node: &Node, device: &Located<AbsolutePath>, found: &mut Vec<Diagnostic>) {
    block_device(device, "storage_device", found);
    if let Some(whole) = disk_of_partition(device.as_str()) {
        found.push(
            Diagnostic::error(
                codes::NOT_A_WHOLE_DISK,
                device.span,
                format!("`{}` is a partition, not a whole disk", device.value),
            )
            .help(format!(
                "imgbuild partitions the disk itself: `storage_device: {whole}`"
            )),
        );
    }
    for (other, span, what) in others(node) {
        if same_disk(device.as_str(), &other) {
            found.push(
                Diagnostic::error(
                    codes::STORAGE_DEVICE_USED,
                    span,
                    if other == device.as_str() {
                        format!("`{other}` is both {what} and the storage device")
                    } else {
                        format!("`{other}` is {what} and also part of the storage device")
                    },
                )
                .related(device.span, "the storage device")
                .help("`storage_device` takes the whole disk; use another one here"),
            );
        }
    }
}

fn block_device(device: &Located<AbsolutePath>, key: &str, found: &mut Vec<Diagnostic>) {
    if !device.as_str().starts_with("/dev/") {
        found.push(
            Diagnostic::error(
                codes::NOT_A_DEVICE,
                device.span,
                format!("`{}` is not a block device", device.value),
            )
            .help(format!(
                "set `{key}` to a device below /dev, such as /dev/vda or /dev/disk/by-id/…"
            )),
        );
    }
}

/// Returns every device in the spec's `storage`: the device, its location, and its use.
fn others(node: &Node) -> Vec<(String, Span, &'static str)> {
    let sections = &node.user_sections;
    let at = |origin: &crate::node::fragment::Origin| origin.span.unwrap_or_default();
    let disks = sections
        .disks
        .iter()
        .map(|(d, o)| (d.device.clone(), at(o), "a disk in `storage`"));
    let filesystems = sections
        .filesystems
        .iter()
        .map(|(f, o)| (f.device.clone(), at(o), "a file system in `storage`"));
    let raid = sections.raid.iter().flat_map(|(r, o)| {
        let devices = r.devices.clone().unwrap_or_default();
        devices
            .into_iter()
            .map(|device| (device, at(o), "part of an array"))
            .collect::<Vec<_>>()
    });
    let luks = sections
        .luks
        .iter()
        .filter_map(|(l, o)| Some((l.device.clone()?, at(o), "an encrypted device")));
    disks.chain(filesystems).chain(raid).chain(luks).collect()
}

/// Returns whether one is the other or a partition of it, as far as the names tell.
fn same_disk(a: &str, b: &str) -> bool {
    a == b
        || disk_of_partition(a).is_some_and(|disk| disk == b)
        || disk_of_partition(b).is_some_and(|disk| disk == a)
}

/// `/dev/sda` for `/dev/sda1`, `/dev/nvme0n1` for `/dev/nvme0n1p2`, by the kernel's rule: a `p`
/// goes between where the disk's name ends in a digit (block/partitions/core.c); and by udev's,
/// which ends links to partitions in `-part1` (60-persistent-storage.rules). `None`: not the name
/// of a partition, or one that does not tell (`/dev/disk/by-label/…`).
fn disk_of_partition(device: &str) -> Option<&str> {
    let name = device.strip_prefix("/dev/")?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if ["disk/by-id/", "disk/by-path/", "disk/by-diskseq/"]
        .iter()
        .any(|folder| name.starts_with(folder))
        && let Some((disk, number)) = device.rsplit_once("-part")
        && is_number(number)
    {
        return Some(disk);
    }
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if stem.len() == name.len() || name.contains('/') {
        return None;
    }
    let letters_only = ["sd", "vd", "hd", "xvd"].iter().any(|prefix| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase()))
    });
    if letters_only {
        return Some(&device[.."/dev/".len() + stem.len()]);
    }
    let disk = stem.strip_suffix('p')?;
    let numbered = ["nvme", "mmcblk", "loop", "nbd", "md"]
        .iter()
        .any(|prefix| disk.starts_with(prefix));
    (numbered && disk.ends_with(|c: char| c.is_ascii_digit()))
        .then(|| &device[.."/dev/".len() + disk.len()])
}

fn twice(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut disks = Once::new(
        codes::DUPLICATE_DEVICE,
        "write one entry with all partitions",
    );
    for (disk, origin) in &node.user_sections.disks {
        if let Some(whole) = disk_of_partition(&disk.device) {
            let span = origin.span.unwrap_or_default();
            found.push(
                Diagnostic::error(
                    codes::NOT_A_WHOLE_DISK,
                    span,
                    format!("`{}` is a partition, not a whole disk", disk.device),
                )
                .help(format!(
                    "partitions are made on the disk: `device: {whole}`"
                )),
            );
        }
        found.extend(disks.see(
            disk.device.as_str(),
            origin.span.unwrap_or_default(),
            || format!("disk `{}` is listed twice", disk.device),
        ));
    }
    let mut devices = Once::new(
        codes::DUPLICATE_DEVICE,
        "partition the disk to have several file systems on it",
    );
    for (filesystem, origin) in &node.user_sections.filesystems {
        found.extend(devices.see(
            filesystem.device.as_str(),
            origin.span.unwrap_or_default(),
            || format!("device `{}` has two file systems", filesystem.device),
        ));
    }
}

fn mounts(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut paths = Once::new(
        codes::DUPLICATE_MOUNT,
        "mount each file system at its own path",
    );
    // The boot loader's settings are there, which Ignition changes too.
    let has_boot_partition = node.target.facts().kernel_arguments == KernelArguments::Ignition;
    for (filesystem, origin) in &node.user_sections.filesystems {
        let (Some(path), span) = (filesystem.path.as_deref(), origin.span.unwrap_or_default())
        else {
            continue;
        };
        found.extend(paths.see(path, span, || {
            format!("two file systems are mounted at `{path}`")
        }));
        if node.target.facts().mounts.contains(&path) {
            found.push(
                Diagnostic::error(
                    codes::RESERVED_MOUNT,
                    span,
                    format!("imgbuild mounts its own file system at `{path}`"),
                )
                .help("use the disk as `storage_device` to keep what is stored there"),
            );
        } else if matches!(path, "/" | "/usr" | "/etc") || path == "/boot" && !has_boot_partition {
            found.push(
                Diagnostic::error(
                    codes::RESERVED_MOUNT,
                    span,
                    format!("`{path}` is part of the image and cannot be mounted over"),
                )
                .help("mount file systems below /var, /srv or /opt"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::disk_of_partition;

    #[test]
    fn partitions_by_name() {
        for (device, disk) in [
            ("/dev/sda1", Some("/dev/sda")),
            ("/dev/vdb12", Some("/dev/vdb")),
            ("/dev/nvme0n1p2", Some("/dev/nvme0n1")),
            ("/dev/mmcblk0p1", Some("/dev/mmcblk0")),
            ("/dev/sda", None),
            ("/dev/nvme0n1", None),
            ("/dev/mmcblk0", None),
            ("/dev/sr0", None),
            ("/dev/disk/by-label/data1", None),
            ("/dev/mapper/vg1", None),
        ] {
            assert_eq!(disk_of_partition(device), disk, "{device}");
        }
    }
}
