//! How a node joins its cluster: the script that applies manifests, with a stand-in for kubectl.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use crate::patience::{PROGRAM, computed};

/// Refuses `20-refused.yaml` until the node is Ready, and `10-needs.yaml` until `30-made.yaml` is
/// applied.
const KUBECTL: &str = r#"#!/bin/bash
case $* in
    *apply*20-refused.yaml)
        if [ ! -e ready ]; then
            echo 'service/a serverside-applied'
            echo 'The Deployment "web" is invalid: spec.selector: field is immutable'
            exit 1
        fi ;;
    *apply*10-needs.yaml) [ -e made ] || { echo 'no matches for kind "Widget"'; exit 1; } ;;
    *apply*30-made.yaml) touch made ;;
    *wait*condition=Ready*) touch ready ;;
esac
"#;

/// A refused manifest is named with the reason, once, and holds up neither the others nor the node;
/// it is applied when the API server takes it.
#[test]
fn a_refused_manifest_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in ["10-needs.yaml", "20-refused.yaml", "30-made.yaml"] {
        fs::write(path(name), "").unwrap();
    }
    fs::write(path("kubectl"), KUBECTL).unwrap();
    fs::set_permissions(path("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
    let here = folder.path().to_str().unwrap();
    let functions = include_str!("../../manifests/api-servers.sh")
        .replace("/etc/kubernetes/imgbuild", here)
        .replace("{{programs}}", here)
        .replace("{{node}}", "kube1")
        .replace("> /dev/kmsg", ">&2");
    fs::write(path("api-servers"), functions + "\nis_ready() { true; }\n").unwrap();
    let script = include_str!("../../manifests/join.sh")
        .replace("/etc/kubernetes/imgbuild", here)
        .replace("sleep 20", "sleep 0.1")
        .replace("sleep 2\n", "sleep 0.1\n");
    fs::write(path("join"), script).unwrap();
    let child = Command::new("bash")
        .args(["./join", "kube1", "127.0.0.1:6443", "a=b"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let process = child.id();
    let output = PROGRAM.finish("the script", child, || computed(process));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let lines: Vec<&str> = said
        .lines()
        .filter_map(|line| line.strip_prefix("<5>imgbuild: kube1: "))
        .collect();
    assert_eq!(
        lines,
        [
            "waiting for the API server at 127.0.0.1:6443",
            "the API server is ready",
            "not applied: 10-needs.yaml (no matches for kind \"Widget\")",
            "not applied: 20-refused.yaml (The Deployment \"web\" is invalid: spec.selector: field is immutable)",
            "applied 30-made.yaml",
            "applied 10-needs.yaml",
            "the node is Ready",
            "applied 20-refused.yaml",
        ],
        "{said}"
    );
}
