//! CRI-O's programs in the image of a node, and those that do not fit.

use std::fs;
use std::path::{Path, PathBuf};

use imgbuild::cache::Cache;
use imgbuild::extensions::{Programs, kubernetes as kubernetes_extension};
use imgbuild::facts::systems::Target;
use imgbuild::names::Arch;
use imgbuild::oci::NODE_IMAGE;
use imgbuild::progress::Silent;

use crate::go_program::with_section;
use crate::images::crio::{Mounted, Storage};
use crate::images::made::program;
use crate::images::node::{imgbuild, refused};

/// The programs, with the image that sandboxes and pods of those programs run in.
#[test]
fn programs_come_with_their_settings_and_their_image() {
    let folder = tempfile::tempdir().unwrap();
    let programs = |names: &[&str]| -> Vec<(String, PathBuf)> {
        let all = names.iter().map(|name| {
            let path = folder.path().join(name);
            fs::write(&path, program(name)).unwrap();
            ((*name).to_owned(), path)
        });
        all.collect()
    };
    let kubernetes = programs(&["kubelet", "kube-proxy"]);
    let cri_o = programs(&["crio", "pinns", "conmon", "crun"]);
    let made = |cri_o: &[(String, PathBuf)]| {
        let programs = Programs {
            kubernetes: &kubernetes,
            plugins: &[],
            cri_o,
        };
        let cache = Cache::new(folder.path().join("cache"));
        let debian = Target::Debian.facts();
        kubernetes_extension(&cache, Arch::Amd64, debian, programs, &Silent).unwrap()
    };
    let with = Mounted::new(&made(&cri_o));
    for name in ["kubelet", "kube-proxy", "crio", "pinns", "conmon", "crun"] {
        let there = with.path("opt/kubernetes/bin").join(name);
        assert_eq!(fs::read(there).unwrap(), program(name), "{name}");
    }
    let settings = fs::read_to_string(with.path("opt/kubernetes/images/crio/kubernetes.conf"));
    let settings = settings.unwrap();
    for want in [
        "default_runtime = \"crun\"\n",
        "runtime_path = \"/opt/kubernetes/bin/crun\"\n",
        "runtime_path = \"/usr/sbin/runc\"\n",
        "monitor_path = \"/opt/kubernetes/bin/conmon\"\n",
    ] {
        assert!(settings.contains(want), "{settings}");
    }
    let storage = Storage::with(&[with.path("opt/kubernetes/images/crio/kubernetes")]);
    let root = storage.container(NODE_IMAGE);
    assert_eq!(
        fs::read_link(root.join("bin")).unwrap(),
        Path::new("usr/bin")
    );
    assert_eq!(
        fs::read(root.join("pause")).unwrap(),
        imgbuild::oci::pause(Arch::Amd64)
    );

    let without = Mounted::new(&made(&[]));
    assert!(!without.path("opt/kubernetes/images/crio").exists());
    assert!(!without.path("opt/kubernetes/bin/crio").exists());
}

/// What is not there, or is of another release, is said at the line that asks for it, before
/// anything is built.
#[test]
fn programs_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let spec = "\
version: 1
hostname: kube1
kubernetes: {version: 1.36.2, role: standalone, runtime: cri-o}
";
    fs::write(folder.join("node.yaml"), spec).unwrap();
    let programs = folder.join("programs");
    fs::create_dir(&programs).unwrap();
    let build = |named: &str| {
        let arguments = [
            "node.yaml",
            "--programs",
            named,
            "--offline",
            "-o",
            "node.iso",
        ];
        imgbuild(folder, &arguments)
    };
    for name in ["kubelet", "kube-proxy", "crio", "crun"] {
        fs::write(programs.join(name), program(name)).unwrap();
    }
    for want in [
        "error[E0595]",
        "node.yaml:3:58",
        "programs lacks pinns, conmon",
    ] {
        refused(&build("programs"), want);
    }
    refused(
        &build("https://dl.k8s.io"),
        "https://dl.k8s.io does not serve them",
    );
    for name in ["pinns", "conmon"] {
        fs::write(programs.join(name), program(name)).unwrap();
    }
    // As far as they are looked at, they fit: what comes next needs a network.
    refused(&build("programs"), "`--offline` forbids");
    fs::write(programs.join("crio"), built_of("v0.35.7")).unwrap();
    for want in ["CRI-O must match Kubernetes 1.36", "CRI-O 1.35"] {
        refused(&build("programs"), want);
    }
    fs::write(programs.join("crio"), built_of("v0.36.1")).unwrap();
    refused(&build("programs"), "`--offline` forbids");
}

/// As much of a program as tells what it was built of.
fn built_of(version: &str) -> Vec<u8> {
    let head = &program("")[..];
    let list = format!("dep\tk8s.io/cri-api\t{version}\th1:x\n");
    with_section(head, b".go.buildinfo", list.as_bytes())
}
