//! Block devices and where they are mounted: no two uses of one.

use super::Once;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
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
        // A partition that `storage` makes on another disk is what swap is for.
        let made_for_it = disk_of_partition(device.as_str()) == Some(other)
            && Some(other.as_str()) != node.storage_device.as_deref().map(AbsolutePath::as_str);
        same_disk(device.as_str(), other) && !made_for_it
    });
    if let Some((_, span, what)) = used {
        found.push(
            Diagnostic::error(
                codes::SWAP_ON_USED_DEVICE,
                device.span,
                format!("the swap device `{}` is {what} too", device.value),
            )
            .related(span, "used here")
            .help("swap needs a device or partition of its own; `zram` needs none"),
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
                format!("`{}` is a partition, not a whole device", device.value),
            )
            .help(format!(
                "imgbuild partitions the device itself: `storage_device: {whole}`"
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
                        format!("`{other}` is {what} and the storage device as well")
                    } else {
                        format!("`{other}` is {what}, and part of the storage device")
                    },
                )
                .related(device.span, "the storage device")
                .help("`storage_device` takes the whole device; use another one here"),
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
                format!("`{}` is not a device", device.value),
            )
            .help(format!(
                "`{key}` names one below /dev, such as /dev/vda or /dev/disk/by-id/…"
            )),
        );
    }
}

/// Every device that the spec's own `storage` names: the device, its place, what it is.
fn others(node: &Node) -> Vec<(String, Span, &'static str)> {
    let own = &node.own;
    let at = |origin: &crate::node::fragment::Origin| origin.span.unwrap_or_default();
    let disks = own
        .disks
        .iter()
        .map(|(d, o)| (d.device.clone(), at(o), "a disk of `storage`"));
    let filesystems = own
        .filesystems
        .iter()
        .map(|(f, o)| (f.device.clone(), at(o), "a file system of `storage`"));
    let raid = own.raid.iter().flat_map(|(r, o)| {
        let devices = r.devices.clone().unwrap_or_default();
        devices
            .into_iter()
            .map(|device| (device, at(o), "part of an array"))
            .collect::<Vec<_>>()
    });
    let luks = own
        .luks
        .iter()
        .filter_map(|(l, o)| Some((l.device.clone()?, at(o), "an encrypted device")));
    disks.chain(filesystems).chain(raid).chain(luks).collect()
}

/// Whether one is the other or a partition of it, as far as the names tell.
fn same_disk(a: &str, b: &str) -> bool {
    a == b
        || disk_of_partition(a).is_some_and(|disk| disk == b)
        || disk_of_partition(b).is_some_and(|disk| disk == a)
}

/// `/dev/sda` for `/dev/sda1`, `/dev/nvme0n1` for `/dev/nvme0n1p2`, by the kernel's rule: a `p`
/// goes between where the disk's name ends in a digit (block/partitions/core.c). `None`: not the
/// name of a partition, or one that does not tell (`/dev/disk/by-…`).
fn disk_of_partition(device: &str) -> Option<&str> {
    let name = device.strip_prefix("/dev/")?;
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
    for (disk, origin) in &node.own.disks {
        found.extend(disks.see(
            disk.device.as_str(),
            origin.span.unwrap_or_default(),
            || format!("the disk `{}` is there twice", disk.device),
        ));
    }
    let mut devices = Once::new(
        codes::DUPLICATE_DEVICE,
        "a device holds one file system; partition the disk for more",
    );
    for (filesystem, origin) in &node.own.filesystems {
        found.extend(devices.see(
            filesystem.device.as_str(),
            origin.span.unwrap_or_default(),
            || format!("the device `{}` has two file systems", filesystem.device),
        ));
    }
}

fn mounts(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut paths = Once::new(
        codes::DUPLICATE_MOUNT,
        "mount each file system at a place of its own",
    );
    for (filesystem, origin) in &node.own.filesystems {
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
                    format!("imgbuild mounts a file system of its own at `{path}`"),
                )
                .help("name the disk as `storage_device` to keep what lies there"),
            );
        } else if matches!(path, "/" | "/usr" | "/etc" | "/boot") {
            found.push(
                Diagnostic::error(
                    codes::RESERVED_MOUNT,
                    span,
                    format!("`{path}` is part of the image, nothing is mounted over it"),
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
