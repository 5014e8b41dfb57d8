//! `storage_device`: a disk for data that survives reboots.
//!
//! On the first boot, Ignition creates a GPT with one partition and an ext4 file system on it, and
//! reuses both on later boots: nothing here allows it to wipe anything. Folders of that file system
//! are mounted at the data folders of etcd, the runtime and the kubelet. Without a storage device,
//! the base mounts a separate file system in memory for each of them.

use ignition_config::v3_4;

use super::etcd::data_owner;
use super::kubernetes::AUDIT_LOGS;
use super::names::{path, unit};
use super::template::fill;
use crate::facts::state;
use crate::names::{AbsolutePath, escape_path};
use crate::node::Node;
use crate::node::fragment::{Directory, Fragment, Origin, Owner, Unit};

/// Label of the partition and of its file system.
const LABEL: &str = "imgbuild-state";
/// The mount point of the file system.
const STATE: &str = state::IMGBUILD;
/// Type GUID of a Linux file system (Discoverable Partitions Specification, "Generic Linux Data").
const LINUX_DATA: &str = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";

/// A folder of the storage device, and its mount point.
struct Kept {
    folder: &'static str,
    mount_point: AbsolutePath,
    mode: u32,
    owner: Owner,
}

/// Partition, file system and mounts of the storage device. Nothing if the node has none.
pub fn storage_device(node: &Node) -> Fragment {
    let Some(device) = &node.storage_device else {
        return Fragment::default();
    };
    let origin = Origin::new("storage_device", device.span);
    let partition = first_partition(device);
    let mut fragment = Fragment::default();
    fragment.disks.push((
        v3_4::Disk {
            partitions: Some(vec![v3_4::Partition {
                number: Some(1),
                label: Some(LABEL.to_owned()),
                type_guid: Some(LINUX_DATA.to_owned()),
                wipe_partition_entry: Some(false),
                ..v3_4::Partition::default()
            }]),
            wipe_table: Some(false),
            ..v3_4::Disk::new(device.to_string())
        },
        origin.clone(),
    ));
    fragment.filesystems.push((
        v3_4::Filesystem {
            format: Some("ext4".to_owned()),
            label: Some(LABEL.to_owned()),
            path: Some(STATE.to_owned()),
            wipe_filesystem: Some(false),
            ..v3_4::Filesystem::new(partition.to_string())
        },
        origin.clone(),
    ));
    fragment.units.push(mount(
        &path(STATE),
        fill(
            include_str!("../../manifests/state.mount"),
            &[
                ("device", partition.as_str()),
                ("device_unit", &escape_path(&partition)),
                ("where", STATE),
            ],
        ),
        &origin,
    ));
    for kept in kept(node) {
        let folder = path(&format!("{STATE}/{}", kept.folder));
        fragment.units.push(mount(
            &kept.mount_point,
            fill(
                include_str!("../../manifests/state-bind.mount"),
                &[
                    ("state", STATE),
                    ("what", folder.as_str()),
                    ("where", kept.mount_point.as_str()),
                ],
            ),
            &origin,
        ));
        fragment.directories.push(Directory {
            path: folder,
            mode: kept.mode,
            owner: kept.owner,
            overwrite: false,
            origin: origin.clone(),
        });
    }
    fragment
}

/// The folders that are kept. Their modes are those that the programs themselves set.
fn kept(node: &Node) -> Vec<Kept> {
    let runtime = node.runtime().facts();
    let mut kept = vec![
        Kept {
            folder: runtime.kept_as,
            mount_point: path(runtime.folder),
            mode: runtime.folder_mode,
            owner: Owner::default(),
        },
        Kept {
            folder: "kubelet",
            mount_point: path(state::KUBELET),
            mode: 0o750,
            owner: Owner::default(),
        },
    ];
    if let Some(member) = &node.etcd {
        kept.push(Kept {
            folder: "etcd",
            mount_point: member.data_dir.clone(),
            mode: 0o700,
            owner: data_owner(member),
        });
    }
    let plane = (node.kubernetes.as_ref()).and_then(|kubernetes| kubernetes.control_plane());
    if plane.is_some_and(|plane| plane.audit.is_some()) {
        kept.push(Kept {
            folder: "kubernetes-audit",
            mount_point: path(AUDIT_LOGS),
            mode: 0o700,
            owner: Owner::default(),
        });
    }
    kept
}

fn mount(mount_point: &AbsolutePath, text: String, origin: &Origin) -> Unit {
    Unit::enabled(
        unit(&format!("{}.mount", escape_path(mount_point))),
        text,
        origin.clone(),
    )
}

/// The device of the first partition of `disk`, as the kernel and udev name it: `/dev/vda1`,
/// `/dev/nvme0n1p1`, `/dev/disk/by-id/…-part1`. Not by label, since a disk of another node may have
/// the same one.
fn first_partition(disk: &AbsolutePath) -> AbsolutePath {
    let disk = disk.as_str();
    let ending = if disk.starts_with("/dev/disk/") {
        "-part1"
    } else if disk.ends_with(|last: char| last.is_ascii_digit()) {
        "p1"
    } else {
        "1"
    };
    path(&format!("{disk}{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_named_as_by_the_kernel() {
        for (disk, want) in [
            ("/dev/vda", "/dev/vda1"),
            ("/dev/nvme0n1", "/dev/nvme0n1p1"),
            ("/dev/mmcblk0", "/dev/mmcblk0p1"),
            ("/dev/disk/by-id/ata-X_1", "/dev/disk/by-id/ata-X_1-part1"),
        ] {
            assert_eq!(first_partition(&path(disk)).as_str(), want);
        }
    }
}
