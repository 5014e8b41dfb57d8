//! What nodes have for their safety, and who has it.

use crate::generated::Generated;

/// Two control planes and a worker, with more settings of the worker and of all.
fn cluster(worker: &str, all: &str, interface: &str) -> [Generated; 3] {
    let spec = format!(
        "\
version: 1
kubernetes: {{version: 1.36.2{all}}}
nodes:
- hostname: control1
  network: {{interfaces: [{{name: eth0, addresses: [192.168.1.11/24]}}]}}
  etcd: {{}}
  kubernetes: {{role: control-plane}}
- hostname: control2
  network: {{interfaces: [{{name: eth0, addresses: [192.168.1.12/24]}}]}}
  kubernetes: {{role: control-plane}}
- hostname: worker1
  network: {{interfaces: [{{name: eth0, {interface}}}]}}
  kubernetes: {{role: worker{worker}}}
"
    );
    [0, 1, 2].map(|index| Generated::nth(&spec, &[], index))
}

/// An API server that verified certificates which it cannot know would show no logs.
#[test]
fn kubelets_are_verified_where_all_can_be() {
    let fixed = "addresses: [192.168.1.21/24]";
    for (name, worker, all, interface, want) in [
        ("certificates", "", "", fixed, true),
        ("a token", ", join: token", "", fixed, false),
        (
            "others may join",
            "",
            ", bootstrap_token: generate",
            fixed,
            false,
        ),
        ("DHCP", "", "", "dhcp: true", false),
        (
            "an address of the user's",
            ", extra_args: {kubelet: {node-ip: 10.0.0.1}}",
            "",
            fixed,
            false,
        ),
        (
            "certificates of the cluster's",
            ", kubelet: {config: {serverTLSBootstrap: true}}",
            "",
            fixed,
            false,
        ),
    ] {
        let nodes = cluster(worker, all, interface);
        for node in &nodes[..2] {
            let flag = "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt";
            let flags = node.flags("kube-apiserver");
            assert_eq!(
                flags.iter().any(|it| it == flag),
                want,
                "{name}: {flags:#?}"
            );
        }
    }
}

/// The credentials that no RBAC rule limits.
#[test]
fn only_the_first_control_plane_has_the_super_administrator() {
    let path = "/etc/kubernetes/super-admin.conf";
    let nodes = cluster("", "", "addresses: [192.168.1.21/24]");
    for (index, node) in nodes.iter().enumerate() {
        let everything = node.files.values().map(|(_, text)| text.as_str());
        let units = node
            .units
            .iter()
            .filter_map(|unit| unit.contents.as_deref());
        let is_told = everything
            .chain(units)
            .any(|text| text.contains("super-admin"));
        assert_eq!(node.files.contains_key(path), index == 0, "{index}");
        assert_eq!(is_told, index == 0, "{index}");
    }
    let join = nodes[1].unit("imgbuild-kubernetes.service");
    assert!(
        join.contains("KUBECONFIG=/etc/kubernetes/admin.conf"),
        "{join}"
    );
}

/// The log is there unless it is turned off, and on the storage device if there is one.
#[test]
fn the_audit_log_is_kept() {
    for (name, settings, device, is_on) in [
        ("default", "", "", true),
        ("a disk", "", "storage_device: /dev/vda\n", true),
        (
            "off",
            ", audit: {enabled: false}",
            "storage_device: /dev/vda\n",
            false,
        ),
    ] {
        let node = Generated::of(
            &format!(
                "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24]}}]}}
{device}etcd: {{}}
kubernetes: {{version: 1.36.2, role: single{settings}}}
"
            ),
            &[],
        );
        let flags = node.flags("kube-apiserver");
        let is_set = flags
            .iter()
            .any(|flag| flag.starts_with("--audit-log-path="));
        assert_eq!(is_set, is_on, "{name}");
        let folder = "/var/log/kubernetes/audit";
        let kubelet = node.unit("kubelet.service");
        assert_eq!(kubelet.contains(folder), is_on, "{name}: {kubelet}");
        let mount = (node.units.iter())
            .find(|unit| unit.name.as_str() == "var-log-kubernetes-audit.mount")
            .and_then(|unit| unit.contents.as_deref());
        assert_eq!(mount.is_some(), is_on && !device.is_empty(), "{name}");
        if let Some(mount) = mount {
            assert!(
                mount.contains("What=/var/lib/imgbuild/kubernetes-audit\n"),
                "{mount}"
            );
        }
    }
}

/// The token is in a file of its own, which is not applied like the others, with its end.
#[test]
fn the_cluster_gets_a_token_with_its_end() {
    for (settings, has_end) in [
        ("bootstrap_token: generate", false),
        ("bootstrap_token: generate, bootstrap_token_ttl: 24h", true),
    ] {
        let all = format!(", {settings}");
        let [node, ..] = cluster("", &all, "addresses: [192.168.1.21/24]");
        let start = "/etc/kubernetes/imgbuild/tokens/";
        let (path, (mode, text)) = (node.files.iter())
            .find(|(path, _)| path.starts_with(start))
            .expect("a token");
        assert_eq!(*mode, 0o600);
        let secret = node.yaml(path);
        let id = secret["stringData"]["token-id"].as_str().expect("text");
        assert_eq!(*path, format!("{start}{id}.yaml"));
        let end = &secret["stringData"]["expiration"];
        assert_eq!(end.is_string(), has_end, "{text}");
        let joining = node.text("/etc/kubernetes/imgbuild/12-joining.yaml");
        assert!(!joining.contains("token-secret"), "{joining}");
    }
}

/// The policy of imgbuild's would be accepted as one of the user's.
#[test]
fn the_audit_policy_is_one() {
    let policy = include_str!("../../../manifests/audit-policy.yaml");
    let spec = |audit: &str| {
        format!(
            "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: [192.168.1.10/24]}}]}}
etcd: {{}}
kubernetes: {{version: 1.36.2, role: single{audit}}}
"
        )
    };
    let path = "/etc/kubernetes/audit-policy.yaml";
    let own = Generated::of(&spec(""), &[]);
    let given = Generated::of(
        &spec(", audit: {policy: policy.yaml}"),
        &[("policy.yaml", policy)],
    );
    assert_eq!(own.text(path), given.text(path));
}
