//! Roles of Kubernetes 1.9: workers, standalone kubelets, TLS.

use crate::container_linux_nodes::{HEAD, all, node, one, two};

#[test]
fn a_worker_asks_the_insecure_port_only_where_it_is_open() {
    let nodes = two(", insecure_bind_address: 0.0.0.0");
    let config = nodes[1].text("/etc/kubernetes/kubeconfig/master-config.yaml");
    assert!(
        config.contains("server: http://192.168.1.10:8080\n"),
        "{config}"
    );
    let names: Vec<_> = nodes[1].files.keys().collect();
    assert!(
        !names
            .iter()
            .any(|name| name.contains("apiserver") || name.contains("ssl")),
        "{names:?}"
    );
    let flannel = nodes[1].dropin("flanneld.service", "20-clct-flannel.conf");
    assert!(
        flannel.contains("--etcd-endpoints=\"http://192.168.1.10:2379\""),
        "{flannel}"
    );
    assert_eq!(
        nodes[1].unit("flanneld.service").dropins.len(),
        1,
        "the network is told once"
    );
    assert!(
        nodes[0]
            .unit("kubelet.service")
            .contents
            .contains("--register-schedulable=false")
    );
    assert!(
        nodes[1]
            .unit("kubelet.service")
            .contents
            .contains("--register-schedulable=true")
    );

    let text = format!(
        "{HEAD}kubernetes: {{version: 1.9.6, tls: false}}\nnodes:\n{}    etcd: ~\n{}",
        node("a", "192.168.1.10", "role: control-plane"),
        node("b", "192.168.1.11", "role: worker"),
    );
    let errors = all(&text, &[]).err().expect("nobody answers the worker");
    assert_eq!(errors, ["E0529 worker `b` has no API server to connect to"]);
}

#[test]
fn tls_is_what_there_is_where_nothing_is_said() {
    let nodes = two("");
    assert_eq!(nodes[0].warnings, [""; 0]);
    let api = nodes[0].text("/etc/kubernetes/manifests/kube-apiserver.yaml");
    for flag in [
        "--insecure-bind-address=127.0.0.1",
        "--secure-port=6443",
        "--authorization-mode=Node,RBAC",
        "--anonymous-auth=false",
        ",NodeRestriction",
        "--client-ca-file=/etc/kubernetes/ssl/ca.crt",
    ] {
        assert!(api.contains(flag), "{flag} in\n{api}");
    }
    let client = nodes[1].text("/etc/kubernetes/kubeconfig/master-config.yaml");
    assert!(
        client.contains("server: https://192.168.1.10:6443\n"),
        "{client}"
    );
    let proxy = nodes[1].text("/etc/kubernetes/kubeconfig/kube-proxy-config.yaml");
    assert!(
        proxy.contains("kubeconfig: /etc/kubernetes/kubeconfig/kube-proxy-client.yaml\n"),
        "{proxy}"
    );
    // No key of the cluster's on a worker, and all that is secret is root's.
    for (node, path, mode) in [
        (0, "/etc/kubernetes/ssl/apiserver.key", 0o600),
        (0, "/etc/kubernetes/ssl/kubelet-client.key", 0o600),
        (1, "/etc/kubernetes/kubeconfig/master-config.yaml", 0o600),
        (
            1,
            "/etc/kubernetes/kubeconfig/kube-proxy-client.yaml",
            0o600,
        ),
    ] {
        let mut files = nodes[node].config.storage.files.iter();
        let file = files.find(|file| file.path == path).expect(path);
        assert_eq!(file.mode, Some(mode), "{path}");
    }
    assert!(!nodes[1].files.keys().any(|path| path.contains("/ssl/")));
}

#[test]
fn a_standalone_kubelet_has_no_kubeconfig() {
    let node = one(&format!(
        "{HEAD}hostname: alone\nkubernetes: {{version: 1.9.6, role: standalone, hostname_override: true}}\n"
    ));
    let unit = &node.unit("kubelet.service").contents;
    assert!(
        !unit.contains("--kubeconfig") && !unit.contains("register"),
        "{unit}"
    );
    assert!(
        unit.contains("--hostname-override=alone\nExecStop"),
        "{unit}"
    );
    let paths: Vec<_> = node.files.keys().map(String::as_str).collect();
    assert_eq!(paths, ["/etc/hostname"]);
    assert_eq!(node.config.systemd.units.len(), 1);
}

/// Images and flags of one's own.
#[test]
fn what_is_said_is_taken() {
    let node = one(&format!(
        "{HEAD}hostname: a\nnetwork: {{interfaces: [{{name: eth0, addresses: [10.0.0.1/24]}}]}}\nkubernetes:\n  version: 1.9.11\n  role: single\n  image: registry.example/hyperkube\n  cni: none\n  etcd_servers: ['https://10.0.0.2:2379']\n  extra_args: {{api_server: {{anonymous-auth: false, v: 2}}, kubelet: {{node-ip: 10.0.0.1}}}}\n"
    ));
    let unit = &node.unit("kubelet.service").contents;
    for line in [
        "\nEnvironment=KUBELET_IMAGE_URL=docker://registry.example/hyperkube\n",
        "\nEnvironment=KUBELET_IMAGE_TAG=v1.9.11_coreos.0\n",
        "\"RKT_RUN_ARGS=--insecure-options=image --uuid-file-save",
        "    --node-ip=10.0.0.1\n",
    ] {
        assert!(unit.contains(line), "{line} in\n{unit}");
    }
    let api = node.text("/etc/kubernetes/manifests/kube-apiserver.yaml");
    assert!(api.contains("image: registry.example/hyperkube:v1.9.11_coreos.0\n"));
    assert_eq!(api.matches("--anonymous-auth=").count(), 1);
    assert!(api.contains("--etcd-servers=https://10.0.0.2:2379\n"));
    assert_eq!(node.config.systemd.units.len(), 1, "no flannel, no docker");
}
