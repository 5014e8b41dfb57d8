//! Three control planes that share an address, and a worker: who holds the address goes, then the
//! API server of the next one, and `kubectl` by the administrator's kubeconfig goes on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use imgbuild::qemu::Switch;

use super::members::{self, Member};
use super::{KUBECTL, PATIENCE, VERSION};
use crate::guest::Guest;
use crate::lab::{self, Lab};

const fn member(
    name: &'static str,
    address: &'static str,
    role: &'static str,
    memory: u32,
) -> Member {
    Member {
        name,
        address,
        role,
        memory,
        cpus: 1,
    }
}

const NODES: [Member; 4] = [
    member("control1", "192.168.79.11/24", "control-plane", 2560),
    member("control2", "192.168.79.12/24", "control-plane", 2560),
    member("control3", "192.168.79.13/24", "control-plane", 2560),
    member("worker1", "192.168.79.21/24", "worker", 1536),
];

const SHARED: &str = "192.168.79.10";

/// What real machines need at most; ten times as much where one processor emulates several.
const LONGEST: f32 = 30.0 * 10.0;

/// `kubectl` as someone outside runs it: by the shared address.
const OUTSIDE: &str = "/usr/bin/kubectl --kubeconfig outside.conf --request-timeout 5s";

/// Which of `planes` has the shared address.
fn holders(planes: &[Guest]) -> Vec<usize> {
    let has = |guest: &Guest| {
        let shown = guest.try_ask(&format!("ip -oneline address show to {SHARED}/32"));
        !shown.stdout.is_empty()
    };
    (0..planes.len()).filter(|at| has(&planes[*at])).collect()
}

/// The only holder, once there is only one.
fn holder(planes: &[Guest]) -> usize {
    let mut found = Vec::new();
    planes[0].eventually("one holder of the shared address", || {
        found = holders(planes);
        found.len() == 1
    });
    found[0]
}

/// Seconds until an answer comes by the shared address.
fn answered(outside: &Guest) -> f32 {
    let begin = Instant::now();
    outside.eventually("an answer at the shared address", || {
        let answer = outside.try_ask(&format!("{OUTSIDE} get nodes --no-headers"));
        answer.status.success()
    });
    begin.elapsed().as_secs_f32()
}

/// When a node's kubelet last told an API server that it lives.
fn renewed(outside: &Guest, node: &str) -> String {
    outside.insist(&format!(
        "{OUTSIDE} -n kube-node-lease get lease {node} -o jsonpath='{{.spec.renewTime}}'"
    ))
}

/// The administrator's kubeconfig, which names the shared address.
fn kubeconfig(spec: &Path) -> String {
    let output = Command::new(lab::program())
        .arg("kubeconfig")
        .arg(spec)
        .output()
        .unwrap();
    let kubeconfig = String::from_utf8(output.stdout).unwrap();
    let server = format!("server: https://{SHARED}:6443");
    assert!(kubeconfig.contains(&server), "{kubeconfig}");
    kubeconfig
}

/// A spec of these members, whose control planes share the address.
fn spec(lab: &Lab, members: &[Member]) -> PathBuf {
    members::spec(lab, members, |_| {
        format!(", dns: none, endpoint: {{vip: {SHARED}}}")
    })
}

/// networkd leaves the address alone, even when it starts anew.
fn networkd_keeps_it(holder: &Guest) {
    holder.ask(
        "sudo systemctl restart systemd-networkd && sudo networkctl reconfigure lan0 && \
         /usr/lib/systemd/systemd-networkd-wait-online --interface lan0",
    );
    let shown = holder.ask(&format!("ip -oneline address show to {SHARED}/32"));
    assert!(!shown.is_empty(), "after networkd has started anew");
}

/// A cluster of one: its clients go through the balancer, and the address is an added one.
#[test]
#[ignore = "boots a machine: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn single_has_an_added_address() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let alone = [Member {
        cpus: 2,
        ..member("kube1", "192.168.79.11/24", "single", super::MEMORY)
    }];
    let spec = spec(&lab, &alone);
    let tree = super::build(&lab, &spec, "tree", &programs, &["--format", "pxe"]);
    let kubeconfig = kubeconfig(&spec);
    let machine = alone[0].machine(&lab, &tree);
    let node = Guest::start(&lab, "kubernetes-added-address", machine, None).patient(PATIENCE);
    node.wait_until_ready();
    node.ask(&format!("cat > outside.conf <<'END'\n{kubeconfig}\nEND"));
    node.insist(&format!("{OUTSIDE} get nodes"));
    networkd_keeps_it(&node);
    for service in ["haproxy", "keepalived"] {
        node.says(&format!("systemctl is-active {service}"), "active");
    }
    node.says("id --user keepalived_script", "981");
    node.says(
        "sudo grep --only-matching 'https://.*' /etc/kubernetes/kubelet.conf",
        "https://127.0.0.1:7445",
    );
    // The check is done by a real API server, and kept by one that ends.
    let losses = || {
        let log = node.ask("sudo journalctl --unit keepalived");
        log.matches("priority from 100 to 50").count()
    };
    node.eventually("a ready API server in the eyes of keepalived", || {
        let log = node.ask("sudo journalctl --unit keepalived");
        let last = log
            .lines()
            .rfind(|line| line.contains("effective priority"));
        last.is_none_or(|last| last.contains("from 50 to 100"))
    });
    let before = losses();
    node.ask("sudo mv /etc/kubernetes/manifests/kube-apiserver.yaml /root/");
    node.eventually("the loss of the API server", || losses() > before);
    assert_eq!(holders(std::slice::from_ref(&node)), [0], "it stays");
    node.ask("sudo mv /root/kube-apiserver.yaml /etc/kubernetes/manifests/");
    node.insist(&format!("{OUTSIDE} get nodes"));
}

#[test]
#[ignore = "boots four machines: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn shared_address_moves_on() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let spec = spec(&lab, &NODES);
    let tree = super::build(&lab, &spec, "tree", &programs, &["--format", "pxe"]);
    let kubeconfig = kubeconfig(&spec);
    let switch = Switch::new().unwrap();
    let start = |member: &Member| {
        let machine = member.machine(&lab, &tree);
        Guest::start(&lab, "kubernetes-shared-address", machine, Some(&switch)).patient(PATIENCE)
    };
    let begin = Instant::now();
    let since = |what: &str| println!("{what} after {:.0} s", begin.elapsed().as_secs_f32());
    let mut planes: Vec<Guest> = NODES[..3].iter().map(start).collect();
    for guest in &planes {
        guest.wait_until_ready();
    }
    since("three control planes: ready");
    let worker = start(&NODES[3]);
    worker.wait_until_ready();
    planes[0].eventually("four nodes that are Ready", || {
        members::ready(&planes[0]) == (NODES.len(), 0)
    });
    since(&format!("four nodes of {VERSION} are Ready"));

    worker.insist(&format!("cat > outside.conf <<'END'\n{kubeconfig}\nEND"));
    worker.insist(&format!("{OUTSIDE} get nodes"));
    let first = holder(&planes);
    println!("{} holds the address", NODES[first].name);
    networkd_keeps_it(&planes[first]);
    assert_eq!(holders(&planes), [first]);
    for guest in planes.iter().chain([&worker]) {
        guest.says("systemctl is-active haproxy", "active");
    }

    // The machine goes.
    let mut names: Vec<&str> = NODES[..3].iter().map(|node| node.name).collect();
    let name = names.remove(first);
    drop(planes.remove(first));
    let took = answered(&worker);
    println!("{name} is gone: kubectl goes on after {took:.0} s");
    assert!(took < LONGEST, "{took} s");
    worker.eventually("three nodes that are Ready and one that is not", || {
        let all = worker.try_ask(&format!("{OUTSIDE} get nodes --no-headers"));
        let all = String::from_utf8_lossy(&all.stdout).into_owned();
        (
            all.matches(" Ready ").count(),
            all.matches("NotReady").count(),
        ) == (3, 1)
    });
    since("the others stay Ready");

    // The API server goes alone, and its node's kubelet finds another one.
    let second = holder(&planes);
    let name = names[second];
    planes[second].ask("sudo mv /etc/kubernetes/manifests/kube-apiserver.yaml /root/");
    let begin_of_stop = Instant::now();
    planes[1 - second].eventually("another holder", || holders(&planes) == [1 - second]);
    let took = answered(&worker);
    let moved = begin_of_stop.elapsed().as_secs_f32();
    println!("{name}'s API server ends: the address moved, kubectl goes on after {moved:.0} s");
    assert!(took < LONGEST, "{took} s");
    let before = renewed(&worker, name);
    worker.eventually(
        "a word of the kubelet without an API server of its own",
        || renewed(&worker, name) != before,
    );
    planes[second].says(
        &format!("ip -oneline address show to {SHARED}/32 | wc -l"),
        "0",
    );
    since("its kubelet goes on by another API server");
    let all = worker.insist(&format!("{OUTSIDE} get nodes --no-headers"));
    assert_eq!(all.matches(" Ready ").count(), 3, "{all}");
    planes[1 - second].ask(&format!("{KUBECTL} get --raw /readyz"));
}
