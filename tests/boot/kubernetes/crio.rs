//! Pods that run by CRI-O, whose programs lie with those of Kubernetes.
use imgbuild::extensions::crio::programs_in as cri_o_programs_in;
use imgbuild::qemu::{Disk, Firmware, Medium, create_disk};

use super::{KUBECTL, MEMORY, VERSION, WAIT};
use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};

const ADDRESS: &str = "192.168.77.10/24";

/// The Service of the tests.
const SERVICE: &str = "10.96.0.77";

/// An image that the node has with it, of two layers.
const APP: &str = "registry.example/lab/app:1";

/// It becomes Ready without a network, runs pods of its own programs and of an image that came with
/// it, serves, and is all there after a reboot.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn single_by_cri_o_lives_through_a_reboot() {
    let Some(programs) = super::programs() else {
        return;
    };
    if let Err(missing) = cri_o_programs_in(&programs) {
        let missing = missing.join(", no ");
        crate::skipped::skipped(&format!("IMGBUILD_KUBE_DIR has no {missing} of CRI-O"));
        return;
    }
    let lab = Lab::new();
    let key = &lab.public_key;
    crate::embedded_images::archive(APP, &lab.path("app.tar"));
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
containerd: {{images: [./app.tar]}}
kubernetes: {{version: {VERSION}, role: single, runtime: cri-o}}
storage_device: /dev/vda
"
        ),
    );
    let iso = super::build(&lab, &spec, "node.iso", &programs, &[]);
    let disk = lab.path("state.raw");
    create_disk(&disk, 4 << 30).unwrap();
    let machine = || {
        let mut machine = guest::machine("kube1", Firmware::Bios, Medium::Cd(iso.clone()), ADDRESS);
        machine.memory = MEMORY;
        machine.disks = vec![Disk::Raw(disk.clone())];
        machine
    };
    let node = Guest::boot(&lab, "kubernetes-cri-o", machine());
    let runtime = "-o jsonpath='{.items[0].status.nodeInfo.containerRuntimeVersion}'";
    let runtime = node.ask(&format!("{KUBECTL} get nodes {runtime}"));
    assert!(runtime.starts_with("cri-o://1."), "{runtime}");
    node.refuses("systemctl is-active containerd.service", "inactive");

    super::apply(&node, &super::pod());
    node.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/lab"
    ));
    node.says(&format!("{KUBECTL} logs lab"), "started");
    node.says(&format!("{KUBECTL} exec lab -- hostname"), "lab");
    super::apply(&node, &super::web(2, SERVICE, false));
    node.insist(&format!("{KUBECTL} rollout status {WAIT} deployment/web"));
    let answer = super::fetch(&format!("{SERVICE}/80"));
    assert!(node.insist(&answer).starts_with("web-"));
    let said = node.ask(&format!("{KUBECTL} exec lab -- {answer}"));
    assert!(said.starts_with("web-"), "{said}");

    // Of an image that nobody copied: its layers on top of one another, and the container's own
    // above.
    super::apply(
        &node,
        &format!(
            "\
apiVersion: v1
kind: Pod
metadata: {{name: app}}
spec:
  containers:
  - {{name: app, image: '{APP}', imagePullPolicy: Never}}
"
        ),
    );
    node.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/app"
    ));
    let root = "/proc/$(pgrep -x app)/root";
    node.says(&format!("sudo sh -c 'cat {root}/etc/text'"), "upper");
    node.ask(&format!("sudo sh -c 'echo new > {root}/etc/text'"));
    node.says(
        "sudo ls /var/lib/containers/storage/overlay-images",
        "images.lock",
    );
    let times = node.ask("systemd-analyze blame | grep -E 'crio|kubelet' | xargs");
    println!("CRI-O: {times}");
    node.shut_down();

    let again = Guest::boot(&lab, "kubernetes-cri-o-again", machine());
    again.insist(&format!("{KUBECTL} rollout status {WAIT} deployment/web"));
    assert!(again.insist(&answer).starts_with("web-"));
    again.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/app"
    ));
}
