//! The keys of a cluster of Container Linux, with OpenSSL as the judge of what we write.

use std::fs;
use std::process::Command;

use crate::container_linux_nodes::{built_in, example, two};

/// The keys are what the note's two commands of OpenSSL make, and stay the same in later builds.
#[test]
fn openssl_reads_the_keys_of_service_accounts() {
    let (node, folder) = example();
    let key = folder.path().join("sa.key");
    fs::write(&key, node.text("/etc/kubernetes/ssl/sa.key")).unwrap();
    assert!(
        node.text("/etc/kubernetes/ssl/sa.key")
            .starts_with("-----BEGIN EC PRIVATE KEY-----\n")
    );
    let output = Command::new("openssl")
        .args(["ec", "-pubout", "-in"])
        .arg(&key)
        .output()
        .expect("openssl is needed: apt install openssl");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        node.text("/etc/kubernetes/ssl/sa.pub")
    );
    let text = Command::new("openssl")
        .args(["ec", "-noout", "-text", "-in"])
        .arg(&key)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&text.stdout).contains("prime256v1"));
    let mode = |path: &str| {
        let file = node
            .config
            .storage
            .files
            .iter()
            .find(|file| file.path == path);
        file.unwrap().mode
    };
    assert_eq!(mode("/etc/kubernetes/ssl/sa.key"), Some(0o600));
    assert_eq!(mode("/etc/kubernetes/ssl/sa.pub"), Some(0o644));

    let again = built_in(folder.path()).unwrap();
    assert_eq!(again[0].config, node.config);
}

/// The chain, and the name by which the worker asks.
#[test]
fn openssl_takes_the_api_servers_chain() {
    let nodes = two("");
    let folder = tempfile::tempdir().unwrap();
    for name in ["ca.crt", "apiserver.crt"] {
        let text = nodes[0].text(&format!("/etc/kubernetes/ssl/{name}"));
        fs::write(folder.path().join(name), text).unwrap();
    }
    let output = Command::new("openssl")
        .current_dir(folder.path())
        .args([
            "verify",
            "-purpose",
            "sslserver",
            "-verify_ip",
            "192.168.1.10",
        ])
        .args(["-CAfile", "ca.crt", "apiserver.crt"])
        .output()
        .expect("openssl is needed: apt install openssl");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
