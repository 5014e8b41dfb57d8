//! Ignition runs at every boot: what the first one creates on the disks is there on later ones,
//! with all that was written in between.

use std::path::Path;
use std::process::Command;

use imgbuild::qemu::{Disk, Firmware, Medium, create_disk};

use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};

const ADDRESS: &str = "192.168.80.10/24";

/// A spec that asks for everything to be wiped and created, on all kinds of devices. `plain` is
/// the format of the first partition.
fn spec(lab: &Lab, plain: &str) -> std::path::PathBuf {
    let key = &lab.public_key;
    lab.write("volume.key", "a key of the volume\n");
    let text = format!(
        "\
version: 1
hostname: disks1
kernel_arguments: [{UNTIMED}]
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
storage:
  disks:
    - device: /dev/vda
      wipe_table: true
      partitions:
        - {{label: plain, size_mib: 64}}
        - {{label: secret, size_mib: 64, number: 3, wipe_partition_entry: true}}
        - {{label: one, size_mib: 64}}
        - {{label: two, size_mib: 64, number: 0}}
        - {{label: raw}}
  raid:
    - {{name: pair, level: raid1, devices: [/dev/disk/by-partlabel/one, /dev/disk/by-partlabel/two]}}
  luks:
    - name: secret
      device: /dev/disk/by-partlabel/secret
      key_file: {{local: volume.key}}
      wipe_volume: true
      options: [--pbkdf, pbkdf2, --pbkdf-force-iterations, '1000']
  filesystems:
    - {{device: /dev/disk/by-partlabel/plain, path: /var/lib/plain, format: {plain}, wipe_filesystem: true}}
    - {{device: /dev/mapper/secret, path: /var/lib/secret, format: ext4, wipe_filesystem: true}}
    - {{device: /dev/md/pair, path: /var/lib/pair, format: ext4, wipe_filesystem: true, label: pair}}
    - {{device: /dev/vdb, path: /var/lib/fat, format: vfat, wipe_filesystem: true}}
    - {{device: /dev/vdc, path: /var/lib/xfs, format: xfs, wipe_filesystem: true}}
    - device: /dev/vdd
      path: /var/lib/named
      format: ext4
      wipe_filesystem: true
      uuid: 0dfa1d0c-5d37-4c7a-a9a8-3c1b8d9d5e11
    - {{device: /dev/vde, format: swap, wipe_filesystem: true}}
"
    );
    let text = mounted(&text);
    lab.write(&format!("{plain}.yaml"), &text)
}

/// The spec with a unit for each file system.
fn mounted(text: &str) -> String {
    text.replace(
        "wipe_filesystem: true}",
        "wipe_filesystem: true, with_mount_unit: true}",
    )
    .replace("label: pair}", "label: pair, with_mount_unit: true}")
    .replace(
        "      wipe_filesystem: true\n",
        "      wipe_filesystem: true\n      with_mount_unit: true\n",
    )
}

/// Where the file systems are mounted.
const MOUNTED: [&str; 6] = ["plain", "secret", "pair", "fat", "xfs", "named"];

/// Runs a program that puts foreign data on a disk.
fn foreign(package: &str, command: &mut Command, disk: &Path) {
    let output = command.arg(disk).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?} (package {package}): {error}"));
    assert!(output.status.success(), "{command:?}: {output:?}");
}

fn disks(lab: &Lab) -> Vec<Disk> {
    let sizes = [512, 64, 512, 64, 64].iter().enumerate();
    let disks: Vec<_> = sizes
        .map(|(at, mib)| {
            let path = lab.path(&format!("disk{at}.raw"));
            create_disk(&path, mib << 20).unwrap();
            path
        })
        .collect();
    // What somebody else left on them: other partitions, and a file system of the right format.
    foreign(
        "gdisk",
        Command::new("sgdisk").args(["--new=1:0:+10M", "--new=2:0:+99M", "--change-name=2:plain"]),
        &disks[0],
    );
    foreign(
        "dosfstools",
        Command::new("mkfs.fat").args(["-n", "FOREIGN"]),
        &disks[1],
    );
    foreign("dosfstools", &mut Command::new("mkfs.fat"), &disks[3]);
    disks.into_iter().map(Disk::Raw).collect()
}

/// The partitions and what is on them, as the node sees them.
const SHAPE: &str = "sudo sgdisk --print /dev/vda; sudo blkid | sort; sudo mdadm --detail /dev/md/pair | grep -E 'UUID|Creation|Level|Total|Working'";

/// Three boots that wipe everything, and one whose spec has changed.
pub fn keep_what_the_first_created() {
    let lab = Lab::new();
    let iso = lab.build(&spec(&lab, "ext4"), "node.iso", &[]);
    let disks = disks(&lab);
    let machine = |iso: &Path| {
        let medium = Medium::Cd(iso.to_owned());
        let mut machine = guest::machine("disks1", Firmware::Bios, medium, ADDRESS);
        machine.disks.clone_from(&disks);
        machine
    };

    let first = Guest::boot(&lab, "later-1", machine(&iso));
    let shape = first.ask(SHAPE);
    assert!(!shape.contains("FOREIGN"), "{shape}");
    assert_eq!(shape.matches("linux_raid_member").count(), 2, "{shape}");
    for name in MOUNTED {
        first.ask(&format!(
            "findmnt /var/lib/{name} && echo data of {name} | sudo tee /var/lib/{name}/file"
        ));
    }
    first.ask("echo data of nobody | sudo dd of=/dev/disk/by-partlabel/raw conv=fsync");
    first.ask("grep vde /proc/swaps");
    first.shut_down();

    let kept = |guest: &Guest| {
        assert_eq!(
            guest.ask(SHAPE),
            shape,
            "another table, or other file systems"
        );
        for name in MOUNTED {
            guest.says(
                &format!("cat /var/lib/{name}/file"),
                &format!("data of {name}"),
            );
        }
        guest.says(
            "sudo head -n 1 /dev/disk/by-partlabel/raw",
            "data of nobody",
        );
        guest.says("cat /sys/class/block/md*/md/degraded", "0");
        guest.ask("grep vde /proc/swaps");
    };
    let second = Guest::boot(&lab, "later-2", machine(&iso));
    kept(&second);
    second.ask("sync");
    // Its power is cut.
    drop(second);
    let third = Guest::boot(&lab, "later-3", machine(&iso));
    kept(&third);
    third.shut_down();

    let changed = lab.build(&spec(&lab, "xfs"), "changed.iso", &[]);
    let refused = Guest::start(&lab, "later-4", machine(&changed), None);
    refused.shows(
        "holds ext4, which an earlier boot created, and should become xfs",
        0,
    );
}
