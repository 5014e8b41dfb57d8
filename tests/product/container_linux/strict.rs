//! The strict reader of Ignition 2.2 and 2.3: by the rules of Ignition's own validation, and no
//! unknown key.

use imgbuild::ignition::v2::read;

/// Name, config, and a part of the reason.
const REFUSED: &[(&str, &str, &str)] = &[
    ("not JSON", "{", "EOF"),
    ("no version", "{}", "is not 2.2.0 or 2.3.0"),
    (
        "another version",
        r#"{"ignition":{"version":"3.3.0"}}"#,
        "is not 2.2.0 or 2.3.0",
    ),
    (
        "unknown key",
        r#"{"ignition":{"version":"2.2.0"},"kernelArguments":{}}"#,
        "unknown field",
    ),
    (
        "3.x's word",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"luks":[]}}"#,
        "unknown field",
    ),
    (
        "no file system",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"files":[{"path":"/a","mode":420}]}}"#,
        "storage.files.0: it has no file system",
    ),
    (
        "unknown file system",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"files":[{"filesystem":"a","path":"/a"}]}}"#,
        "unknown file system `a`",
    ),
    (
        "relative path",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"directories":[{"filesystem":"root","path":"a"}]}}"#,
        "is not absolute",
    ),
    (
        "mode",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"files":[{"filesystem":"root","path":"/a","mode":4096}]}}"#,
        "more than 12 bits",
    ),
    (
        "append and overwrite",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"files":[{"filesystem":"root","path":"/a","append":true,"overwrite":true}]}}"#,
        "both `append` and `overwrite`",
    ),
    (
        "scheme",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"files":[{"filesystem":"root","path":"/a","contents":{"source":"gs://a/b"}}]}}"#,
        "its source is not one of",
    ),
    (
        "data URL",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"files":[{"filesystem":"root","path":"/a","contents":{"source":"data:;base64,a"}}]}}"#,
        "`data:` URL is wrong",
    ),
    (
        "hash",
        r#"{"ignition":{"version":"2.2.0","config":{"append":[{"source":"https://a/b","verification":{"hash":"sha256-00"}}]}}}"#,
        "`sha512-`",
    ),
    (
        "two owners",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"files":[{"filesystem":"root","path":"/a","user":{"id":1,"name":"a"}}]}}"#,
        "both an ID and a name",
    ),
    (
        "unit",
        r#"{"ignition":{"version":"2.2.0"},"systemd":{"units":[{"name":"a"}]}}"#,
        "a unit type",
    ),
    (
        "drop-in",
        r#"{"ignition":{"version":"2.2.0"},"systemd":{"units":[{"name":"a.service","dropins":[{"name":"a"}]}]}}"#,
        "does not end in .conf",
    ),
    (
        "networkd unit",
        r#"{"ignition":{"version":"2.2.0"},"networkd":{"units":[{"name":"a.service"}]}}"#,
        ".network, .netdev or .link",
    ),
    (
        "create and its fields",
        r#"{"ignition":{"version":"2.2.0"},"passwd":{"users":[{"name":"a","uid":1,"create":{}}]}}"#,
        "`create` and `uid` are mutually exclusive",
    ),
    (
        "file system without a place",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"filesystems":[{"name":"a"}]}}"#,
        "neither `mount` nor `path`",
    ),
    (
        "format",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"filesystems":[{"mount":{"device":"/dev/a","format":"none"}}]}}"#,
        "its format is not one of",
    ),
    (
        "label",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"filesystems":[{"mount":{"device":"/dev/a","format":"xfs","label":"1234567890123"}}]}}"#,
        "at most 12 bytes",
    ),
    (
        "RAID",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"raid":[{"name":"a","level":"raid0","devices":["/dev/a"],"spares":1}]}}"#,
        "does not support spares",
    ),
    (
        "partitions overlap",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"disks":[{"device":"/dev/a","partitions":[{"number":1,"start":2048,"size":4096},{"number":2,"start":4096,"size":2048}]}]}}"#,
        "overlap",
    ),
    (
        "misaligned",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"disks":[{"device":"/dev/a","partitions":[{"start":1}]}]}}"#,
        "whole MiB",
    ),
    (
        "2.3 in 2.2",
        r#"{"ignition":{"version":"2.2.0"},"storage":{"disks":[{"device":"/dev/a","partitions":[{"sizeMiB":1}]}]}}"#,
        "require 2.3.0",
    ),
];

#[test]
fn what_ignition_refuses_is_refused() {
    for (name, json, want) in REFUSED {
        let problems = read(json.as_bytes()).expect_err(name);
        assert!(
            problems.iter().any(|problem| problem.contains(want)),
            "{name}: {problems:?}"
        );
    }
}

#[test]
fn what_ignition_takes_is_taken() {
    for json in [
        r#"{"ignition":{"version":"2.2.0"}}"#,
        r#"{"ignition":{"version":"2.2.0","config":{},"timeouts":{},"security":{"tls":{}}},"networkd":{},"passwd":{},"storage":{},"systemd":{}}"#,
        r#"{"ignition":{"version":"2.3.0"},"storage":{"disks":[{"device":"/dev/a","partitions":[{"sizeMiB":1,"startMiB":1,"shouldExist":true}]}]}}"#,
        r#"{"ignition":{"version":"2.2.0"},"systemd":{"units":[{"name":"a.service","enable":true,"contents":"[Service]\nExecStart=/a\n[Install]\nWantedBy=a.target\n"}]}}"#,
    ] {
        let config =
            read(json.as_bytes()).unwrap_or_else(|problems| panic!("{json}: {problems:?}"));
        let again = serde_json::to_vec(&config).unwrap();
        assert_eq!(read(&again), Ok(config), "{json}");
    }
}
