//! What a node gets told of registries and sites, from the spec to the files.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use imgbuild::names::Arch;

use crate::images::made::archive;
use crate::registry::{Registry, run};

pub fn imgbuild(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgbuild"))
        .args(arguments)
        .current_dir(folder)
        .env("IMGBUILD_CACHE", folder.join("cache"))
        .env_remove("IMGBUILD_KUBE_DIR")
        .env_remove("IMGBUILD_REGISTRY_MIRROR")
        .env("DOCKER_CONFIG", folder)
        .output()
        .unwrap()
}

pub fn succeeds(output: &Output) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

pub fn refused(output: &Output, want: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(want), "{said}");
}

/// The file at `path` on the node that an Ignition config makes.
pub fn file(folder: &Path, config: &str, path: &str) -> String {
    let python = r"
import gzip, json, sys, urllib.request
for file in json.load(open(sys.argv[1]))['storage']['files']:
    if file['path'] == sys.argv[2]:
        data = urllib.request.urlopen(file['contents']['source']).read()
        if file['contents'].get('compression') == 'gzip': data = gzip.decompress(data)
        sys.stdout.write(data.decode())
";
    let config = folder.join(config).display().to_string();
    run("python3", "python3", &["-c", python, &config, path])
}

/// A download site: answers each path that ends in `.sha256` with the hash of an empty program, in
/// upstream's layout.
fn site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let known = ["kubelet", "kubectl"].iter().any(|name| {
                request.starts_with(&format!(
                    "GET /mirror/v1.36.2/bin/linux/amd64/{name}.sha256 "
                ))
            });
            let (status, body) = if known {
                ("200 OK", HASH)
            } else {
                ("404 Not Found", "")
            };
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
        }
    });
    format!("http://{address}/mirror")
}

const HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn a_node_that_pulls_knows_the_hashes_of_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let registry = Registry::open();
    let mut digests = Vec::new();
    for name in [
        "pause:3.10.2",
        "kube-apiserver:v1.36.2",
        "kube-controller-manager:v1.36.2",
        "kube-scheduler:v1.36.2",
        "kube-proxy:v1.36.2",
        "coredns/coredns:v1.14.2",
    ] {
        let file = archive(&folder.join("a.tar"), "a", Arch::Amd64, name);
        registry.push(&file, name);
        digests.push((name, registry.manifest(name).0));
    }
    let site = site();
    let spec = format!(
        "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24], dns: [192.168.1.1]}}]}}
etcd: {{}}
kubernetes: {{version: 1.36.2, role: single, artifacts: {{mode: pull, programs: '{site}/'}}}}
"
    );
    fs::write(folder.join("node.yaml"), spec).unwrap();
    let mirror = format!("registry.k8s.io={}", registry.host);
    let build = |more: &[&str]| {
        let all = ["node.yaml", "--registry-mirror", &mirror, "-o"];
        let all: Vec<&str> = all.into_iter().chain(more.iter().copied()).collect();
        imgbuild(folder, &all)
    };
    refused(&build(&["no.ign", "--offline"]), "`--offline` forbids");
    refused(&build(&["no.ign", "--locked"]), "`--locked` forbids");
    succeeds(&build(&["node.ign"]));
    let lock = fs::read_to_string(folder.join("imgbuild.lock")).unwrap();
    for (name, digest) in &digests {
        assert!(
            lock.contains(&format!("\"registry.k8s.io/{name}\": \"{digest}\"")),
            "{name}: {lock}"
        );
    }
    let manifest = |name: &str| {
        let at = if name == "kube-apiserver" {
            "manifests"
        } else {
            "imgbuild/static-pods"
        };
        file(
            folder,
            "node.ign",
            &format!("/etc/kubernetes/{at}/{name}.yaml"),
        )
    };
    for name in [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
    ] {
        let digest = &digests
            .iter()
            .find(|(known, _)| known.starts_with(name))
            .unwrap()
            .1;
        let text = manifest(name);
        let image = format!("image: registry.k8s.io/{name}:v1.36.2@{digest}\n");
        assert!(text.contains(&image), "{text}");
        assert!(!text.contains("/opt/kubernetes/bin"), "{text}");
    }
    let containerd = file(folder, "node.ign", "/etc/containerd/config.toml");
    let pause = format!(
        "sandbox_image = \"registry.k8s.io/pause:3.10.2@{}\"",
        digests[0].1
    );
    assert!(containerd.contains(&pause), "{containerd}");
    let programs = file(folder, "node.ign", "/etc/kubernetes/imgbuild/programs");
    assert_eq!(programs, format!("{HASH} kubectl\n{HASH} kubelet\n"));

    // The lock is enough for the same again, without registry and site.
    drop(registry);
    succeeds(&build(&["again.ign", "--offline", "--locked"]));
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    assert!(read("node.ign") == read("again.ign"), "the same bytes");
}

#[test]
fn containerd_knows_its_registries() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let spec = "\
version: 1
hostname: kube1
containerd:
  registries:
    docker.io: {mirrors: ['https://mirror.example:5000', 'http://10.0.0.1/hub'], ca: ca.pem}
    registry.example: {username: me, password_file: password}
    'lab.example:5000': {insecure: true}
";
    fs::write(folder.join("node.yaml"), spec).unwrap();
    fs::write(folder.join("password"), "a\"b\\c\n").unwrap();
    fs::write(folder.join("ca.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
    succeeds(&imgbuild(folder, &["node.yaml", "-o", "node.ign"]));
    let ignition = fs::read_to_string(folder.join("node.ign")).unwrap();
    let ignition: serde_json::Value = serde_json::from_str(&ignition).unwrap();
    let files = ignition["storage"]["files"].as_array().unwrap();
    let mode = files
        .iter()
        .find(|f| f["path"] == "/etc/containerd/config.toml");
    assert_eq!(mode.unwrap()["mode"], 0o600, "it holds a password");
    let hosts = |host: &str| {
        file(
            folder,
            "node.ign",
            &format!("/etc/containerd/certs.d/{host}/hosts.toml"),
        )
    };
    assert_eq!(
        hosts("docker.io"),
        "server = \"https://registry-1.docker.io\"\n\
         \n[host.\"https://mirror.example:5000\"]\n  capabilities = [\"pull\", \"resolve\"]\n  \
         ca = \"/etc/containerd/certs.d/docker.io/ca.crt\"\n\
         \n[host.\"http://10.0.0.1/v2/hub\"]\n  capabilities = [\"pull\", \"resolve\"]\n  override_path = true\n  \
         ca = \"/etc/containerd/certs.d/docker.io/ca.crt\"\n"
    );
    assert_eq!(
        hosts("lab.example:5000"),
        "server = \"https://lab.example:5000\"\n\n[host.\"https://lab.example:5000\"]\n  skip_verify = true\n\
         \n[host.\"http://lab.example:5000\"]\n"
    );
    assert!(
        !ignition.to_string().contains("registry.example/hosts.toml"),
        "containerd's defaults are enough, and it takes a file without hosts for damaged"
    );
}
