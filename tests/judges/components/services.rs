//! The units of nodes with Kubernetes, read by systemd.

use crate::generated::{Generated, WEB, full};
use crate::units::systemd_takes;

/// Three control planes and a worker, their programs fetched.
const CLUSTER: &str = "\
version: 1
kubernetes: {version: 1.36.2, artifacts: pull}
nodes:
- hostname: control1
  network: {interfaces: [{name: eth0, addresses: [192.168.1.11/24]}]}
  etcd: {}
  kubernetes: {role: control-plane}
- hostname: control2
  network: {interfaces: [{name: eth0, addresses: [192.168.1.12/24]}]}
  etcd: {}
  kubernetes: {role: control-plane}
- hostname: control3
  network: {interfaces: [{name: eth0, addresses: [192.168.1.13/24]}]}
  etcd: {}
  kubernetes: {role: control-plane}
- hostname: worker1
  network: {interfaces: [{name: eth0, addresses: [192.168.1.21/24]}]}
  kubernetes: {role: worker}
";

#[test]
fn systemd_takes_the_units() {
    let single = Generated::of(&full("1.36.2"), &[("web.yaml", WEB)]);
    single.units.iter().for_each(systemd_takes);
    for index in 0..4 {
        let node = Generated::nth(CLUSTER, &[], index);
        node.units.iter().for_each(systemd_takes);
    }
}

/// What the roles open is not held against what the spec opens.
#[test]
fn a_firewall_beside_kubernetes() {
    for firewall in ["{}", "{allow: [{port: 80}, {port: 53, protocol: udp}]}"] {
        let interface = "interfaces: [{name: eth0, addresses: [192.168.1.11/24]}]";
        let spec = format!(
            "version: 1\nhostname: kube1\nnetwork: {{{interface}, firewall: {firewall}}}\netcd: {{}}\n\
             kubernetes: {{version: 1.36.2, role: single}}\n"
        );
        let rules = Generated::of(&spec, &[])
            .text("/etc/nftables.conf")
            .to_owned();
        for rule in [
            "tcp dport 30000-32767 accept",
            "ip saddr { 10.244.0.0/16 } udp dport 1-65535 accept",
        ] {
            assert!(rules.contains(rule), "{rules}");
        }
    }
}

/// Where all start at once, the API server of the first does, and the others know which go before
/// theirs.
#[test]
fn control_planes_know_their_order() {
    for (index, others) in [
        None,
        Some("\"EARLIER=192.168.1.11:6443\" \"LATER=192.168.1.13:6443\""),
        Some("\"EARLIER=192.168.1.11:6443 192.168.1.12:6443\" \"LATER=\""),
        None,
    ]
    .into_iter()
    .enumerate()
    {
        let node = Generated::nth(CLUSTER, &[], index);
        let mut units = node.units.iter();
        let order = units.find(|unit| unit.name.as_str() == "imgbuild-api-server-order.service");
        let text = order.and_then(|unit| unit.contents.as_deref());
        assert_eq!(text.is_some(), others.is_some(), "{index}");
        if let (Some(text), Some(others)) = (text, others) {
            assert!(text.contains(others), "{text}");
        }
    }
}
