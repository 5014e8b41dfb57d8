//! `imgbuild import`: what is imported asks for the same when it is built.

mod round_trip;
mod targets;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn imgbuild(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn comments_stay_with_what_they_are_about() {
    let folder = tempfile::tempdir().unwrap();
    let (_, butane) = round_trip::samples(include_str!("butane.txt"))
        .find(|(name, _)| *name == "a whole node")
        .unwrap();
    let (config, _) = butane.split_once("\n=>\n").unwrap();
    fs::write(folder.path().join("web.bu"), config).unwrap();
    let output = imgbuild(folder.path(), &["import", "web.bu"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.replacen("target: fedora-coreos\n", "", 1);
    assert_eq!(
        text,
        "\
version: 1
# What the machine is called.
hostname: web1
# The web server of the lab.
passwd:
  users:
    - name: core # who logs in
      groups: [sudo]
storage:
  files:
    # What it serves.
    - path: /srv/index.html # from the office
      contents:
        inline: | # as it is
          # no comment
          <h1>hello</h1>
systemd:
  units:
    - name: web.service # the server
      enabled: true
      contents: |
        [Service]
        ExecStart=/usr/bin/python3 -m http.server --directory /srv
        # restarted
        Restart=always
        [Install]
        WantedBy=multi-user.target
# The end.
"
    );
}

#[test]
fn what_a_spec_cannot_say_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let config = "\
variant: fcos
version: 1.4.0
# How it is kept.
metadata:
  owner: site
kernel_arguments:
  should_exist: [a=1, b c]
  should_not_exist:
    - quiet
storage:
  files:
    - path: /etc/a
      contents: {inline: a}
      frobnicate: true
";
    fs::write(folder.path().join("node.bu"), config).unwrap();
    let output = imgbuild(
        folder.path(),
        &["import", "node.bu", "--hostname", "n1", "-o", "n1.yaml"],
    );
    let messages = said(&output);
    assert!(output.status.success(), "{messages}");
    for line in [
        "node.bu:4:1",
        "no equivalent of `metadata`",
        "node.bu:14:7",
        "no equivalent of `storage.files.frobnicate`",
        "W0600",
    ] {
        assert!(messages.contains(line), "{line}\n{messages}");
    }
    let text = fs::read_to_string(folder.path().join("n1.yaml")).unwrap();
    for line in [
        "hostname: n1",
        "kernel_arguments: [a=1, b, c]",
        "remove_kernel_arguments: [quiet]",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let checked = imgbuild(folder.path(), &["check", "n1.yaml"]);
    assert!(checked.status.success(), "{}\n{text}", said(&checked));
}

#[test]
fn what_is_no_config_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (config, code, why) in [
        ("", "E0014", "is empty"),
        ("a: [", "E0004", ""),
        ("- a\n", "E0600", "not a config"),
        ("a: b\n", "E0600", "not a config"),
        ("version: 1\nhostname: a\n", "E0600", "already a node spec"),
        (r#"{"ignition":{"version":"1.0.0"}}"#, "E0600", "`1.0.0`"),
        (r#"{"ignition":{"version":"2.9.0"}}"#, "E0600", "`2.9.0`"),
        (
            r#"{"ignition":{"version":{}}}"#,
            "E0600",
            "not a supported version",
        ),
    ] {
        fs::write(folder.path().join("config.yaml"), config).unwrap();
        let output = imgbuild(folder.path(), &["import", "config.yaml", "-o", "out.yaml"]);
        let messages = said(&output);
        assert_eq!(output.status.code(), Some(2), "{config}: {messages}");
        assert!(
            messages.contains(code) && messages.contains(why),
            "{config}: {messages}"
        );
        assert!(!folder.path().join("out.yaml").exists(), "{config}");
    }
    // Words of spec 2 are those of one target.
    fs::write(
        folder.path().join("config.yaml"),
        r#"{"ignition":{"version":"2.2.0"}}"#,
    )
    .unwrap();
    let output = imgbuild(
        folder.path(),
        &["import", "config.yaml", "--target", "flatcar"],
    );
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("`container-linux`"),
        "{}",
        said(&output)
    );
    fs::write(folder.path().join("config.yaml"), [0xff, 0xfe]).unwrap();
    let output = imgbuild(folder.path(), &["import", "config.yaml"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let output = imgbuild(folder.path(), &["import", "missing.bu"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
}
