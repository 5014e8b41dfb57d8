//! Disks, arrays, encrypted devices and file systems, with Ignition's own check.

use std::process::Command;

use ignition_config::v3_4;
use imgbuild::node::fragment::Fragment;

use crate::fragments::{compile, own, run};
use crate::nodes;

/// Storage sections that `ignition-validate` refuses, and so do we; with those that both take.
#[test]
#[allow(clippy::too_many_lines, reason = "a table of cases")]
fn disks_as_ignition_validate_sees_them() {
    let partitions =
        |text: &str| format!(r#"{{"disks":[{{"device":"/dev/vdb","partitions":[{text}]}}]}}"#);
    let wiped =
        |text: &str| partitions(text).replace(r#"{"disks":[{"#, r#"{"disks":[{"wipeTable":true,"#);
    let filesystem = |text: &str| format!(r#"{{"filesystems":[{{"device":"/dev/vdb",{text}}}]}}"#);
    let raid = |text: &str| format!(r#"{{"raid":[{{"name":"a",{text}}}]}}"#);
    let luks = |text: &str| format!(r#"{{"luks":[{{"name":"a"{text}}}]}}"#);
    let long = "x".repeat(48);
    // Whether Ignition's own check takes it, and what ours says.
    let cases = [
        (
            "two partitions",
            partitions(
                r#"{"number":1,"label":"a","startMiB":1,"sizeMiB":9},{"number":2,"label":"b","startMiB":10,"sizeMiB":9}"#,
            ),
            true,
            None,
        ),
        (
            "overlap",
            partitions(
                r#"{"number":1,"label":"a","startMiB":1,"sizeMiB":10},{"number":2,"label":"b","startMiB":10,"sizeMiB":9}"#,
            ),
            false,
            Some("E0314"),
        ),
        (
            "no room behind one without a size",
            wiped(r#"{"label":"a"},{"label":"b","sizeMiB":9}"#),
            true,
            Some("E0314"),
        ),
        (
            "no room for two without sizes",
            wiped(r#"{"label":"a","number":0},{"label":"b"}"#),
            true,
            Some("E0314"),
        ),
        (
            "the rest for the last, which has no number",
            wiped(r#"{"label":"a"},{"label":"b","number":1,"sizeMiB":9}"#),
            true,
            None,
        ),
        (
            "the rest between two that start somewhere",
            wiped(r#"{"label":"a","startMiB":20,"sizeMiB":9},{"label":"b"}"#),
            true,
            None,
        ),
        (
            "gone with a label",
            partitions(r#"{"number":1,"label":"a","shouldExist":false}"#),
            false,
            Some("E0314"),
        ),
        (
            "gone beside one without a number",
            partitions(r#"{"number":1,"shouldExist":false},{"label":"b"}"#),
            false,
            Some("E0314"),
        ),
        (
            "ext4",
            filesystem(r#""format":"ext4","label":"0123456789abcdef","path":"/srv""#),
            true,
            None,
        ),
        (
            "long label of ext4",
            filesystem(r#""format":"ext4","label":"0123456789abcdef0""#),
            false,
            Some("E0316"),
        ),
        (
            "long label of xfs",
            filesystem(r#""format":"xfs","label":"0123456789abc""#),
            false,
            Some("E0316"),
        ),
        (
            "long label of vfat",
            filesystem(r#""format":"vfat","label":"0123456789ab""#),
            false,
            Some("E0316"),
        ),
        (
            "long label of swap",
            filesystem(r#""format":"swap","label":"0123456789abcdef""#),
            false,
            Some("E0316"),
        ),
        (
            "no format",
            filesystem(r#""label":"a""#),
            false,
            Some("E0316"),
        ),
        (
            "unknown format",
            filesystem(r#""format":"zfs""#),
            false,
            Some("E0316"),
        ),
        (
            "none",
            filesystem(r#""format":"none","label":"a""#),
            true,
            None,
        ),
        (
            "mounted swap",
            filesystem(r#""format":"swap","path":"/srv""#),
            true,
            Some("E0316"),
        ),
        (
            "array",
            raid(r#""level":"raid1","devices":["/dev/vdb","/dev/vdc"]"#),
            true,
            None,
        ),
        (
            "spares of a striped array",
            raid(r#""level":"raid0","devices":["/dev/vdb","/dev/vdc"],"spares":1"#),
            false,
            Some("E0315"),
        ),
        (
            "array of nothing",
            raid(r#""level":"raid1""#),
            false,
            Some("E0315"),
        ),
        (
            "array of spares",
            raid(r#""level":"raid1","devices":["/dev/vdb"],"spares":1"#),
            true,
            Some("E0315"),
        ),
        (
            "a device twice",
            raid(r#""level":"raid1","devices":["/dev/vdb","/dev/vdb"]"#),
            false,
            Some("E0315"),
        ),
        (
            "encrypted",
            luks(r#","device":"/dev/vdb","label":"a""#),
            true,
            None,
        ),
        (
            "btrfs, which the base has no program for",
            filesystem(r#""format":"btrfs""#),
            true,
            Some("E0316"),
        ),
        (
            "clevis, which the base has not",
            luks(r#","device":"/dev/vdb","clevis":{"tpm2":true}"#),
            true,
            Some("E0317"),
        ),
        ("encrypted nothing", luks(""), false, Some("E0317")),
        (
            "encrypted with a long label",
            luks(&format!(r#","device":"/dev/vdb","label":"{long}""#)),
            false,
            Some("E0317"),
        ),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("config.ign");
    for (name, storage, valid, want) in cases {
        let config = format!(r#"{{"ignition":{{"version":"3.3.0"}},"storage":{storage}}}"#);
        std::fs::write(&path, &config).expect("writing the config");
        let output = run("ignition", Command::new("ignition-validate").arg(&path));
        assert_eq!(output.status.success(), valid, "{name}: {output:?}");

        let parsed: v3_4::Config = serde_json::from_str(&config).expect("a config");
        let storage = parsed.storage.expect("has storage");
        let with = |list: Vec<_>| list.into_iter().map(|value| (value, own())).collect();
        let fragment = Fragment {
            disks: with(storage.disks.unwrap_or_default()),
            filesystems: storage
                .filesystems
                .unwrap_or_default()
                .into_iter()
                .map(|f| (f, own()))
                .collect(),
            luks: storage
                .luks
                .unwrap_or_default()
                .into_iter()
                .map(|l| (l, own()))
                .collect(),
            raid: storage
                .raid
                .unwrap_or_default()
                .into_iter()
                .map(|r| (r, own()))
                .collect(),
            ..Fragment::default()
        };
        let (found, _) = compile(&nodes::bare(), fragment);
        let codes: Vec<_> = found.iter().map(|diagnostic| diagnostic.code.0).collect();
        assert_eq!(codes, Vec::from_iter(want), "{name}: {found:?}");
    }
}
