//! A kubelet without an API server.

use imgbuild::qemu::{Firmware, Medium};

use super::VERSION;
use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};

const ADDRESS: &str = "192.168.77.30/24";

/// It runs the static pods that the spec lays out.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn standalone_runs_a_static_pod() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let key = &lab.public_key;
    let container = super::CONTAINER;
    let volumes = super::VOLUMES;
    let spec = lab.write(
        "node.yaml",
        &format!(
            "\
version: 1
kernel_arguments: [{UNTIMED}]
hostname: alone
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: eth0, addresses: [{ADDRESS}]}}]}}
kubernetes: {{version: {VERSION}, role: standalone}}
storage:
  files:
    - path: /etc/kubernetes/manifests/web.yaml
      mode: 0600
      contents:
        inline: |
          apiVersion: v1
          kind: Pod
          metadata: {{name: web}}
          spec:
              hostNetwork: true
              containers:
              - name: web
                command: [socat, 'TCP-LISTEN:8080,fork,reuseaddr', 'SYSTEM:hostname']
                {}
              {}
",
            container.replace('\n', "\n        "),
            volumes.replace('\n', "\n        "),
        ),
    );
    let iso = super::build(&lab, &spec, "node.iso", &programs, &[]);
    let machine = guest::machine("alone", Firmware::Bios, Medium::Cd(iso), ADDRESS);
    let node = Guest::boot(&lab, "kubernetes-standalone", machine);
    // The pod comes once containerd has made its sandbox.
    let answer = super::fetch("127.0.0.1/8080");
    node.says(
        &format!("for _ in $(seq 50); do {answer} 2> /dev/null && exit; sleep 1; done; exit 1"),
        "alone",
    );
    let containers = node.ask("sudo ctr --namespace k8s.io tasks ls");
    assert!(containers.contains("RUNNING"), "{containers}");
}
