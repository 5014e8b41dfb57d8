//! Kernel and initrd: by path and URL, with hash and signature. Needs the Debian packages gpg,
//! gpg-agent and gpgv.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use sha2::{Digest, Sha512};

use crate::flatcar::project::{HEAD, INITRD, KERNEL, Project, said};

fn hash(bytes: &[u8]) -> String {
    let mut hash = String::from("sha512-");
    for byte in Sha512::digest(bytes) {
        write!(hash, "{byte:02x}").unwrap();
    }
    hash
}

fn spec(kernel: &str, initrd: &str, more: &str) -> String {
    format!("{HEAD}base:\n  kernel: {{{kernel}}}\n  initrd: {{{initrd}}}\n{more}")
}

/// Serves `answers` requests for the stand-ins, whatever the folder in the path, and gives where.
fn serve(answers: usize) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = thread::spawn(move || {
        for _ in 0..answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            while !lines.next().unwrap().unwrap().is_empty() {}
            let path = request.split(' ').nth(1).unwrap();
            let known = [KERNEL, INITRD];
            let file = known.iter().find(|(name, _)| path.ends_with(name));
            let (status, body) = file.map_or(("404 Not Found", &b""[..]), |(_, b)| ("200 OK", b));
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body).unwrap();
        }
    });
    (format!("http://{address}"), served)
}

#[test]
fn a_url_is_fetched_once_and_checked() {
    let (site, served) = serve(2);
    let of =
        |(name, bytes): (&str, &[u8])| format!("source: '{site}/{name}', hash: {}", hash(bytes));
    let project = Project::new(&spec(&of(KERNEL), &of(INITRD), ""));
    project.fails(
        1,
        &["-o", "tree", "--format", "pxe", "--offline"],
        "is not in the cache; `--offline` forbids fetching it",
    );
    let tree = project.build("tree", &["--format", "pxe"]);
    served.join().unwrap();
    assert_eq!(fs::read(tree.join("initrd.img")).unwrap(), INITRD.1);
    // The site is gone, and not asked again.
    project.build("tree", &["--format", "pxe", "--offline"]);
}

#[test]
fn another_file_than_the_spec_names_is_refused() {
    let kernel = |hash: &str| format!("source: {}, hash: {hash}", KERNEL.0);
    let initrd = format!("source: {}", INITRD.0);
    let project = Project::new(&spec(&kernel(&hash(KERNEL.1)), &initrd, ""));
    project.build("tree", &["--format", "pxe"]);
    fs::write(
        project.path("node.yaml"),
        spec(&kernel(&hash(b"other")), &initrd, ""),
    )
    .unwrap();
    project.fails(1, &["-o", "tree", "--format", "pxe"], "hash mismatch of");

    let (site, served) = serve(1);
    let url = format!("source: '{site}/{}', hash: {}", KERNEL.0, hash(b"other"));
    fs::write(project.path("node.yaml"), spec(&url, &initrd, "")).unwrap();
    project.fails(1, &["-o", "tree", "--format", "pxe"], "hash mismatch of");
    served.join().unwrap();
    // Nothing of it stays under the other's hash.
    let left: Vec<_> = fs::read_dir(project.path("cache/boot")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// `gpg` with a home of its own.
pub fn gpg(home: &Path, arguments: &[&str]) {
    let run = Command::new("gpg")
        .arg("--homedir")
        .arg(home)
        .args([
            "--batch",
            "--quiet",
            "--yes",
            "--passphrase",
            "",
            "--pinentry-mode",
            "loopback",
        ])
        .args(arguments)
        .output()
        .expect("starting gpg (Debian packages gpg and gpg-agent)");
    assert!(run.status.success(), "gpg {arguments:?}: {}", said(&run));
}

#[test]
fn signatures_are_checked_with_the_named_key() {
    let kernel = format!("source: {0}, signature: {0}.sig", KERNEL.0);
    let initrd = format!("source: {0}, signature: ./{0}.sig", INITRD.0);
    let project = Project::new(&spec(&kernel, &initrd, "  key: maker.asc\n"));
    // A short path: the agent's socket is in it.
    let homes = tempfile::tempdir_in("/tmp").unwrap();
    for name in ["maker", "other"] {
        let home = homes.path().join(name);
        fs::create_dir(&home).unwrap();
        fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        gpg(
            &home,
            &["--quick-generate-key", name, "ed25519", "sign", "never"],
        );
        let key = project.path(&format!("{name}.asc"));
        gpg(
            &home,
            &[
                "--armor",
                "--output",
                key.to_str().unwrap(),
                "--export",
                name,
            ],
        );
        let key = project.path(&format!("{name}.gpg"));
        gpg(
            &home,
            &["--output", key.to_str().unwrap(), "--export", name],
        );
    }
    for (name, _) in [KERNEL, INITRD] {
        let (file, signature) = (project.path(name), project.path(&format!("{name}.sig")));
        let (file, signature) = (file.to_str().unwrap(), signature.to_str().unwrap());
        gpg(
            &homes.path().join("maker"),
            &["--output", signature, "--detach-sign", file],
        );
    }
    let pxe = ["-o", "tree", "--format", "pxe"];
    for key in ["maker.asc", "maker.gpg"] {
        let text = spec(&kernel, &initrd, &format!("  key: {key}\n"));
        fs::write(project.path("node.yaml"), text).unwrap();
        project.build("tree", &["--format", "pxe"]);
    }
    for (key, why) in [
        ("other.asc", "is not a valid signature of"),
        ("missing.asc", "missing.asc"),
        (KERNEL.0, "it contains no OpenPGP public key"),
    ] {
        let text = spec(&kernel, &initrd, &format!("  key: {key}\n"));
        fs::write(project.path("node.yaml"), text).unwrap();
        project.fails(1, &pxe, why);
    }
    let text = spec(&kernel, &initrd, "  key: maker.asc\n");
    fs::write(project.path("node.yaml"), text).unwrap();
    fs::write(project.path(INITRD.0), b"one that was altered").unwrap();
    project.fails(1, &pxe, "is not a valid signature of");
}
