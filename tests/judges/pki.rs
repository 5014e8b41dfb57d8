//! Certificates and keys as OpenSSL sees them, and its own as we do.

use std::process::Command;
use std::time::SystemTime;

use crate::member::{DAY, KUBE1, make, now, told};

fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(arguments)
        .env("TZ", "UTC")
        .output()
        .expect("openssl runs (Debian package openssl)");
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn openssl_accepts_each_certificate_for_its_purposes_and_no_other() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    make(&root);
    let ca = root.join("etcd/ca.crt");
    let at = (now() + DAY)
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
        .to_string();
    let cases = [
        ("server", "sslserver", true),
        ("server", "sslclient", true),
        ("peer", "sslserver", true),
        ("peer", "sslclient", true),
        ("healthcheck-client", "sslclient", true),
        ("healthcheck-client", "sslserver", false),
    ];
    for (name, purpose, good) in cases {
        let file = root.join(format!("nodes/kube1/etcd/{name}.crt"));
        let said = openssl(&[
            "verify",
            "-attime",
            &at,
            "-purpose",
            purpose,
            "-CAfile",
            &ca.display().to_string(),
            &file.display().to_string(),
        ]);
        assert_eq!(
            said.trim_end().ends_with(": OK"),
            good,
            "{name} as {purpose}: {said}"
        );
    }
    for (name, host, good) in [
        ("server", ["-verify_hostname", "kube1"], true),
        ("server", ["-verify_hostname", "localhost"], true),
        ("server", ["-verify_hostname", "etcd.lab.example"], true),
        ("server", ["-verify_hostname", "kube2"], false),
        ("peer", ["-verify_ip", "192.168.1.10"], true),
        ("peer", ["-verify_ip", "127.0.0.1"], true),
        ("peer", ["-verify_ip", "::1"], true),
        ("peer", ["-verify_ip", "fd00::10"], true),
        ("peer", ["-verify_ip", "192.168.1.11"], false),
    ] {
        let file = root.join(format!("nodes/kube1/etcd/{name}.crt"));
        let said = openssl(&[
            "verify",
            "-attime",
            &at,
            host[0],
            host[1],
            "-CAfile",
            &ca.display().to_string(),
            &file.display().to_string(),
        ]);
        assert_eq!(
            said.trim_end().ends_with(": OK"),
            good,
            "{name} for {host:?}: {said}"
        );
    }
}

#[test]
fn openssl_reads_what_was_meant() {
    let scratch = tempfile::tempdir().expect("a folder");
    let root = scratch.path().join("keys");
    make(&root);
    let cases: [(&str, &[&str]); 3] = [
        (
            "etcd/ca.crt",
            &[
                "Issuer: CN = etcd-ca",
                "Subject: CN = etcd-ca",
                "Not Before: Jan  2 02:59:05 2026 GMT",
                "Not After : Dec 31 02:59:05 2035 GMT",
                "ASN1 OID: prime256v1",
                "ecdsa-with-SHA256",
                "CA:TRUE, pathlen:0",
                "X509v3 Key Usage: critical",
                "Digital Signature, Certificate Sign, CRL Sign",
            ],
        ),
        (
            "nodes/kube1/etcd/server.crt",
            &[
                "Issuer: CN = etcd-ca",
                "Subject: CN = kube1",
                "Not Before: Jan  2 02:59:05 2026 GMT",
                "Not After : Jan  1 02:59:05 2029 GMT",
                "CA:FALSE",
                "TLS Web Server Authentication, TLS Web Client Authentication",
                "DNS:etcd.lab.example, DNS:kube1, DNS:localhost, IP Address:127.0.0.1, IP Address:192.168.1.10, \
                 IP Address:0:0:0:0:0:0:0:1, IP Address:FD00:0:0:0:0:0:0:10",
            ],
        ),
        (
            "nodes/kube1/etcd/healthcheck-client.crt",
            &[
                "Subject: CN = kube-etcd-healthcheck-client",
                "TLS Web Client Authentication",
            ],
        ),
    ];
    for (file, expected) in cases {
        let text = openssl(&[
            "x509",
            "-noout",
            "-text",
            "-in",
            &root.join(file).display().to_string(),
        ]);
        for words in expected {
            assert!(text.contains(words), "{file} has {words:?}:\n{text}");
        }
    }
    for key in [
        "etcd/ca",
        "nodes/kube1/etcd/server",
        "nodes/kube1/etcd/peer",
    ] {
        let path = root.join(format!("{key}.key")).display().to_string();
        assert!(
            openssl(&["ec", "-check", "-noout", "-in", &path]).contains("EC Key valid"),
            "{key}"
        );
        let of_key = openssl(&["pkey", "-pubout", "-in", &path]);
        let certificate = root.join(format!("{key}.crt")).display().to_string();
        assert_eq!(
            of_key,
            openssl(&["x509", "-pubkey", "-noout", "-in", &certificate]),
            "{key}"
        );
    }
}

/// An authority carries an identifier of its key, which its certificates repeat. How it is computed
/// is its maker's choice: openssl takes SHA-1, Go since 1.25 (and so kubeadm 1.34) a part of
/// SHA-256.
#[test]
fn keys_that_others_made_are_used() {
    const SHA_256: &str = "CE:52:3B:0F:10:27:9C:5D:2F:6A:35:13:5A:30:08:E4:77:5F:99:1F";
    for identifier in ["hash", SHA_256, "none"] {
        let scratch = tempfile::tempdir().expect("a folder");
        let root = scratch.path().join("keys");
        make(&root);
        // An authority of the site, its key in PKCS #8.
        let (key, certificate) = (root.join("etcd/ca.key"), root.join("etcd/ca.crt"));
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "20000",
            "-subj",
            "/O=Lab/CN=lab ca",
            "-addext",
            &format!("subjectKeyIdentifier={identifier}"),
            "-addext",
            "authorityKeyIdentifier=none",
            "-keyout",
            &key.display().to_string(),
            "-out",
            &certificate.display().to_string(),
        ]);
        assert_eq!(told(&root, &KUBE1, SystemTime::now()).len(), 3);
        for leaf in ["server", "peer", "healthcheck-client"] {
            let leaf = root.join(format!("nodes/kube1/etcd/{leaf}.crt"));
            let said = openssl(&[
                "verify",
                "-CAfile",
                &certificate.display().to_string(),
                &leaf.display().to_string(),
            ]);
            assert!(said.trim_end().ends_with(": OK"), "{identifier}: {said}");
        }
        assert_eq!(told(&root, &KUBE1, SystemTime::now()).len(), 0);
    }
}
