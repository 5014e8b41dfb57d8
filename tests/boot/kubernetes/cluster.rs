//! Three control planes and two workers that find each other by themselves.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use imgbuild::qemu::Switch;

use super::members::{self, Member};
use super::{KUBECTL, PATIENCE};
use crate::guest::Guest;
use crate::lab::Lab;

const fn member(
    name: &'static str,
    address: &'static str,
    role: &'static str,
    memory: u32,
) -> Member {
    Member {
        name,
        address,
        role,
        memory,
        // More would wait for each other: five machines share the processors of one.
        cpus: 1,
    }
}

/// Those of the example.
const NODES: [Member; 5] = [
    member("control1", "192.168.1.11/24", "control-plane", 2560),
    member("control2", "192.168.1.12/24", "control-plane", 2560),
    member("control3", "192.168.1.13/24", "control-plane", 2560),
    member("worker1", "192.168.1.21/24", "worker", 1536),
    member("worker2", "192.168.1.22/24", "worker", 1536),
];

const SERVICE: &str = "10.96.0.77";

/// What is written while a control plane is gone.
const WRITTEN: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: while-one-is-gone}}\n";

/// The example, with a key to log in.
fn spec(lab: &Lab) -> PathBuf {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/cluster.yaml");
    fs::copy(example, lab.path("cluster.yaml")).unwrap();
    lab.write(
        "lab.yaml",
        &format!(
            "\
version: 1
include: [cluster.yaml]
users: [{{name: core, ssh_authorized_keys: ['{}']}}]
kernel_arguments: {}
",
            lab.public_key,
            members::KERNEL_ARGUMENTS
        ),
    )
}

/// All become Ready; pods on different nodes talk; a control plane goes, the API goes on; it comes
/// back by itself.
#[test]
#[ignore = "boots five machines: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn cluster_does_without_a_control_plane() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let spec = spec(&lab);
    let tree = super::build(&lab, &spec, "tree", &programs, &["--format", "pxe"]);
    let switch = Switch::new().unwrap();
    let start = |member: &Member| {
        let machine = member.machine(&lab, &tree);
        Guest::start(&lab, "kubernetes-cluster", machine, Some(&switch)).patient(PATIENCE)
    };
    let begin = Instant::now();
    let since = |what: &str| println!("{what} after {:.0} s", begin.elapsed().as_secs_f32());
    // One worker comes up after the other: what a start costs is taken from the processors that the
    // control planes need.
    let (planes, workers) = NODES.split_at(3);
    let mut guests = planes.iter().map(start).collect::<Vec<Guest>>();
    for guest in &guests {
        guest.wait_until_ready();
    }
    since("three control planes: ready");
    for worker in workers {
        let guest = start(worker);
        guest.wait_until_ready();
        since(&format!("{}: ready", worker.name));
        guests.push(guest);
    }
    // Each was Ready; one that has no time to tell the others so for a while is not.
    guests[0].eventually("five nodes that are Ready", || {
        members::ready(&guests[0]) == (NODES.len(), 0)
    });
    since("the API server calls all of them Ready");

    members::pods_talk_across(&guests[0], SERVICE);
    super::strangers_are_refused(&guests[3], "192.168.1.12:6443");
    since("pods on different nodes talk, strangers are refused");

    // The first control plane goes, perhaps the leader of everything.
    drop(guests.remove(0));
    super::apply(&guests[0], WRITTEN);
    // A worker's way to the API leads through another.
    guests[0].eventually("four nodes that are Ready and one that is not", || {
        members::ready(&guests[0]) == (NODES.len() - 1, 1)
    });
    let answer = super::fetch(&format!("{SERVICE}/80"));
    let said = guests[2].insist(&answer);
    assert!(said.starts_with("web-"), "{said}");
    since("the API, etcd and the Service go on without the first control plane");

    let back = start(&NODES[0]);
    back.wait_until_ready();
    back.eventually("five nodes that are Ready", || {
        members::ready(&back) == (NODES.len(), 0)
    });
    back.insist(&format!("{KUBECTL} get configmap while-one-is-gone"));
    since("it is back by itself");
}
