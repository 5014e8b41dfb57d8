//! A cluster of one.

use std::process::Command;

use imgbuild::qemu::{Disk, Firmware, Medium, create_disk};

use super::{KUBECTL, MEMORY, VERSION, WAIT};
use crate::guest::{self, Guest};
use crate::lab::{Lab, UNTIMED};

const ADDRESS: &str = "192.168.77.10/24";
const API: &str = "192.168.77.10:6443";

/// The Service of the tests.
const SERVICE: &str = "10.96.0.77";

fn spec(lab: &Lab, name: &str, etcd: &str, rest: &str) -> std::path::PathBuf {
    let key = &lab.public_key;
    let text = format!(
        "\
version: 1
kernel_arguments: [{UNTIMED}]
hostname: kube1
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
network: {{interfaces: [{{name: eth0, addresses: [{ADDRESS}], gateway: 192.168.77.1}}]}}
etcd: {etcd}
kubernetes: {{version: {VERSION}, role: single, {rest}}}
storage_device: /dev/vda
"
    );
    lab.write(name, &text)
}

/// It becomes Ready without a network, runs pods, serves, refuses strangers, and is all there after
/// a reboot.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn single_lives_through_a_reboot() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let spec = spec(&lab, "node.yaml", "{}", "");
    let iso = super::build(&lab, &spec, "node.iso", &programs, &[]);
    let disk = lab.path("state.raw");
    create_disk(&disk, 4 << 30).unwrap();
    let machine = || {
        let medium = Medium::Cd(iso.clone());
        let mut machine = guest::machine("kube1", Firmware::Bios, medium, ADDRESS);
        machine.memory = MEMORY;
        machine.disks = vec![Disk::Raw(disk.clone())];
        machine
    };
    let node = Guest::boot(&lab, "kubernetes-single", machine());
    let nodes = node.ask(&format!("{KUBECTL} get nodes --no-headers"));
    assert!(
        nodes.contains(" Ready ") && nodes.contains("control-plane"),
        "{nodes}"
    );
    super::apply(&node, &super::pod());
    node.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/lab"
    ));
    node.says(&format!("{KUBECTL} logs lab"), "started");
    node.says(&format!("{KUBECTL} exec lab -- hostname"), "lab");
    // The pod's own token, at the address that the cluster gives it.
    node.says(
        &format!(
            "{KUBECTL} exec lab -- kubectl auth whoami -o jsonpath='{{.status.userInfo.username}}'"
        ),
        "system:serviceaccount:default:default",
    );
    serves(&node);
    node.says(
        "sudo iptables-save -t nat | grep -c 'KUBE-SVC.*default/web'; true",
        "3",
    );
    super::strangers_are_refused(&node, API);
    is_confined(&node);
    let files = "/etc/systemd/system/kubelet.service /etc/kubernetes/kubelet.yaml";
    node.says(&format!("sudo stat -c %a {files}"), "600\n600");
    node.says("cat /proc/sys/net/ipv4/conf/eth0/rp_filter", "2");
    let created = "sudo grep -c '\"verb\":\"create\".*\"name\":\"confined\"' \
                   /var/log/kubernetes/audit/audit.log";
    assert_ne!(node.ask(created), "0", "the audit log");
    node.shut_down();

    let again = Guest::boot(&lab, "kubernetes-single-again", machine());
    assert_ne!(again.ask(created), "0", "the audit log of the last boot");
    again.insist(&format!("{KUBECTL} rollout status {WAIT} deployment/web"));
    answers(&again);
    again.says(
        &format!("{KUBECTL} get pod lab -o jsonpath='{{.metadata.name}}'"),
        "lab",
    );
}

/// Services through nftables; and a snapshot that the node's timer takes is what another node
/// starts from.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn single_with_nftables_moves_by_a_snapshot() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let boot = |name: &str, etcd: &str| {
        let spec = spec(
            &lab,
            &format!("{name}.yaml"),
            etcd,
            "proxy: {mode: nftables}",
        );
        let iso = super::build(&lab, &spec, &format!("{name}.iso"), &programs, &[]);
        let disk = lab.path(&format!("{name}.raw"));
        create_disk(&disk, 4 << 30).unwrap();
        let mut machine = guest::machine("kube1", Firmware::Bios, Medium::Cd(iso), ADDRESS);
        machine.memory = MEMORY;
        machine.disks = vec![Disk::Raw(disk)];
        Guest::boot(&lab, &format!("kubernetes-nftables-{name}"), machine)
    };
    let node = boot("first", "{backup: {schedule: minutely, keep: 2}}");
    super::apply(&node, &super::pod());
    node.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/lab"
    ));
    serves(&node);
    node.ask("sudo nft list table ip kube-proxy | grep -q default/web");

    // The next snapshot of the timer has all of it.
    let newest = "sudo sh -c 'ls -t /var/lib/imgbuild/etcd-snapshots/*.db | head -n 1'";
    let before = node.ask(newest);
    node.eventually("the next snapshot", || node.ask(newest) != before);
    let file = node.ask(newest);
    let packed = lab.write(
        "snapshot.base64",
        &node.ask(&format!("sudo gzip -c {file} | base64 -w 0")),
    );
    let unpacked = Command::new("sh")
        .args(["-c", "base64 -d \"$0\" | gzip -d > \"$1\""])
        .arg(packed)
        .arg(lab.path("snapshot.db"))
        .status()
        .unwrap();
    assert!(unpacked.success());
    node.shut_down();

    let second = boot("second", "{restore: snapshot.db}");
    second.insist(&format!("{KUBECTL} rollout status {WAIT} deployment/web"));
    answers(&second);
    second.says(
        &format!("{KUBECTL} get pod lab -o jsonpath='{{.metadata.name}}'"),
        "lab",
    );
}

/// etcd as a static pod and kube-proxy as a `DaemonSet`: Services answer, a snapshot of the unit
/// brings back what was there, and all of it is there after a reboot.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn single_with_etcd_and_proxy_in_pods() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let spec = spec(
        &lab,
        "pods.yaml",
        "{static_pod: true, backup: {schedule: daily, keep: 2}}",
        "proxy: {daemon_set: true, mode: nftables}",
    );
    let iso = super::build(&lab, &spec, "pods.iso", &programs, &[]);
    let disk = lab.path("pods.raw");
    create_disk(&disk, 4 << 30).unwrap();
    let machine = || {
        let mut machine = guest::machine("kube1", Firmware::Bios, Medium::Cd(iso.clone()), ADDRESS);
        machine.memory = MEMORY;
        machine.disks = vec![Disk::Raw(disk.clone())];
        machine
    };
    let node = Guest::boot(&lab, "kubernetes-pods", machine());
    let system = format!("{KUBECTL} --namespace kube-system");
    node.insist(&format!(
        "{system} rollout status {WAIT} daemonset/kube-proxy"
    ));
    node.says(
        &format!(
            "{system} get pod etcd-kube1 -o jsonpath='{{.status.containerStatuses[0].ready}}'"
        ),
        "true",
    );
    node.says("systemctl is-enabled etcd.service; true", "disabled");
    node.says("sudo ls /etc/kubernetes | grep proxy; true", "");
    super::apply(&node, &super::pod());
    node.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/lab"
    ));
    serves(&node);
    node.ask("sudo nft list table ip kube-proxy | grep -q default/web");
    let health = node.ask("cat /run/issue.d/imgbuild.issue");
    assert!(health.contains("etcd: healthy"), "{health}");

    node.ask("sudo systemctl start imgbuild-etcd-snapshot.service");
    node.ask(&format!("{KUBECTL} create configmap late"));
    node.ask("sudo sh -c 'imgbuild-etcd-restore /var/lib/imgbuild/etcd-snapshots/*.db'");
    // The API server starts anew behind etcd.
    let late = format!("{KUBECTL} get configmap late --ignore-not-found -o name || echo waits");
    node.eventually("etcd as it was", || node.ask(&late).is_empty());
    node.insist(&format!("{KUBECTL} rollout status {WAIT} deployment/web"));
    answers(&node);
    node.shut_down();

    let again = Guest::boot(&lab, "kubernetes-pods-again", machine());
    again.insist(&format!("{KUBECTL} rollout status {WAIT} deployment/web"));
    answers(&again);
}

/// A pod that asks for the runtime's profile of `AppArmor` runs, and has it.
fn is_confined(node: &Guest) {
    let profile = "spec:\n      securityContext: {appArmorProfile: {type: RuntimeDefault}}\n";
    let pod = (super::pod())
        .replace("{name: lab}", "{name: confined}")
        .replace("spec:\n", profile);
    super::apply(node, &pod);
    node.insist(&format!(
        "{KUBECTL} wait --for condition=Ready {WAIT} pod/confined"
    ));
    let profile = format!("{KUBECTL} exec confined -- cat /proc/1/attr/current");
    node.says(&profile, "cri-containerd.apparmor.d (enforce)");
}

/// A Deployment answers at its Service's address.
fn serves(node: &Guest) {
    super::apply(node, &super::web(2, SERVICE, false));
    node.insist(&format!("{KUBECTL} rollout status {WAIT} deployment/web"));
    answers(node);
    let from_a_pod = super::fetch(&format!("{SERVICE}/80"));
    let said = node.ask(&format!("{KUBECTL} exec lab -- {from_a_pod}"));
    assert!(said.starts_with("web-"), "{said}");
}

/// After a reboot, or from a snapshot, the objects say for a while that pods run which are only on
/// their way.
fn answers(node: &Guest) {
    let said = node.insist(&super::fetch(&format!("{SERVICE}/80")));
    assert!(said.starts_with("web-"), "{said}");
}
