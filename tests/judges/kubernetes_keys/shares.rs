//! Who gets which keys; kubeconfigs and tokens.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64ct::Encoding;

use crate::kubernetes_keys::project::{cluster, files, good, openssl, run, single, text, tool};

#[test]
fn each_image_has_its_node_s_share_and_no_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = cluster(folder.path(), "");
    good(&["keys", "init", text(&spec)]);
    let keys = folder.path().join("keys");
    let body = |file: &str| {
        let pem = fs::read_to_string(keys.join(file)).expect("a key");
        pem.lines().nth(1).expect("a line").to_owned()
    };
    let token = fs::read_to_string(keys.join("bootstrap-token.key")).expect("a token");
    let token = token.trim().to_owned();
    // The secret, and the nodes that have it.
    let planes = ["control1", "control2", "control3"];
    let mut secrets: Vec<(String, Vec<&str>)> = vec![
        (body("ca.key"), planes.to_vec()),
        (body("sa.key"), planes.to_vec()),
        (body("etcd/ca.key"), vec![]),
        (body("front-proxy-ca.key"), vec![]),
    ];
    for (client, owners) in [
        ("admin", planes.to_vec()),
        ("super-admin", vec!["control1"]),
    ] {
        let key = fs::read(keys.join(format!("clients/kubernetes/{client}.key"))).expect("a key");
        secrets.push((base64ct::Base64::encode_string(&key), owners));
    }
    for plane in planes {
        for file in [
            "etcd/server",
            "etcd/peer",
            "etcd/apiserver-etcd-client",
            "kubernetes/apiserver",
            "front-proxy/front-proxy-client",
        ] {
            secrets.push((body(&format!("nodes/{plane}/{file}.key")), vec![plane]));
        }
    }
    for node in ["control1", "control2", "control3", "worker1"] {
        secrets.push((
            body(&format!("nodes/{node}/kubernetes/kubelet-server.key")),
            vec![node],
        ));
    }
    let (_, token_secret) = token.split_once('.').expect("a dot");
    secrets.push((
        token_secret.to_owned(),
        vec!["control1", "control2", "control3", "worker2"],
    ));
    for node in ["control1", "control2", "control3", "worker1", "worker2"] {
        let files = files(&spec, node);
        for (index, (secret, owners)) in secrets.iter().enumerate() {
            let has = files.iter().any(|(_, text)| text.contains(secret.as_str()));
            assert_eq!(has, owners.contains(&node), "{node}, secret {index}");
        }
        let names: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        let is_worker = node.starts_with("worker");
        for path in [
            "/etc/kubernetes/pki/ca.key",
            "/etc/kubernetes/pki/sa.key",
            "/etc/kubernetes/admin.conf",
            "/etc/kubernetes/controller-manager.conf",
            "/etc/kubernetes/imgbuild/12-joining.yaml",
        ] {
            assert_eq!(names.contains(&path), !is_worker, "{node}: {path}");
        }
        let super_admin = names.contains(&"/etc/kubernetes/super-admin.conf");
        assert_eq!(super_admin, node == "control1");
        assert!(
            !is_worker || !names.iter().any(|name| name.contains("/etcd/")),
            "{node}: {names:?}"
        );
        assert_eq!(
            names.contains(&"/etc/kubernetes/bootstrap-kubelet.conf"),
            node == "worker2"
        );
        assert_eq!(
            names.contains(&"/etc/kubernetes/kubelet.conf"),
            node != "worker2"
        );
    }
    assert!(
        !keys
            .join("nodes/worker2/kubernetes/kubelet-client.key")
            .exists()
    );
}

#[test]
fn the_administrator_s_kubeconfig_and_the_join_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = cluster(folder.path(), ", bootstrap_token: abcdef.0123456789abcdef");
    let file = folder.path().join("admin.conf");
    good(&["kubeconfig", text(&spec), "-o", text(&file)]);
    let mode = fs::metadata(&file).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let view = |file: &Path| {
        tool(
            "kubernetes-client",
            "kubectl",
            folder.path(),
            &[
                "config",
                "view",
                "--minify",
                "-o",
                "jsonpath={.clusters[0].cluster.server} {.users[0].name}",
                "--kubeconfig",
                text(file),
            ],
        )
    };
    // The nodes' own name for all control planes is nothing to those outside.
    assert_eq!(view(&file), "https://192.168.1.11:6443 kubernetes-admin");
    fs::write(
        &file,
        good(&["kubeconfig", text(&spec), "--server", "127.0.0.1:16443"]),
    )
    .expect("written");
    assert_eq!(view(&file), "https://127.0.0.1:16443 kubernetes-admin");

    let join = good(&["keys", "token", text(&spec)]);
    let keys = folder.path().join("keys");
    openssl(
        &keys,
        &[
            "x509", "-in", "ca.crt", "-noout", "-pubkey", "-out", "ca.pub",
        ],
    );
    openssl(
        &keys,
        &[
            "pkey", "-pubin", "-in", "ca.pub", "-outform", "der", "-out", "ca.der",
        ],
    );
    let digest = openssl(&keys, &["dgst", "-sha256", "-r", "ca.der"]);
    let digest = digest.split(' ').next().expect("a digest");
    assert_eq!(
        join,
        format!(
            "kubeadm join 192.168.1.11:6443 --token abcdef.0123456789abcdef --discovery-token-ca-cert-hash sha256:{digest}\n"
        )
    );
    assert!(!keys.join("bootstrap-token.key").exists());

    let bare = single(folder.path(), "");
    let (status, _, err) = run(&["keys", "token", text(&bare)]);
    assert_eq!(status, 2);
    assert!(err.contains("has no bootstrap token"), "{err}");
}
