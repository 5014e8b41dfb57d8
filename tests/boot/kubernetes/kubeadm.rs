//! Clusters that kubeadm made.

use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::qemu::{Disk, Firmware, Forward, Medium, create_disk, free_port};

use super::{KUBECTL, MEMORY, VERSION, WAIT};
use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED, program};

const ADDRESS: &str = "192.168.77.10/24";

/// A node with the authorities of a cluster of kubeadm, whose own administrator it knows. Needs
/// curl and openssl.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn a_node_takes_over_a_cluster() {
    let Some(programs) = super::programs() else {
        return;
    };
    let kubeadm = programs.join("kubeadm");
    if !kubeadm.is_file() {
        crate::skipped::skipped("there is no kubeadm in IMGBUILD_KUBE_DIR");
        return;
    }
    let lab = Lab::new();
    let pki = lab.path("pki");
    let there = |arguments: &[&str]| {
        let mut command = Command::new(&kubeadm);
        command.args(["init", "phase"]).args(arguments);
        run(command.arg("--cert-dir").arg(&pki));
    };
    there(&[
        "certs",
        "all",
        "--apiserver-advertise-address=192.168.77.10",
    ]);
    let kubeconfigs = lab.path("kubeconfigs").display().to_string();
    there(&[
        "kubeconfig",
        "admin",
        "--apiserver-advertise-address=192.168.77.10",
        "--kubeconfig-dir",
        &kubeconfigs,
    ]);

    let key = &lab.public_key;
    let spec = lab.write(
        "node.yaml",
        &format!(
            "\
version: 1
kernel_arguments: [{UNTIMED}]
hostname: kube1
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: eth0, addresses: [{ADDRESS}], gateway: 192.168.77.1}}]}}
etcd: {{}}
kubernetes: {{version: {VERSION}, role: single}}
storage_device: /dev/vda
"
        ),
    );
    let keys = lab.path("taken-over");
    run(Command::new(program())
        .args(["keys", "import"])
        .arg(&spec)
        .arg(&pki)
        .arg("--keys")
        .arg(&keys));
    let keys = keys.display().to_string();
    let iso = super::build(&lab, &spec, "node.iso", &programs, &["--keys", &keys]);
    leaves_are_verified(Path::new(&keys), &pki);

    let disk = lab.path("state.raw");
    create_disk(&disk, 4 << 30).unwrap();
    let mut machine = guest::machine("kube1", Firmware::Bios, Medium::Cd(iso), ADDRESS);
    machine.memory = MEMORY;
    machine.disks = vec![Disk::Raw(disk)];
    let api = free_port().unwrap();
    machine.network.forwards.push(Forward {
        host: api,
        guest: 6443,
    });
    let node = Guest::boot(&lab, "kubernetes-taken-over", machine);
    super::apply(&node, &super::pod());
    node.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/lab"
    ));
    node.says(&format!("{KUBECTL} exec lab -- hostname"), "lab");

    // kubeadm's own administrator is this cluster's.
    let admin = fs::read_to_string(lab.path("kubeconfigs").join("admin.conf")).unwrap();
    node.ask(&format!("umask 077; cat > admin.conf <<'END'\n{admin}END"));
    node.says(
        "kubectl --kubeconfig admin.conf auth whoami -o jsonpath='{.status.userInfo.username}'",
        "kubernetes-admin",
    );
    // So is everybody else who knows its authority.
    let said = run(Command::new("curl")
        .args(["--silent", "--show-error", "--cacert"])
        .arg(pki.join("ca.crt"))
        .arg("--resolve")
        .arg(format!("kube1:{api}:127.0.0.1"))
        .arg(format!("https://kube1:{api}/readyz")));
    assert_eq!(said, "ok");
}

/// Verifies every leaf of the key folder by the authorities that kubeadm made.
fn leaves_are_verified(keys: &Path, pki: &Path) {
    let mut count = 0;
    for folder in [
        "nodes/kube1/etcd",
        "nodes/kube1/kubernetes",
        "nodes/kube1/front-proxy",
    ] {
        for entry in fs::read_dir(keys.join(folder)).unwrap() {
            let leaf = entry.unwrap().path();
            if leaf.extension().is_none_or(|ending| ending != "crt") {
                continue;
            }
            let authority = match folder.rsplit_once('/') {
                Some((_, "etcd")) => "etcd/ca.crt",
                Some((_, "front-proxy")) => "front-proxy-ca.crt",
                _ => "ca.crt",
            };
            run(Command::new("openssl")
                .args(["verify", "-x509_strict", "-CAfile"])
                .arg(pki.join(authority))
                .arg(&leaf));
            count += 1;
        }
    }
    assert!(count > 10, "{count} leaves");
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
