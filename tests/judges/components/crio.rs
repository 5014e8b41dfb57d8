//! A node whose pods run by CRI-O: what it is told, and what judges that.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use imgbuild::facts::cni::CNI_PLUGINS;
use imgbuild::facts::runtimes::Runtime;
use serde_json::{Value as Json, json};

use crate::generated::Generated;
use crate::units::systemd_takes;

const SPEC: &str = "\
version: 1
hostname: kube1
network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}]}
storage_device: /dev/vda
etcd: {}
containerd:
  images: [./app.tar]
  registries:
    docker.io: {mirrors: ['https://mirror.example:5000', 'http://10.0.0.1/hub'], ca: ca.pem}
    quay.io: {mirrors: ['https://mirror.example:5000/quay'], ca: ca.pem}
    registry.example: {username: me, password_file: password}
    'lab.example:5000': {insecure: true}
    self.example: {ca: ca.pem}
  runtimes: {nvidia: {binary: /opt/bin/nvidia-container-runtime}}
  default_runtime: nvidia
kubernetes: {version: 1.36.2, role: single, runtime: cri-o}
";

const OTHERS: [(&str, &str); 2] = [
    ("ca.pem", "-----BEGIN CERTIFICATE-----\n"),
    ("password", "a\"b\\c\n"),
];

/// What is of the runtime, as people read it.
#[test]
fn its_files_read_well() {
    let node = Generated::of(SPEC, &OTHERS);
    let mut shown = String::new();
    let own = ["/etc/crio/", "/etc/containers/", "/etc/crictl.yaml"];
    for (path, (mode, text)) in &node.files {
        if own.iter().any(|start| path.starts_with(start)) {
            let _ = writeln!(shown, "==> {path} {mode:o}\n{text}");
        }
    }
    for (path, target) in &node.links {
        let _ = writeln!(shown, "==> {path} -> {target}");
    }
    let facts = Runtime::CriO.facts();
    for name in [facts.unit, "containerd.service", "var-lib-containers.mount"] {
        let unit = node.units.iter().find(|unit| unit.name.as_str() == name);
        let unit = unit.expect(name);
        let _ = writeln!(
            shown,
            "\n==> {name} enabled {:?} masked {}\n{}",
            unit.enabled,
            unit.mask == Some(true),
            unit.contents.as_deref().unwrap_or_default()
        );
    }
    insta::assert_snapshot!("crio", shown);
}

#[test]
fn nothing_of_containerd_is_left() {
    let node = Generated::of(SPEC, &OTHERS);
    let config = node.yaml("/etc/kubernetes/kubelet.yaml");
    assert_eq!(
        config["containerRuntimeEndpoint"],
        "unix:///run/crio/crio.sock"
    );
    for path in node.files.keys() {
        assert!(!path.contains("containerd"), "{path}");
    }
    let mut units = node.units.iter();
    let kubelet = units.find(|unit| unit.name.as_str() == "kubelet.service");
    let kubelet = kubelet.and_then(|unit| unit.contents.as_deref());
    let kubelet = kubelet.expect("a unit");
    for line in [
        "After=network-online.target crio.service\n",
        "Requires=crio.service\n",
    ] {
        assert!(kubelet.contains(line), "{kubelet}");
    }
    for unit in &node.units {
        let text = unit.contents.as_deref().unwrap_or_default();
        assert!(!text.contains("containerd"), "{}: {text}", unit.name);
        assert_ne!(unit.name.as_str(), "imgbuild-images.service");
        systemd_takes(unit);
    }
    // The plugins of CNI are the base's, where CRI-O looks for them too.
    for plugin in CNI_PLUGINS {
        assert!(!node.links.contains_key(&format!("/opt/cni/bin/{plugin}")));
    }
}

/// Without images of its own, and without a disk.
#[test]
fn a_node_with_programs_alone() {
    let spec = "version: 1\nhostname: kube1\nkubernetes: {version: 1.36.2, role: standalone, runtime: crio}\n";
    let node = Generated::of(spec, &[]);
    let storage = node.text("/etc/containers/storage.conf");
    assert!(
        storage.ends_with("[\"/opt/kubernetes/images/crio/kubernetes\"]\n"),
        "{storage}"
    );
    assert!(!node.text("/etc/crio/crio.conf").contains("auth"));
    assert!(!node.files.contains_key("/etc/crio/auth.json"));
    assert!(
        !node
            .links
            .contains_key("/etc/crio/crio.conf.d/20-images.conf")
    );
}

/// Python's reader of TOML has the same of each file as its own program would have.
#[test]
fn settings_are_toml() {
    let node = Generated::of(SPEC, &OTHERS);
    let toml = |path: &str| -> Json {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file.toml");
        fs::write(&file, node.text(path)).expect("written");
        let python =
            "import json, sys, tomllib; print(json.dumps(tomllib.load(open(sys.argv[1], 'rb'))))";
        let output = Command::new("python3")
            .args(["-c", python])
            .arg(file)
            .output()
            .expect("starting python3 (Debian package python3)");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{path}: {said}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let registries = toml("/etc/containers/registries.conf");
    let mirror = |location: &str| json!({ "location": location });
    assert_eq!(
        registries["registry"][0]["mirror"],
        json!([
            mirror("mirror.example:5000"),
            { "location": "10.0.0.1/hub", "insecure": true },
        ])
    );
    let storage = toml("/etc/containers/storage.conf");
    assert_eq!(
        storage["storage"]["options"]["additionalimagestores"],
        json!([
            "/opt/kubernetes/images/crio/kubernetes",
            "/opt/kubernetes/images/crio/images",
        ])
    );
    let crio = toml("/etc/crio/crio.conf");
    assert_eq!(
        crio["crio"]["image"]["pause_image"],
        "imgbuild.local/node:1"
    );
    let auth: Json = serde_json::from_str(node.text("/etc/crio/auth.json")).expect("JSON");
    // printf 'me:a"b\\c' | base64
    assert_eq!(auth["auths"]["registry.example"]["auth"], "bWU6YSJiXGM=");
    assert_eq!(node.files["/etc/crio/auth.json"].0, 0o600);
    let runtimes = toml("/etc/crio/crio.conf.d/30-runtimes.conf");
    let runtimes = &runtimes["crio"]["runtime"];
    assert_eq!(runtimes["default_runtime"], "nvidia");
    assert_eq!(
        runtimes["runtimes"]["nvidia"]["runtime_path"],
        "/opt/bin/nvidia-container-runtime"
    );
    let policy: Json =
        serde_json::from_str(node.text("/etc/containers/policy.json")).expect("JSON");
    assert_eq!(policy["default"][0]["type"], "insecureAcceptAnything");
}
