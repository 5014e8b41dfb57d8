//! Kubernetes' JSON schemas, and the validator that reads them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// The minors that imgbuild knows.
pub const MINORS: std::ops::RangeInclusive<u16> = 31..=37;

/// The folder of the schemas, by version (`xtask/src/kubernetes_schemas.rs` fetches it).
pub fn schemas() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("target/xtask/kubernetes-validate-1.37.0/kubernetes_validate/kubernetes-json-schema");
    assert!(
        folder.is_dir(),
        "Kubernetes' schemas are not in {}: `cargo xtask prepare` fetches them",
        folder.display()
    );
    folder
}

/// What Kubernetes' schemas refuse in each of `texts`, for the API server of a minor.
pub fn judge(texts: &[(u16, String)]) -> Vec<Vec<String>> {
    let texts: Vec<Value> = texts
        .iter()
        .map(|(minor, text)| json!({ "minor": minor, "text": text }))
        .collect();
    let given = json!({ "schemas": schemas(), "texts": texts });
    // Debian's own: another python3 on the path does not have Debian's modules.
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", include_str!("judge.py")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs python3 (Debian: python3-jsonschema, python3-yaml)");
    let mut stdin = python.stdin.take().expect("piped");
    stdin
        .write_all(given.to_string().as_bytes())
        .expect("writing to python3");
    drop(stdin);
    let output = python.wait_with_output().expect("waiting for python3");
    assert!(
        output.status.success(),
        "the validator failed; it needs Debian's python3-jsonschema and python3-yaml"
    );
    serde_json::from_slice(&output.stdout).expect("a list of lists")
}
