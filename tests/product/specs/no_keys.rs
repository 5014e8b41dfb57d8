//! A spec that any room finds wrong leaves the key folder as it was, and every room's findings come
//! in one run.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::SystemTime;

use crate::specs::check::write;

const RIGHT: &str =
    "version: 1\nhostname: kube1\nusers: [{name: core, password_file: pw}]\netcd: {}\n";

fn imgbuild(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("imgbuild runs")
}

/// Every entry of `folder` with the time of its last change: a file that came and went changes its
/// folder's.
fn state(folder: &Path) -> Vec<(String, SystemTime)> {
    let mut entries = vec![(
        folder.display().to_string(),
        fs::metadata(folder)
            .and_then(|m| m.modified())
            .expect("a time"),
    )];
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            entries.extend(state(&path));
        } else {
            let changed = fs::metadata(&path).and_then(|m| m.modified());
            entries.push((path.display().to_string(), changed.expect("a time")));
        }
    }
    entries.sort();
    entries
}

#[test]
fn no_finding_of_any_room_leaves_keys() {
    // A file where a key goes: only who knows the keys sees it.
    let key =
        "storage: {files: [{path: /etc/kubernetes/pki/etcd/peer.key, contents: {inline: a}}]}\n";
    let unit = "systemd: {units: [{name: a.service, contents: \"[Servce]\\n\"}]}\n";
    let plan = "modules: [a]\nnetwork: {interfaces: [{name: eth0}, {name: eth0}]}\n";
    for (name, more, expected) in [
        ("a file over a key", key, vec!["E0300"]),
        ("a wrong unit", unit, vec!["E0311"]),
        (
            "plan and ignition",
            &format!("{plan}{unit}{key}") as &str,
            vec!["E0203", "E0300", "E0311"],
        ),
    ] {
        for with_folder in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            let folder = folder.path();
            write(folder, "pw", "secret\n");
            if with_folder {
                write(folder, "node.yaml", RIGHT);
                let made = imgbuild(folder, &["keys", "init", "node.yaml"]);
                assert!(made.status.success(), "{made:?}");
                // Something is missing, so that there is something to make.
                fs::remove_dir_all(folder.join("keys/nodes")).expect("was made");
            }
            write(folder, "node.yaml", format!("{RIGHT}{more}"));
            let before = state(folder);
            for arguments in [
                &["node.yaml", "-o", "node.ign"] as &[_],
                &["node.yaml", "-o", "node.cpio"],
                &["keys", "init", "node.yaml"],
                &["check", "node.yaml"],
                &["run", "node.yaml"],
            ] {
                let output = imgbuild(folder, arguments);
                let said = String::from_utf8_lossy(&output.stderr);
                assert_eq!(output.status.code(), Some(2), "{name}: {said}");
                for code in &expected {
                    assert!(said.contains(code), "{name}, {arguments:?}: {code}\n{said}");
                }
                assert_eq!(state(folder), before, "{name}, {arguments:?}");
            }
        }
    }
}

#[test]
fn a_right_spec_has_its_keys_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    write(folder, "pw", "secret\n");
    write(folder, "node.yaml", RIGHT);
    let build = |output: &str| {
        let built = imgbuild(folder, &["node.yaml", "-o", output]);
        assert!(built.status.success(), "{built:?}");
        (
            String::from_utf8_lossy(&built.stderr).into_owned(),
            fs::read(folder.join(output)).expect("was written"),
        )
    };
    let (said, first) = build("first.ign");
    assert_eq!(
        said.matches("created keys/etcd/ca.crt").count(),
        1,
        "{said}"
    );
    let keys = state(&folder.join("keys"));
    let (said, second) = build("second.ign");
    assert!(!said.contains("made"), "{said}");
    assert_eq!(first, second);
    assert_eq!(state(&folder.join("keys")), keys);
}

/// A build that cannot have its base makes no keys: without a lock, neither the packages nor their
/// versions are known, and the options forbid asking for them.
#[test]
fn a_build_without_its_base_makes_no_keys() {
    let folder = tempfile::tempdir().unwrap();
    let spec = "version: 1\nhostname: kube1\netcd: {}\n\
                network: {interfaces: [{name: eth0, addresses: [10.0.0.1/24]}]}\n";
    fs::write(folder.path().join("node.yaml"), spec).unwrap();
    for option in ["--offline", "--locked"] {
        let output = imgbuild(
            folder.path(),
            &["node.yaml", "-o", "node.iso", option, "--cache", "cache"],
        );
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{said}");
        assert!(said.contains(option), "{said}");
        assert!(!folder.path().join("keys").exists(), "{option}: {said}");
    }
    // What needs no base is built.
    let output = imgbuild(
        folder.path(),
        &["node.yaml", "-o", "node.ign", "--offline", "--locked"],
    );
    assert!(output.status.success(), "{output:?}");
}
