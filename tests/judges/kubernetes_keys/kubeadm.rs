//! What kubeadm made goes on.

use std::fs;
use std::path::Path;

use crate::kubernetes_keys::project::{good, openssl, run, single, text, verify_leaves};

/// What kubeadm leaves in /etc/kubernetes/pki, made by openssl with keys of `kind`.
fn kubeadm_pki(folder: &Path, kind: &[&str]) {
    fs::create_dir_all(folder.join("etcd")).expect("made");
    for (stem, name) in [
        ("ca", "kubernetes"),
        ("front-proxy-ca", "front-proxy-ca"),
        ("etcd/ca", "etcd-ca"),
    ] {
        let (key, certificate) = (format!("{stem}.key"), format!("{stem}.crt"));
        let mut arguments = vec!["genpkey", "-out", &key];
        arguments.extend(kind);
        openssl(folder, &arguments);
        openssl(
            folder,
            &[
                "req",
                "-x509",
                "-key",
                &key,
                "-days",
                "3650",
                "-subj",
                &format!("/CN={name}"),
                "-addext",
                "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign",
                "-out",
                &certificate,
            ],
        );
    }
    let mut arguments = vec!["genpkey", "-out", "sa.key"];
    arguments.extend(kind);
    openssl(folder, &arguments);
    openssl(
        folder,
        &["pkey", "-in", "sa.key", "-pubout", "-out", "sa.pub"],
    );
}

const RSA: &[&str] = &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"];
const EC: &[&str] = &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];

#[test]
fn what_kubeadm_made_goes_on() {
    for kind in [RSA, EC] {
        let folder = tempfile::tempdir().expect("a folder");
        let pki = folder.path().join("pki");
        kubeadm_pki(&pki, kind);
        let spec = single(folder.path(), "");
        let spec = text(&spec);
        good(&["keys", "import", spec, text(&pki)]);
        good(&["keys", "import", spec, text(&pki)]);
        good(&["keys", "init", spec]);
        let keys = folder.path().join("keys");
        assert_eq!(verify_leaves(&keys), 14);
        let modulus = |at: &Path| openssl(at, &["pkey", "-in", "sa.key", "-pubout"]);
        assert_eq!(modulus(&keys), modulus(&pki));
        assert!(!keys.join("import").exists());
    }
}

/// What to break, and the words of the refusal.
type Breakage = (fn(&Path), &'static str);

#[test]
fn broken_pkis_are_refused_whole() {
    let cases: [Breakage; 6] = [
        (
            |pki| {
                fs::copy(pki.join("sa.key"), pki.join("ca.key")).expect("copied");
            },
            "ca.key is not the private key of",
        ),
        (
            |pki| fs::remove_file(pki.join("ca.key")).expect("removed"),
            "ca.key is missing: imgbuild issues the nodes' certificates with it",
        ),
        (
            |pki| fs::remove_file(pki.join("sa.key")).expect("removed"),
            "sa.key is missing: it signs the tokens of service accounts",
        ),
        (
            |pki| {
                openssl(pki, &["pkey", "-in", "ca.key", "-pubout", "-out", "sa.pub"]);
            },
            "sa.pub is not the public key of",
        ),
        (
            |pki| {
                openssl(
                    pki,
                    &[
                        "req",
                        "-x509",
                        "-key",
                        "ca.key",
                        "-subj",
                        "/CN=kubernetes",
                        "-addext",
                        "basicConstraints=critical,CA:FALSE",
                        "-out",
                        "ca.crt",
                    ],
                );
            },
            "is not a CA certificate",
        ),
        (
            |pki| {
                let text = fs::read_to_string(pki.join("ca.crt")).expect("read");
                fs::write(pki.join("ca.crt"), text.repeat(2)).expect("written");
            },
            "ca.crt contains 2 certificates",
        ),
    ];
    for (change, words) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let pki = folder.path().join("pki");
        kubeadm_pki(&pki, EC);
        change(&pki);
        let spec = single(folder.path(), "");
        let (status, _, err) = run(&["keys", "import", text(&spec), text(&pki)]);
        assert_eq!(status, 1, "{words}");
        assert!(err.contains(words), "{words}: {err}");
        assert!(!folder.path().join("keys/sa.key").exists(), "{words}");
        assert!(!folder.path().join("keys/etcd/ca.key").exists(), "{words}");
    }
}
