//! A config ISO in the hands of a kernel, as the installer of Container Linux finds it.

use std::fs;
use std::path::PathBuf;

use crate::guest::Guest;
use crate::lab::Lab;

/// A config ISO, and the config that is on it.
pub fn build(lab: &Lab) -> (PathBuf, String) {
    let key = &lab.public_key;
    let spec = lab.write(
        "container-linux.yaml",
        &format!(
            "\
version: 1
target: container-linux
hostname: app-kube1
users: [{{name: core, ssh_authorized_keys: ['{key}']}}]
etcd: {{name: app-etcd-1}}
"
        ),
    );
    let config = lab.build(&spec, "config.json", &[]);
    let config = fs::read_to_string(config).unwrap();
    (lab.build(&spec, "config.iso", &[]), config)
}

/// The node mounts the ISO, which is one of its disks: under its Joliet names, and under those of
/// plain ISO 9660.
pub fn is_mounted(node: &Guest, config: &str) {
    for options in ["ro", "ro,nojoliet,norock"] {
        let mount = format!("sudo mount -o {options} -t iso9660 /dev/disk/by-label/config /mnt");
        node.ask(&mount);
        node.says("ls /mnt", "config.json");
        node.says("cat /mnt/config.json", config.trim());
        node.ask("sudo umount /mnt");
    }
}
