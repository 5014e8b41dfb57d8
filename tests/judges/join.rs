//! How a node joins its cluster: the script that applies manifests, with a stand-in for kubectl.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
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

/// Runs the script in `folder` with `kubectl` in kubectl's place, and returns what it says on the
/// console, and everything that it prints.
fn run(folder: &Path, kubectl: &str) -> (Vec<String>, String) {
    run_with(folder, kubectl, "is_ready() { true; }")
}

/// As above, where an API server is ready as `ready` says.
fn run_with(folder: &Path, kubectl: &str, ready: &str) -> (Vec<String>, String) {
    let path = |name: &str| folder.join(name);
    fs::write(path("kubectl"), kubectl).unwrap();
    fs::set_permissions(path("kubectl"), fs::Permissions::from_mode(0o755)).unwrap();
    let here = folder.to_str().unwrap();
    let functions = include_str!("../../manifests/api-servers.sh")
        .replace("/etc/kubernetes/imgbuild", here)
        .replace("{{programs}}", here)
        .replace("{{node}}", "kube1")
        .replace("> /dev/kmsg", ">&2");
    fs::write(path("api-servers"), format!("{functions}\n{ready}\n")).unwrap();
    let script = include_str!("../../manifests/join.sh")
        .replace("/etc/kubernetes/imgbuild", here)
        .replace("sleep 20", "sleep 0.1")
        .replace("sleep 2\n", "sleep 0.1\n");
    fs::write(path("join"), script).unwrap();
    let child = Command::new("bash")
        .args(["./join", "kube1", "127.0.0.1:6443", "a=b"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let process = child.id();
    let output = PROGRAM.finish("the script", child, || computed(process));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let lines = said
        .lines()
        .filter_map(|line| line.strip_prefix("<5>imgbuild: kube1: "))
        .map(str::to_owned)
        .collect();
    (lines, said)
}

/// A refused manifest is named with the reason, once, and holds up neither the others nor the node;
/// it is applied when the API server takes it.
#[test]
fn a_refused_manifest_holds_up_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["10-needs.yaml", "20-refused.yaml", "30-made.yaml"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let (lines, said) = run(folder.path(), KUBECTL);
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

/// A control plane that is not the first waits until the administrator may do something.
#[test]
fn rights_that_are_yet_to_be_granted_are_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("10-rbac.yaml"), "").unwrap();
    let kubectl = r#"#!/bin/bash
case $* in
    *auth\ can-i*)
        echo once >> tries
        [ "$(wc -l < tries)" -ge 3 ] || { echo no; exit 1; } ;;
    *apply*) [ "$(wc -l < tries)" -ge 3 ] || exit 1 ;;
esac
"#;
    let (lines, said) = run(folder.path(), kubectl);
    assert_eq!(
        lines[2..],
        [
            "waiting for the administrator's rights, which the first control plane grants",
            "applied 10-rbac.yaml",
            "the node is Ready",
        ],
        "{said}"
    );
}

/// A worker that joins by token has no kubeconfig until the cluster has signed its certificate.
#[test]
fn a_certificate_that_is_yet_to_be_signed_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    // The kubelet writes it meanwhile.
    let kubelet =
        r#"is_ready() { (sleep 1; touch "$KUBECONFIG") & }; export KUBECONFIG=$PWD/kubelet.conf"#;
    let kubectl = r#"#!/bin/bash
[ -e "$KUBECONFIG" ] || { echo -n 'Please enter Username: '; exit 1; }
"#;
    let (lines, said) = run_with(folder.path(), kubectl, kubelet);
    assert_eq!(
        lines,
        [
            "waiting for the API server at 127.0.0.1:6443",
            "the API server is ready",
            "waiting for the cluster to sign the node's certificate",
            "the node is Ready",
        ],
        "{said}"
    );
}

/// A cluster that keeps its objects as files.
const CLUSTER: &str = r"#!/bin/bash
case $* in
    *get\ configmap/imgbuild-token-*)
        [ ! -e no-answer ] || { rm no-answer; echo 'connection refused'; exit 1; }
        [ ! -e marker ] || echo configmap/imgbuild-token-abcdef ;;
    *create\ configmap\ imgbuild-token-abcdef*) touch marker ;;
    *create*tokens/abcdef.yaml*)
        [ ! -e secret ] || { echo 'Error from server (AlreadyExists): secrets exist'; exit 1; }
        touch secret ;;
esac
";

/// A token that has expired, or that an administrator has deleted, does not come back with the next
/// boot.
#[test]
fn a_token_is_given_to_a_cluster_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("tokens")).unwrap();
    fs::write(path("tokens/abcdef.yaml"), "").unwrap();
    fs::write(path("no-answer"), "").unwrap();
    let (_, said) = run(folder.path(), CLUSTER);
    assert!(path("secret").exists() && path("marker").exists(), "{said}");

    fs::remove_file(path("secret")).unwrap();
    run(folder.path(), CLUSTER);
    assert!(!path("secret").exists(), "a token came back");

    // A cluster that got it from another control plane, or from an earlier imgbuild.
    fs::remove_file(path("marker")).unwrap();
    fs::write(path("secret"), "").unwrap();
    run(folder.path(), CLUSTER);
    assert!(path("marker").exists());
}
