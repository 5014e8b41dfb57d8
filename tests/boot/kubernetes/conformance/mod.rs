//! Kubernetes' own conformance suite against nodes of imgbuild: all its tests that need no cluster
//! for themselves (`[Serial]`) and no image but agnhost, busybox, pause and DNS tools.
//!
//! Runs where the folder of programs has `e2e.test` and `agnhost`, built from the source of the
//! programs:
//!
//! ```text
//! go test -c -o e2e.test ./test/e2e
//! CGO_ENABLED=0 go build -o agnhost ./test/images/agnhost
//! ```
//!
//! and a folder `add-ons` with CoreDNS' archive. It takes hours on an emulated machine.
//! `IMGBUILD_CONFORMANCE_DIR` names a folder that keeps the reports, from which a later run goes
//! on, and whose `summary.txt` says what ran; `IMGBUILD_CONFORMANCE_ONLY=DNS|Proxy` takes only
//! tests with such a part in their names. A cluster that runs elsewhere is judged where
//! `IMGBUILD_CONFORMANCE_KUBECONFIG` names its administrator's kubeconfig; its nodes need the
//! images that `images_of_the_suite` writes into the folder of the reports.

mod images;
mod report;
mod suite;

use std::fs;
use std::path::{Path, PathBuf};

use imgbuild::qemu::{Disk, Firmware, Forward, Machine, Medium, Switch, create_disk, free_port};

use self::suite::Suite;
use super::members::{self, Member};
use super::{KUBECTL, PATIENCE, VERSION, WAIT};
use crate::guest::{self, Guest};
use crate::lab::Lab;

const ADDRESS: &str = "192.168.77.10/24";

/// Names the folder of the reports. Without it nothing runs: it takes hours.
const REPORTS: &str = "IMGBUILD_CONFORMANCE_DIR";

/// Names the administrator's kubeconfig of a cluster that runs already, and has the images.
const RUNNING: &str = "IMGBUILD_CONFORMANCE_KUBECONFIG";

/// In MiB: the suite's pods ask for memory beside those of the cluster.
const MEMORY: u32 = 6144;

/// Where the reports of a cluster go.
fn folder(cluster: &str) -> PathBuf {
    let folder = std::env::var_os(REPORTS).unwrap();
    let folder = std::path::absolute(folder).unwrap().join(cluster);
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The folder of programs, if it has all that the suite needs.
fn programs() -> Option<PathBuf> {
    let programs = super::programs()?;
    if std::env::var_os(REPORTS).is_none() {
        crate::skipped::skipped(&format!(
            "{REPORTS} names no folder for the suite's reports"
        ));
        return None;
    }
    for name in ["e2e.test", "agnhost", "add-ons"] {
        if !programs.join(name).exists() {
            crate::skipped::skipped(&format!("IMGBUILD_KUBE_DIR has no `{name}`"));
            return None;
        }
    }
    Some(programs)
}

/// The administrator's kubeconfig of `spec`, for an API server that answers on a port of this
/// machine.
fn kubeconfig(lab: &Lab, spec: &Path, port: u16) -> PathBuf {
    let file = lab.path("kubeconfig");
    let server = format!("https://127.0.0.1:{port}");
    let spec = spec.display().to_string();
    fs::write(&file, lab.run(&["kubeconfig", &spec, "--server", &server])).unwrap();
    file
}

/// A port of this machine that leads to the API server of `machine`.
fn forwarded(machine: &mut Machine) -> u16 {
    let host = free_port().unwrap();
    let guest = 6443;
    machine.network.forwards.push(Forward { host, guest });
    host
}

/// Runs the suite, and fails with the tests that fail.
fn conforms(suite: &Suite) {
    let plan = suite.plan();
    println!(
        "{} tests to run, {} left out",
        plan.run.len(),
        plan.left_out.len()
    );
    for (name, why) in &plan.left_out {
        println!("not run: {name}: {why}");
    }
    let summary = suite.run(&plan);
    let failed = summary.failed();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
#[ignore = "boots a machine for hours: by hand with IMGBUILD_KUBE_DIR"]
fn single_conforms() {
    let Some(programs) = programs() else {
        return;
    };
    let lab = Lab::new();
    images::write(&lab.path("images"), &programs);
    let spec = lab.write(
        "node.yaml",
        &format!(
            "\
version: 1
kernel_arguments: {arguments}
hostname: kube1
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: eth0, addresses: [{ADDRESS}], gateway: 192.168.77.1}}]}}
etcd: {{}}
containerd: {{images: [./images]}}
kubernetes:
  version: {VERSION}
  role: single
  dns: coredns
  extra_sans: [127.0.0.1]
  artifacts: {{images: ['{add_ons}/coredns.tar']}}
storage_device: /dev/vda
",
            arguments = members::KERNEL_ARGUMENTS,
            key = lab.public_key,
            add_ons = programs.join("add-ons").display()
        ),
    );
    let iso = super::build(&lab, &spec, "node.iso", &programs, &[]);
    let disk = lab.path("state.raw");
    create_disk(&disk, 8 << 30).unwrap();
    let mut machine = guest::machine("kube1", Firmware::Bios, Medium::Cd(iso), ADDRESS);
    machine.memory = MEMORY;
    machine.disks = vec![Disk::Raw(disk)];
    let api = forwarded(&mut machine);
    let node = Guest::start(&lab, "kubernetes-conformance-single", machine, None);
    let node = node.patient(PATIENCE);
    node.wait_until_ready();
    node.insist(&format!(
        "{KUBECTL} -n kube-system rollout status {WAIT} deployment/coredns"
    ));
    conforms(&Suite {
        kubeconfig: kubeconfig(&lab, &spec, api),
        folder: folder("single"),
        nodes: 1,
        processes: 2,
        programs,
    });
}

/// The nodes of the cluster.
const MEMBERS: [Member; 3] = [
    Member { ..members::PAIR[0] },
    worker("worker1", "192.168.79.21/24"),
    worker("worker2", "192.168.79.22/24"),
];

const fn worker(name: &'static str, address: &'static str) -> Member {
    Member {
        name,
        address,
        role: "worker",
        memory: 3072,
        cpus: 1,
    }
}

#[test]
#[ignore = "boots three machines for hours: by hand with IMGBUILD_KUBE_DIR"]
fn cluster_conforms() {
    let Some(programs) = programs() else {
        return;
    };
    let lab = Lab::new();
    images::write(&lab.path("images"), &programs);
    let spec = members::spec(&lab, &MEMBERS, |_| {
        format!(
            ", dns: coredns, extra_sans: [127.0.0.1], artifacts: {{images: ['{}/coredns.tar', '{}']}}",
            programs.join("add-ons").display(),
            lab.path("images").display()
        )
    });
    let tree = super::build(&lab, &spec, "tree", &programs, &["--format", "pxe"]);
    let switch = Switch::new().unwrap();
    let mut api = 0;
    let nodes = MEMBERS.each_ref().map(|member| {
        let mut machine = member.machine(&lab, &tree);
        if member.is_control_plane() {
            api = forwarded(&mut machine);
        }
        let name = "kubernetes-conformance-cluster";
        let node = Guest::start(&lab, name, machine, Some(&switch)).patient(PATIENCE);
        // One after the other: what a start costs is taken from the processors of the others.
        node.wait_until_ready();
        node
    });
    nodes[0].insist(&format!(
        "{KUBECTL} -n kube-system rollout status {WAIT} deployment/coredns"
    ));
    conforms(&Suite {
        kubeconfig: kubeconfig(&lab, &spec, api),
        folder: folder("cluster"),
        nodes: MEMBERS.len() - 1,
        processes: 2,
        programs,
    });
}

#[test]
#[ignore = "writes the images for nodes that are built by hand"]
fn images_of_the_suite() {
    if let Some(programs) = programs() {
        images::write(&folder("images"), &programs);
    }
}

#[test]
#[ignore = "asks a cluster that runs already for hours: by hand with IMGBUILD_KUBE_DIR"]
fn a_running_cluster_conforms() {
    let Some(programs) = programs() else {
        return;
    };
    let Some(kubeconfig) = std::env::var_os(RUNNING).map(PathBuf::from) else {
        crate::skipped::skipped(&format!("{RUNNING} names no kubeconfig"));
        return;
    };
    conforms(&Suite {
        kubeconfig: std::path::absolute(kubeconfig).unwrap(),
        folder: folder("running"),
        nodes: 2,
        processes: 6,
        programs,
    });
}
