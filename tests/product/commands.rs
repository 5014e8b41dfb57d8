//! The command line as people type it, where no one command is concerned.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn imgbuild(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .current_dir(folder)
        .env("IMGBUILD_CACHE", folder.join("cache"))
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A folder with `node.yaml`.
fn project(spec: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("node.yaml"), spec).unwrap();
    folder
}

#[test]
fn endings_are_words_for_formats() {
    let folder = project("version: 1\nhostname: a\n");
    let folder = folder.path();
    let build = |format| imgbuild(folder, &["node.yaml", "-o", "-", "--format", format]);
    let expected = build("ignition");
    assert!(expected.status.success(), "{}", said(&expected));
    for format in ["ign", "json"] {
        assert_eq!(build(format).stdout, expected.stdout, "{format}");
    }
    let refused = build("ignitoin");
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said(&refused).contains("expected one of ignition, iso"),
        "{}",
        said(&refused)
    );
}

#[test]
fn options_of_every_command_may_come_first() {
    let folder = project("version: 1\nhostname: a\n");
    let folder = folder.path();
    fs::write(
        folder.join("config.ign"),
        r#"{"ignition":{"version":"3.4.0"}}"#,
    )
    .unwrap();
    for arguments in [
        &[
            "-q",
            "embed",
            "--pxe",
            "--ignition",
            "config.ign",
            "-o",
            "a.img",
        ][..],
        &["--color", "never", "-q", "check", "node.yaml"],
        &["-q", "node.yaml", "-o", "a.ign"],
    ] {
        let done = imgbuild(folder, arguments);
        assert!(done.status.success(), "{arguments:?}: {}", said(&done));
        assert_eq!(said(&done), "", "{arguments:?}");
    }
    let refused = imgbuild(folder, &["--offline", "check", "node.yaml"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said(&refused).contains("`--offline` is an option of a build"),
        "{}",
        said(&refused)
    );
}

#[test]
fn a_thousand_names_are_not_listed() {
    let mut spec = "version: 1\nnodes:\n".to_owned();
    for number in 0..1000 {
        writeln!(spec, "  - hostname: node{number}").unwrap();
    }
    let folder = project(&spec);
    for arguments in [
        &["node.yaml", "-o", "a.ign"][..],
        &["node.yaml", "-o", "out/", "--node", "none"],
        &["inspect", "node.yaml", "--node", "none"],
    ] {
        let refused = imgbuild(folder.path(), arguments);
        let said = said(&refused);
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(
            said.contains("node0, node1, node2, node3, node4 and 995 more"),
            "{said}"
        );
        assert!(said.len() < 400, "{said}");
    }
}

/// Nothing on these targets says that the node is ready: that is told before anything is built or
/// booted.
#[test]
fn nobody_waits_for_what_is_never_said() {
    for (target, title) in [("flatcar", "Flatcar"), ("fedora-coreos", "Fedora CoreOS")] {
        let folder = project(&format!(
            "version: 1\ntarget: {target}\nhostname: a\nbase: {{kernel: {{source: k}}, initrd: {{source: i}}}}\n"
        ));
        let folder = folder.path();
        for file in ["k", "i"] {
            fs::write(folder.join(file), "stand-in").unwrap();
        }
        let built = imgbuild(folder, &["node.yaml", "-o", "tree", "--format", "pxe"]);
        if !built.status.success() && target == "fedora-coreos" {
            // It has no such folder yet.
            continue;
        }
        assert!(built.status.success(), "{target}: {}", said(&built));
        for what in ["node.yaml", "tree"] {
            let refused = imgbuild(folder, &["run", what, "--exit-when", "ready"]);
            let said = said(&refused);
            assert_eq!(refused.status.code(), Some(2), "{target}: {said}");
            assert!(
                said.contains(&format!("is {title}: it does not report on the console")),
                "{said}"
            );
        }
    }
}
