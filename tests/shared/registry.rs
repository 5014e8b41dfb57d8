//! A registry server (Debian package `docker-registry`) on loopback, and skopeo to talk to it.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::patience::PROGRAM;

/// The one user of a registry that asks who is there.
pub const USER: (&str, &str) = ("lab", "s3cret");

/// A server that stops with the value.
pub struct Registry {
    folder: tempfile::TempDir,
    child: Child,
    /// `127.0.0.1:PORT`
    pub host: String,
    with_login: bool,
}

impl Registry {
    /// An empty one, for everyone.
    pub fn open() -> Self {
        Self::start(false)
    }

    /// One that only [`USER`] may use.
    pub fn with_login() -> Self {
        Self::start(true)
    }

    fn start(with_login: bool) -> Self {
        use std::fmt::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let storage = folder.path().join("storage");
        let mut config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: '127.0.0.1:0'}}\n",
            storage.display()
        );
        if with_login {
            let file = folder.path().join("htpasswd");
            let line = run("htpasswd", "apache2-utils", &["-Bbn", USER.0, USER.1]);
            fs::write(&file, line).unwrap();
            writeln!(
                config,
                "auth: {{htpasswd: {{realm: lab, path: {}}}}}",
                file.display()
            )
            .unwrap();
        }
        let path = folder.path().join("config.yml");
        fs::write(&path, config).unwrap();
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&path)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starting docker-registry (Debian package docker-registry)");
        let said = child.stderr.take().unwrap();
        let host = PROGRAM.line_of(child.id(), said, |line| {
            let (_, rest) = line.split_once("listening on ")?;
            let address = |c: &char| c.is_ascii_digit() || ".:".contains(*c);
            Some(rest.chars().take_while(address).collect())
        });
        Self {
            folder,
            child,
            host,
            with_login,
        }
    }

    /// Pushes the image of an OCI archive as `name`.
    pub fn push(&self, archive: &Path, name: &str) {
        let from = format!("oci-archive:{}", archive.display());
        let to = format!("docker://{}/{name}", self.host);
        let login = format!("{}:{}", USER.0, USER.1);
        let mut arguments = vec!["copy", "--dest-tls-verify=false"];
        if self.with_login {
            arguments.extend(["--dest-creds", login.as_str()]);
        }
        arguments.extend([from.as_str(), to.as_str()]);
        skopeo(&arguments);
    }

    /// Puts an index of several architectures, whose images are there, under `repository:tag`.
    pub fn put_index(&self, repository: &str, tag: &str, index: &str) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        write!(
            stream,
            "PUT /v2/{repository}/manifests/{tag} HTTP/1.1\r\nHost: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{index}",
            self.host,
            imgbuild::oci::INDEX_TYPES[0],
            index.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    }

    /// Digest and size of what `name` stands for.
    pub fn manifest(&self, name: &str) -> (String, usize) {
        let name = format!("docker://{}/{name}", self.host);
        let login = format!("--creds={}:{}", USER.0, USER.1);
        let mut arguments = vec!["inspect", "--raw", "--tls-verify=false", &name];
        if self.with_login {
            arguments.push(&login);
        }
        let raw = skopeo(&arguments);
        (imgbuild::oci::digest_of(raw.as_bytes()), raw.len())
    }

    /// The file in which the server keeps the blob with this digest.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        self.folder.path().join(format!(
            "storage/docker/registry/v2/blobs/sha256/{}/{hex}/data",
            &hex[..2]
        ))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a tool and gives what it printed; it has to succeed.
pub fn run(tool: &str, package: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool)
        .args(arguments)
        .output()
        .unwrap_or_else(|why| panic!("starting {tool} (Debian package {package}): {why}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// skopeo, which asks nobody what it may trust.
pub fn skopeo(arguments: &[&str]) -> String {
    let all: Vec<&str> = ["--insecure-policy"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    run("skopeo", "skopeo", &all)
}
