//! Three control planes and two workers that find each other by themselves.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use imgbuild::qemu::{Disk, Firmware, Machine, Medium, Switch, create_disk, mac_of};

use super::{KUBECTL, VERSION, WAIT};
use crate::cluster::eventually;
use crate::guest::{self, Guest};
use crate::lab::Lab;

/// Names, last parts of addresses, roles, and memory in MiB.
const NODES: [(&str, u8, &str, u32); 5] = [
    ("control1", 11, "control-plane", 2560),
    ("control2", 12, "control-plane", 2560),
    ("control3", 13, "control-plane", 2560),
    ("worker1", 21, "worker", 1536),
    ("worker2", 22, "worker", 1536),
];

/// How long five machines may take that share the processors of one.
const PATIENCE: Duration = Duration::from_secs(2700);

/// How long the others may take to do without a control plane, or with it again.
const RECOVERY: Duration = Duration::from_secs(600);

const SERVICE: &str = "10.96.0.77";

fn spec(lab: &Lab) -> PathBuf {
    let key = &lab.public_key;
    let mut text = format!(
        "\
version: 1
cluster: {{name: lab}}
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
storage_device: /dev/vda
nodes:
"
    );
    for (name, last, role, _) in NODES {
        let mac = mac_of(name);
        let etcd = if role == "control-plane" {
            "\n    etcd: {}"
        } else {
            ""
        };
        write!(
            text,
            "  - hostname: {name}{etcd}
    network:
      interfaces: [{{name: lan0, mac: '{mac}', addresses: [192.168.79.{last}/24], gateway: 192.168.79.1}}]
    kubernetes: {{version: {VERSION}, role: {role}}}
"
        )
        .unwrap();
    }
    lab.write("cluster.yaml", &text)
}

fn machine(lab: &Lab, tree: &Path, index: usize) -> Machine {
    let (name, last, _, memory) = NODES[index];
    let disk = lab.path(&format!("{name}.raw"));
    create_disk(&disk, 4 << 30).unwrap();
    let address = format!("192.168.79.{last}/24");
    let medium = Medium::of_tree(tree, name).unwrap();
    let mut machine = guest::machine(name, Firmware::Bios, medium, &address);
    machine.disks = vec![Disk::Raw(disk)];
    machine.memory = memory;
    machine.cpus = 1;
    machine
}

/// All become Ready; pods on different nodes talk; a control plane goes, the API goes on; it comes back by itself.
#[test]
#[ignore = "boots five machines: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn cluster_does_without_a_control_plane() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let tree = super::build(&lab, &spec(&lab), "tree", &programs, &["--format", "pxe"]);
    let switch = Switch::new().unwrap();
    let start = |index: usize| {
        let machine = machine(&lab, &tree, index);
        Guest::start(&lab, "kubernetes-cluster", machine, Some(&switch)).patient(PATIENCE)
    };
    let begin = Instant::now();
    let mut guests: Vec<Guest> = (0..NODES.len()).map(start).collect();
    for guest in &guests {
        guest.wait_until_ready();
    }
    let time = begin.elapsed().as_secs_f32();
    println!("three control planes and two workers: ready after {time:.0} s");

    let nodes = |guest: &Guest| guest.ask(&format!("{KUBECTL} get nodes --no-headers"));
    let all = nodes(&guests[0]);
    assert_eq!(all.matches(" Ready ").count(), NODES.len(), "{all}");

    // One pod on each worker: each is asked from the other worker's host, so that the way leads across.
    super::apply(&guests[0], &super::web(2, SERVICE, true));
    eventually(RECOVERY, || {
        let done = guests[0].try_ask(&format!("{KUBECTL} rollout status {WAIT} deployment/web"));
        done.status.success()
    });
    let pods = guests[0].ask(&format!(
        "{KUBECTL} get pods -l app=web -o jsonpath='{{range .items[*]}}{{.spec.nodeName}} {{.metadata.name}} {{.status.podIP}}{{\"\\n\"}}{{end}}'"
    ));
    let pods: Vec<Vec<&str>> = pods.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(pods.len(), 2, "{pods:?}");
    assert_ne!(pods[0][0], pods[1][0], "both pods are on one node");
    for (from, to) in [(0, 1), (1, 0)] {
        let ask = super::fetch(&format!("{}/8080", pods[to][2]));
        let said = guests[0].ask(&format!("{KUBECTL} exec {} -- {ask}", pods[from][1]));
        assert_eq!(said, pods[to][1]);
    }
    super::strangers_are_refused(&guests[3], "192.168.79.12:6443");

    // The first control plane goes, perhaps the leader of everything.
    drop(guests.remove(0));
    eventually(RECOVERY, || {
        let gone = guests[0].try_ask(&format!("{KUBECTL} create configmap while-one-is-gone"));
        gone.status.success()
    });
    // A worker's way to the API leads through another.
    eventually(RECOVERY, || {
        let all = guests[0].try_ask(&format!("{KUBECTL} get nodes --no-headers"));
        let all = String::from_utf8_lossy(&all.stdout).into_owned();
        all.matches(" Ready ").count() == NODES.len() - 1 && all.matches("NotReady").count() == 1
    });
    let answer = super::fetch(&format!("{SERVICE}/80"));
    let said = guests[2].ask(&answer);
    assert!(said.starts_with("web-"), "{said}");

    let back = start(0);
    back.wait_until_ready();
    eventually(RECOVERY, || {
        let all = back.try_ask(&format!("{KUBECTL} get nodes --no-headers"));
        String::from_utf8_lossy(&all.stdout)
            .matches(" Ready ")
            .count()
            == NODES.len()
    });
    back.ask(&format!("{KUBECTL} get configmap while-one-is-gone"));
}
