//! kube-proxy in pods: its `DaemonSet`, its settings and its image.

use imgbuild::facts::kubernetes::tables::{Component, ConfigKind, Tables};
use imgbuild::facts::kubernetes::version::RELEASES;
use serde_json::{Value as Json, json};

use crate::generated::{Generated, read_yaml};
use crate::pods::{CLUSTER, DAEMON_SET, settings};

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
            let known = Tables::OWN
                .flags(Component::Proxy)
                .find(|known| known.name == name);
            let minors = known.map_or_else(|| panic!("{word}"), |known| known.minors);
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
            let known = Tables::OWN
                .config_fields(ConfigKind::Proxy)
                .find(|known| known.path == field);
            let known = known.unwrap_or_else(|| panic!("{field}"));
            assert_eq!(known.minors.why_not(minor), None, "{field} of 1.{minor}");
        }
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
        let audit = "/etc/kubernetes/audit-policy.yaml";
        assert!(
            !node
                .files
                .iter()
                .any(|(path, (_, text))| text.contains("system:kube-proxy") && path != audit)
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
