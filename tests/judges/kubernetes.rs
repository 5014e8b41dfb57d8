//! Kubernetes on a node, with the programs that read what we write as the judges.
//! Needs openssl and kubectl (Debian packages openssl, kubernetes-client).

use std::path::Path;
use std::process::Command;

use imgbuild::pki::{Access, KeyFolder, Keys, system_random};

use crate::clusters;

/// What `command` prints on success.
fn output(command: &mut Command, package: &str) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("running {program} (Debian package {package}): {e}"));
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

fn openssl(folder: &Path, arguments: &[&str]) -> String {
    output(
        Command::new("openssl").current_dir(folder).args(arguments),
        "openssl",
    )
}

/// File, authority, subject, usage, names.
const CERTIFICATES: &[(&str, &str, &str, &str, &str)] = &[
    (
        "nodes/kube1/kubernetes/apiserver",
        "ca",
        "CN=kube-apiserver",
        "TLS Web Server Authentication",
        "DNS:kube1, DNS:kubernetes, DNS:kubernetes.default, DNS:kubernetes.default.svc, \
         DNS:kubernetes.default.svc.cluster.local, DNS:localhost, IP Address:10.96.0.1, \
         IP Address:127.0.0.1, IP Address:192.168.1.10, IP Address:0:0:0:0:0:0:0:1",
    ),
    (
        "nodes/kube1/kubernetes/apiserver-kubelet-client",
        "ca",
        "CN=kube-apiserver-kubelet-client",
        "TLS Web Client Authentication",
        "",
    ),
    (
        "nodes/kube1/kubernetes/controller-manager",
        "ca",
        "CN=system:kube-controller-manager",
        "TLS Web Client Authentication",
        "",
    ),
    (
        "nodes/kube1/kubernetes/scheduler",
        "ca",
        "CN=system:kube-scheduler",
        "TLS Web Client Authentication",
        "",
    ),
    (
        "nodes/kube1/kubernetes/kube-proxy",
        "ca",
        "CN=system:kube-proxy",
        "TLS Web Client Authentication",
        "",
    ),
    (
        "nodes/kube1/kubernetes/kubelet-client",
        "ca",
        "CN=system:node:kube1,O=system:nodes",
        "TLS Web Client Authentication",
        "",
    ),
    (
        "nodes/kube1/kubernetes/kubelet-server",
        "ca",
        "CN=system:node:kube1",
        "TLS Web Server Authentication",
        "DNS:kube1, IP Address:192.168.1.10",
    ),
    (
        "clients/kubernetes/admin",
        "ca",
        "CN=kubernetes-admin,O=kubeadm:cluster-admins",
        "TLS Web Client Authentication",
        "",
    ),
    (
        "clients/kubernetes/super-admin",
        "ca",
        "CN=kubernetes-super-admin,O=system:masters",
        "TLS Web Client Authentication",
        "",
    ),
    (
        "nodes/kube1/front-proxy/front-proxy-client",
        "front-proxy-ca",
        "CN=front-proxy-client",
        "TLS Web Client Authentication",
        "",
    ),
    (
        "nodes/kube1/etcd/apiserver-etcd-client",
        "etcd/ca",
        "CN=kube-apiserver-etcd-client",
        "TLS Web Client Authentication",
        "",
    ),
];

#[test]
fn certificates_are_what_kubeadm_would_make() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("keys");
    clusters::single(&root);
    for (file, authority, subject, usage, names) in CERTIFICATES {
        let file = format!("{file}.crt");
        openssl(
            &root,
            &[
                "verify",
                "-x509_strict",
                "-CAfile",
                &format!("{authority}.crt"),
                &file,
            ],
        );
        let show = |what: &[&str]| {
            let mut arguments = vec!["x509", "-in", &file, "-noout"];
            arguments.extend(what);
            openssl(&root, &arguments)
        };
        assert_eq!(
            show(&["-subject", "-nameopt", "RFC2253"]).trim(),
            format!("subject={subject}"),
            "{file}"
        );
        let extensions = show(&["-ext", "extendedKeyUsage,subjectAltName"]);
        let after = |title: &str| {
            extensions
                .split_once(title)
                .and_then(|(_, rest)| rest.lines().nth(1))
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        assert_eq!(after("Extended Key Usage"), *usage, "{file}");
        assert_eq!(after("Subject Alternative Name"), *names, "{file}");
    }
    let public = openssl(&root, &["ec", "-in", "sa.key", "-pubout"]);
    let kubernetes = clusters::single(&root).kubernetes;
    let plane = (kubernetes.as_ref()).and_then(|kubernetes| kubernetes.control_plane());
    let keys = &plane.expect("a control plane").keys.pki;
    assert_eq!(public, keys.service_account.public);
}

#[test]
fn a_second_build_has_the_same_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("keys");
    let first = imgbuild::parts::all(&clusters::single(&root));
    let second = imgbuild::parts::all(&clusters::single(&root));
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a.files, b.files);
        assert_eq!(a.units, b.units);
    }
    let mut rng = system_random();
    let keys = Keys::new(
        KeyFolder::open(&root, Access::Look).expect("opened"),
        std::time::SystemTime::now(),
        &mut rng,
    );
    assert!(keys.notices().is_empty());
}

#[test]
fn kubeconfigs_are_kubectls() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = clusters::single(&folder.path().join("keys"));
    let mut seen = 0;
    for file in imgbuild::parts::all(&node).iter().flat_map(|f| &f.files) {
        let path = Path::new(file.path.as_str());
        if path.extension().is_none_or(|e| e != "conf")
            || path.parent() != Some(Path::new("/etc/kubernetes"))
        {
            continue;
        }
        seen += 1;
        assert_eq!(file.mode, 0o600, "{}", file.path);
        let Some(imgbuild::node::fragment::Contents::Inline(text)) = &file.contents else {
            panic!("{} is not inline", file.path);
        };
        let here = folder.path().join("config");
        std::fs::write(&here, text).expect("written");
        let view = output(
            Command::new("kubectl")
                .args([
                    "config",
                    "view",
                    "--minify",
                    "--raw",
                    "-o",
                    "jsonpath={.clusters[0].cluster.server} {.users[0].name}",
                    "--kubeconfig",
                ])
                .arg(&here),
            "kubernetes-client",
        );
        let user = match path.file_stem().and_then(|s| s.to_str()).expect("a name") {
            "kubelet" => "system:node:kube1",
            "controller-manager" => "system:kube-controller-manager",
            "scheduler" => "system:kube-scheduler",
            "kube-proxy" => "system:kube-proxy",
            "admin" => "kubernetes-admin",
            "super-admin" => "kubernetes-super-admin",
            other => panic!("whose is {other}?"),
        };
        assert_eq!(view, format!("https://192.168.1.10:6443 {user}"));
    }
    assert_eq!(seen, 6);
}
