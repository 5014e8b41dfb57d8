//! A cluster with addresses of both families.

use std::fs;

use imgbuild::qemu::Switch;

use super::members::{self, PAIR};
use super::{CONTAINER, KUBECTL, PATIENCE, VOLUMES, WAIT};
use crate::guest::Guest;
use crate::lab::Lab;

/// A pod on each node, and a Service of both families for them.
fn web() -> String {
    format!(
        "\
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: web}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
      - name: web
        command: [socat, 'TCP6-LISTEN:8080,fork,reuseaddr', 'SYSTEM:hostname']
        {CONTAINER}
      {VOLUMES}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  ipFamilyPolicy: RequireDualStack
  clusterIP: 10.96.0.77
  clusterIPs: [10.96.0.77, 'fd00:10:96::77']
  selector: {{app: web}}
  ports: [{{port: 80, targetPort: 8080}}]
"
    )
}

/// Pods on different nodes and a Service answer in both families; so does DNS, where a folder
/// `add-ons` beside the programs holds the archive of CoreDNS.
#[test]
#[ignore = "boots two machines: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn pods_and_services_have_both_families() {
    let Some(programs) = super::programs() else {
        return;
    };
    let lab = Lab::new();
    let images = programs.join("add-ons");
    let dns = if images.is_dir() {
        format!(", artifacts: {{images: ['{}']}}", images.display())
    } else {
        ", dns: none".to_owned()
    };
    let spec = members::spec(&lab, &PAIR, |_| {
        format!(
            ", pod_network: [10.244.0.0/16, 'fd00:10:244::/56'], \
             service_network: [10.96.0.0/16, 'fd00:10:96::/112']{dns}"
        )
    });
    let mut text = fs::read_to_string(&spec).unwrap();
    for (v4, v6) in [
        ("192.168.79.11/24", "fd79::11/64"),
        ("192.168.79.21/24", "fd79::21/64"),
    ] {
        text = text.replace(
            &format!("addresses: [{v4}]"),
            &format!("addresses: [{v4}, '{v6}']"),
        );
    }
    fs::write(&spec, text).unwrap();
    let tree = super::build(&lab, &spec, "tree", &programs, &["--format", "pxe"]);
    let switch = Switch::new().unwrap();
    let [control, worker] = PAIR.each_ref().map(|member| {
        let machine = member.machine(&lab, &tree);
        Guest::start(&lab, "kubernetes-dual-stack", machine, Some(&switch)).patient(PATIENCE)
    });
    control.wait_until_ready();
    worker.wait_until_ready();
    members::open_to_pods(&control, "kube1");
    super::apply(&control, &web());
    control.insist(&format!("{KUBECTL} rollout status {WAIT} daemonset/web"));
    let addresses = control.ask(&format!(
        "{KUBECTL} get nodes -o jsonpath='{{.items[*].status.addresses[?(@.type==\"InternalIP\")].address}}'"
    ));
    for address in ["192.168.79.11", "fd79::11", "192.168.79.21", "fd79::21"] {
        assert!(addresses.split(' ').any(|it| it == address), "{addresses}");
    }

    let pods = control.insist(&format!(
        "{KUBECTL} get pods -l app=web -o jsonpath='{{range .items[*]}}{{.metadata.name}} {{.status.podIPs[*].ip}}{{\"\\n\"}}{{end}}'"
    ));
    let pods: Vec<Vec<&str>> = pods.lines().map(|line| line.split(' ').collect()).collect();
    assert!(
        pods.len() == 2 && pods.iter().all(|pod| pod.len() == 3),
        "{pods:?}"
    );
    for (from, to) in [(0, 1), (1, 0)] {
        for address in &pods[to][1..] {
            let ask = super::fetch(&format!("{address}/8080"));
            let said = control.insist(&format!("{KUBECTL} exec {} -- {ask}", pods[from][0]));
            assert_eq!(said, pods[to][0], "{address}");
        }
    }
    for address in ["10.96.0.77", "fd00:10:96::77"] {
        let ask = super::fetch(&format!("{address}/80"));
        for asked in [
            ask.clone(),
            format!("{KUBECTL} exec {} -- {ask}", pods[0][0]),
        ] {
            let said = control.insist(&asked);
            assert!(said.starts_with("web-"), "{address}: {said}");
        }
    }
    if images.is_dir() {
        control.insist(&format!(
            "{KUBECTL} -n kube-system rollout status {WAIT} deployment/coredns"
        ));
        let name = "web.default.svc.cluster.local";
        for (database, address) in [("ahostsv4", "10.96.0.77"), ("ahostsv6", "fd00:10:96::77")] {
            let said = control.insist(&format!(
                "{KUBECTL} exec {} -- getent {database} {name}",
                pods[0][0]
            ));
            assert!(said.starts_with(&format!("{address} ")), "{said}");
        }
    }
}
