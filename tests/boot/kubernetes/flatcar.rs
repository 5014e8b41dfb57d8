//! Flatcar's Kubernetes with the real programs, on a stand-in for Flatcar: Debian's base under
//! Flatcar's name, whose systemd-sysext merges the image at boot as Flatcar's does, and whose
//! Ignition applies Flatcar's config. Needs the Debian packages cpio and squashfs-tools.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;

use imgbuild::extensions::program_names;
use imgbuild::facts::cni::CNI_PLUGINS;
use imgbuild::formats::cpio::Archive;
use imgbuild::qemu::{Disk, Firmware, Medium};
use serde_json::{Value, json};

use super::VERSION;
use crate::guest::{self, Guest};
use crate::lab::{self, Lab};

const ADDRESS: &str = "192.168.77.31/24";

/// What stands for Flatcar's kernel and initrd, which are not booted.
pub(super) const STAND_IN: &[u8] = b"four";

/// As Flatcar has them (coreos-init's `oem.mount`; systemd's own unit, which the base leaves out).
const OEM: &str = "\
[Unit]
DefaultDependencies=no
Before=local-fs.target
[Mount]
What=/dev/vda
Where=/oem
Type=squashfs
";
const SYSEXT: &str = "\
[Unit]
DefaultDependencies=no
RequiresMountsFor=/oem
After=local-fs.target systemd-remount-fs.service
Before=sysinit.target systemd-tmpfiles-setup.service
ConditionDirectoryNotEmpty=/etc/extensions
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/systemd-sysext merge
[Install]
WantedBy=sysinit.target
";
/// Debian's program with the settings that docker would be given.
pub(super) const ETCD: &str = "\
[Unit]
Wants=network-online.target
After=network-online.target
[Service]
Type=notify
EnvironmentFile=/etc/etcd/environment
ExecStart=/usr/bin/etcd
Restart=always
RestartSec=2s
TimeoutStartSec=infinity
[Install]
WantedBy=multi-user.target
";
const RELEASE: &str = "ID=flatcar\nVERSION_ID=4593.2.5\nSYSEXT_LEVEL=1.0\nPRETTY_NAME=stand-in\n";

pub(super) fn run(package: &str, command: &mut Command) -> Vec<u8> {
    let done = command
        .output()
        .unwrap_or_else(|why| panic!("{command:?}: {why} (Debian package {package})"));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command:?}: {said}");
    done.stdout
}

/// The real programs, and the plugins of Debian's base, in one folder.
pub(super) fn programs(lab: &Lab, programs: &Path, root: &Path) -> PathBuf {
    let all = lab.path("programs");
    run(
        "squashfs-tools",
        Command::new("unsquashfs")
            .args(["-quiet", "-no-progress", "-no-xattrs", "-dest"])
            .arg(lab.path("plugins"))
            .arg(root)
            .args(CNI_PLUGINS.map(|name| format!("usr/lib/cni/{name}"))),
    );
    fs::rename(lab.path("plugins/usr/lib/cni"), &all).unwrap();
    for name in program_names() {
        std::os::unix::fs::symlink(programs.join(name), all.join(name)).unwrap();
    }
    all
}

/// The disk that stands for /oem, with what is in `usr/share/oem` of the PXE folder's initrd.
fn oem(lab: &Lab, tree: &Path) -> PathBuf {
    let mut initrd = File::open(tree.join("initrd.img")).unwrap();
    initrd.seek(SeekFrom::Start(STAND_IN.len() as u64)).unwrap();
    let folder = lab.path("unpacked");
    fs::create_dir(&folder).unwrap();
    run(
        "cpio",
        Command::new("cpio")
            .args(["--extract", "--quiet"])
            .current_dir(&folder)
            .stdin(initrd),
    );
    let disk = lab.path("oem.squashfs");
    run(
        "squashfs-tools",
        Command::new("mksquashfs")
            .arg(folder.join("usr/share/oem"))
            .arg(&disk)
            .args(["-quiet", "-no-progress", "-noD", "-noF"]),
    );
    disk
}

/// Flatcar's config with what the stand-in has in Flatcar's place, as the payload of a node of
/// Debian.
fn payload(lab: &Lab, config: &Path) -> PathBuf {
    let mut config: Value = serde_json::from_slice(&fs::read(config).unwrap()).unwrap();
    let release = format!("data:,{}", RELEASE.replace('\n', "%0A"));
    let files = config["storage"]["files"].as_array_mut().unwrap();
    files.push(json!({"path": "/etc/os-release", "overwrite": true, "mode": 0o644, "contents": {"source": release}}));
    // The base's own plugins give way.
    for link in config["storage"]["links"].as_array_mut().unwrap() {
        link["overwrite"] = json!(true);
    }
    let units = config["systemd"]["units"].as_array_mut().unwrap();
    for unit in units
        .iter_mut()
        .filter(|unit| unit["name"] == "etcd.service")
    {
        unit["contents"] = json!(ETCD);
    }
    units.push(json!({"name": "oem.mount", "contents": OEM}));
    units.push(json!({"name": "systemd-sysext.service", "enabled": true, "contents": SYSEXT}));
    let mut archive = Archive::new(Vec::new());
    let config = serde_json::to_vec(&config).unwrap();
    archive.file("imgbuild/config.ign", 0o600, &config).unwrap();
    let payload = lab.path("payload.cpio");
    fs::write(&payload, archive.finish().unwrap()).unwrap();
    payload
}

/// Debian's base as a PXE folder, for a node `alone`, and its root image.
pub(super) fn host(lab: &Lab) -> (PathBuf, PathBuf) {
    let host = lab.write(
        "host.yaml",
        "version: 1\nkernel_arguments: [no_timer_check]\nhostname: alone\n",
    );
    let host = lab.build(&host, "host", &["--format", "pxe"]);
    let id = fs::read_to_string(host.join("nodes/alone.ipxe")).unwrap();
    let id = id.split("imgbuild.base=").nth(1).unwrap();
    let root = lab::cache().base(&id[..64]).join("root.squashfs");
    (host, root)
}

/// A cluster of one comes up, with programs and plugins out of the image alone, and runs a pod
/// behind a bridge.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn flatcar_runs_a_cluster() {
    let Some(real) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let key = &lab.public_key;
    let (host, root) = host(&lab);
    let programs = programs(&lab, &real, &root);

    for name in ["vmlinuz", "initrd"] {
        fs::write(lab.path(name), STAND_IN).unwrap();
    }
    let spec = lab.write(
        "node.yaml",
        &format!(
            "\
version: 1
target: flatcar
hostname: alone
base: {{kernel: {{source: vmlinuz}}, initrd: {{source: initrd}}}}
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: eth0, addresses: [{ADDRESS}]}}], firewall: {{allow_from: [192.168.77.0/24]}}}}
etcd: {{}}
kubernetes: {{version: {VERSION}, role: single, proxy: {{mode: nftables}}, static_pods: [web.yaml]}}
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

    let (mut medium, _) = Medium::from_tree(&host, "alone").unwrap();
    let Medium::Kernel { initrds, .. } = &mut medium else {
        panic!("{medium:?}");
    };
    initrds[1] = payload(&lab, &config);
    let mut machine = guest::machine("alone", Firmware::Bios, medium, ADDRESS);
    machine.memory = super::MEMORY;
    machine.disks.push(Disk::Raw(oem(&lab, &tree)));
    let node = Guest::boot(&lab, "kubernetes-flatcar", machine);

    let merged = node.ask("systemd-sysext status --no-pager");
    assert!(merged.contains("kubernetes"), "{merged}");
    node.ask("test ! -e /opt/kubernetes && ! touch /usr/lib/kubernetes/bin/other 2> /dev/null");
    node.ask("sudo touch /opt/cni/bin/of-a-network");
    // The pod comes once containerd has made its sandbox, and the plugins its link.
    let answer = super::fetch("10.244.0.2/8080");
    node.says(
        &format!("for _ in $(seq 50); do {answer} 2> /dev/null && exit; sleep 1; done; exit 1"),
        "web-alone",
    );
    let pods = node.ask("sudo /opt/bin/kubectl get pods --all-namespaces --no-headers");
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
        "sudo /opt/bin/kubectl get node alone -o jsonpath='{.status.nodeInfo.osImage}'",
        "stand-in",
    );
    // kube-proxy runs the system's own nft. (Debian's iptables is a link by way of
    // /etc/alternatives, which Flatcar has not.)
    node.ask("sudo nft list table ip kube-proxy | grep -q 10.96.0.1");
    let links = node.ask("networkctl list --no-pager --no-legend");
    for link in links
        .lines()
        .filter(|line| line.contains("veth") || line.contains("cni0"))
    {
        assert!(link.contains("unmanaged"), "{links}");
    }
    node.ask("sudo nft list table inet imgbuild");
}
