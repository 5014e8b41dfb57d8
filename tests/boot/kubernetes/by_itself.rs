//! A cluster that works by itself: programs and images from a site and a registry, into a cache
//! that was empty; DNS by default, volumes and metrics on request.
//!
//! A folder `add-ons` beside the programs holds the archives of their images (CoreDNS,
//! local-path-provisioner, busybox, metrics-server), as `docker save` writes them, under the names
//! that the nodes ask for.

use std::fs;
use std::path::Path;

use imgbuild::qemu::{Disk, Firmware, Medium, create_disk};

use super::site::Site;
use super::{CONTAINER, KUBECTL, MEMORY, VERSION, VOLUMES, WAIT};
use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};
use crate::registry::{Registry, run, skopeo};

const ADDRESS: &str = "192.168.77.10/24";

/// Where the images come from in the world.
const REGISTRIES: [&str; 2] = ["registry.k8s.io", "docker.io"];

/// What a node embeds.
const PROGRAMS: [&str; 6] = [
    "kubelet",
    "kubectl",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
];

/// Pushes the images of all archives in `folder` under their names.
fn push_all(registry: &Registry, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let archive = entry.unwrap().path();
        let shown = archive.display().to_string();
        let list = run("tar", "tar", &["-xOf", &shown, "manifest.json"]);
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        let name = list[0]["RepoTags"][0].as_str().unwrap();
        let (_, below) = name.split_once('/').unwrap();
        skopeo(&[
            "copy",
            "--dest-tls-verify=false",
            &format!("docker-archive:{shown}"),
            &format!("docker://{}/{below}", registry.host),
        ]);
    }
}

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
    let registry = Registry::open();
    push_all(&registry, &images);
    let site = Site::start(&programs, &PROGRAMS, None);
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
storage_device: /dev/vda
",
            key = lab.public_key
        ),
    );
    let cache = lab.path("cache").display().to_string();
    let from = site.url();
    let mut arguments = vec!["--cache", &cache, "--programs", &from];
    let mirrors = REGISTRIES.map(|host| format!("{host}=http://{}", registry.host));
    for mirror in &mirrors {
        arguments.extend(["--registry-mirror", mirror]);
    }
    let iso = lab.build(&spec, "node.iso", &arguments);
    assert_eq!(site.given("kubelet"), 1);
    drop(registry);
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
