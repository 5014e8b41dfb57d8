//! containerd's settings, in each of their versions: what they say, and what containerd makes of
//! them (Debian package `containerd` for version 2; [`crate::containerd_2`] for both).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::images::node::{file, imgbuild, succeeds};
use crate::registry::run;

/// A target and what it says of itself.
pub struct Case {
    pub target: &'static str,
    /// A line of `containerd:`.
    line: &'static str,
    pub version: u8,
    /// The plugins that have images, and that run containers.
    images: &'static str,
    runtime: &'static str,
    selinux: bool,
}

const OF_V2: &str = "io.containerd.grpc.v1.cri";

pub const CASES: [Case; 3] = [
    Case {
        target: "debian",
        line: "",
        version: 2,
        images: OF_V2,
        runtime: OF_V2,
        selinux: false,
    },
    Case {
        target: "flatcar",
        line: "",
        version: 3,
        images: "io.containerd.cri.v1.images",
        runtime: "io.containerd.cri.v1.runtime",
        selinux: true,
    },
    Case {
        target: "flatcar",
        line: "  config_version: 2\n",
        version: 2,
        images: OF_V2,
        runtime: OF_V2,
        selinux: true,
    },
];

const SPEC: &str = "
version: 1
hostname: kube1
network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}]}
etcd: {}
kubernetes: {version: 1.36.2, role: single}
containerd:
  default_runtime: nvidia
  runtimes:
    nvidia: {binary: /opt/bin/nvidia-container-runtime}
    sandboxed: {shim: gvisor, shim_path: /opt/bin/containerd-shim-runsc-v1, config: /etc/runsc.toml}
    machine: {shim: kata, config: /etc/kata.toml}
    wasm: {shim: io.containerd.wasmtime.v1}
  registries:
    registry.example: {username: me, password_file: password}
";

/// The settings of a node with everything, in a file in `folder`.
pub fn settings(case: &Case, folder: &Path) -> PathBuf {
    let spec = format!("target: {}{SPEC}{}", case.target, case.line);
    fs::write(folder.join("node.yaml"), spec).unwrap();
    fs::write(folder.join("password"), "a\"b\\c\n").unwrap();
    succeeds(&imgbuild(folder, &["node.yaml", "-o", "node.ign"]));
    let path = folder.join("config.toml");
    let text = file(folder, "node.ign", "/etc/containerd/config.toml");
    fs::write(&path, text).unwrap();
    path
}

/// A file of TOML as JSON.
pub fn read(path: &Path) -> Value {
    let python =
        "import json, sys, tomllib; json.dump(tomllib.load(open(sys.argv[1], 'rb')), sys.stdout)";
    let text = run(
        "python3",
        "python3",
        &["-c", python, &path.display().to_string()],
    );
    serde_json::from_str(&text).unwrap()
}

/// What the settings say.
fn expected(case: &Case) -> Value {
    let of_runc = |binary: Option<&str>| {
        let mut options = json!({"SystemdCgroup": true});
        if let Some(binary) = binary {
            options["BinaryName"] = binary.into();
        }
        json!({"runtime_type": "io.containerd.runc.v2", "options": options})
    };
    let pause = "imgbuild.local/node:1";
    let mut plugins = json!({"io.containerd.internal.v1.opt": {"path": "/var/lib/containerd/opt"}});
    plugins[case.images] = json!({
        "registry": {
            "config_path": "/etc/containerd/certs.d",
            "configs": {"registry.example": {"auth": {"username": "me", "password": "a\"b\\c"}}},
        },
    });
    match case.version {
        2 => plugins[case.images]["sandbox_image"] = pause.into(),
        _ => plugins[case.images]["pinned_images"] = json!({"sandbox": pause}),
    }
    plugins[case.runtime]["enable_selinux"] = case.selinux.into();
    plugins[case.runtime]["containerd"] = json!({
        "default_runtime_name": "nvidia",
        "runtimes": {
            "runc": of_runc(None),
            "nvidia": of_runc(Some("/opt/bin/nvidia-container-runtime")),
            "sandboxed": {
                "runtime_type": "io.containerd.runsc.v1",
                "runtime_path": "/opt/bin/containerd-shim-runsc-v1",
                "options": {"TypeUrl": "io.containerd.runsc.v1.options", "ConfigPath": "/etc/runsc.toml"},
            },
            "machine": {
                "runtime_type": "io.containerd.kata.v2",
                "privileged_without_host_devices": true,
                "options": {"ConfigPath": "/etc/kata.toml"},
            },
            "wasm": {"runtime_type": "io.containerd.wasmtime.v1"},
        },
    });
    json!({"version": case.version, "oom_score": -999, "plugins": plugins})
}

#[test]
fn each_version_says_the_same_in_its_own_words() {
    for case in &CASES {
        let folder = tempfile::tempdir().unwrap();
        let path = settings(case, folder.path());
        assert_eq!(
            read(&path),
            expected(case),
            "{}, version {}",
            case.target,
            case.version
        );
    }
}

/// Whatever `wanted` says is in `dumped`, beside what containerd fills in.
pub fn holds(dumped: &Value, wanted: &Value, at: &str) {
    let Value::Object(keys) = wanted else {
        assert_eq!(dumped, wanted, "{at}");
        return;
    };
    for (key, wanted) in keys {
        holds(&dumped[key], wanted, &format!("{at}.{key}"));
    }
}

#[test]
fn containerd_takes_version_2() {
    for case in CASES.iter().filter(|case| case.version == 2) {
        let folder = tempfile::tempdir().unwrap();
        let path = settings(case, folder.path());
        let config = path.display().to_string();
        let dumped = run(
            "containerd",
            "containerd",
            &["--config", &config, "config", "dump"],
        );
        let effective = folder.path().join("effective.toml");
        fs::write(&effective, dumped).unwrap();
        let effective = read(&effective);
        holds(&effective, &expected(case), case.target);
        // Where CNI's programs and networks are it knows by itself.
        let cni = json!({"bin_dir": "/opt/cni/bin", "conf_dir": "/etc/cni/net.d"});
        holds(&effective["plugins"][OF_V2]["cni"], &cni, "cni");
    }
}

/// Whoever brings a kubelet to a node without Kubernetes, as for `kubeadm join`, finds no image of
/// imgbuild's there: pods get the sandbox of upstream.
#[test]
fn a_node_without_kubernetes_has_upstreams_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    for (case, key) in CASES
        .iter()
        .zip(["sandbox_image", "pinned_images.sandbox", "sandbox_image"])
    {
        let spec = format!(
            "version: 1\ntarget: {}\nhostname: machine1\ncontainerd:\n  registries: {{registry.example: {{mirrors: ['https://mirror.example']}}}}\n{}",
            case.target, case.line
        );
        fs::write(folder.path().join("node.yaml"), spec).unwrap();
        succeeds(&imgbuild(folder.path(), &["node.yaml", "-o", "node.ign"]));
        let text = file(folder.path(), "node.ign", "/etc/containerd/config.toml");
        let line = format!("{key} = \"registry.k8s.io/pause:3.10.2\"\n");
        assert!(text.contains(&line), "{text}");
    }
}

/// Who asks for a runtime is sent to nodes that have it.
#[test]
fn runtimes_have_their_classes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let spec = "
version: 1
kubernetes: {version: 1.36.2}
nodes:
  - hostname: control1
    network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}]}
    etcd: {}
    kubernetes: {role: control-plane}
  - hostname: worker1
    containerd: {runtimes: {nvidia: {binary: /opt/bin/nvidia-container-runtime}}}
    kubernetes: {role: worker}
  - hostname: worker2
    containerd: {runtimes: {kata: {shim: kata}}}
    kubernetes: {role: worker}
";
    fs::write(folder.join("node.yaml"), spec).unwrap();
    succeeds(&imgbuild(
        folder,
        &["node.yaml", "--format", "ign", "-o", "out/"],
    ));
    let classes = file(
        folder,
        "out/control1.ign",
        "/etc/kubernetes/imgbuild/15-runtime-classes.yaml",
    );
    for name in ["nvidia", "kata"] {
        let class = format!(
            "apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata:\n  name: {name}\nhandler: {name}\nscheduling:\n  nodeSelector:\n    \
             runtime.imgbuild.local/{name}: \"true\"\n"
        );
        assert!(classes.contains(&class), "{classes}");
    }
    for (node, own, other) in [("worker1", "nvidia", "kata"), ("worker2", "kata", "nvidia")] {
        let config = fs::read_to_string(folder.join(format!("out/{node}.ign"))).unwrap();
        let label = |name: &str| format!("runtime.imgbuild.local/{name}=true");
        assert!(config.contains(&label(own)), "{node}: {config}");
        assert!(!config.contains(&label(other)), "{node}: {config}");
        assert!(!config.contains("runtime-classes"), "{node}: {config}");
    }
}
