//! etcd and kube-proxy in pods: the manifests, and what else of the node knows of them.
//!
//! Debian packages that must be there: kubernetes-client systemd.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use imgbuild::facts::etcd::etcd_flags;
use imgbuild::facts::kubernetes::tables::{Component, ConfigKind, config_fields, flags};
use imgbuild::facts::kubernetes::version::RELEASES;
use serde_json::{Value as Json, json};

use crate::node::{Generated, read_yaml};
use crate::units::systemd_takes;

/// A cluster of one, its etcd and its kube-proxy in pods.
fn single(version: &str, etcd: &str, kubernetes: &str) -> Generated {
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
const CLUSTER: &str = "\
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

const ETCD: &str = "/etc/kubernetes/manifests/etcd.yaml";
const DAEMON_SET: &str = "/etc/kubernetes/imgbuild/15-kube-proxy.yaml";

#[test]
fn the_manifests_read_well() {
    let node = single("1.36.2", "", "");
    insta::assert_snapshot!("etcd", node.text(ETCD));
    insta::assert_snapshot!("kube_proxy", node.text(DAEMON_SET));
    let control = Generated::nth(CLUSTER, &[], 1);
    insta::assert_snapshot!("kube_proxy_of_many", control.text(DAEMON_SET));
    insta::assert_snapshot!(
        "api_server_order",
        control.unit("imgbuild-api-server-order.service")
    );
}

/// Each version is given flags that its own etcd knows, and no others; and which etcd that is
/// follows from where it comes from.
#[test]
fn each_etcd_knows_its_flags() {
    let named = ", image: 'registry.example/etcd:v3.5.21'";
    let upstream = |minor: u16| if minor < 34 { 5 } else { 6 };
    for release in &RELEASES {
        let version = format!("1.{}.0", release.minor);
        let pulled = format!("registry.k8s.io/etcd:{}", release.etcd);
        for (etcd, kubernetes, image, program, minor) in [
            ("", "", "imgbuild.local/node:1", "/usr/bin/etcd", 5),
            (
                "",
                ", artifacts: pull",
                &pulled,
                "etcd",
                upstream(release.minor),
            ),
            (
                named,
                ", artifacts: pull",
                "registry.example/etcd:v3.5.21",
                "etcd",
                5,
            ),
        ] {
            let node = single(&version, etcd, kubernetes);
            let pod = node.pod("etcd");
            let container = &pod["spec"]["containers"][0];
            assert_eq!(container["image"], *image, "{version} {etcd}");
            assert_eq!(container["command"][0], program, "{version} {etcd}");
            let flags = node.flags("etcd");
            for flag in &flags {
                let name = flag
                    .trim_start_matches("--")
                    .split('=')
                    .next()
                    .expect("a name");
                let known = etcd_flags().find(|(known, _)| *known == name);
                assert!(
                    known.is_none_or(|(_, minors)| minors.why_not(minor).is_none()),
                    "etcd 3.{minor} {flag}"
                );
            }
            let check = if minor == 5 {
                "--experimental-initial-corrupt-check=true"
            } else {
                "--feature-gates=InitialCorruptCheck=true"
            };
            assert!(
                flags.iter().any(|flag| flag == check),
                "{version}: {flags:?}"
            );
        }
    }
}

/// What the spec says of the member reaches its pod.
#[test]
fn settings_reach_etcd() {
    let node = single(
        "1.36.2",
        ", data_dir: /var/lib/members/one, settings: {quota-backend-bytes: 4294967296, snapshot-count: 5000}",
        "",
    );
    let flags = node.flags("etcd");
    for want in [
        "--data-dir=/var/lib/members/one",
        "--quota-backend-bytes=4294967296",
        "--snapshot-count=5000",
        "--listen-metrics-urls=http://127.0.0.1:2381",
        "--client-cert-auth=true",
        "--peer-client-cert-auth=true",
    ] {
        assert_eq!(
            flags.iter().filter(|flag| *flag == want).count(),
            1,
            "{want}"
        );
    }
    let pod = node.pod("etcd");
    let volume = &pod["spec"]["volumes"][0]["hostPath"];
    assert_eq!(
        *volume,
        json!({"path": "/var/lib/members/one", "type": "Directory"})
    );
    assert!(
        node.unit("kubelet.service").contains(
            "RequiresMountsFor=/var/lib/kubelet /opt/kubernetes/bin /var/lib/members/one\n"
        ),
        "the kubelet waits for the data"
    );
}

/// Each file that a flag names is mounted, there, and nobody's but root's where it is a key.
#[test]
fn etcd_has_its_files() {
    let node = single("1.36.2", "", "");
    let pod = node.pod("etcd");
    let mounts = pod["spec"]["containers"][0]["volumeMounts"]
        .as_array()
        .expect("mounts")
        .clone();
    let mut named = 0;
    for flag in node.flags("etcd") {
        let (_, value) = flag.split_once('=').expect("a value");
        if !value.starts_with("/etc/") {
            continue;
        }
        named += 1;
        let is_mounted = mounts.iter().any(|mount| {
            let at = mount["mountPath"].as_str().expect("text");
            mount["readOnly"] == true && value.starts_with(&format!("{at}/"))
        });
        assert!(is_mounted, "{flag}");
        let (mode, _) = &node.files[value];
        let want = if flag.contains("key-file=") {
            0o600
        } else {
            0o644
        };
        assert_eq!(*mode, want, "{value}");
    }
    assert_eq!(named, 6);
    assert_eq!(node.files[ETCD].0, 0o600);
    assert!(!node.files.contains_key("/etc/default/etcd"));
    assert!(
        node.units
            .iter()
            .all(|unit| unit.name.as_str() != "etcd.service")
    );
}

/// The API server waits for etcd, and on further control planes for the earlier ones; no kubelet
/// waits for either.
#[test]
fn the_api_server_waits_for_etcd() {
    for (index, earlier) in [
        (0, ""),
        (1, "192.168.1.11:6443"),
        (2, "192.168.1.11:6443 192.168.1.12:6443"),
    ] {
        let node = Generated::nth(CLUSTER, &[], index);
        let manifest = "/etc/kubernetes/imgbuild/after-etcd/kube-apiserver.yaml";
        assert!(node.files.contains_key(manifest), "{index}");
        assert!(
            !node
                .files
                .contains_key("/etc/kubernetes/manifests/kube-apiserver.yaml"),
            "{index}"
        );
        let order = node.unit("imgbuild-api-server-order.service");
        for want in [
            &format!("\"EARLIER={earlier}\""),
            &format!("/imgbuild/api-server-order {manifest}\n"),
            " kubelet.service\n",
        ] {
            assert!(order.contains(want), "{index} {want}: {order}");
        }
        assert!(!order.contains("Before="), "{order}");
        assert_eq!(
            node.flags("kube-apiserver")
                .iter()
                .filter(|flag| *flag == "--etcd-servers=https://127.0.0.1:2379")
                .count(),
            1
        );
    }
    let worker = Generated::nth(CLUSTER, &[], 3);
    assert!(
        worker
            .units
            .iter()
            .all(|unit| unit.name.as_str() != "imgbuild-api-server-order.service")
    );
}

#[test]
fn systemd_takes_the_units() {
    let care = ", backup: {schedule: daily, keep: 2}";
    let node = single("1.36.2", care, "");
    node.units.iter().for_each(systemd_takes);
    assert!(
        node.unit("imgbuild-etcd-snapshot.service")
            .contains("After=kubelet.service\n")
    );
    for index in 0..4 {
        Generated::nth(CLUSTER, &[], index)
            .units
            .iter()
            .for_each(systemd_takes);
    }
}

/// What the `ConfigMap` of kube-proxy holds, by key.
fn settings(node: &Generated) -> BTreeMap<String, String> {
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

fn daemon_set(node: &Generated) -> Json {
    let objects = node.objects(DAEMON_SET);
    let found = objects
        .into_iter()
        .find(|object| object["kind"] == "DaemonSet");
    found.expect("a DaemonSet")
}

/// Every flag and field is one of the version, and the spec's are among them.
#[test]
fn each_version_knows_its_proxy() {
    for release in &RELEASES {
        let minor = release.minor;
        let spec = format!(
            "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24]}}]}}
etcd: {{}}
kubernetes:
  version: 1.{minor}.0
  role: single
  proxy: {{mode: nftables, daemon_set: true, config: {{conntrack: {{maxPerCore: 0}}}}}}
  extra_args: {{proxy: {{v: 2}}}}
"
        );
        let node = Generated::of(&spec, &[]);
        let command =
            daemon_set(&node)["spec"]["template"]["spec"]["containers"][0]["command"].clone();
        let words: Vec<&str> = (command.as_array().expect("a command").iter())
            .map(|word| word.as_str().expect("text"))
            .collect();
        assert_eq!(
            words,
            [
                "/opt/kubernetes/bin/kube-proxy",
                "--config=/var/lib/kube-proxy/config.conf",
                "--hostname-override=$(NODE_NAME)",
                "--v=2",
            ]
        );
        for word in &words[1..] {
            let name = word
                .trim_start_matches("--")
                .split('=')
                .next()
                .expect("a name");
            let known = flags(Component::Proxy).find(|(known, _)| *known == name);
            let (_, minors) = known.unwrap_or_else(|| panic!("{word}"));
            assert_eq!(minors.why_not(minor), None, "{word} of 1.{minor}");
        }
        let config = read_yaml("config.conf", &settings(&node)["config.conf"]);
        assert_eq!(config["mode"], "nftables");
        assert_eq!(config["conntrack"], json!({"maxPerCore": 0}));
        assert_eq!(
            config["clientConnection"]["kubeconfig"],
            "/var/lib/kube-proxy/kubeconfig.conf"
        );
        for field in config.as_object().expect("a map").keys() {
            if ["apiVersion", "kind"].contains(&field.as_str()) {
                continue;
            }
            let known = config_fields(ConfigKind::Proxy).find(|known| known.path == field);
            let known = known.unwrap_or_else(|| panic!("{field}"));
            assert_eq!(known.minors.why_not(minor), None, "{field} of 1.{minor}");
        }
    }
}

/// kubectl reads the kubeconfig, which leads to the endpoint with the token of the pod.
#[test]
fn the_proxys_kubeconfig_is_kubectls() {
    for (index, server) in [
        (None, "https://192.168.1.10:6443"),
        (Some(0), "https://kubernetes-api:6443"),
    ] {
        let node = index.map_or_else(
            || single("1.36.2", "", ""),
            |index| Generated::nth(CLUSTER, &[], index),
        );
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        fs::write(&path, &settings(&node)["kubeconfig.conf"]).expect("written");
        let output = Command::new("kubectl")
            .args([
                "config",
                "view",
                "--minify",
                "--raw",
                "-o",
                "jsonpath={.clusters[0].cluster.server} {.users[0].user.tokenFile}",
                "--kubeconfig",
            ])
            .arg(&path)
            .output()
            .expect("running kubectl (Debian package kubernetes-client)");
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            format!("{server} /var/run/secrets/kubernetes.io/serviceaccount/token")
        );
    }
}

/// No static pod, no kubeconfig and no certificate of kube-proxy is on any node, and the kernel's
/// modules are.
#[test]
fn nodes_of_a_daemon_set_have_no_proxy_of_their_own() {
    let spec = CLUSTER.replace("proxy: {", "proxy: {mode: ipvs, ");
    for index in 0..4 {
        let node = Generated::nth(&spec, &[], index);
        for path in node.files.keys().filter(|path| path.contains("proxy")) {
            let is_front_proxy = path.contains("front-proxy");
            assert!(
                is_front_proxy || path == DAEMON_SET,
                "{path} on node {index}"
            );
        }
        assert_eq!(node.files.contains_key(DAEMON_SET), index < 3, "{index}");
        assert!(
            node.text("/etc/modules-load.d/kubernetes.conf")
                .contains("\nip_vs_rr\n")
        );
        assert!(
            !node
                .files
                .iter()
                .any(|(_, (_, text))| text.contains("system:kube-proxy"))
        );
    }
}

/// The pods run where nothing but upstream's image is to be had, and where the nodes' own programs
/// are.
#[test]
fn the_proxys_image_is_the_nodes_or_upstreams() {
    for (proxy, more, image, mounts) in [
        (
            "",
            "",
            "imgbuild.local/node:1",
            &["programs", "usr", "alternatives"][..],
        ),
        (
            "",
            ", artifacts: pull",
            "registry.k8s.io/kube-proxy:v1.36.2",
            &["lib-modules"],
        ),
        (
            ", image: upstream",
            "",
            "registry.k8s.io/kube-proxy:v1.36.2",
            &["lib-modules"],
        ),
    ] {
        let node = Generated::of(
            &format!(
                "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24]}}]}}
etcd: {{}}
kubernetes: {{version: 1.36.2, role: single, proxy: {{daemon_set: true{proxy}}}{more}}}
"
            ),
            &[],
        );
        let set = daemon_set(&node);
        let pod = &set["spec"]["template"]["spec"];
        assert_eq!(pod["containers"][0]["image"], image);
        let names: Vec<&str> = (pod["volumes"].as_array().expect("volumes").iter())
            .map(|volume| volume["name"].as_str().expect("text"))
            .filter(|name| !["kube-proxy", "xtables-lock"].contains(name))
            .collect();
        assert_eq!(names, mounts);
        assert_eq!(pod["tolerations"], json!([{"operator": "Exists"}]));
        assert_eq!(pod["hostNetwork"], true);
        assert_eq!(pod["priorityClassName"], "system-node-critical");
        assert_eq!(pod["nodeSelector"], json!({"kubernetes.io/os": "linux"}));
        assert_eq!(
            pod["containers"][0]["securityContext"],
            json!({"privileged": true})
        );
        assert!(pod.get("hostAliases").is_none());
    }
    // Machines that joined do not know the name that the nodes of the file have for their control
    // planes.
    let set = daemon_set(&Generated::nth(CLUSTER, &[], 0));
    let aliases = set["spec"]["template"]["spec"]["hostAliases"].clone();
    let addresses = ["192.168.1.11", "192.168.1.12", "192.168.1.13"];
    assert_eq!(
        aliases,
        addresses
            .iter()
            .map(|ip| json!({"ip": ip, "hostnames": ["kubernetes-api"]}))
            .collect::<Json>()
    );
}
