//! The packet filter before packets: two nodes with pods and Services, a machine that is allowed
//! and one that is not, each a network namespace. kube-proxy's rules are written in its form, and
//! by itself where `IMGBUILD_KUBE_DIR` has it.

mod pod_networks;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::generated::Generated;
use crate::patience::{PROGRAM, computed};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/judges/firewall");

/// Names and addresses, as the shell reads them.
const V4: &str = "\
family=4 ip=ip prefix=24 share=24
admin=192.168.1.50 stranger=192.168.7.50 strangers=192.168.7.0/24 nodes=192.168.1.0/24
node1=192.168.1.11 node2=192.168.1.12
pods=10.244.0.0/16 share1=10.244.0.0/24 share2=10.244.1.0/24
gateway1=10.244.0.1 gateway2=10.244.1.1 pod1=10.244.0.2 pod2=10.244.0.3 pod3=10.244.1.2
tunnel1=10.244.0.0 tunnel2=10.244.1.0 hostport=10.244.0.2:8080
services=10.96.0.0/16 web=10.96.0.80 far=10.96.0.81 host=10.96.0.82 open=10.96.0.83
external=192.168.1.200
";

const V6: &str = "\
family=6 ip=ip6 prefix=64 share=64
admin=fd00:1::50 stranger=fd00:7::50 strangers=fd00:7::/64 nodes=fd00:1::/64
node1=fd00:1::11 node2=fd00:1::12
pods=fd00:244::/56 share1=fd00:244::/64 share2=fd00:244:0:1::/64
gateway1=fd00:244::1 gateway2=fd00:244:0:1::1 pod1=fd00:244::2 pod2=fd00:244::3 pod3=fd00:244:0:1::2
hostport=[fd00:244::2]:8080
services=fd00:96::/112 web=fd00:96::80 far=fd00:96::81 host=fd00:96::82 open=fd00:96::83
external=fd00:1::200
";

/// The Services: one in a pod of node1, in a pod of node2, in a pod with node1's own address, and
/// one whose `NodePort` the spec opens to everyone.
const SERVICES: &str = "\
web $web 80 30080 $external $pod1 8080 node1
far $far 80 30081 - $pod3 8080 node2
host $host 80 30082 - $node1 9100 node1
open $open 80 30090 - $pod1 8080 node1
";

/// From, protocol, address, port, who answers. `-`: nobody.
const CONNECTIONS: &[(&str, &str, &str, u16, &str)] = &[
    // What `allow_from` is about: the node, its NodePorts, its pods, Services and their addresses.
    ("admin", "tcp", "$node1", 22, "node1"),
    ("stranger", "tcp", "$node1", 22, "-"),
    ("admin", "tcp", "$node1", 30080, "pod1"),
    ("stranger", "tcp", "$node1", 30080, "-"),
    ("admin", "udp", "$node1", 30080, "pod1"),
    ("stranger", "udp", "$node1", 30080, "-"),
    ("admin", "tcp", "$node1", 30081, "pod3"),
    ("stranger", "tcp", "$node1", 30081, "-"),
    ("admin", "tcp", "$node1", 30082, "node1"),
    ("stranger", "tcp", "$node1", 30082, "-"),
    ("admin", "tcp", "$pod1", 8080, "pod1"),
    ("stranger", "tcp", "$pod1", 8080, "-"),
    ("admin", "udp", "$pod1", 8080, "pod1"),
    ("stranger", "udp", "$pod1", 8080, "-"),
    ("admin", "tcp", "$web", 80, "pod1"),
    ("stranger", "tcp", "$web", 80, "-"),
    ("admin", "tcp", "$external", 80, "pod1"),
    ("stranger", "tcp", "$external", 80, "-"),
    // A pod's hostPort; 8443, and the NodePort 30090, are open to everyone.
    ("admin", "tcp", "$node1", 8088, "pod1"),
    ("stranger", "tcp", "$node1", 8088, "-"),
    ("stranger", "tcp", "$node1", 8443, "pod1"),
    ("stranger", "tcp", "$node1", 30090, "pod1"),
    ("stranger", "tcp", "$open", 80, "-"),
    // A port that is not opened, though a Service leads to it.
    ("admin", "tcp", "$node1", 9100, "-"),
    ("stranger", "tcp", "$node1", 9100, "-"),
    // Pods among each other, by Services, back to themselves, and out of the cluster.
    ("pod1", "tcp", "$pod2", 8080, "pod2"),
    ("pod1", "tcp", "$pod3", 8080, "pod3"),
    ("pod3", "tcp", "$pod1", 8080, "pod1"),
    ("pod1", "tcp", "$web", 80, "pod1"),
    ("pod2", "tcp", "$web", 80, "pod1"),
    ("pod2", "udp", "$web", 80, "pod1"),
    ("pod1", "tcp", "$far", 80, "pod3"),
    ("pod1", "tcp", "$host", 80, "node1"),
    ("pod1", "tcp", "$node1", 30080, "pod1"),
    ("pod1", "tcp", "$node1", 30081, "pod3"),
    ("pod3", "tcp", "$node1", 30080, "pod1"),
    ("pod1", "tcp", "$stranger", 8080, "stranger"),
    ("pod3", "tcp", "$admin", 8080, "admin"),
    // Probes of a kubelet; connections that a node makes for others.
    ("node1", "tcp", "$pod1", 8080, "pod1"),
    ("node1", "tcp", "$web", 80, "pod1"),
    ("node1", "tcp", "$pod3", 8080, "pod3"),
    ("node2", "tcp", "$pod1", 8080, "pod1"),
    ("node2", "tcp", "$node1", 30080, "pod1"),
];

/// `text` with the addresses of `names`.
fn with_addresses(text: &str, names: &str) -> String {
    let mut pairs: Vec<_> = (names.split_whitespace())
        .filter_map(|pair| pair.split_once('='))
        .collect();
    // The longest first: `$node1` is not `$node` and a 1.
    pairs.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    (pairs.iter()).fold(text.to_owned(), |text, (name, address)| {
        text.replace(&format!("${name}"), address)
    })
}

/// How a lab differs from others.
struct Lab<'a> {
    addresses: &'a str,
    /// `routes` between the nodes, or `vxlan`.
    overlay: &'a str,
    /// The networks of the nodes' `allow_from`.
    allowed: &'a str,
    /// The mode of kube-proxy.
    mode: &'a str,
    /// The folder of the real one; `None`: rules in its form.
    programs: Option<&'a Path>,
}

impl Lab<'_> {
    fn spec(&self) -> String {
        let cni = if self.overlay == "vxlan" {
            "flannel"
        } else {
            "bridge"
        };
        let (allowed, mode) = (self.allowed, self.mode);
        let spec = format!(
            "\
version: 1
kubernetes:
  version: 1.36.2
  cni: {cni}
  pod_network: $pods
  service_network: $services
  proxy: {{mode: {mode}}}
nodes:
- hostname: node1
  network:
    interfaces: [{{name: eth0, addresses: [$node1/$prefix]}}]
    firewall: {{allow_from: ['{allowed}'], allow: [{{ports: [8443, 30090]}}]}}
  etcd: {{}}
  kubernetes: {{role: control-plane}}
- hostname: node2
  network:
    interfaces: [{{name: eth0, addresses: [$node2/$prefix]}}]
    firewall: {{allow_from: ['{allowed}']}}
  kubernetes: {{role: worker}}
"
        );
        with_addresses(&spec, self.addresses)
    }

    /// Makes the connections, and returns those that did not end as they have to.
    fn surprises(&self) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).expect("written");
        };
        let spec = self.spec();
        let nodes = [0, 1].map(|index| Generated::nth(&spec, &[], index));
        write("node1.nft", nodes[0].text("/etc/nftables.conf"));
        write("node2.nft", nodes[1].text("/etc/nftables.conf"));
        write(
            "kube-proxy.yaml",
            nodes[0].text("/etc/kubernetes/kube-proxy.yaml"),
        );
        write("table", &with_addresses(SERVICES, self.addresses));
        let programs = self
            .programs
            .map_or_else(String::new, |folder| folder.display().to_string());
        write(
            "addresses",
            &format!(
                "{}overlay={} programs='{programs}'\n",
                self.addresses, self.overlay
            ),
        );
        let redirect = match self.programs {
            Some(_) => "kube_proxy",
            None => self.mode,
        };
        let script = fs::read_to_string(format!("{FOLDER}/{redirect}.sh")).expect("a script");
        write("redirect", &script);
        let (mut probes, mut want) = (String::new(), Vec::new());
        for (from, protocol, address, port, answer) in CONNECTIONS {
            let connection = with_addresses(
                &format!("{from} {protocol} {address} {port}"),
                self.addresses,
            );
            let (end, answer) = match *answer {
                "-" => ("no", ""),
                answer => ("yes", answer),
            };
            // Writing to a String does not fail.
            let _ = writeln!(probes, "{connection} {end}");
            want.push(format!("{connection} {answer}"));
        }
        write("probes", &probes);
        let said = run(folder.path());
        let got: Vec<_> = said.lines().collect();
        assert_eq!(got.len(), want.len(), "{said}");
        (got.iter().zip(&want))
            .filter(|(got, want)| got != want)
            .map(|(got, want)| format!("{got:?} instead of {want:?}"))
            .collect()
    }
}

/// Runs the script in namespaces of its own, and returns what it prints.
fn run(folder: &Path) -> String {
    let child = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--mount", "--pid"])
        .args(["--fork", "--kill-child", "--mount-proc", "bash"])
        .arg(format!("{FOLDER}/lab.sh"))
        .arg(folder)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starting unshare (Debian package util-linux)");
    let process = child.id();
    let output = PROGRAM.finish("the connections", child, || computed(process));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}{errors}(Debian packages iproute2, iptables, nftables, python3-minimal)",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// A lab of each kind. The nodes' own addresses are allowed where they wrap packets for each other.
fn all(programs: Option<&Path>) {
    let mut surprises = Vec::new();
    for (addresses, overlay, allowed, mode) in [
        (V4, "routes", "192.168.1.48/28", "iptables"),
        (V4, "vxlan", "192.168.1.0/24", "nftables"),
        (V6, "routes", "fd00:1::40/122", "iptables"),
        (V6, "routes", "fd00:1::40/122", "nftables"),
    ] {
        let lab = Lab {
            addresses,
            overlay,
            allowed,
            mode,
            programs,
        };
        let name = format!("{mode}, {overlay}, {allowed}");
        let found = lab.surprises();
        surprises.extend(found.iter().map(|found| format!("{name}: {found}")));
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

#[test]
fn allow_from_holds_for_services_and_pods() {
    all(None);
}

#[test]
fn allow_from_holds_with_the_real_kube_proxy() {
    let programs = std::env::var_os("IMGBUILD_KUBE_DIR").map(PathBuf::from);
    let Some(programs) = programs.filter(|folder| folder.join("kube-proxy").exists()) else {
        crate::skipped::skipped(
            "the packet filter beside a real kube-proxy wants IMGBUILD_KUBE_DIR",
        );
        return;
    };
    all(Some(&programs));
}
