//! The script by which a node fetches its programs, against sites on loopback.
//!
//! Debian packages that must be there: busybox-static kubernetes-client openssl.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use imgbuild::oci::digest_of;

use crate::patience::{PROGRAM, computed};

const RIGHT: &[u8] = b"#!/bin/sh\necho the kubelet\n";
const WRONG: &[u8] = b"#!/bin/sh\necho another kubelet\n";

/// A node's folders, and what the script says there.
struct Node(tempfile::TempDir);

impl Node {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("works"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Fetches `kubelet`, which is to be [`RIGHT`], and gives what was said; nothing sleeps between
    /// tries.
    fn fetch(&self, site: &str, authority: Option<&Path>) -> String {
        let log = self.path("log");
        let script = include_str!("../../manifests/fetch-programs.sh");
        let script = script.replace("> /dev/kmsg", &format!(">> {}", log.display()));
        let hash = digest_of(RIGHT);
        let hashes = format!("{} kubelet\n", hash.trim_start_matches("sha256:"));
        fs::write(self.path("hashes"), hashes).expect("works");
        fs::write(&log, "").expect("works");
        let mut sh = Command::new("sh");
        sh.args(["-c", &format!("sleep() {{ :; }}\n{script}")])
            .arg("fetch-programs")
            .arg(site)
            .arg(self.path("programs"))
            .arg(self.path("keep"))
            .stdin(fs::File::open(self.path("hashes")).expect("works"))
            .stderr(Stdio::null());
        if let Some(authority) = authority {
            sh.env("SSL_CERT_FILE", authority);
        }
        let child = sh.spawn().expect("sh is there");
        let process = child.id();
        let done = PROGRAM.finish("the script's end", child, || computed(process));
        assert!(done.status.success(), "{}", done.status);
        fs::read_to_string(log).expect("works")
    }

    /// What the program says.
    fn kubelet(&self) -> String {
        let said = Command::new(self.path("programs/kubelet")).output();
        String::from_utf8(said.expect("it can be run").stdout).expect("text")
    }
}

/// A site that gives `answers` one after the other, nothing for `None`, and notes what it is asked
/// for.
fn site(answers: &'static [Option<&'static [u8]>]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("works");
    let address = listener.local_addr().expect("works");
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (stream, answer) in listener.incoming().zip(answers) {
            let mut stream = stream.expect("works");
            let mut lines = BufReader::new(stream.try_clone().expect("works")).lines();
            let request = lines.next().expect("a request").expect("text");
            while lines
                .next()
                .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
            {}
            log.lock().expect("works").push(request);
            let (status, body) = match answer {
                Some(body) => ("200 OK", *body),
                None => ("404 Not Found", &b""[..]),
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            // Who hangs up has what it wants.
            let _ = stream.write_all(&[head.as_bytes(), body].concat());
        }
    });
    (format!("http://{address}/v1/bin"), asked)
}

#[test]
fn a_program_comes_late_comes_wrong_and_is_kept() {
    let node = Node::new();
    let (address, asked) = site(&[None, Some(WRONG), Some(RIGHT)]);
    let said = node.fetch(&address, None);
    assert!(
        said.contains(&format!("fetching kubelet from {address} failed")),
        "{said}"
    );
    assert!(
        said.contains(&format!(
            "kubelet from {address} does not match the hash in imgbuild.lock"
        )),
        "{said}"
    );
    assert_eq!(node.kubelet(), "the kubelet\n");
    let asked = asked.lock().expect("works").clone();
    assert_eq!(asked, ["GET /v1/bin/kubelet HTTP/1.1"; 3]);

    // The next boot: programs are gone, what was fetched is not, and nobody is there.
    fs::remove_dir_all(node.path("programs")).expect("works");
    assert_eq!(node.fetch("http://127.0.0.1:1", None), "");
    assert_eq!(node.kubelet(), "the kubelet\n");

    // Damage is not taken for the program.
    let (address, _) = site(&[Some(RIGHT)]);
    let kept = fs::read_link(node.path("programs/kubelet")).expect("a link");
    fs::write(kept, WRONG).expect("works");
    let said = node.fetch(&address, None);
    assert!(said.contains("fetching kubelet"), "{said}");
    assert_eq!(node.kubelet(), "the kubelet\n");
}

/// Over TLS, from a site that the node's authorities vouch for.
#[test]
fn a_program_comes_over_tls() {
    let node = Node::new();
    let made = Command::new("openssl")
        .args(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=site -days 1"
                .split(' '),
        )
        .args("-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out cert.pem".split(' '))
        .current_dir(node.0.path())
        .stderr(Stdio::null())
        .status()
        .expect("openssl is there (Debian package openssl)");
    assert!(made.success());
    // The server answers with the bytes of the file, head and all.
    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", RIGHT.len());
    fs::create_dir_all(node.path("v1/bin")).expect("works");
    fs::write(
        node.path("v1/bin/kubelet"),
        [head.as_bytes(), RIGHT].concat(),
    )
    .expect("works");
    let (_server, port) = serve(node.0.path());
    let site = format!("https://127.0.0.1:{port}/v1/bin");
    let said = node.fetch(&site, Some(&node.path("cert.pem")));
    assert_eq!(said, format!("<5>imgbuild: fetching kubelet from {site}\n"));
    assert_eq!(node.kubelet(), "the kubelet\n");
}

/// A process that ends with the value.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves the files of `folder`, and tells on which port.
fn serve(folder: &Path) -> (Server, u16) {
    let mut server = Command::new("openssl")
        .args("s_server -HTTP -accept 127.0.0.1:0 -cert cert.pem -key key.pem".split(' '))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is there (Debian package openssl)");
    let said = server.stdout.take().expect("is piped");
    let server = Server(server);
    let port = PROGRAM.line_of(server.0.id(), said, |line| {
        line.strip_prefix("ACCEPT 127.0.0.1:")?.parse().ok()
    });
    (server, port)
}
