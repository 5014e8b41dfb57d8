//! Kubernetes with its real programs: those of the folder that `IMGBUILD_KUBE_DIR` names (kubelet, kube-apiserver,
//! kube-controller-manager, kube-scheduler, kube-proxy, kubectl; static, for amd64, of [`VERSION`]). Without it nothing is
//! tested, and the output says so.

use std::path::PathBuf;

use imgbuild::qemu::{Firmware, Medium};

use crate::guest::{self, Guest};
use crate::lab::Lab;

/// The version of the programs.
const VERSION: &str = "1.36.2";

const ADDRESS: &str = "192.168.77.10/24";

/// Memory of a node with a control plane, in MiB: half of it is free once the node is Ready.
const MEMORY: u32 = 3072;

/// `kubectl` as the administrator.
const KUBECTL: &str = "sudo KUBECONFIG=/etc/kubernetes/admin.conf /opt/kubernetes/bin/kubectl";

/// A pod of the node's own programs, since nothing else is embedded.
const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: lab}
spec:
  containers:
  - name: lab
    image: imgbuild.local/node:1
    command: [/usr/bin/sh, -c, 'echo started; exec sleep infinity']
    volumeMounts: [{name: usr, mountPath: /usr, readOnly: true}]
  volumes: [{name: usr, hostPath: {path: /usr}}]
";

/// The folder of the programs; `None`, said aloud, where there is none.
fn programs() -> Option<PathBuf> {
    let folder = std::env::var_os("IMGBUILD_KUBE_DIR").map(PathBuf::from);
    if folder.is_none() {
        println!("SKIPPED: IMGBUILD_KUBE_DIR names no folder of Kubernetes' programs");
    }
    folder
}

/// A cluster of one becomes Ready without a network, runs pods, and refuses strangers.
#[test]
#[ignore = "boots a machine: cargo xtask test --all"]
fn single() {
    let Some(programs) = programs() else { return };
    let lab = Lab::new();
    let key = &lab.public_key;
    let spec = lab.write(
        "node.yaml",
        &format!(
            "\
version: 1
hostname: kube1
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: eth0, addresses: [{ADDRESS}]}}]}}
etcd: {{}}
kubernetes: {{version: {VERSION}, role: single}}
"
        ),
    );
    let programs = programs.display().to_string();
    let iso = lab.build(&spec, "node.iso", &["--programs", &programs]);
    let mut machine = guest::machine("kube1", Firmware::Bios, Medium::Cd(iso), ADDRESS);
    machine.memory = MEMORY;
    let node = Guest::boot(&lab, "kubernetes-single", machine);

    let nodes = node.ask(&format!("{KUBECTL} get nodes --no-headers"));
    assert!(
        nodes.contains(" Ready ") && nodes.contains("control-plane"),
        "{nodes}"
    );
    node.ask(&format!("{KUBECTL} apply -f - <<'END'\n{POD}END"));
    node.ask(&format!(
        "{KUBECTL} wait --for condition=Ready --timeout 50s pod/lab"
    ));
    node.says(&format!("{KUBECTL} logs lab"), "started");
    node.says(&format!("{KUBECTL} exec lab -- hostname"), "lab");
    node.refuses(
        "sudo /opt/kubernetes/bin/kubectl --kubeconfig /etc/kubernetes/kubelet.conf get secrets -A",
        "Forbidden",
    );
    node.refuses(
        "/opt/kubernetes/bin/kubectl --server https://192.168.77.10:6443 --insecure-skip-tls-verify --username x --password x get nodes",
        "Unauthorized",
    );
}
