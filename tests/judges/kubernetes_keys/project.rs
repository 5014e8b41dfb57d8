//! A project folder with a cluster's spec, what is built of it, and the programs that judge.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64ct::Encoding;

use crate::patience::{PROGRAM, computed};

/// How a certificate begins in PEM.
pub const CERTIFICATE: &str = "BEGIN CERTIFICATE";

/// A cluster of three control planes and two workers; `extra` goes among what all nodes have of
/// `kubernetes:`.
pub fn cluster(folder: &Path, extra: &str) -> PathBuf {
    let mut spec = format!("version: 1\nkubernetes: {{version: 1.36.2{extra}}}\nnodes:\n");
    for (name, address, more) in [
        (
            "control1",
            11,
            "etcd: {}\n    kubernetes: {role: control-plane}",
        ),
        (
            "control2",
            12,
            "etcd: {}\n    kubernetes: {role: control-plane}",
        ),
        (
            "control3",
            13,
            "etcd: {}\n    kubernetes: {role: control-plane}",
        ),
        ("worker1", 21, "kubernetes: {role: worker}"),
        ("worker2", 22, "kubernetes: {role: worker, join: token}"),
    ] {
        let _ = writeln!(
            spec,
            "  - hostname: {name}\n    storage_device: /dev/vda\n    network: {{interfaces: [{{name: eth0, addresses: [192.168.1.{address}/24]}}]}}\n    {more}"
        );
    }
    written(folder, &spec)
}

/// A cluster of one, quick to make.
pub fn single(folder: &Path, extra: &str) -> PathBuf {
    written(
        folder,
        &format!(
            "version: 1\nhostname: kube1\nnetwork: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24]}}]}}\netcd: {{}}\nkubernetes: {{version: 1.36.2, role: single{extra}}}\n"
        ),
    )
}

pub fn written(folder: &Path, spec: &str) -> PathBuf {
    let path = folder.join("lab.yaml");
    fs::write(&path, spec).expect("written");
    path
}

/// Exit status, standard output and standard error of imgbuild.
pub fn run(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .output()
        .expect("imgbuild runs");
    (
        output.status.code().expect("an exit status"),
        String::from_utf8(output.stdout).expect("text"),
        String::from_utf8(output.stderr).expect("text"),
    )
}

pub fn good(arguments: &[&str]) -> String {
    let (status, out, err) = run(arguments);
    assert_eq!(status, 0, "{arguments:?}: {err}");
    out
}

pub fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

pub fn tool(package: &str, program: &str, folder: &Path, arguments: &[&str]) -> String {
    let child = Command::new(program)
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("running {program} (Debian package {package}): {e}"));
    let process = child.id();
    let output = PROGRAM.finish(program, child, || computed(process));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

pub fn openssl(folder: &Path, arguments: &[&str]) -> String {
    tool("openssl", "openssl", folder, arguments)
}

/// The files of `node`'s Ignition config: path and contents, from data URLs that may be compressed.
pub fn files(spec: &Path, node: &str) -> Vec<(String, String)> {
    let out = good(&[
        text(spec),
        "--node",
        node,
        "--format",
        "ignition",
        "-o",
        "-",
    ]);
    let config: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let files = config["storage"]["files"].as_array().expect("files");
    files
        .iter()
        .map(|file| {
            let path = file["path"].as_str().expect("a path").to_owned();
            let contents = &file["contents"];
            let source = contents["source"].as_str().unwrap_or_default();
            let bytes = decoded(source);
            let bytes = match contents["compression"].as_str() {
                Some("gzip") => {
                    let mut plain = Vec::new();
                    std::io::Read::read_to_end(
                        &mut flate2::read::GzDecoder::new(bytes.as_slice()),
                        &mut plain,
                    )
                    .expect("gzip");
                    plain
                }
                _ => bytes,
            };
            (path, String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect()
}

fn decoded(source: &str) -> Vec<u8> {
    let Some((head, data)) = source.split_once(',') else {
        return Vec::new();
    };
    if head.ends_with(";base64") {
        return base64ct::Base64::decode_vec(data).expect("base64");
    }
    let mut bytes = Vec::new();
    let mut rest = data.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
            let digits = std::str::from_utf8(&digits).expect("digits").to_owned();
            bytes.push(u8::from_str_radix(&digits, 16).expect("hexadecimal"));
        } else {
            bytes.push(byte);
        }
    }
    bytes
}

/// Every leaf of `keys` against the authorities that are trusted, as openssl sees them.
pub fn verify_leaves(keys: &Path) -> usize {
    let bundle = |stem: &str| {
        let mut all = String::new();
        for file in ["", ".next", ".old"] {
            all += &fs::read_to_string(keys.join(format!("{stem}{file}.crt"))).unwrap_or_default();
        }
        fs::write(keys.join(format!("{stem}.bundle")), all).expect("written");
        format!("{stem}.bundle")
    };
    let (ca, front, etcd) = (bundle("ca"), bundle("front-proxy-ca"), bundle("etcd/ca"));
    let mut seen = 0;
    for (folder, names) in [
        (
            "nodes/kube1/kubernetes",
            &[
                "apiserver",
                "apiserver-kubelet-client",
                "controller-manager",
                "scheduler",
                "kube-proxy",
                "kubelet-client",
                "kubelet-server",
            ][..],
        ),
        ("clients/kubernetes", &["admin", "super-admin"]),
        ("nodes/kube1/front-proxy", &["front-proxy-client"]),
        (
            "nodes/kube1/etcd",
            &[
                "server",
                "peer",
                "healthcheck-client",
                "apiserver-etcd-client",
            ],
        ),
    ] {
        for name in names {
            let authority = if folder.ends_with("front-proxy") {
                &front
            } else if folder.ends_with("etcd") {
                &etcd
            } else {
                &ca
            };
            let file = format!("{folder}/{name}.crt");
            openssl(
                keys,
                &["verify", "-x509_strict", "-CAfile", authority, &file],
            );
            seen += 1;
        }
    }
    seen
}
