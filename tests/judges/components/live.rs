//! A real API server on a real etcd, with the node's own flags, keys and files: it encrypts what it
//! was told to, and writes down who asked for it. Needs the folder that `IMGBUILD_KUBE_DIR` names,
//! and etcd (Debian package etcd-server).

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::components::programs::{programs, version};
use crate::generated::{Generated, WEB, full, relocated};
use crate::patience::PROGRAM;

/// What the test keeps in a Secret.
const SECRET: &str = "not-for-the-eyes-of-etcd";

/// A program that ends with the test.
struct Running(Child);

impl Running {
    /// Starts `command`, and waits until it says `word` on its standard error.
    fn once_it_says(word: &str, command: &mut Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("running {command:?}: {e}"));
        let mut running = Self(child);
        let said = running.0.stderr.take().expect("a pipe");
        PROGRAM.line_of(running.0.id(), said, |line| {
            line.contains(word).then_some(())
        });
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody listens on now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Where etcd keeps its data, below the node's files.
const DATA: &str = "etcd";

/// etcd with the node's keys, which answers at `clients`.
fn etcd(root: &Path, clients: &str) -> Running {
    let pki = root.join("etc/kubernetes/pki");
    let etcd_keys = |file: &str| pki.join("etcd").join(file).display().to_string();
    let peers = format!("http://127.0.0.1:{}", free_port());
    // Debian package etcd-server.
    Running::once_it_says(
        "ready to serve client requests",
        Command::new("etcd").args([
            "--data-dir",
            &root.join(DATA).display().to_string(),
            "--listen-client-urls",
            clients,
            "--advertise-client-urls",
            clients,
            "--listen-peer-urls",
            &peers,
            "--initial-advertise-peer-urls",
            &peers,
            "--initial-cluster",
            &format!("default={peers}"),
            "--cert-file",
            &etcd_keys("server.crt"),
            "--key-file",
            &etcd_keys("server.key"),
            "--trusted-ca-file",
            &etcd_keys("ca.crt"),
            "--client-cert-auth",
        ]),
    )
}

#[test]
fn secrets_are_encrypted_and_requests_written_down() {
    let Some(folder) = programs() else { return };
    let node = Generated::of(&full(&version(&folder).to_string()), &[("web.yaml", WEB)]);
    let root = node.lay_out();
    let clients = format!("https://127.0.0.1:{}", free_port());
    let etcd = etcd(&root, &clients);
    let api_port = free_port();
    let mut flags: Vec<String> = node
        .flags("kube-apiserver")
        .iter()
        .map(|flag| match flag.split_once('=').expect("a value") {
            ("--etcd-servers", _) => format!("--etcd-servers={clients}"),
            ("--secure-port", _) => format!("--secure-port={api_port}"),
            _ => relocated(flag, &root),
        })
        .collect();
    flags.push("--bind-address=127.0.0.1".to_owned());
    let api_server = Running::once_it_says(
        "Serving securely on",
        Command::new(folder.join("kube-apiserver")).args(flags),
    );
    let kubectl = |arguments: &[&str]| {
        Command::new(folder.join("kubectl"))
            .args([
                "--kubeconfig",
                &root
                    .join("etc/kubernetes/super-admin.conf")
                    .display()
                    .to_string(),
            ])
            .args(["--server", &format!("https://127.0.0.1:{api_port}")])
            .args(["--cache-dir", &root.join("cache").display().to_string()])
            .args(arguments)
            .output()
            .expect("kubectl runs")
    };
    // Ready or not: the policy leaves it out of the log.
    kubectl(&["get", "--raw", "/readyz"]);
    let namespace = kubectl(&["create", "namespace", "lab"]);
    assert!(namespace.status.success(), "{namespace:?}");
    let made = kubectl(&[
        "create",
        "secret",
        "generic",
        "hidden",
        "--namespace=lab",
        &format!("--from-literal=word={SECRET}"),
    ]);
    assert!(made.status.success(), "{made:?}");
    let read = kubectl(&[
        "get",
        "secret",
        "hidden",
        "--namespace=lab",
        "-o",
        "jsonpath={.data.word}",
    ]);
    assert!(read.status.success(), "{read:?}");
    assert!(!read.stdout.is_empty());
    drop(api_server);
    drop(etcd);

    let audit = fs::read_to_string(root.join("var/log/kubernetes/audit/audit.log")).expect("a log");
    let line = audit
        .lines()
        .find(|line| line.contains("\"verb\":\"create\"") && line.contains("\"hidden\""))
        .unwrap_or_else(|| panic!("nobody wrote it down: {audit}"));
    assert!(line.contains("kubernetes-super-admin"), "{line}");
    assert!(!line.contains(SECRET), "{line}");
    assert!(!audit.contains("/readyz"), "the policy leaves probes out");

    // All of etcd's files: what was written and what was about to be.
    let mut kept = Vec::new();
    for file in [
        "member/snap/db",
        "member/wal/0000000000000000-0000000000000000.wal",
    ] {
        kept.extend(fs::read(root.join(DATA).join(file)).expect("etcd's file"));
    }
    let has = |word: &str| {
        kept.windows(word.len())
            .any(|bytes| bytes == word.as_bytes())
    };
    assert!(has("/registry/secrets/lab/hidden"));
    assert!(has("k8s:enc:secretbox:v1:key-"));
    assert!(!has(SECRET), "etcd has the secret in the clear");
}
