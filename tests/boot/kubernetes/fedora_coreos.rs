//! Fedora CoreOS' Kubernetes with the real programs, on a stand-in for Fedora CoreOS: Debian's base
//! under Fedora's name, whose Ignition applies Fedora CoreOS' config, and whose systemd runs the
//! unit that hands the images over, from a disk instead of an initrd. It has networkd instead of
//! `NetworkManager`, and no policy of `SELinux`. Needs the Debian packages cpio and squashfs-tools.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild::formats::cpio::Archive;
use imgbuild::qemu::{Disk, Firmware, Medium};
use serde_json::{Value, json};

use super::VERSION;
use super::flatcar::{ETCD, STAND_IN, host, programs, run};
use crate::guest::{self, Guest};
use crate::lab::Lab;

const ADDRESS: &str = "192.168.77.32/24";

/// Where the stand-in has what is in the initrd's folder of extensions.
const INITRD: &str = "/usr/lib/imgbuild/extensions";
const DISK: &str = "/mnt";

const MOUNT: &str = "\
[Unit]
DefaultDependencies=no
Before=local-fs.target
[Mount]
What=/dev/vda
Where=/mnt
Type=squashfs
";
/// The base leaves out systemd's own.
const SYSEXT: &str = "\
[Unit]
DefaultDependencies=no
After=local-fs.target systemd-remount-fs.service imgbuild-extensions.service
Requires=imgbuild-extensions.service
Before=sysinit.target systemd-tmpfiles-setup.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/systemd-sysext merge
[Install]
WantedBy=sysinit.target
";
const RELEASE: &str = "ID=fedora\nVERSION_ID=43\nVARIANT_ID=coreos\nPRETTY_NAME=stand-in\n";

/// What the PXE folder's initrd has behind the system's own.
fn unpacked(lab: &Lab, tree: &Path) -> PathBuf {
    let initrd = fs::read(tree.join("initrd.img")).unwrap();
    let folder = lab.path("unpacked");
    fs::create_dir(&folder).unwrap();
    let archive = lab.path("initrd.cpio");
    fs::write(&archive, &initrd[STAND_IN.len()..]).unwrap();
    run(
        "cpio",
        Command::new("cpio")
            .args(["--extract", "--quiet"])
            .current_dir(&folder)
            .stdin(fs::File::open(archive).unwrap()),
    );
    folder
}

/// The disk with the images of the initrd, `unpacked`.
fn disk(lab: &Lab, unpacked: &Path) -> PathBuf {
    let disk = lab.path("extensions.squashfs");
    run(
        "squashfs-tools",
        Command::new("mksquashfs")
            .arg(unpacked.join(&INITRD[1..]))
            .arg(&disk)
            .args(["-quiet", "-no-progress", "-noD", "-noF"]),
    );
    disk
}

/// Fedora CoreOS' config with what the stand-in has in Fedora's place, as the payload of a node of
/// Debian. `handover` is the initrd's unit.
fn payload(lab: &Lab, config: &Path, handover: &str) -> PathBuf {
    let text = fs::read_to_string(config).unwrap();
    let text = text.replacen("3.4.0", "3.4.0-experimental", 1);
    let mut config: Value = serde_json::from_str(&text).unwrap();
    let data = |text: &str| {
        text.bytes().fold("data:,".to_owned(), |mut url, byte| {
            let _ = write!(url, "%{byte:02X}"); // writing to a String does not fail
            url
        })
    };
    let link = format!("[Match]\nName=eth0\n[Network]\nAddress={ADDRESS}\n");
    let files = config["storage"]["files"].as_array_mut().unwrap();
    for (path, text) in [
        ("/etc/os-release", RELEASE),
        ("/etc/systemd/network/10-eth0.network", &link),
    ] {
        files.push(json!({"path": path, "overwrite": true, "mode": 0o644, "contents": {"source": data(text)}}));
    }
    // The base's own plugins give way.
    for link in config["storage"]["links"].as_array_mut().unwrap() {
        link["overwrite"] = json!(true);
    }
    // As in the initrd, but for the medium, which cannot be written to.
    let handover = handover
        .replace(INITRD, DISK)
        .replace("exec mv", "exec cp")
        .replace(
            "Before=initrd-switch-root.target",
            "RequiresMountsFor=/mnt\nBefore=systemd-sysext.service",
        );
    let units = config["systemd"]["units"].as_array_mut().unwrap();
    for unit in units.iter_mut() {
        match unit["name"].as_str().unwrap() {
            "etcd.service" => unit["contents"] = json!(ETCD),
            "systemd-sysext.service" => unit["contents"] = json!(SYSEXT),
            _ => {}
        }
    }
    units.push(json!({"name": "mnt.mount", "contents": MOUNT}));
    units.push(json!({"name": "imgbuild-extensions.service", "contents": handover}));
    let mut archive = Archive::new(Vec::new());
    let config = serde_json::to_vec(&config).unwrap();
    archive.file("imgbuild/config.ign", 0o600, &config).unwrap();
    let payload = lab.path("payload.cpio");
    fs::write(&payload, archive.finish().unwrap()).unwrap();
    payload
}

/// The kernel finds the labels of the image's files.
fn has_labels(node: &Guest) {
    for (path, kind) in [
        ("/usr/libexec/kubernetes/bin/kubelet", "kubelet_exec_t"),
        ("/usr/libexec/kubernetes/bin/kube-proxy", "bin_t"),
        ("/usr/libexec/cni/bridge", "bin_t"),
        ("/usr/lib/extension-release.d", "lib_t"),
    ] {
        let label = node.ask(&format!("stat -c %C {path}"));
        assert!(
            label.contains(&format!("system_u:object_r:{kind}:s0")),
            "{path}: {label}"
        );
    }
}

/// A cluster of one comes up, with programs and plugins out of the image alone, and runs a pod
/// behind a bridge.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn fedora_coreos_runs_a_cluster() {
    let Some(real) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let key = &lab.public_key;
    let (host, root) = host(&lab);
    let programs = programs(&lab, &real, &root);

    for name in ["vmlinuz", "initrd", "rootfs"] {
        fs::write(lab.path(name), STAND_IN).unwrap();
    }
    // Debian's containerd is 1.7.
    let spec = lab.write(
        "node.yaml",
        &format!(
            "\
version: 1
target: fedora-coreos
hostname: alone
base: {{kernel: {{source: vmlinuz}}, initrd: {{source: initrd}}, rootfs: {{source: rootfs}}}}
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: enp1s0, addresses: [{ADDRESS}]}}]}}
containerd: {{config_version: 2}}
etcd: {{}}
kubernetes: {{version: {VERSION}, role: single, dns: none, proxy: {{mode: iptables}}, static_pods: [web.yaml]}}
"
        ),
    );
    lab.write(
        "web.yaml",
        "\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: web
    image: imgbuild.local/node:1
    command: [socat, 'TCP-LISTEN:8080,fork,reuseaddr', 'SYSTEM:hostname']
    volumeMounts: [{name: usr, mountPath: /usr, readOnly: true}]
  volumes:
  - {name: usr, hostPath: {path: /usr}}
",
    );
    let tree = super::build(&lab, &spec, "tree", &programs, &["--format", "pxe"]);
    let config = super::build(&lab, &spec, "node.ign", &programs, &[]);
    let unpacked = unpacked(&lab, &tree);
    let unit = unpacked.join("usr/lib/systemd/system/imgbuild-extensions.service");
    let handover = fs::read_to_string(unit).unwrap();

    let (mut medium, _) = Medium::from_tree(&host, "alone").unwrap();
    let Medium::Kernel { initrds, .. } = &mut medium else {
        panic!("{medium:?}");
    };
    initrds[1] = payload(&lab, &config, &handover);
    let mut machine = guest::machine("alone", Firmware::Bios, medium, ADDRESS);
    machine.memory = super::MEMORY;
    machine.disks.push(Disk::Raw(disk(&lab, &unpacked)));
    let node = Guest::boot(&lab, "kubernetes-fedora-coreos", machine);

    let merged = node.ask("systemd-sysext status --no-pager");
    assert!(merged.contains("kubernetes"), "{merged}");
    node.ask("test ! -e /opt/kubernetes && ! touch /usr/libexec/kubernetes/bin/other 2> /dev/null");
    node.ask("sudo touch /opt/cni/bin/of-a-network");
    has_labels(&node);
    // The pod comes once containerd has made its sandbox, and the plugins its link.
    let answer = super::fetch("10.244.0.2/8080");
    node.says(
        &format!("for _ in $(seq 50); do {answer} 2> /dev/null && exit; sleep 1; done; exit 1"),
        "web-alone",
    );
    let kubectl = "sudo /usr/local/bin/kubectl";
    let pods = node.ask(&format!("{kubectl} get pods --all-namespaces --no-headers"));
    for name in [
        "kube-apiserver-alone",
        "kube-controller-manager-alone",
        "kube-proxy-alone",
        "kube-scheduler-alone",
        "web-alone",
    ] {
        let line = pods.lines().find(|line| line.contains(name));
        assert!(line.is_some_and(|line| line.contains("Running")), "{pods}");
    }
    node.says(
        &format!(
            "{kubectl} get pod kube-apiserver-alone --namespace kube-system \
             -o jsonpath='{{.spec.securityContext.seLinuxOptions.type}}'"
        ),
        "spc_t",
    );
    node.says(
        &format!("{kubectl} get node alone -o jsonpath='{{.status.nodeInfo.osImage}}'"),
        "stand-in",
    );
    // kube-proxy runs the system's own iptables, a link by way of /etc/alternatives.
    node.ask("sudo iptables-save | grep -q 10.96.0.1");
}
