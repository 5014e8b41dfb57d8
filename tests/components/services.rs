//! The units of nodes with Kubernetes, read by systemd.

use crate::node::{Generated, WEB, full};
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

/// Where all start at once, the API server of the first does, and the others know which go before theirs.
#[test]
fn control_planes_know_their_turn() {
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
        let turn = units.find(|unit| unit.name.as_str() == "imgbuild-turn.service");
        let text = turn.and_then(|unit| unit.contents.as_deref());
        assert_eq!(text.is_some(), others.is_some(), "{index}");
        if let (Some(text), Some(others)) = (text, others) {
            assert!(text.contains(others), "{text}");
        }
    }
}
