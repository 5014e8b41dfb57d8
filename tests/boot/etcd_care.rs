//! A node's data in another node: a snapshot that the first takes is what the second starts from.

use imgbuild::qemu::{Disk, Firmware, Medium, create_disk};

use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};
use crate::node::ETCDCTL;

const ADDRESS: &str = "192.168.77.10/24";

fn boot(lab: &Lab, name: &str, etcd: &str) -> Guest {
    let key = &lab.public_key;
    let spec = lab.write(
        &format!("{name}.yaml"),
        &format!(
            "\
version: 1
kernel_arguments: [{UNTIMED}]
hostname: {name}
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: eth0, addresses: [{ADDRESS}]}}]}}
storage_device: /dev/vda
etcd: {etcd}
"
        ),
    );
    let iso = lab.build(&spec, &format!("{name}.iso"), &[]);
    let disk = lab.path(&format!("{name}.raw"));
    create_disk(&disk, 1 << 30).unwrap();
    let mut machine = guest::machine(name, Firmware::Bios, Medium::Cd(iso), ADDRESS);
    machine.disks = vec![Disk::Raw(disk)];
    Guest::boot(lab, "etcd-care", machine)
}

/// A snapshot that the first node's unit takes is put back there, and is what the second starts
/// from.
pub fn a_snapshot_moves_to_another_node() {
    let lab = Lab::new();
    let first = boot(&lab, "first", "{backup: {schedule: daily, keep: 2}}");
    let timers = first.ask("systemctl list-timers --no-legend imgbuild-etcd-snapshot.timer");
    assert!(
        timers.contains("imgbuild-etcd-snapshot.service"),
        "{timers}"
    );
    first.ask(&format!("{ETCDCTL} put greeting hello"));
    first.ask("sudo systemctl start imgbuild-etcd-snapshot.service");
    first.ask(&format!("{ETCDCTL} put greeting changed"));
    let snapshots = "/var/lib/imgbuild/etcd-snapshots";
    first.says(&format!("sudo stat -c '%a %U' {snapshots}"), "700 root");
    first.says("sudo /usr/lib/imgbuild/health", "");
    let encoded = first.ask(&format!(
        "sudo sh -c 'gzip -c {snapshots}/first-*.db' | base64 -w 0"
    ));

    // Back to it on the same node, as its program's own words say.
    first.ask(&format!(
        "sudo sh -c 'imgbuild-etcd-restore {snapshots}/first-*.db'"
    ));
    let value = format!("{ETCDCTL} get greeting --print-value-only");
    first.says(
        &format!("until {ETCDCTL} endpoint health; do :; done > /dev/null 2>&1; {value}"),
        "hello",
    );
    first.shut_down();

    let packed = lab.write("snapshot.base64", &encoded);
    let unpacked = std::process::Command::new("sh")
        .args(["-c", "base64 -d \"$0\" | gzip -d > \"$1\""])
        .arg(packed)
        .arg(lab.path("snapshot.db"))
        .status()
        .unwrap();
    assert!(unpacked.success());
    let second = boot(&lab, "second", "{restore: snapshot.db}");
    second.says(&value, "hello");
    second.refuses("sudo cat /etc/imgbuild/etcd-restore.db", "No such file");
}
