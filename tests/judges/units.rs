//! Units before `systemd-analyze verify`.

use std::fmt::Write;
use std::process::Command;

use imgbuild::node::fragment::Unit;

/// Fails where systemd has anything to say about `unit`.
pub fn systemd_takes(unit: &Unit) {
    let Some(contents) = &unit.contents else {
        return;
    };
    // The test machine need not have the programs that the node's base has.
    let mut lines = String::new();
    for line in contents.lines() {
        match line.split_once('=') {
            Some((key, value)) if key.starts_with("Exec") => {
                let program = value.trim_start_matches(['+', '-', '@', '!', ':']);
                assert!(program.starts_with('/'), "{}: {line}", unit.name);
                let arguments = program.split_once(' ').map_or("", |(_, rest)| rest);
                let _ = writeln!(lines, "{key}=/bin/true {arguments}");
            }
            _ => {
                let _ = writeln!(lines, "{line}");
            }
        }
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(unit.name.as_str());
    std::fs::write(&path, lines).expect("writing the unit");
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(&path)
        .output()
        .expect("starting systemd-analyze (Debian package systemd)");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let about = said.lines().any(|line| line.contains(unit.name.as_str()));
    assert!(output.status.success() && !about, "{}: {said}", unit.name);
}
