//! The address that control planes share, from the spec to what keepalived, `HAProxy` and the
//! cluster's clients read. `tests/judges/shared_address/` has them run.

use crate::generated::Generated;

const SPEC: &str = "\
version: 1
kubernetes: {version: 1.36.2, cni: none, endpoint: {vip: 192.168.1.10}}
nodes:
- hostname: control1
  network:
    interfaces:
    - {name: eth1, addresses: [10.20.0.11/24]}
    - {name: lan, mac: '52:54:00:00:00:01', addresses: [192.168.1.11/24, 'fd00:1::11/64']}
    firewall: {allow_from: [192.168.1.0/24]}
  etcd: {}
  kubernetes: {role: control-plane}
- hostname: control2
  network: {interfaces: [{name: eth0, addresses: [192.168.1.12/24]}]}
  kubernetes: {role: control-plane}
- hostname: worker1
  network: {interfaces: [{name: eth0, dhcp: true}]}
  kubernetes: {role: worker}
";

fn server(node: &Generated, name: &str) -> String {
    let config = node.yaml(&format!("/etc/kubernetes/{name}.conf"));
    let server = &config["clusters"][0]["cluster"]["server"];
    server.as_str().expect("a server").to_owned()
}

/// The lines of a file without comments and indentation.
fn lines<'a>(node: &'a Generated, path: &str) -> Vec<&'a str> {
    let lines = node.text(path).lines().map(str::trim);
    lines.filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn clients_go_through_the_balancer() {
    let control = Generated::of(SPEC, &[]);
    let worker = Generated::nth(SPEC, &[], 2);
    let balancer = "https://127.0.0.1:7445";
    for name in ["kubelet", "kube-proxy", "controller-manager", "scheduler"] {
        assert_eq!(server(&control, name), balancer, "{name}");
    }
    for name in ["kubelet", "kube-proxy"] {
        assert_eq!(server(&worker, name), balancer, "{name} of the worker");
    }
    assert_eq!(server(&control, "admin"), "https://192.168.1.10:6443");
    assert_eq!(server(&control, "super-admin"), "https://10.20.0.11:6443");
    let joins = |node: &Generated| {
        let unit = node.unit("imgbuild-kubernetes.service").lines();
        let start = unit.filter(|line| line.starts_with("ExecStart="));
        start.collect::<String>()
    };
    assert!(
        joins(&control).contains(" 10.20.0.11:6443"),
        "{}",
        joins(&control)
    );
    assert!(
        joins(&worker).contains(" 127.0.0.1:7445"),
        "{}",
        joins(&worker)
    );
    // No name of control planes is needed in /etc/hosts.
    assert!(!control.text("/etc/hosts").contains("kubernetes-api"));
}

#[test]
fn a_control_plane_prefers_its_own_api_server() {
    let config = "/etc/haproxy/haproxy.cfg";
    let servers = |index| {
        let node = Generated::nth(SPEC, &[], index);
        let lines = lines(&node, config);
        let servers = lines.iter().filter(|line| line.starts_with("server "));
        servers.map(|line| (*line).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        servers(1),
        [
            "server control1 10.20.0.11:6443 backup",
            "server control2 192.168.1.12:6443 on-marked-up shutdown-backup-sessions"
        ]
    );
    assert_eq!(
        servers(2),
        [
            "server control1 10.20.0.11:6443",
            "server control2 192.168.1.12:6443"
        ]
    );
}

#[test]
fn only_control_planes_hold_the_address() {
    let control = Generated::of(SPEC, &[]);
    let config = lines(&control, "/etc/keepalived/keepalived.conf");
    for line in [
        "interface lan",
        "virtual_router_id 10",
        "unicast_src_ip 192.168.1.11",
        "192.168.1.12",
        "192.168.1.10/32 dev lan",
    ] {
        assert!(config.contains(&line), "{line}: {config:#?}");
    }
    let rules = control.text("/etc/nftables.conf");
    let rule = "ip saddr { 192.168.1.12/32 } meta l4proto 112 accept";
    assert!(rules.contains(rule), "{rules}");
    // networkd leaves the address on the link that has it.
    let kept = |name: &str| {
        let text = control.text(&format!("/etc/systemd/network/10-{name}.network"));
        text.contains("KeepConfiguration=static")
    };
    assert_eq!((kept("lan"), kept("eth1")), (true, false));
    let worker = Generated::nth(SPEC, &[], 2);
    assert!(!worker.files.contains_key("/etc/keepalived/keepalived.conf"));
    assert!(worker.files.contains_key("/etc/haproxy/haproxy.cfg"));
}

/// What a spec sets, and what follows from it.
#[test]
fn settings_of_the_address() {
    let lone = |endpoint: &str, address: &str| {
        Generated::of(
            &format!(
                "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: ['{address}']}}]}}
etcd: {{}}
kubernetes: {{version: 1.36.2, role: single, endpoint: {endpoint}, dns: none, pod_network: {pods}, service_network: {services}}}
",
                pods = if address.contains(':') { "'fd00:10:244::/56'" } else { "10.244.0.0/16" },
                services = if address.contains(':') { "'fd00:10:96::/112'" } else { "10.96.0.0/16" },
            ),
            &[],
        )
    };
    let node = lone(
        "{vip: 192.168.2.0, port: 7445, virtual_router_id: 51}",
        "192.168.1.11/22",
    );
    let config = lines(&node, "/etc/keepalived/keepalived.conf");
    assert!(config.contains(&"virtual_router_id 51"), "{config:#?}");
    // A control plane without others tells nobody one by one.
    assert!(
        !config.iter().any(|line| line.contains("unicast")),
        "{config:#?}"
    );
    // The API server has that port on all addresses.
    assert_eq!(server(&node, "kubelet"), "https://127.0.0.1:7447");
    assert_eq!(server(&node, "admin"), "https://192.168.2.0:7445");
    let flags = node.flags("kube-apiserver");
    assert!(
        flags.contains(&"--secure-port=7445".to_owned()),
        "{flags:?}"
    );

    let node = lone("{vip: 192.168.2.0}", "192.168.1.11/22");
    let config = lines(&node, "/etc/keepalived/keepalived.conf");
    assert!(config.contains(&"virtual_router_id 1"), "{config:#?}");

    let node = lone("{vip: 'fd00:1::10'}", "fd00:1::11/64");
    let config = lines(&node, "/etc/keepalived/keepalived.conf");
    let held = "fd00:1::10/128 dev eth0 preferred_lft 0";
    assert!(config.contains(&held), "{config:#?}");
    assert_eq!(server(&node, "admin"), "https://[fd00:1::10]:6443");
    assert_eq!(server(&node, "kubelet"), "https://127.0.0.1:7445");
}

/// Only nodes with a shared address carry keepalived and `HAProxy`.
#[test]
fn the_base_has_the_programs_where_they_are_needed() {
    let plain = SPEC.replace(", endpoint: {vip: 192.168.1.10}", "");
    for (spec, wanted) in [
        (SPEC, "debian-amd64-generic; packages: haproxy, keepalived"),
        (&*plain, "debian-amd64-generic"),
    ] {
        for index in [0, 2] {
            let kind = Generated::nth(spec, &[], index).node.base_kind();
            assert_eq!(kind.expect("a base").in_lock(), wanted);
        }
    }
}
