//! `imgbuild test` as far as nothing boots: its arguments, and what is wrong with checks files.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use imgbuild::diagnostic::Sources;
use imgbuild::trial::ChecksFile;

use crate::specs::check::lines;

fn imgbuild(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .current_dir(folder)
        .env("IMGBUILD_CACHE", folder.join("cache"))
        .output()
        .unwrap()
}

/// What is said of `text`, a checks file for two nodes.
fn said(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    let source = sources.add("checks.yaml", text);
    let (file, mut found) = ChecksFile::read(text, source);
    found.extend(file.iter().flat_map(|it| it.findings(&["kube1", "kube2"])));
    lines(&found, &sources, Path::new("/nowhere"))
}

#[test]
fn right_checks_are_taken() {
    for text in [
        "version: 1\n",
        "version: 1\nchecks: []\n",
        "version: 1\nssh: {user: core, key: ~/.ssh/lab}\ntimeout: 90s\nmemory: 3072\n",
        "version: 1\nssh: {key: [a, b]}\n",
        "version: 1\nchecks:\n  - {unit: a.service}\n  - {node: kube2, port: 22, from: kube1}\n",
        "version: 1\nchecks: [{command: 'true', is: '', within: 2h}, {command: x, exit_status: 3}]\n",
        "version: 1\nchecks: [{file: /a, like: '*b'}, {pod: kube-system/coredns, within: 9m}]\n",
    ] {
        assert_eq!(said(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn wrong_checks_are_told_so() {
    for (text, expected) in [
        (
            "",
            &[
                "checks.yaml:1:1: error[E0014]: the file is empty",
                "    help: a checks file starts with `version: 1` and `checks:`",
            ][..],
        ),
        (
            "checks: [{unit: a.service}]\n",
            &[
                "checks.yaml:1:1: error[E0101]: missing key `version` in a checks file",
                "    help: add `version:`",
            ],
        ),
        (
            "version: 1\ntimeout: soon\nchecks:\n  - {unit: etcd}\n  - {port: 0}\n  - {}\n",
            &[
                "checks.yaml:2:10: error[E0703]: `soon` is not a time",
                "    help: write seconds, minutes or hours: 90s, 10m, 2h",
                "checks.yaml:4:12: error[E0118]: `etcd` is not a unit name",
                "    ^ a unit name must end in its type, such as `.service`",
                "checks.yaml:5:12: error[E0107]: 0 is out of range",
                "    ^ must be 1 to 65535",
                "checks.yaml:6:5: error[E0105]: a check requires one of `unit`, `port`, `command`, `file` or `pod`",
                "    help: add `unit:`",
            ],
        ),
        (
            "version: 1\nchecks:\n  - {unit: a.service, port: 22}\n  - {command: x, is: a, has: b}\n",
            &[
                "checks.yaml:3:23: error[E0104]: `unit` and `port` are mutually exclusive",
                "    checks.yaml:3:6: `unit` is here",
                "    help: keep one of them",
                "checks.yaml:4:25: error[E0104]: `is` and `has` are mutually exclusive",
                "    checks.yaml:4:18: `is` is here",
                "    help: keep one of them",
            ],
        ),
        (
            "version: 1\nchecks:\n  - {node: kube3, port: 22, from: elsewhere}\n",
            &[
                "checks.yaml:3:12: error[E0700]: the artifact has no node `kube3`",
                "    help: did you mean `kube1`?",
                "checks.yaml:3:35: error[E0700]: the artifact has no node `elsewhere`",
                "    help: its nodes: kube1, kube2",
            ],
        ),
        (
            "version: 1\nchecks:\n  - {port: 22, like: SSH*}\n  - {file: /a, exit_status: 1}\n  - {unit: a.service, from: kube1}\n",
            &[
                "checks.yaml:3:22: error[E0701]: `like` has a meaning only with `command` or `file`",
                "    help: remove it",
                "checks.yaml:4:29: error[E0701]: `exit_status` has a meaning only with `command`",
                "    help: remove it",
                "checks.yaml:5:29: error[E0701]: `from` has a meaning only with `port`",
                "    help: remove it",
            ],
        ),
        (
            "version: 1\nchecks: [{pod: Coredns}, {pod: kube-system/Core}, {file: etc}]\n",
            &[
                "checks.yaml:2:16: error[E0702]: `Coredns` is not a pod",
                "    ^ must be NAMESPACE/NAME",
                "    help: write it like kube-system/coredns",
                "checks.yaml:2:32: error[E0702]: `kube-system/Core` is not a pod",
                "    ^ must consist of lowercase letters, digits, `-` and `.`",
                "    help: write it like kube-system/coredns",
                "checks.yaml:2:58: error[E0116]: `etc` is not a path on the node",
                "    ^ a path on the node must be absolute",
            ],
        ),
    ] {
        assert_eq!(said(text), expected, "{text}");
    }
}

/// What is wrong is told before anything is built or booted: no QEMU and no base is asked for.
#[test]
fn wrong_requests_are_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("node.yaml", "version: 1\nhostname: a\n");
    write("wrong.yaml", "version: 1\nchecks: [{prot: 22}]\n");
    write("right.yaml", "version: 1\n");
    for (arguments, why) in [
        (
            &["test", "node.yaml", "wrong.yaml"][..],
            "error[E0100]: unknown key `prot` in a check",
        ),
        (&["test", "node.yaml", "none.yaml"], "cannot read none.yaml"),
        (
            &["test", "node.txt", "right.yaml"],
            "node.txt is neither a spec",
        ),
        (
            &["test", "node.yaml", "--snapshot", "a.snapshot"],
            "--snapshot requires an artifact",
        ),
        (
            &["test", "node.yaml", "--timeout", "soon"],
            "expected a number followed by s, m or h",
        ),
        (
            &["test", "node.yaml", "--bios", "--uefi"],
            "cannot be used with",
        ),
        (&["test"], "<ARTIFACT>"),
    ] {
        let refused = imgbuild(folder, arguments);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {said}");
    }
    assert!(!folder.join("cache").exists());
}
