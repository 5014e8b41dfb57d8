//! A table of what a release of Kubernetes has, beside the spec: the lock pins the one that the
//! first build used.

use std::fs;
use std::path::Path;
use std::process::Command;

const TABLE: &str = "\
version 1.41.0
== flags
== feature gates
New
== admission plugins
== KubeletConfiguration
== KubeProxyConfiguration
";

/// The exit status of a build, and what it said.
fn build(folder: &Path, more: &[&str]) -> (i32, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(["node.yaml", "-o", "node.ign"])
        .args(more)
        .current_dir(folder)
        .env("IMGBUILD_CACHE", folder.join("cache"))
        .output()
        .expect("imgbuild runs");
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    (run.status.code().expect("an exit status"), said)
}

#[test]
fn the_lock_pins_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("writes");
    write(
        "node.yaml",
        "\
version: 1
hostname: kube1
kubernetes: {version: 1.41.3, role: standalone, feature_gates: {New: true}, artifacts: {programs: ./programs}}
",
    );
    fs::create_dir(folder.join("programs")).expect("creates");
    write("kubernetes-1.41.txt", TABLE);
    let (status, said) = build(folder, &["--locked"]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("does not pin kubernetes-1.41.txt"), "{said}");
    let (status, said) = build(folder, &[]);
    assert_eq!(status, 0, "{said}");
    assert!(!said.contains("W0547"), "{said}");
    let (status, said) = build(folder, &["--locked"]);
    assert_eq!(status, 0, "{said}");

    write("kubernetes-1.41.txt", &TABLE.replace("New", "New\nNewer"));
    let lock = fs::read_to_string(folder.join("imgbuild.lock")).expect("a lock");
    let (status, said) = build(folder, &[]);
    assert_eq!(status, 2, "{said}");
    assert!(said.contains("`imgbuild update` pins this one"), "{said}");
    let after = fs::read_to_string(folder.join("imgbuild.lock")).expect("a lock");
    assert_eq!(after, lock);
}
