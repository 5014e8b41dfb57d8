//! Users and groups, before the programs by which Ignition creates them.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use imgbuild::facts::systems::Target;

use crate::fragments::run;

/// Lays down the accounts of the base.
fn lay_base(root: &Path) {
    let facts = Target::Debian.facts();
    let etc = root.join("etc");
    fs::create_dir(&etc).unwrap();
    let (mut passwd, mut shadow) = (String::new(), String::new());
    for (name, uid) in facts.base_users() {
        writeln!(passwd, "{name}:x:{uid}:{uid}::/:/usr/sbin/nologin").unwrap();
        writeln!(shadow, "{name}:*::0:99999:7:::").unwrap();
    }
    let (mut group, mut gshadow) = (String::new(), String::new());
    for (name, gid) in facts.base_groups() {
        writeln!(group, "{name}:x:{gid}:").unwrap();
        writeln!(gshadow, "{name}:*::").unwrap();
    }
    for (name, text) in [
        ("passwd", passwd.as_str()),
        ("shadow", &shadow),
        ("group", &group),
        ("gshadow", &gshadow),
        (
            "login.defs",
            "UID_MIN 1000\nGID_MIN 1000\nUSERGROUPS_ENAB yes\n",
        ),
    ] {
        fs::write(etc.join(name), text).unwrap();
    }
}

/// Whether the programs of Debian's package `passwd` take all `commands`, in the order in which
/// Ignition runs them.
fn are_taken(commands: &[&str]) -> bool {
    let root = tempfile::tempdir().unwrap();
    lay_base(root.path());
    commands.iter().all(|command| {
        let (program, arguments) = command.split_once(' ').unwrap();
        let mut line = Command::new(format!("/usr/sbin/{program}"));
        line.arg("--prefix")
            .arg(root.path())
            .args(arguments.split(' '));
        run("passwd", &mut line).status.success()
    })
}

#[test]
fn the_programs_agree_about_users_and_groups() {
    // Lines of a spec, and what Ignition does with them.
    let cases: [(&str, &[&str]); 14] = [
        (
            "users: [{name: core, groups: [sudo, adm]}]",
            &["useradd --groups sudo,adm core"],
        ),
        (
            "users: [{name: core, groups: [core]}]",
            &["useradd --groups core core"],
        ),
        (
            "users: [{name: core, groups: [new]}]",
            &["groupadd new", "useradd --groups new core"],
        ),
        (
            "users: [{name: a, groups: [b]}, {name: b}]",
            &["useradd --groups b a", "useradd b"],
        ),
        (
            "users: [{name: b}, {name: a, groups: [b]}]",
            &["useradd b", "useradd --groups b a"],
        ),
        ("users: [{name: core, uid: 33}]", &["useradd --uid 33 core"]),
        (
            "users: [{name: backup, uid: 34}]",
            &["usermod --uid 34 backup"],
        ),
        (
            "users: [{name: backup, uid: 33}]",
            &["usermod --uid 33 backup"],
        ),
        ("users: [{name: operator}]", &["useradd operator"]),
        (
            "passwd: {users: [{name: operator, primary_group: operator}]}",
            &["useradd --gid operator operator"],
        ),
        (
            "passwd: {users: [{name: a, primary_group: users, groups: [users]}]}",
            &["useradd --gid users --groups users a"],
        ),
        (
            "passwd: {users: [{name: a, groups: [nowhere]}]}",
            &["useradd --groups nowhere a"],
        ),
        ("passwd: {groups: [{name: sudo}]}", &["groupadd sudo"]),
        (
            "passwd: {groups: [{name: a, gid: 27}]}",
            &["groupadd --gid 27 a"],
        ),
    ];
    for (text, commands) in cases {
        let folder = tempfile::tempdir().unwrap();
        let spec = folder.path().join("node.yaml");
        fs::write(&spec, format!("version: 1\nhostname: kube1\n{text}\n")).unwrap();
        let check = Command::new(env!("CARGO_BIN_EXE_imgbuild"))
            .arg("check")
            .arg(&spec)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&check.stderr);
        assert_eq!(
            said.contains("E0322"),
            !check.status.success(),
            "{text}: {said}"
        );
        assert_eq!(
            check.status.success(),
            are_taken(commands),
            "{text}: {said}"
        );
    }
}
