//! Ignition configs.

use std::fs;
use std::io::Write as _;

use base64ct::{Base64, Encoding as _};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{limited, refused};

pub fn gzip(pieces: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    for piece in pieces {
        out.write_all(&piece).expect("a vector takes everything");
    }
    out.finish().expect("a vector takes everything")
}

/// Contents of a config: `bytes`, which are packed already.
fn packed(bytes: &[u8]) -> Value {
    let source = format!("data:;base64,{}", Base64::encode_string(bytes));
    json!({ "compression": "gzip", "source": source })
}

fn config(rest: &Value) -> Vec<u8> {
    let mut config = json!({ "ignition": { "version": "3.3.0" } });
    for (key, value) in rest.as_object().expect("a map") {
        config[key] = value.clone();
    }
    config.to_string().into_bytes()
}

fn merged(resources: &[Value]) -> Vec<u8> {
    config(&json!({ "ignition": { "version": "3.3.0", "config": { "merge": resources } } }))
}

/// A config with a list of `count` times `item`.
fn list(item: &str, count: usize) -> Vec<u8> {
    let items = item.repeat(count);
    format!(r#"{{"ignition":{{"version":"3.3.0"}},"x":[{items}0]}}"#).into_bytes()
}

const MIB: usize = 1 << 20;

/// Each was read whole before: most of them took gigabytes, and a minute.
#[test]
fn bombs_are_refused_by_every_command_that_reads_configs() {
    let values = merged(&[packed(&gzip([list("0,", 5 * MIB)]))]);
    assert!(values.len() < 100 << 10, "a small file");
    let text = format!(r#"{{"x":"{}"}}"#, "a".repeat(30 * MIB)).into_bytes();
    let inner = merged(&vec![packed(&gzip([text])); 20]);
    let nested = merged(&[packed(&gzip([inner]))]);
    let mib = packed(&gzip([vec![b'a'; MIB]]));
    let file = |n: usize| json!({ "path": format!("/f{n}"), "contents": mib });
    let files: Vec<Value> = (0..400).map(file).collect();
    let files = config(&json!({ "storage": { "files": files } }));
    let escaped = format!(
        r#"{{"ignition":{{"version":"3.3.0"}},"x":"\n{}"}}"#,
        "a".repeat(72 * MIB)
    );
    let memory = "MiB of memory";
    for (name, config, why) in [
        ("values in a packed config", values, memory),
        ("configs packed in a packed config", nested, memory),
        ("packed files", files, "MiB"),
        ("a long list", list("0,", 4 * MIB), memory),
        ("a list of maps", list(r#"{"a":0},"#, 2 * MIB), memory),
        ("a long text with an escape", escaped.into_bytes(), memory),
        (
            "nesting",
            br#"{"ignition":"#.repeat(100_000),
            "recursion limit",
        ),
        ("too large a file", list("0,", 50 * MIB), "MiB"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        fs::write(folder.join("a.ign"), config).expect("writes");
        fs::write(folder.join("node.yaml"), "version: 1\nhostname: a\n").expect("writes");
        for arguments in [&["inspect", "a.ign"][..], &["diff", "a.ign", "a.ign"]] {
            refused(name, folder, arguments, 2, why);
        }
        // Not read by these, only as text, or a difference from what the spec gives.
        for arguments in [
            &["embed", "--pxe", "--ignition", "a.ign", "-o", "a.img"][..],
            &["import", "a.ign", "--target", "flatcar"],
            &["verify", "a.ign", "node.yaml"],
        ] {
            let output = limited(folder, arguments);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                matches!(output.status.code(), Some(0..=2)),
                "{name}: {arguments:?}: {}: {said}",
                output.status
            );
        }
    }
}

/// A config that a spec can give: a snapshot of 64 MiB, as one that does not compress.
#[test]
fn a_large_config_is_no_bomb() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let snapshot = vec![0xa5; 64 * MIB];
    let source = format!("data:;base64,{}", Base64::encode_string(&snapshot));
    let file = json!({ "path": "/snapshot.db", "mode": 0o600, "contents": { "source": source } });
    let config = config(&json!({ "storage": { "files": [file] } }));
    fs::write(folder.join("a.ign"), config).expect("writes");
    for arguments in [&["inspect", "a.ign"][..], &["diff", "a.ign", "a.ign"]] {
        let output = limited(folder, arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}

/// Many pieces of one file, whose names grew with their number.
#[test]
fn many_things_of_one_name_cost_no_more_than_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let file = json!({ "path": "/a", "append": true, "contents": { "source": "data:,a" } });
    let config = json!({
        "ignition": { "version": "2.2.0" },
        "storage": { "files": vec![file; 20_000] },
    });
    fs::write(folder.join("a.ign"), config.to_string()).expect("writes");
    let output = limited(folder, &["diff", "a.ign", "a.ign"]);
    assert!(output.status.success(), "{output:?}");
}

/// Of a spec: its `data:` URLs are unpacked to be checked.
#[test]
fn bombs_in_a_spec_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let bomb = gzip(std::iter::repeat_n(vec![0; MIB], 600));
    let source = format!("data:;base64,{}", Base64::encode_string(&bomb));
    let spec = format!(
        "version: 1\nhostname: a\nstorage: {{files: [{{path: /a, contents: {{compression: gzip, source: '{source}'}}}}]}}\n"
    );
    fs::write(folder.join("node.yaml"), spec).expect("writes");
    let why = "with `/a`, the node's contents decompress to more than 256 MiB";
    refused("a bomb", folder, &["check", "node.yaml"], 2, why);
}

/// What `import` writes as text is limited in total.
#[test]
fn imported_texts_do_not_multiply() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let mib = packed(&gzip([vec![b'a'; MIB - 1]]));
    let file = |n: usize| json!({ "path": format!("/f{n}"), "contents": mib });
    let files: Vec<Value> = (0..2000).map(file).collect();
    let config = config(&json!({ "storage": { "files": files } }));
    fs::write(folder.join("a.ign"), config).expect("writes");
    let output = limited(folder, &["import", "a.ign", "--target", "flatcar"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
