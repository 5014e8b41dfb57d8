//! RSA, and a real API server.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::kubernetes_keys::project::{
    files, good, openssl, single, text, tool, verify_leaves, written,
};

#[test]
fn rsa_where_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = single(folder.path(), ", key_algorithm: rsa-2048");
    good(&["keys", "init", text(&spec)]);
    let keys = folder.path().join("keys");
    assert_eq!(verify_leaves(&keys), 14);
    for file in ["ca", "sa", "etcd/ca", "nodes/kube1/kubernetes/apiserver"] {
        let key = openssl(
            &keys,
            &[
                "rsa",
                "-check",
                "-noout",
                "-text",
                "-in",
                &format!("{file}.key"),
            ],
        );
        assert!(key.contains("(2048 bit"), "{file}: {key}");
        assert!(key.contains("RSA key ok"), "{file}: {key}");
    }
    let shown = openssl(
        &keys,
        &[
            "x509",
            "-noout",
            "-text",
            "-in",
            "nodes/kube1/kubernetes/apiserver.crt",
        ],
    );
    assert!(shown.contains("sha256WithRSAEncryption"), "{shown}");
    assert!(
        shown.contains("Digital Signature, Key Encipherment"),
        "{shown}"
    );
    assert!(good(&["keys", "list", text(&spec)]).contains("RSA 2048"));
    // kubeadm itself reads them, where it is at hand.
    let Some(programs) = std::env::var_os("IMGBUILD_KUBE_DIR") else {
        crate::skipped::skipped("kubeadm's look at the certificates wants IMGBUILD_KUBE_DIR");
        return;
    };
    let pki = folder.path().join("pki");
    fs::create_dir(&pki).expect("made");
    for (path, text) in files(&spec, "kube1") {
        if let Some(file) = path.strip_prefix("/etc/kubernetes/pki/") {
            let at = pki.join(file);
            fs::create_dir_all(at.parent().expect("a parent")).expect("made");
            fs::write(at, text).expect("written");
        }
    }
    let kubeadm = Path::new(&programs).join("kubeadm");
    let said = tool(
        "none: the folder IMGBUILD_KUBE_DIR",
        text(&kubeadm),
        folder.path(),
        &[
            "certs",
            "check-expiration",
            "--cert-dir",
            text(&pki),
            "--kubeconfig",
            "/nonexistent",
        ],
    );
    for name in [
        "apiserver",
        "apiserver-etcd-client",
        "front-proxy-client",
        "ca",
        "etcd-ca",
    ] {
        let line = said
            .lines()
            .find(|line| line.split_whitespace().next() == Some(name));
        let line = line.unwrap_or_else(|| panic!("{name}: {said}"));
        assert!(!line.contains("invalid"), "{said}");
    }
}

/// The real etcd, API server and controller manager with our keys, flags and manifests; root's
/// namespaces keep them to themselves.
#[test]
fn a_real_api_server_lets_in_whom_it_should() {
    let Some(programs) = std::env::var_os("IMGBUILD_KUBE_DIR") else {
        crate::skipped::skipped("a real API server wants IMGBUILD_KUBE_DIR");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let mut spec = String::from("version: 1\nkubernetes: {version: 1.36.2}\nnodes:\n");
    for (name, address, more) in [
        ("control1", 11, "role: control-plane}\n    etcd: {}"),
        ("worker1", 21, "role: worker}"),
        ("worker2", 22, "role: worker, join: token}"),
    ] {
        let _ = writeln!(
            spec,
            "  - hostname: {name}\n    network: {{interfaces: [{{name: eth0, addresses: [192.168.1.{address}/24]}}]}}\n    kubernetes: {{{more}"
        );
    }
    let spec = written(folder.path(), &spec);
    let join = good(&["keys", "token", text(&spec)]);
    for node in ["control1", "worker1", "worker2"] {
        for (path, text) in files(&spec, node) {
            let at = folder.path().join(node).join(path.trim_start_matches('/'));
            fs::create_dir_all(at.parent().expect("a parent")).expect("made");
            fs::write(at, text).expect("written");
        }
    }
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/judges/kubernetes_keys/api_server.sh"
    );
    let said = tool(
        "util-linux, and of the script etcd-server, iproute2, curl",
        "unshare",
        folder.path(),
        &[
            "--map-root-user",
            "--mount",
            "--net",
            "bash",
            script,
            Path::new(&programs).to_str().expect("text"),
            text(folder.path()),
            join.trim(),
        ],
    );
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "nobody: 403",
            "a wrong token: 401",
            "the administrator: yes",
            "a worker and another's secret: Forbidden",
            "the token and a secret: Forbidden",
            "cluster-info: signed, for everyone",
            "a worker's request: signed",
            "kubeadm: This node has joined the cluster",
        ]
    );
}
