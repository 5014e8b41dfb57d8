//! What nodes send each other for a pod network: protocols without ports, and the kernel's check of
//! sources. Real packets in network namespaces, and systemd's own reader of kernel parameters.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::generated::Generated;
use crate::pod_networks::{NETWORKS, beside, spec};

/// Runs `script` in namespaces of its own, and returns what it prints.
fn lab(folder: &Path, script: &str) -> String {
    let output = Command::new("timeout")
        .args([
            "120",
            "unshare",
            "--user",
            "--map-root-user",
            "--net",
            "--mount",
            "--pid",
        ])
        .args([
            "--fork",
            "--kill-child",
            "--mount-proc",
            "bash",
            "-euc",
            script,
        ])
        .current_dir(folder)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .output()
        .expect("starting unshare (Debian package util-linux)");
    assert!(
        output.status.success(),
        "{}{}(Debian packages iproute2, nftables, python3-minimal, systemd)",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

fn node(kind: &str, text: &str) -> Generated {
    Generated::of(
        &spec(kind, beside(kind)),
        &[(&format!("{kind}.yaml"), text)],
    )
}

/// A packet of each protocol, from a node and from elsewhere, to sockets to which the kernel hands
/// what the packet filter lets through. Prints protocol and source of those that arrive.
const PROTOCOLS: &str = r#"
mount -t tmpfs none /run; mkdir -p /run/netns
for name in node peer; do ip netns add $name; ip -n $name link set lo up; done
ip -n peer link add eth0 type veth peer name eth0 netns node
ip -n node addr add 192.168.1.10/24 dev eth0
ip -n peer addr add 192.168.1.11/24 dev eth0
ip -n peer addr add 192.168.7.50/24 dev eth0
ip -n peer link set eth0 up; ip -n node link set eth0 up
ip -n node route add 192.168.7.0/24 dev eth0
ip netns exec node nft -f node.nft
mkfifo ready
ip netns exec node python3 -c '
import select, socket, sys
ears = [socket.socket(socket.AF_INET, socket.SOCK_RAW, int(word)) for word in sys.argv[1:]]
open("ready", "w").close()
while True:
    for ear in select.select(ears, [], [])[0]:
        packet, (source, _) = ear.recvfrom(999)
        if b"over" in packet:
            sys.exit()
        print(ear.proto, source, flush=True)
' 4 41 50 47 > heard &
ear=$!
read -r < ready || true
say='
import socket, sys
mouth = socket.socket(socket.AF_INET, socket.SOCK_RAW, int(sys.argv[1]))
mouth.bind((sys.argv[2], 0))
mouth.sendto(sys.argv[3].encode(), ("192.168.1.10", 0))
'
for protocol in 4 41 50 47; do
    for source in 192.168.1.11 192.168.7.50; do
        ip netns exec peer python3 -c "$say" $protocol $source packet
    done
done
# The node itself may say everything.
ip netns exec node python3 -c "$say" 47 192.168.1.10 over
wait $ear
sort -n heard
"#;

#[test]
fn protocols_without_ports_pass_the_filter() {
    for (kind, opened) in [
        ("calico", &["4"][..]),
        ("canal", &[]),
        ("cilium", &["50"]),
        ("weave", &["50"]),
        ("kube-router", &["4", "41"]),
    ] {
        let (_, text) = NETWORKS[NETWORKS.iter().position(|(it, _)| *it == kind).unwrap()];
        let folder = tempfile::tempdir().expect("a folder");
        let filter = node(kind, text).text("/etc/nftables.conf").to_owned();
        fs::write(folder.path().join("node.nft"), filter).expect("written");
        let said = lab(folder.path(), PROTOCOLS);
        let want: Vec<_> = (opened.iter())
            .map(|protocol| format!("{protocol} 192.168.1.11"))
            .collect();
        assert_eq!(said.lines().collect::<Vec<_>>(), want, "{kind}");
    }
}

/// What systemd and Debian set (`50-default.conf` of linux-sysctl-defaults), as far as it is about
/// the check of sources.
const DEFAULTS: &str = "\
net.ipv4.conf.default.rp_filter = 2
net.ipv4.conf.*.rp_filter = 2
-net.ipv4.conf.all.rp_filter
";

/// As at boot, where links exist that came before, and as udev does for a link that comes later.
const CHECKS: &str = r#"
ip link add eth0 type veth peer name cilium_net
ip link add lxc1 type veth peer name cali1
for link in "" /all /eth0 /cilium_net /lxc1 /cali1; do
    /usr/lib/systemd/systemd-sysctl --prefix=/net/ipv4/conf$link $PWD/default.conf $PWD/kubernetes.conf
done
for link in all eth0 cilium_net lxc1 cali1; do
    echo $link $(cat /proc/sys/net/ipv4/conf/$link/rp_filter)
done
"#;

#[test]
fn source_checks_are_as_each_network_wants_them() {
    for (kind, text) in NETWORKS {
        let folder = tempfile::tempdir().expect("a folder");
        let parameters = node(kind, text)
            .text("/etc/sysctl.d/50-kubernetes.conf")
            .to_owned();
        fs::write(folder.path().join("default.conf"), DEFAULTS).expect("written");
        fs::write(folder.path().join("kubernetes.conf"), parameters).expect("written");
        let own = if kind == "cilium" { 0 } else { 2 };
        assert_eq!(
            lab(folder.path(), CHECKS),
            format!("all 0\neth0 2\ncilium_net {own}\nlxc1 {own}\ncali1 2\n"),
            "{kind}"
        );
    }
}
