//! When a control plane starts its API server: the script that delays the kubelet or the API
//! server, against servers on loopback that are ready, starting, or off.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::patience::PROGRAM;

/// A control plane as another one finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Its API server answers.
    Ready,
    /// Its kubelet listens, its API server does not answer.
    Starting,
    Off,
}

use State::{Off, Ready, Starting};

#[test]
fn one_after_the_other() {
    let folder = tempfile::tempdir().expect("works");
    certificate(folder.path());
    for (name, earlier, later, waited, goes) in [
        ("the first is ready", &[Ready][..], &[Off][..], 0, true),
        ("the first is on its way", &[Starting], &[Off], 0, false),
        (
            "the first is on its way for long",
            &[Starting],
            &[Off],
            299,
            false,
        ),
        (
            "a later one was faster, the first is on its way",
            &[Starting],
            &[Ready],
            90,
            false,
        ),
        ("nobody has shown yet", &[Off], &[Off], 0, false),
        ("nobody shows", &[Off], &[Off], 60, true),
        (
            "the first is gone, a later one ready: a head start",
            &[Off],
            &[Ready],
            0,
            false,
        ),
        (
            "the third, right after the first",
            &[Ready, Off],
            &[],
            0,
            false,
        ),
        (
            "the third, while the second starts",
            &[Ready, Starting],
            &[],
            0,
            false,
        ),
        ("the third, after both", &[Ready, Ready], &[], 0, true),
    ] {
        let planes = Planes::new(folder.path(), &[earlier, later].concat());
        let (earlier, later) = planes.servers.split_at(earlier.len());
        assert_eq!(
            planes.let_go(folder.path(), earlier, later, waited),
            goes,
            "{name}"
        );
    }
}

/// Control planes on 127.0.0.2 and following.
struct Planes {
    servers: Vec<String>,
    kubelet_port: u16,
    running: Vec<Child>,
    _kubelets: Vec<TcpListener>,
}

impl Planes {
    fn new(folder: &Path, states: &[State]) -> Self {
        let host = |index: usize| format!("127.0.0.{}", index + 2);
        // All of them have their kubelet on the same port, as nodes do.
        let kubelet_port = free_port();
        let mut running = Vec::new();
        let mut kubelets = Vec::new();
        let mut servers = Vec::new();
        for (index, state) in states.iter().enumerate() {
            let server = format!("{}:{}", host(index), free_port());
            if *state == Ready {
                running.push(api_server(folder, &server));
            }
            if *state != Off {
                kubelets.push(TcpListener::bind((host(index), kubelet_port)).expect("works"));
            }
            servers.push(server);
        }
        Self {
            servers,
            kubelet_port,
            running,
            _kubelets: kubelets,
        }
    }

    /// Whether the script lets a control plane go that has waited so many seconds.
    fn let_go(&self, folder: &Path, earlier: &[String], later: &[String], waited: u32) -> bool {
        let script = order_script(folder).replace("10250", &self.kubelet_port.to_string());
        let script = script.split_once("\nif [ $# -gt 0 ]").map_or_else(
            || panic!("{script}"),
            |(functions, rest)| {
                let (_, wait) = rest.split_once("\nfi\n").expect("it waits for etcd first");
                format!("{functions}\n{wait}")
            },
        );
        let (functions, wait) = script.split_once("\nuntil ").expect("it ends in a loop");
        assert!(wait.starts_with("may_start ||"), "{wait}");
        let once = format!("{functions}\nSECONDS={waited}\nmay_start\n");
        let status = Command::new("bash")
            .args(["-c", &once])
            .env("EARLIER", earlier.join(" "))
            .env("LATER", later.join(" "))
            .status()
            .expect("bash");
        match status.code() {
            Some(0) => true,
            Some(1) => false,
            _ => panic!("{status}"),
        }
    }
}

impl Drop for Planes {
    fn drop(&mut self) {
        for server in &mut self.running {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// The script with `folder` in the place of the node's, beside what it reads.
fn order_script(folder: &Path) -> String {
    let there = folder.display().to_string();
    let script = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("manifests")
            .join(name);
        let text = fs::read_to_string(path).expect("works");
        (text.replace("/etc/kubernetes", &there))
            .replace("/dev/kmsg", "/dev/null")
            .replace("{{programs}}", &there)
            .replace("{{node}}", "kube2")
    };
    fs::create_dir_all(folder.join("imgbuild")).expect("works");
    fs::write(
        folder.join("imgbuild/api-servers"),
        script("api-servers.sh"),
    )
    .expect("works");
    script("api-server-order.sh")
}

/// Where the kubelet runs etcd, it gets the API server's manifest once etcd is ready, whole and for
/// root alone.
#[test]
fn the_api_server_starts_after_etcd() {
    let folder = tempfile::tempdir().expect("works");
    let manifests = folder.path().join("manifests");
    fs::create_dir(&manifests).expect("works");
    let waiting = folder.path().join("kube-apiserver.yaml");
    fs::write(&waiting, "kind: Pod\n").expect("works");
    let etcd = TcpListener::bind("127.0.0.1:0").expect("works");
    let port = etcd.local_addr().expect("works").port();
    let script = (order_script(folder.path()).replace("2381", &port.to_string()))
        .replace("sleep 2", "sleep 0.1");
    let mut running = Command::new("bash")
        .args(["-c", &script, "api-server-order"])
        .arg(&waiting)
        .env("EARLIER", "")
        .env("LATER", "")
        .spawn()
        .expect("bash");
    // It asks again and again: without a quorum etcd says that it is not ready.
    for status in [
        "503 Service Unavailable",
        "503 Service Unavailable",
        "200 OK",
    ] {
        let (mut asked, _) = etcd.accept().expect("works");
        // All of it: what is left unread when the connection ends would take the answer with it.
        let lines = BufReader::new(asked.try_clone().expect("works")).lines();
        let request: Vec<String> = (lines.map(|line| line.expect("text")))
            .take_while(|line| !line.is_empty())
            .collect();
        assert_eq!(request[0], "GET /readyz HTTP/1.0");
        assert_eq!(fs::read_dir(&manifests).expect("works").count(), 0);
        write!(asked, "HTTP/1.0 {status}\r\n\r\n").expect("works");
    }
    assert!(running.wait().expect("works").success());
    let manifest = manifests.join("kube-apiserver.yaml");
    assert_eq!(fs::read_to_string(&manifest).expect("works"), "kind: Pod\n");
    let mode = fs::metadata(&manifest).expect("works").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(&manifests).expect("works").count(), 1);
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").expect("works");
    listener.local_addr().expect("works").port()
}

/// What answers every request with 200.
fn api_server(folder: &Path, address: &str) -> Child {
    let mut server = Command::new("openssl")
        .args(["s_server", "-www", "-accept", address])
        .args(["-cert", "ca.crt", "-key", "ca.key"])
        .current_dir(folder.join("pki"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is there (Debian package openssl)");
    let said = server.stdout.take().expect("is piped");
    PROGRAM.line_of(server.id(), said, |line| (line == "ACCEPT").then_some(()));
    server
}

fn certificate(folder: &Path) {
    let pki = folder.join("pki");
    fs::create_dir(&pki).expect("works");
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args([
            "-subj",
            "/CN=kubernetes",
            "-days",
            "1",
            "-keyout",
            "ca.key",
            "-out",
            "ca.crt",
        ])
        .current_dir(pki)
        .stderr(Stdio::null())
        .status()
        .expect("openssl is there (Debian package openssl)");
    assert!(made.success());
}
