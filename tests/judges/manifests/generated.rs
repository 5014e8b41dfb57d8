//! The manifests that imgbuild itself puts on nodes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use imgbuild::diagnostic::{Severity, Sources};
use imgbuild::node::fragment::Contents;
use imgbuild::pki::{Access, KeyFolder, Keys, system_random};
use imgbuild::{parts, plan, spec};

use crate::manifests::good::said_of_node;
use crate::manifests::oracle::{MINORS, judge};

/// What nodes differ in: the pods' network, mode of the proxy, what runs it; and behind a `#`,
/// where it is not a unit, what etcd is.
const NODES: &[&str] = &[
    "cni: flannel, dns: coredns",
    "cni: {flannel: {backend: host-gw}}, proxy: {mode: nftables}, dns: coredns",
    "cni: {flannel: {backend: wireguard, port: 51000, interface: eth0}}, proxy: {mode: ipvs}",
    "cni: {flannel: {vni: 7, direct_routing: true}}, pod_network: 'fd01::/48', service_network: 'fd02::/112', dns: coredns",
    "cni: bridge, dns: coredns, storage: local-path, metrics: true, extra_args: {api_server: {v: 4}, scheduler: {v: 2}}",
    "cni: none",
    "cni: none, proxy: {daemon_set: true}, bootstrap_token: generate # static_pod: true",
    "cni: none, proxy: {daemon_set: true, mode: ipvs}, artifacts: pull # static_pod: true",
    "cni: none, proxy: {daemon_set: true, image: upstream, mode: nftables, config: {oomScoreAdj: -998}}",
];

/// The address of a node with IPv6, and the networks of its cluster.
const IPV6: (&str, &str) = (
    "fd00::10/64",
    ", pod_network: 'fd01::/48', service_network: 'fd02::/112'",
);

/// Name and text of the manifests of a node.
fn manifests(minor: u16, settings: &str) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("node.yaml");
    let address = if settings.contains("fd01") {
        "fd00::10/64"
    } else {
        "192.168.1.10/24"
    };
    let (settings, etcd) = settings.split_once(" # ").unwrap_or((settings, ""));
    let text = format!(
        "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: ['{address}']}}]}}
etcd: {{{etcd}}}
kubernetes: {{version: 1.{minor}.0, role: single, {settings}}}
containerd: {{runtimes: {{nvidia: {{binary: /opt/bin/nvidia-container-runtime}}, kata: {{shim: kata}}}}}}
"
    );
    fs::write(&path, text).expect("writing a spec");
    let mut sources = Sources::default();
    let loaded = spec::load(&path, None, &mut sources).expect("a spec");
    let decided = plan::decide(&loaded, &sources).unwrap_or_else(|found| panic!("{found:#?}"));
    let mut rng = system_random();
    let keys = KeyFolder::open(folder.path().join("keys"), Access::Look).expect("a key folder");
    let mut keys = Keys::new(keys, SystemTime::now(), &mut rng);
    let cluster = decided.with_keys(&mut keys).expect("keys");
    let node = &cluster.nodes[0];
    let mut all = Vec::new();
    for file in parts::all(node).iter().flat_map(|fragment| &fragment.files) {
        let path = file.path.as_str();
        let folder = ["/etc/kubernetes/manifests/", "/etc/kubernetes/imgbuild/"];
        let Some(Contents::Inline(bytes)) = &file.contents else {
            continue;
        };
        let is_yaml = Path::new(path).extension().is_some_and(|it| it == "yaml");
        if is_yaml && folder.iter().any(|folder| path.starts_with(folder)) {
            let text = String::from_utf8(bytes.clone()).expect("text");
            let name = path.rsplit('/').next().expect("a name").to_owned();
            all.push((name, text));
        }
    }
    all
}

#[test]
fn every_generated_manifest_is_right_for_every_version() {
    let mut names = Vec::new();
    let mut texts = Vec::new();
    let mut seen = BTreeSet::new();
    for minor in MINORS {
        for settings in NODES {
            for (name, text) in manifests(minor, settings) {
                let folder = tempfile::tempdir().expect("a folder");
                fs::write(folder.path().join("generated.yaml"), &text).expect("writing");
                let of = if settings.contains("fd01") {
                    IPV6
                } else {
                    ("192.168.1.10/24", "")
                };
                let (found, sources) = said_of_node(folder.path(), "generated.yaml", minor, of);
                let errors: Vec<_> = found
                    .iter()
                    .filter(|d| d.severity == Severity::Error)
                    .map(|d| {
                        format!(
                            "{}: {}",
                            sources.place(d.span.unwrap_or_default()),
                            d.message
                        )
                    })
                    .collect();
                let whose = format!("{name} of 1.{minor} with {settings}");
                assert!(errors.is_empty(), "{whose}: {errors:#?}\n{text}");
                seen.insert(name);
                // The same text need not be judged twice.
                if !texts.contains(&(minor, text.clone())) {
                    names.push(whose);
                    texts.push((minor, text));
                }
            }
        }
    }
    let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    for wanted in [
        "10-rbac.yaml",
        "12-joining.yaml",
        "15-kube-proxy.yaml",
        "15-runtime-classes.yaml",
        "20-flannel.yaml",
        "30-coredns.yaml",
        "40-local-path.yaml",
        "40-metrics-server.yaml",
        "etcd.yaml",
        "kube-apiserver.yaml",
        "kube-controller-manager.yaml",
        "kube-proxy.yaml",
        "kube-scheduler.yaml",
    ] {
        assert!(seen.contains(&wanted), "{wanted} is not among {seen:?}");
    }
    for (name, verdict) in names.iter().zip(judge(&texts)) {
        assert!(verdict.is_empty(), "{name}: {verdict:#?}");
    }
}
