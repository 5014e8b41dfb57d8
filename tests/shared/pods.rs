//! Nodes whose etcd and kube-proxy run in pods.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;

use crate::generated::Generated;

/// A cluster of one, its etcd and its kube-proxy in pods.
pub fn single(version: &str, etcd: &str, kubernetes: &str) -> Generated {
    let spec = format!(
        "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24]}}]}}
storage_device: /dev/vda
etcd: {{static_pod: true{etcd}}}
kubernetes: {{version: {version}, role: single, proxy: {{daemon_set: true}}{kubernetes}}}
"
    );
    Generated::of(&spec, &[])
}

/// Three control planes and a worker.
pub const CLUSTER: &str = "\
version: 1
storage_device: /dev/vda
kubernetes: {version: 1.36.2, proxy: {daemon_set: true, image: upstream}, bootstrap_token: generate}
nodes:
- hostname: control1
  network: {interfaces: [{name: eth0, addresses: [192.168.1.11/24]}]}
  etcd: {static_pod: true}
  kubernetes: {role: control-plane}
- hostname: control2
  network: {interfaces: [{name: eth0, addresses: [192.168.1.12/24]}]}
  etcd: {static_pod: true}
  kubernetes: {role: control-plane}
- hostname: control3
  network: {interfaces: [{name: eth0, addresses: [192.168.1.13/24]}]}
  etcd: {static_pod: true}
  kubernetes: {role: control-plane}
- hostname: worker1
  network: {interfaces: [{name: eth0, addresses: [192.168.1.21/24]}]}
  kubernetes: {role: worker}
";

pub const DAEMON_SET: &str = "/etc/kubernetes/imgbuild/15-kube-proxy.yaml";

/// What the `ConfigMap` of kube-proxy holds, by key.
pub fn settings(node: &Generated) -> BTreeMap<String, String> {
    let objects = node.objects(DAEMON_SET);
    let map = objects.iter().find(|object| object["kind"] == "ConfigMap");
    let data = map.expect("a ConfigMap")["data"]
        .as_object()
        .expect("data")
        .clone();
    data.into_iter()
        .map(|(key, value)| (key, value.as_str().expect("text").to_owned()))
        .collect()
}
