//! The nodes of a cluster, each in a machine of its own, on one switch.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use imgbuild::qemu::{Disk, Firmware, Machine, Medium, create_disk, mac_of};

use super::{KUBECTL, VERSION, WAIT};
use crate::guest::{self, Guest};
use crate::lab::Lab;

/// One of them.
pub struct Member {
    pub name: &'static str,
    /// With the length of its network's prefix.
    pub address: &'static str,
    pub role: &'static str,
    /// In MiB.
    pub memory: u32,
    pub cpus: u32,
}

/// A control plane and a worker.
pub const PAIR: [Member; 2] = [
    Member {
        name: "kube1",
        address: "192.168.79.11/24",
        role: "control-plane",
        memory: super::MEMORY,
        cpus: 2,
    },
    Member {
        name: "worker1",
        address: "192.168.79.21/24",
        role: "worker",
        memory: 1536,
        cpus: 1,
    },
];

impl Member {
    pub fn is_control_plane(&self) -> bool {
        self.role != "worker"
    }

    /// A machine with an empty disk; it starts from the PXE tree.
    pub fn machine(&self, lab: &Lab, tree: &Path) -> Machine {
        let disk = lab.path(&format!("{}.raw", self.name));
        create_disk(&disk, 4 << 30).unwrap();
        let (medium, _) = Medium::from_tree(tree, self.name).unwrap();
        let mut machine = guest::machine(self.name, Firmware::Bios, medium, self.address);
        machine.disks = vec![Disk::Raw(disk)];
        machine.memory = self.memory;
        machine.cpus = self.cpus;
        machine
    }
}

/// Arguments of the kernel for machines that share processors.
///
/// An emulated one spends a third of its processor on timers finer than the kernel's tick, on what
/// keeps programs from guessing what a real processor ran ahead, and on further guards of its
/// memory.
pub const KERNEL_ARGUMENTS: &str = "[no_timer_check, highres=off, mitigations=off, no5lvl, nosmap]";

/// The spec of a cluster; `more` of a member is more of its `kubernetes:`.
pub fn spec(lab: &Lab, members: &[Member], more: impl Fn(&Member) -> String) -> PathBuf {
    let key = &lab.public_key;
    let mut text = format!(
        "\
version: 1
cluster: {{name: lab}}
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
storage_device: /dev/vda
kernel_arguments: {KERNEL_ARGUMENTS}
nodes:
"
    );
    for member in members {
        let Member {
            name,
            role,
            address,
            ..
        } = member;
        let mac = mac_of(name);
        let etcd = if member.is_control_plane() {
            "\n    etcd: {}"
        } else {
            ""
        };
        let more = more(member);
        write!(
            text,
            "  - hostname: {name}{etcd}
    network:
      interfaces: [{{name: lan0, mac: '{mac}', addresses: [{address}], gateway: 192.168.79.1}}]
    kubernetes: {{version: {VERSION}, role: {role}{more}}}
"
        )
        .unwrap();
    }
    lab.write("cluster.yaml", &text)
}

/// How many nodes the API server calls Ready, and how many not.
pub fn ready(guest: &Guest) -> (usize, usize) {
    let all = guest.try_ask(&format!("{KUBECTL} get nodes --no-headers"));
    let all = String::from_utf8_lossy(&all.stdout).into_owned();
    (
        all.matches(" Ready ").count(),
        all.matches("NotReady").count(),
    )
}

/// Lets pods onto a control plane.
pub fn open_to_pods(control: &Guest, node: &str) {
    control.insist(&format!(
        "{KUBECTL} taint node {node} node-role.kubernetes.io/control-plane-"
    ));
}

/// Runs one pod on each of two nodes; each is asked from the other, so that the way leads across.
pub fn pods_talk_across(control: &Guest, service: &str) {
    super::apply(control, &super::web(2, service, true));
    control.insist(&format!("{KUBECTL} rollout status {WAIT} deployment/web"));
    let pods = control.insist(&format!(
        "{KUBECTL} get pods -l app=web -o jsonpath='{{range .items[*]}}{{.spec.nodeName}} {{.metadata.name}} {{.status.podIP}}{{\"\\n\"}}{{end}}'"
    ));
    let pods: Vec<Vec<&str>> = pods.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(pods.len(), 2, "{pods:?}");
    assert_ne!(pods[0][0], pods[1][0], "both pods are on one node");
    for (from, to) in [(0, 1), (1, 0)] {
        let ask = super::fetch(&format!("{}/8080", pods[to][2]));
        let said = control.insist(&format!("{KUBECTL} exec {} -- {ask}", pods[from][1]));
        assert_eq!(said, pods[to][1]);
    }
}
