//! Pod networks from manifests of their own: what a node has for each, and kube-proxy that is off.

use imgbuild::facts::cni::{Cni, NodeTraffic, ReleasedCni};

use crate::generated::Generated;
use crate::pod_networks::{CILIUM, NETWORKS, beside, spec};

fn node(kind: &str, text: &str) -> Generated {
    let file = format!("{kind}.yaml");
    Generated::of(&spec(kind, beside(kind)), &[(&file, text)])
}

/// The kinds of the tests are all that there are.
#[test]
fn every_kind_is_here() {
    let here = NETWORKS.map(|(kind, _)| kind);
    assert_eq!(ReleasedCni::WORDS, here);
}

#[test]
fn nodes_have_what_each_network_needs() {
    for (kind, text) in NETWORKS {
        let node = node(kind, text);
        let facts = Cni::Released(ReleasedCni::from_word(kind).unwrap()).facts();
        let modules = node.text("/etc/modules-load.d/kubernetes.conf");
        for module in facts.modules {
            assert_eq!(
                modules.lines().filter(|line| line == module).count(),
                1,
                "{module}"
            );
        }
        let parameters = node.text("/etc/sysctl.d/50-kubernetes.conf");
        for (key, value) in facts.sysctls {
            assert!(
                parameters.contains(&format!("\n{key} = {value}\n")),
                "{kind}: {key}"
            );
        }
        let filter = node.text("/etc/nftables.conf");
        for link in facts.links {
            assert!(filter.contains(&format!("\"{link}\"")), "{kind}: {link}");
        }
        assert!(!facts.traffic.is_empty());
        for traffic in facts.traffic {
            let ports = |first: u16, last: u16| {
                if first == last {
                    first.to_string()
                } else {
                    format!("{first}-{last}")
                }
            };
            let rule = match *traffic {
                NodeTraffic::Tcp(first, last) => format!("tcp dport {} accept", ports(first, last)),
                NodeTraffic::Udp(first, last) => format!("udp dport {} accept", ports(first, last)),
                NodeTraffic::Ip(number, name) => {
                    format!("meta l4proto {number} accept comment \"{name}\"")
                }
            };
            let rule = format!("ip saddr {{ 192.168.1.0/24 }} {rule}\n");
            assert!(filter.contains(&rule), "{kind}: {rule}{filter}");
        }
        let applied = (node.files.values()).any(|(_, found)| found == text);
        assert!(applied, "{kind}");
    }
}

/// The network's own pods write the configuration.
#[test]
fn no_other_network_is_configured() {
    for (kind, text) in NETWORKS {
        let node = node(kind, text);
        let configured = node.files.keys().chain(node.links.keys());
        let configured: Vec<_> = configured
            .filter(|path| path.contains("/cni/net.d/"))
            .collect();
        assert!(configured.is_empty(), "{kind}: {configured:?}");
    }
}

/// Flatcar nodes have them too, with the plugins that the configuration may name (Debian's base has
/// its own), and keep networkd from the links.
#[test]
fn flatcar_nodes_have_them_too() {
    for (kind, text) in NETWORKS {
        let file = format!("{kind}.yaml");
        let spec = format!("{}target: flatcar\n", spec(kind, beside(kind)));
        let node = Generated::of(&spec, &[(&file, text)]);
        let facts = Cni::Released(ReleasedCni::from_word(kind).unwrap()).facts();
        let modules = node.text("/etc/modules-load.d/kubernetes.conf");
        for module in facts.modules {
            assert!(modules.contains(module), "{kind}: {module}");
        }
        let unmanaged = node.text("/etc/systemd/network/05-kubernetes.network");
        for link in facts.links {
            assert!(unmanaged.contains(&format!(" {link}")), "{kind}: {link}");
        }
        for plugin in ["bridge", "host-local", "loopback", "portmap"] {
            let path = format!("/opt/cni/bin/{plugin}");
            assert!(node.links.contains_key(&path), "{kind}: {plugin}");
        }
        let configured = node.files.keys().any(|path| path.contains("/cni/net.d/"));
        assert!(!configured, "{kind}");
    }
}

/// Without kube-proxy there is no pod of it, no configuration, no credentials, and no image.
#[test]
fn kube_proxy_can_be_off() {
    for others in ["", "  artifacts: pull\n", "  bootstrap_token: generate\n"] {
        let others = format!("  proxy: {{mode: none}}\n{others}");
        let node = Generated::of(&spec("cilium", &others), &[("cilium.yaml", CILIUM)]);
        let named = node.files.keys().filter(|path| path.contains("kube-proxy"));
        assert_eq!(named.count(), 0);
        for (path, (_, text)) in &node.files {
            let says = text.contains("kube-proxy:v") || text.contains("/kube-proxy\n");
            assert!(!says, "{path}: {text}");
        }
        let with = Generated::of(&spec("cilium", ""), &[("cilium.yaml", CILIUM)]);
        assert!(with.files.keys().any(|path| path.contains("kube-proxy")));
    }
}

/// A worker's image has nothing of kube-proxy either.
#[test]
fn workers_go_without_kube_proxy() {
    let spec = "\
version: 1
kubernetes:
  version: 1.36.2
  cni: {kind: cilium, manifests: [cilium.yaml]}
  proxy: {mode: none}
nodes:
- hostname: node1
  network: {interfaces: [{name: eth0, addresses: [192.168.1.11/24]}]}
  etcd: {}
  kubernetes: {role: control-plane}
- hostname: node2
  network: {interfaces: [{name: eth0, addresses: [192.168.1.12/24]}]}
  kubernetes: {role: worker}
";
    let node = Generated::nth(spec, &[("cilium.yaml", CILIUM)], 1);
    assert!(!node.files.keys().any(|path| path.contains("kube-proxy")));
    assert!(
        node.text("/etc/modules-load.d/kubernetes.conf")
            .contains("\nsch_ingress\n")
    );
}
