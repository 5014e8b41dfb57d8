//! Units, with systemd's own check.

use std::fmt::Write;
use std::process::Command;

use imgbuild::node::fragment::Unit;

use crate::fragments::{compile, run, shown, unit, units};
use crate::nodes;

/// What `systemd-analyze verify` says about a unit; empty when nothing.
fn verify(name: &str, text: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("writing the unit");
    let output = run(
        "systemd",
        Command::new("systemd-analyze")
            .args(["verify", "--man=no"])
            .arg(&path),
    );
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.lines().filter(|line| line.contains(name)).collect()
}

/// Each with what our own check says; systemd complains about all of those that have something.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn units_as_systemd_sees_them() {
    const SERVICE: &str = "[Service]\nExecStart=/bin/true\n";
    let service = |text: &str| ("a.service", format!("[Unit]\nDescription=a\n{text}\n"));
    let cases = [
        ("right", service(SERVICE)),
        ("misspelt section", service("[Servce]\nExecStart=/bin/true")),
        (
            "misspelt setting",
            service("[Service]\nExecStrt=/bin/true\nExecStart=/bin/true"),
        ),
        (
            "setting of another section",
            service("[Service]\nExecStart=/bin/true\nAfter=b.service"),
        ),
        (
            "section of another type",
            service(&format!("{SERVICE}[Timer]\nOnCalendar=daily")),
        ),
        ("setting of nobody's", service(&format!("{SERVICE}Quux=1"))),
        (
            "X- settings and sections",
            service(&format!("{SERVICE}X-Mine=1\n[X-Mine]\na=b")),
        ),
        (
            "no section",
            ("a.service", format!("ExecStart=/bin/true\n{SERVICE}")),
        ),
        ("no key", service(&format!("{SERVICE}/bin/false"))),
        ("no program", service("[Service]\nType=simple")),
        (
            "oneshot without a program",
            service("[Service]\nType=oneshot"),
        ),
        (
            "only a program to stop",
            service("[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStop=/bin/true"),
        ),
        (
            "two programs",
            service(&format!("{SERVICE}ExecStart=/bin/false")),
        ),
        (
            "two programs, the first taken back",
            service(&format!("{SERVICE}ExecStart=\nExecStart=/bin/true")),
        ),
        (
            "two programs of a oneshot",
            service(&format!("{SERVICE}ExecStart=/bin/true\nType=oneshot")),
        ),
        ("unknown type", service(&format!("{SERVICE}Type=smple"))),
        (
            "unknown restart",
            service(&format!("{SERVICE}Restart=on-falure")),
        ),
        (
            "oneshot that restarts",
            service(&format!("{SERVICE}Type=oneshot\nRestart=always")),
        ),
        ("relative program", service("[Service]\nExecStart=bin/true")),
        (
            "percent sign before a letter",
            service("[Service]\nExecStart=/bin/true 100%FREE"),
        ),
        (
            "percent sign before a digit",
            service("[Service]\nExecStart=/bin/true a%20b"),
        ),
        (
            "percent signs that may stand",
            service("[Service]\nExecStart=/bin/true 50% %%F %i %H"),
        ),
        (
            "percent sign in the environment",
            service("[Service]\nEnvironment=A=%Q\nExecStart=/bin/true"),
        ),
        (
            "dbus without a name",
            service(&format!("{SERVICE}Type=dbus")),
        ),
        (
            "dependency without a type",
            service(&format!("{SERVICE}[Unit]\nAfter=b")),
        ),
        (
            "mount",
            (
                "srv-a.mount",
                "[Mount]\nWhat=/dev/vdb\nWhere=/srv/a\n".to_owned(),
            ),
        ),
        (
            "mount of another name",
            (
                "srv-a.mount",
                "[Mount]\nWhat=/dev/vdb\nWhere=/srv/b\n".to_owned(),
            ),
        ),
        (
            "mount of nothing",
            ("srv-a.mount", "[Mount]\nWhere=/srv/a\n".to_owned()),
        ),
        (
            "automount of another name",
            ("srv-a.automount", "[Automount]\nWhere=/srv/b\n".to_owned()),
        ),
        (
            "swap of another name",
            ("dev-vdb.swap", "[Swap]\nWhat=/dev/vdc\n".to_owned()),
        ),
        (
            "timer that never elapses",
            ("a.timer", "[Timer]\nPersistent=yes\n".to_owned()),
        ),
        (
            "path that watches nothing",
            ("a.path", "[Path]\nMakeDirectory=yes\n".to_owned()),
        ),
        (
            "socket that listens on nothing",
            ("a.socket", "[Socket]\nBacklog=1\n".to_owned()),
        ),
    ];
    let mut text = String::new();
    for (name, (unit_name, contents)) in cases {
        let given = Unit {
            enabled: None,
            ..unit(unit_name, &contents)
        };
        let (found, _) = compile(&nodes::bare(), units(vec![given]));
        let said = verify(unit_name, &contents);
        assert_eq!(
            found.is_empty(),
            said.is_empty(),
            "{name}: systemd says {said:?}, we say {found:?}"
        );
        let _ = writeln!(text, "{name}");
        for diagnostic in found {
            let _ = writeln!(text, "    {}", shown(&diagnostic));
        }
    }
    insta::assert_snapshot!("units_as_systemd_sees_them", text);
}

/// Units that systemd is shipped with are right by every rule.
#[test]
fn systemds_own_units_pass() {
    let mut checked = 0;
    for entry in
        std::fs::read_dir("/lib/systemd/system").expect("Debian's package `systemd` has it")
    {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("ASCII");
        if !path.is_file() || path.is_symlink() || !name.starts_with("systemd-") {
            continue;
        }
        let contents = std::fs::read_to_string(&path).expect("a unit");
        let given = Unit {
            enabled: None,
            ..unit(name, &contents)
        };
        let (found, _) = compile(&nodes::bare(), units(vec![given]));
        assert_eq!(found, [], "{name}");
        checked += 1;
    }
    assert!(
        checked > 50,
        "only {checked} units in /lib/systemd/system; Debian's package `systemd` has more"
    );
}
