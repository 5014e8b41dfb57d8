//! What a node says of its certificates on its console, by the script of the base.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use imgbuild::pki::{Access, KeyFolder, Keys, system_random};

const DAY: Duration = Duration::from_secs(86400);

/// The authority of a cluster that is made at `now`.
fn certificate(now: SystemTime) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut random = system_random();
    let keys = KeyFolder::open(folder.path().join("keys"), Access::Write).unwrap();
    Keys::new(keys, now, &mut random)
        .kubernetes_authority_certificate()
        .unwrap()
}

/// The lines about certificates, with /etc/kubernetes in `folder`.
fn said(folder: &Path) -> String {
    let script = include_str!("../../configs/base/root/usr/lib/imgbuild/health");
    let script = script
        .replace(
            "kubernetes=/etc/kubernetes",
            &format!("kubernetes={}", folder.display()),
        )
        .replace("cache=/run/", &format!("cache={}/", folder.display()));
    let output = Command::new("bash").args(["-c", &script]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = said
        .lines()
        .filter(|line| line.contains("certificates"))
        .collect();
    lines.join("\n")
}

#[test]
fn certificates_that_are_not_valid_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("pki");
    fs::create_dir(&pki).unwrap();
    let now = SystemTime::now();
    let cache = folder.path().join("imgbuild-health.certificates");
    fs::write(pki.join("ca.crt"), certificate(now)).unwrap();
    let lines = said(folder.path());
    assert_eq!(lines, "");

    // A clock that shows a year ago.
    fs::remove_file(&cache).unwrap();
    fs::write(pki.join("early.crt"), certificate(now + 365 * DAY)).unwrap();
    fs::write(pki.join("late.crt"), certificate(now - 3640 * DAY)).unwrap();
    let lines = said(folder.path());
    let (ending, early) = lines.split_once('\n').unwrap();
    assert_eq!(
        ending,
        "certificates that expire within 30 days: pki/late.crt"
    );
    assert!(early.starts_with("the clock is wrong (20"), "{early}");
    assert!(
        early.ends_with(" UTC): certificates that are not valid yet: pki/early.crt"),
        "{early}"
    );
    // The same from what it has found before.
    assert_eq!(said(folder.path()).lines().count(), 2);
}
