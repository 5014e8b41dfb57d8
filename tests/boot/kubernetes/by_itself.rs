//! A cluster that works by itself: DNS by default, volumes and metrics on request.
//!
//! A folder `add-ons` beside the programs holds the archives of their images (CoreDNS,
//! local-path-provisioner, busybox, metrics-server) under the names that the nodes ask for.

use imgbuild::qemu::{Disk, Firmware, Medium, create_disk};

use super::{CONTAINER, KUBECTL, MEMORY, VERSION, VOLUMES, WAIT};
use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};

const ADDRESS: &str = "192.168.77.10/24";

/// A pod that keeps a word in a volume, and its claim.
fn pod() -> String {
    format!(
        "\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: words}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {{requests: {{storage: 10Mi}}}}
---
apiVersion: v1
kind: Pod
metadata: {{name: lab}}
spec:
      containers:
      - name: lab
        command: [sh, -c, 'test -e /words/kept || hostname > /words/kept; exec sleep infinity']
        {CONTAINER}
        - {{name: words, mountPath: /words}}
      {VOLUMES}
      - {{name: words, persistentVolumeClaim: {{claimName: words}}}}
"
    )
}

#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn single_has_dns_volumes_and_metrics() {
    let Some(programs) = super::programs() else {
        return;
    };
    let images = programs.join("add-ons");
    if !images.is_dir() {
        crate::skipped::skipped("IMGBUILD_KUBE_DIR has no folder `add-ons`");
        return;
    }
    let lab = Lab::new();
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
kubernetes:
  version: {VERSION}
  role: single
  storage: local-path
  metrics: true
  artifacts: {{images: ['{images}']}}
storage_device: /dev/vda
",
            key = lab.public_key,
            images = images.display()
        ),
    );
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
    let node = Guest::boot(&lab, "kubernetes-by-itself", machine());
    super::apply(&node, &pod());
    for deployment in ["coredns", "local-path-provisioner", "metrics-server"] {
        node.insist(&format!(
            "{KUBECTL} -n kube-system rollout status {WAIT} deployment/{deployment}"
        ));
    }
    node.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/lab"
    ));
    // Metrics and provisioning keep the API server of an emulated machine busy: it may need another
    // try.
    for (question, answer) in [
        ("get pvc words -o jsonpath='{.status.phase}'", "Bound"),
        ("exec lab -- cat /words/kept", "lab"),
        (
            "exec lab -- getent hosts kubernetes.default.svc.cluster.local",
            "10.96.0.1       kubernetes.default.svc.cluster.local",
        ),
    ] {
        assert_eq!(node.insist(&format!("{KUBECTL} {question}")), answer);
    }
    let top = node.insist(&format!("{KUBECTL} top nodes --no-headers"));
    assert!(top.starts_with("kube1 "), "{top}");
    node.shut_down();

    let again = Guest::boot(&lab, "kubernetes-by-itself-again", machine());
    again.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/lab"
    ));
    let kept = again.insist(&format!("{KUBECTL} exec lab -- cat /words/kept"));
    assert_eq!(kept, "lab");
}
