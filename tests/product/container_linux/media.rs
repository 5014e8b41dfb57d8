//! The config ISO and the config drive: who has them, and what is in them.
//! `tests/judges/container_linux/` has their readers.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const SPEC: &str = "version: 1\ntarget: container-linux\nhostname: kube1\netcd: ~\n";

fn imgbuild(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn project(spec: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("node.yaml"), spec).unwrap();
    folder
}

/// Both media hold the config of any target.
#[test]
fn other_targets_have_the_media_too() {
    let folder = project("version: 1\nhostname: kube1\n");
    for format in ["config-iso", "config-2"] {
        let made = imgbuild(
            folder.path(),
            &["node.yaml", "-o", "a.iso", "--format", format],
        );
        assert!(made.status.success(), "{format}: {}", said(&made));
        let shown = imgbuild(folder.path(), &["inspect", "a.iso"]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("Ignition    3.3.0"), "{shown}");
    }
}

#[test]
fn what_container_linux_has_no_base_for_is_refused() {
    let folder = project(SPEC);
    for (output, format) in [
        ("a.iso", "iso"),
        ("a.initrd", "initrd"),
        ("a/", "pxe"),
        ("a.cpio.gz", "cpio.gz"),
    ] {
        let made = imgbuild(
            folder.path(),
            &["node.yaml", "-o", output, "--format", format],
        );
        assert_eq!(made.status.code(), Some(2), "{format}");
        let words = said(&made);
        assert!(words.contains("Container Linux"), "{words}");
        assert!(!folder.path().join(output).exists());
    }
}

/// The same spec gives the same bytes; what changes is told.
#[test]
fn media_repeat_and_are_compared() {
    let folder = project(SPEC);
    for name in ["one.iso", "two.iso"] {
        let made = imgbuild(folder.path(), &["node.yaml", "-o", name]);
        assert!(made.status.success(), "{}", said(&made));
    }
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(read("one.iso"), read("two.iso"));
    let more = format!(
        "{SPEC}networkd: {{units: [{{name: a.network, contents: \"[Match]\\nName=eth0\\n\"}}]}}\n"
    );
    fs::write(folder.path().join("node.yaml"), more).unwrap();
    let told = imgbuild(folder.path(), &["diff", "one.iso", "node.yaml"]);
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told, "kube1:\n  + networkd unit a.network\n");
}

/// Configs of Flatcar and Fedora CoreOS are in the version that they take; there is no ISO without
/// a base.
#[test]
fn other_targets_write_their_own_version() {
    for (spec, version) in [
        (
            "target: flatcar\nnetwork: {interfaces: [{name: eth0, dhcp: true}]}\n",
            "3.3.0",
        ),
        ("target: fedora-coreos\n", "3.4.0"),
        (
            "target: fedora-coreos\nignition: {version: 3.6.0}\nstorage: {files: [{path: /opt/a, mode: 04755, contents: {inline: a}}]}\n",
            "3.6.0",
        ),
    ] {
        let users = "users: [{name: core, groups: [sudo], password_hash: '*'}]\n";
        let folder = project(&format!("version: 1\nhostname: kube1\n{users}{spec}"));
        let made = imgbuild(
            folder.path(),
            &["node.yaml", "-o", "-", "--format", "ignition"],
        );
        assert!(made.status.success(), "{spec}: {}", said(&made));
        let config: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        assert_eq!(config["ignition"]["version"], version, "{spec}");
        assert_eq!(config["passwd"]["users"][0].get("shell"), None, "{spec}");
        assert_eq!(config["passwd"].get("groups"), None, "sudo is there");
        let made = imgbuild(
            folder.path(),
            &["node.yaml", "-o", "a.iso", "--format", "iso"],
        );
        assert_eq!(made.status.code(), Some(2), "{spec}");
    }
}
