//! Three nodes that are one etcd.

use std::path::Path;
use std::time::Instant;

use imgbuild::qemu::{Disk, Firmware, Machine, Medium, Switch, create_disk, mac_of};

use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};
use crate::node::ETCDCTL;

const MEMBERS: [&str; 3] = ["etcd1", "etcd2", "etcd3"];

/// The address of the member `index`.
fn address(index: usize) -> String {
    format!("192.168.78.{}/24", 11 + index)
}

fn spec(lab: &Lab) -> std::path::PathBuf {
    let key = &lab.public_key;
    let mut text = format!(
        "\
version: 1
kernel_arguments: [{UNTIMED}]
cluster: {{name: lab}}
users:
  - {{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}
storage_device: /dev/vda
etcd: {{}}
nodes:
"
    );
    let nodes = MEMBERS.iter().enumerate().map(|(index, name)| {
        let (address, mac) = (address(index), mac_of(name));
        format!(
            "  - hostname: {name}
    network:
      interfaces:
        - {{name: lan0, mac: '{mac}', addresses: [{address}], gateway: 192.168.78.1}}
      firewall: {{allow_from: [192.168.78.0/24]}}
"
        )
    });
    text.extend(nodes);
    lab.write("cluster.yaml", &text)
}

/// The machine of a member, which boots from base initrd and payload.
fn machine(lab: &Lab, tree: &Path, index: usize) -> Machine {
    let name = MEMBERS[index];
    let (medium, _) = Medium::from_tree(tree, name).unwrap();
    let disk = lab.path(&format!("{name}.raw"));
    create_disk(&disk, 2 << 30).unwrap();
    let mut machine = guest::machine(name, Firmware::Bios, medium, &address(index));
    machine.disks = vec![Disk::Raw(disk)];
    // Three at once are more than a small machine has processors for; two each would only wait for
    // one another.
    machine.cpus = 1;
    machine
}

/// Boots the three, cuts the power of one, writes on, and has it back with all that was written.
pub fn lives_through_a_power_cut() {
    let lab = Lab::new();
    let tree = lab.build(&spec(&lab), "tree", &["--format", "pxe"]);
    let switch = Switch::new().unwrap();
    let start =
        |index: usize| Guest::start(&lab, "cluster", machine(&lab, &tree, index), Some(&switch));
    let begin = Instant::now();
    let mut guests: Vec<Guest> = (0..MEMBERS.len()).map(start).collect();
    for guest in &guests {
        guest.wait_until_ready();
    }
    println!(
        "three members: ready after {:.0} s",
        begin.elapsed().as_secs_f32()
    );

    let etcd = |guest: &Guest, command: &str| guest.ask(&format!("{ETCDCTL} {command}"));
    let health = etcd(&guests[0], "endpoint health --cluster 2>&1");
    assert_eq!(health.matches("is healthy").count(), 3, "{health}");
    guests[0].says(
        "ip -brief -4 address show dev lan0 | grep -c 192.168.78.11/24",
        "1",
    );
    etcd(&guests[0], "put before the-power-cut");
    let host_keys = "cat /etc/ssh/ssh_host_*_key.pub /etc/machine-id";
    let identity = guests[0].ask(host_keys);
    // A port that no role opens is closed to the neighbours, one of etcd's is open.
    let reaches = |port: u16| format!("timeout 5 bash -c '</dev/tcp/192.168.78.11/{port}'");
    guests[1].insist(&reaches(2379));
    let listener = "sudo systemd-run --quiet socat TCP-LISTEN:9999,fork,reuseaddr /dev/null";
    guests[0].ask(listener);
    assert!(
        !guests[1].try_ask(&reaches(9999)).status.success(),
        "port 9999 is open"
    );

    // The member that was written to goes; it may have led.
    drop(guests.remove(0));
    guests[0].eventually("a write without the member that is gone", || {
        let put = guests[0].try_ask(&format!("{ETCDCTL} put during one-member-is-gone"));
        put.status.success()
    });
    let back = start(0);
    back.wait_until_ready();
    assert_eq!(
        back.ask(host_keys),
        identity,
        "the node's identity did not outlive the power cut"
    );
    back.eventually("three healthy members", || {
        let health = back.try_ask(&format!("{ETCDCTL} endpoint health --cluster 2>&1"));
        String::from_utf8_lossy(&health.stdout)
            .matches("is healthy")
            .count()
            == 3
    });
    // `--consistency=s`: from this member's own disk.
    let get = |key: &str| {
        etcd(
            &back,
            &format!("get {key} --consistency=s --print-value-only"),
        )
    };
    assert_eq!(get("before"), "the-power-cut");
    assert_eq!(get("during"), "one-member-is-gone");
}
