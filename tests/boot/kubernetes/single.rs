//! A cluster of one.

use imgbuild::qemu::{Disk, Firmware, Medium, create_disk};

use super::{KUBECTL, MEMORY, VERSION, WAIT};
use crate::guest::{self, Guest};
use crate::lab::Lab;

const ADDRESS: &str = "192.168.77.10/24";
const API: &str = "192.168.77.10:6443";

/// The Service of the tests.
const SERVICE: &str = "10.96.0.77";

fn spec(lab: &Lab, name: &str, rest: &str) -> std::path::PathBuf {
    let key = &lab.public_key;
    let text = format!(
        "\
version: 1
hostname: kube1
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: eth0, addresses: [{ADDRESS}], gateway: 192.168.77.1}}]}}
etcd: {{}}
kubernetes: {{version: {VERSION}, role: single, {rest}}}
storage_device: /dev/vda
"
    );
    lab.write(name, &text)
}

/// It becomes Ready without a network, runs pods, serves, refuses strangers, and is all there after a reboot.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn single_lives_through_a_reboot() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let spec = spec(&lab, "node.yaml", "");
    let iso = super::build(&lab, &spec, "node.iso", &programs, &[]);
    let disk = lab.path("state.raw");
    create_disk(&disk, 4 << 30).unwrap();
    let machine = || {
        let medium = Medium::Cd(iso.clone());
        let mut machine = guest::machine("kube1", Firmware::Bios, medium, ADDRESS);
        machine.memory = MEMORY;
        machine.disks = vec![Disk::Raw(disk.clone())];
        machine
    };
    let node = Guest::boot(&lab, "kubernetes-single", machine());
    let nodes = node.ask(&format!("{KUBECTL} get nodes --no-headers"));
    assert!(
        nodes.contains(" Ready ") && nodes.contains("control-plane"),
        "{nodes}"
    );
    super::apply(&node, &super::pod());
    node.ask(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/lab"
    ));
    node.says(&format!("{KUBECTL} logs lab"), "started");
    node.says(&format!("{KUBECTL} exec lab -- hostname"), "lab");
    // The pod's own token, at the address that the cluster gives it.
    node.says(
        &format!(
            "{KUBECTL} exec lab -- kubectl auth whoami -o jsonpath='{{.status.userInfo.username}}'"
        ),
        "system:serviceaccount:default:default",
    );
    serves(&node);
    node.says(
        "sudo iptables-save -t nat | grep -c 'KUBE-SVC.*default/web'; true",
        "3",
    );
    super::strangers_are_refused(&node, API);
    node.shut_down();

    let again = Guest::boot(&lab, "kubernetes-single-again", machine());
    again.ask(&format!("{KUBECTL} rollout status {WAIT} deployment/web"));
    answers(&again);
    again.says(
        &format!("{KUBECTL} get pod lab -o jsonpath='{{.metadata.name}}'"),
        "lab",
    );
}

/// Services through nftables.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn single_with_nftables() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let spec = spec(&lab, "node.yaml", "proxy: {mode: nftables}");
    let iso = super::build(&lab, &spec, "node.iso", &programs, &[]);
    let disk = lab.path("state.raw");
    create_disk(&disk, 4 << 30).unwrap();
    let mut machine = guest::machine("kube1", Firmware::Bios, Medium::Cd(iso), ADDRESS);
    machine.memory = MEMORY;
    machine.disks = vec![Disk::Raw(disk)];
    let node = Guest::boot(&lab, "kubernetes-nftables", machine);
    super::apply(&node, &super::pod());
    node.ask(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/lab"
    ));
    serves(&node);
    node.ask("sudo nft list table ip kube-proxy | grep -q default/web");
}

/// A Deployment answers at its Service's address.
fn serves(node: &Guest) {
    super::apply(node, &super::web(2, SERVICE, false));
    node.ask(&format!("{KUBECTL} rollout status {WAIT} deployment/web"));
    answers(node);
    let from_a_pod = super::fetch(&format!("{SERVICE}/80"));
    let said = node.ask(&format!("{KUBECTL} exec lab -- {from_a_pod}"));
    assert!(said.starts_with("web-"), "{said}");
}

fn answers(node: &Guest) {
    let said = node.ask(&super::fetch(&format!("{SERVICE}/80")));
    assert!(said.starts_with("web-"), "{said}");
}
