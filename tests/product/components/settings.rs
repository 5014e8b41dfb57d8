//! What is generated, read back.

use imgbuild::facts::kubernetes::tables::{Component, ConfigKind, Tables};
use imgbuild::facts::kubernetes::version::RELEASES;
use serde_json::{Value as Json, json};

use crate::generated::{Generated, WEB, full};

const COMPONENTS: [Component; 5] = [
    Component::ApiServer,
    Component::ControllerManager,
    Component::Scheduler,
    Component::Proxy,
    Component::Kubelet,
];

fn files(version: &str) -> Generated {
    Generated::of(&full(version), &[("web.yaml", WEB)])
}

/// Every flag and field that is written is one of the version that it is written for.
#[test]
fn each_version_knows_what_it_is_told() {
    for release in &RELEASES {
        let minor = release.minor;
        let node = files(&format!("1.{minor}.0"));
        for component in COMPONENTS {
            for flag in node.flags(component.as_str()) {
                let name = flag
                    .trim_start_matches("--")
                    .split('=')
                    .next()
                    .expect("a name");
                let known = Tables::OWN
                    .flags(component)
                    .find(|known| known.name == name);
                let minors =
                    known.map_or_else(|| panic!("{component} {flag}"), |known| known.minors);
                assert_eq!(
                    minors.why_not(minor),
                    None,
                    "{component} {flag} of 1.{minor}"
                );
            }
        }
        for (kind, path) in [
            (ConfigKind::Kubelet, "/etc/kubernetes/kubelet.yaml"),
            (ConfigKind::Proxy, "/etc/kubernetes/kube-proxy.yaml"),
        ] {
            let Json::Object(fields) = node.yaml(path) else {
                panic!("{path} is not a map");
            };
            for field in fields
                .keys()
                .filter(|f| !["apiVersion", "kind"].contains(&f.as_str()))
            {
                let known = Tables::OWN
                    .config_fields(kind)
                    .find(|known| known.path == field);
                let known = known.unwrap_or_else(|| panic!("{path} {field}"));
                assert_eq!(
                    known.minors.why_not(minor),
                    None,
                    "{path} {field} of 1.{minor}"
                );
            }
        }
    }
}

#[test]
fn settings_reach_the_kubelet() {
    let node = files("1.36.2");
    let config = node.yaml("/etc/kubernetes/kubelet.yaml");
    for (field, want) in [
        ("/maxPods", json!(50)),
        ("/podsPerCore", json!(20)),
        ("/failSwapOn", json!(false)),
        ("/memorySwap", json!({"swapBehavior": "LimitedSwap"})),
        ("/systemReserved/ephemeral-storage", json!("1Gi")),
        ("/systemReserved/pid", json!("1000")),
        ("/kubeReserved", json!({"cpu": "100m", "memory": "128Mi"})),
        ("/evictionHard/memory.available", json!("200Mi")),
        ("/evictionHard/nodefs.available", json!("5%")),
        ("/evictionHard/imagefs.available", json!("15%")),
        (
            "/authentication/webhook",
            json!({"enabled": true, "cacheTTL": "1m30s"}),
        ),
        ("/authentication/anonymous/enabled", json!(false)),
        (
            "/authentication/x509/clientCAFile",
            json!("/etc/kubernetes/pki/ca.crt"),
        ),
        ("/featureGates/APIResponseCompression", json!(false)),
        (
            "/registerWithTaints",
            json!([
                {"key": "dedicated", "value": "db", "effect": "NoSchedule"},
                {"key": "slow", "value": "", "effect": "PreferNoSchedule"},
            ]),
        ),
        ("/clusterDNS", json!(["10.96.0.10"])),
    ] {
        assert_eq!(config.pointer(field), Some(&want), "{field}");
    }
    let flags = node.flags("kubelet");
    assert!(
        flags.contains(&"--node-labels=rack=7,topology.kubernetes.io/zone=a".to_owned()),
        "{flags:?}"
    );
    let join = node
        .units
        .iter()
        .find(|unit| unit.name.as_str() == "imgbuild-kubernetes.service")
        .and_then(|unit| unit.contents.as_deref())
        .expect("a unit");
    assert!(
        join.contains("node-role.kubernetes.io/control-plane= node-role.kubernetes.io/db=\n"),
        "{join}"
    );
}

#[test]
fn settings_reach_the_proxy() {
    let config = files("1.36.2").yaml("/etc/kubernetes/kube-proxy.yaml");
    for (field, want) in [
        ("/mode", json!("nftables")),
        ("/conntrack", json!({"maxPerCore": 0})),
        ("/nftables/syncPeriod", json!("20s")),
        ("/featureGates/CPUManagerPolicyAlphaOptions", json!(true)),
        (
            "/clientConnection/kubeconfig",
            json!("/etc/kubernetes/kube-proxy.conf"),
        ),
    ] {
        assert_eq!(config.pointer(field), Some(&want), "{field}");
    }
}

/// Each file that a flag of the API server names is mounted into its pod, and there.
#[test]
fn the_api_server_has_its_files() {
    let node = files("1.36.2");
    let pod = node.pod("kube-apiserver");
    let container = &pod["spec"]["containers"][0];
    let mounts = container["volumeMounts"].as_array().expect("mounts");
    let volumes = pod["spec"]["volumes"].as_array().expect("volumes");
    assert_eq!(mounts.len(), volumes.len());
    for mount in mounts {
        let volume = volumes
            .iter()
            .find(|volume| volume["name"] == mount["name"]);
        let path = &volume.expect("a volume")["hostPath"]["path"];
        assert_eq!(path, &mount["mountPath"]);
    }
    let mut named = 0;
    for flag in node.flags("kube-apiserver") {
        let (name, value) = flag.split_once('=').expect("a value");
        if !value.starts_with("/etc/") && !value.starts_with("/var/") {
            continue;
        }
        named += 1;
        let mount = mounts
            .iter()
            .find(|mount| {
                let at = mount["mountPath"].as_str().expect("text");
                value == at || value.starts_with(&format!("{at}/"))
            })
            .unwrap_or_else(|| panic!("{flag} is not mounted"));
        let is_log = name == "--audit-log-path";
        assert_eq!(mount["readOnly"], json!(!is_log), "{flag}");
        assert!(
            is_log || node.files.contains_key(value),
            "{flag} is not there"
        );
    }
    assert!(named > 15, "{named}");

    let (mode, _) = &node.files["/etc/kubernetes/encryption.yaml"];
    assert_eq!(*mode, 0o600);
    let config = node.yaml("/etc/kubernetes/encryption.yaml");
    assert_eq!(
        config["resources"][0]["resources"],
        json!(["secrets", "configmaps"])
    );
    assert_eq!(
        config["resources"][0]["providers"][1],
        json!({"identity": {}})
    );
    let key = &config["resources"][0]["providers"][0]["secretbox"]["keys"][0];
    assert_eq!(key["secret"].as_str().expect("text").len(), 44);
    assert!(
        node.flags("kube-apiserver")
            .contains(&"--audit-log-maxage=7".to_owned())
    );
}

#[test]
fn feature_gates_are_the_same_everywhere() {
    let node = files("1.36.2");
    let want = "--feature-gates=APIResponseCompression=false,CPUManagerPolicyAlphaOptions=true";
    for component in [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ] {
        assert!(
            node.flags(component).iter().any(|flag| flag == want),
            "{component}"
        );
    }
    let gates = json!({"APIResponseCompression": false, "CPUManagerPolicyAlphaOptions": true});
    for path in [
        "/etc/kubernetes/kubelet.yaml",
        "/etc/kubernetes/kube-proxy.yaml",
    ] {
        assert_eq!(node.yaml(path)["featureGates"], gates, "{path}");
    }
}

/// What is said nowhere leaves the files as they were.
#[test]
fn without_settings_there_is_nothing_of_them() {
    let node = Generated::of(
        "\
version: 1
hostname: kube1
network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}]}
etcd: {}
kubernetes: {version: 1.36.2, role: single}
",
        &[],
    );
    let encryption = "/etc/kubernetes/encryption.yaml";
    assert!(!node.files.contains_key(encryption));
    let config = node.yaml("/etc/kubernetes/kubelet.yaml");
    for field in ["featureGates", "maxPods", "failSwapOn", "evictionHard"] {
        assert!(config.get(field).is_none(), "{field}");
    }
}

#[test]
fn a_standalone_kubelet_runs_the_users_pods() {
    let node = Generated::of(
        "\
version: 1
hostname: kube1
kubernetes: {version: 1.36.2, role: standalone, static_pods: [web.yaml], kubelet: {max_pods: 3}}
",
        &[("web.yaml", WEB)],
    );
    let (mode, text) = &node.files["/etc/kubernetes/manifests/web.yaml"];
    assert_eq!((*mode, text.as_str()), (0o600, WEB));
    assert_eq!(
        node.yaml("/etc/kubernetes/kubelet.yaml")["maxPods"],
        json!(3)
    );
}

/// An etcd outside of the file brings its own certificates, and none are made for one.
#[test]
fn an_external_etcd() {
    const AUTHORITY: &str = include_str!("../../shared/etcd-ca.crt");
    let node = Generated::of(
        "\
version: 1
hostname: kube1
network: {interfaces: [{name: eth0, addresses: [192.168.1.10/24]}]}
kubernetes:
  version: 1.36.2
  role: single
  external_etcd:
    endpoints: ['https://192.168.1.5:2379', 'https://192.168.1.6:2379']
    ca: ca.crt
    cert: client.crt
    key: client.key
",
        &[
            ("ca.crt", AUTHORITY),
            ("client.crt", AUTHORITY),
            ("client.key", "-----BEGIN PRIVATE KEY-----\n"),
        ],
    );
    let flags = node.flags("kube-apiserver");
    let servers = "--etcd-servers=https://192.168.1.5:2379,https://192.168.1.6:2379";
    assert!(flags.iter().any(|flag| flag == servers), "{flags:?}");
    assert_eq!(node.text("/etc/kubernetes/pki/etcd/ca.crt"), AUTHORITY);
    assert_eq!(
        node.text("/etc/kubernetes/pki/apiserver-etcd-client.key"),
        "-----BEGIN PRIVATE KEY-----\n"
    );
    let (mode, _) = &node.files["/etc/kubernetes/pki/apiserver-etcd-client.key"];
    assert_eq!(*mode, 0o600);
}
