//! Container images that a node has with it, without Kubernetes' programs.

use std::fs;
use std::path::Path;

use imgbuild::names::Arch;
use imgbuild::oci::{Entry, Image, layer, pause, write_archive};
use imgbuild::qemu::{Firmware, Medium};

use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};

const ADDRESS: &str = "192.168.77.40/24";

const NAME: &str = "registry.example/lab/app:1";

/// Writes the archive of an image by this name: two layers, of which the upper one changes a file
/// of the lower.
pub fn archive(name: &str, at: &Path) {
    let image = Image {
        name,
        arch: Arch::Amd64,
        layers: vec![
            layer(&[
                Entry::file("app", 0o755, pause(Arch::Amd64)),
                Entry::directory("etc", 0o755),
                Entry::file("etc/text", 0o644, *b"lower"),
            ])
            .unwrap(),
            layer(&[Entry::file("etc/text", 0o644, *b"upper")]).unwrap(),
        ],
        entrypoint: vec!["/app".to_owned()],
        environment: Vec::new(),
    };
    let mut archive = Vec::new();
    write_archive(&[image], &mut archive).unwrap();
    fs::write(at, archive).unwrap();
}

/// The node's containerd has the image, pinned, with its files in place, and runs it; no registry
/// can be reached.
pub fn are_there_without_a_network() {
    let lab = Lab::new();
    archive(NAME, &lab.path("app.tar"));
    let key = &lab.public_key;
    let spec = lab.write(
        "node.yaml",
        &format!(
            "\
version: 1
kernel_arguments: [{UNTIMED}]
hostname: images
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: eth0, addresses: [{ADDRESS}]}}]}}
containerd:
  images: [./app.tar]
  registries: {{registry.example: {{mirrors: ['https://mirror.example:5000/lab']}}}}
"
        ),
    );
    let iso = lab.build(&spec, "node.iso", &[]);
    let machine = guest::machine("images", Firmware::Bios, Medium::Cd(iso), ADDRESS);
    let node = Guest::boot(&lab, "embedded-images", machine);
    let list = node.ask("sudo ctr -n k8s.io images ls");
    let line = list
        .lines()
        .find(|line| line.contains(NAME))
        .expect("the image is there");
    assert!(line.contains("io.cri-containerd.pinned=pinned"), "{line}");
    let check = node.ask("sudo ctr -n k8s.io images check");
    assert!(
        check.contains(NAME) && check.contains(" true"),
        "unpacked: {check}"
    );
    // A container of it sees the upper layer, and can write over it.
    node.ask(&format!("sudo ctr -n k8s.io run --detach {NAME} lab"));
    let files = "/run/containerd/io.containerd.runtime.v2.task/k8s.io/lab/rootfs";
    node.says(&format!("sudo cat {files}/etc/text"), "upper");
    node.ask(&format!("echo new | sudo tee {files}/etc/text"));
    node.ask("sudo ctr -n k8s.io tasks ls | grep -q RUNNING");
    node.ask("sudo containerd config dump > /dev/null");
    let times =
        node.ask("systemd-analyze blame | grep -E 'imgbuild-images|containerd.service' | xargs");
    println!("embedded images: {times}");
}
