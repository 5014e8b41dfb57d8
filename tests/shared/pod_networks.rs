//! Manifests of pod networks: in the shape of their releases, without what no check looks at.

#![allow(dead_code, reason = "each test binary uses a part of it")]

/// File names without their ends, which are the kinds, and texts.
pub const NETWORKS: [(&str, &str); 5] = [
    ("calico", CALICO),
    ("canal", CANAL),
    ("cilium", CILIUM),
    ("weave", WEAVE),
    ("kube-router", KUBE_ROUTER),
];

pub const CALICO: &str = "\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: calico-node, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: calico-node}}
  template:
    metadata: {labels: {k8s-app: calico-node}}
    spec:
      hostNetwork: true
      containers:
      - name: calico-node
        image: quay.io/calico/node:v3.30.0
        env:
        - {name: CALICO_IPV4POOL_CIDR, value: 10.244.0.0/16}
        - {name: FELIX_IPV6SUPPORT, value: 'false'}
";

pub const CANAL: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: canal-config, namespace: kube-system}
data:
  net-conf.json: |
    {"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: canal, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: canal}}
  template:
    metadata: {labels: {k8s-app: canal}}
    spec:
      hostNetwork: true
      containers:
      - {name: calico-node, image: 'quay.io/calico/node:v3.30.0'}
      - {name: kube-flannel, image: 'docker.io/flannel/flannel:v0.28.9'}
"#;

/// It replaces kube-proxy.
pub const CILIUM: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data:
  ipam: cluster-pool
  cluster-pool-ipv4-cidr: 10.244.0.0/16
  kube-proxy-replacement: "true"
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: cilium, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: cilium}}
  template:
    metadata: {labels: {k8s-app: cilium}}
    spec:
      hostNetwork: true
      containers:
      - name: cilium-agent
        image: quay.io/cilium/cilium:v1.19.3
        env:
        - {name: KUBERNETES_SERVICE_HOST, value: 192.168.1.10}
        - {name: KUBERNETES_SERVICE_PORT, value: '6443'}
"#;

pub const WEAVE: &str = "\
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: DaemonSet
  metadata: {name: weave-net, namespace: kube-system}
  spec:
    selector: {matchLabels: {name: weave-net}}
    template:
      metadata: {labels: {name: weave-net}}
      spec:
        hostNetwork: true
        containers:
        - name: weave
          image: docker.io/weaveworks/weave-kube:2.8.1
          env:
          - {name: IPALLOC_RANGE, value: 10.244.0.0/16}
";

/// It leaves Services to kube-proxy.
pub const KUBE_ROUTER: &str = "\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-router, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: kube-router}}
  template:
    metadata: {labels: {k8s-app: kube-router}}
    spec:
      hostNetwork: true
      containers:
      - name: kube-router
        image: docker.io/cloudnativelabs/kube-router:v2.6.0
        args: [--run-router=true, --run-firewall=true, --run-service-proxy=false]
";

/// A cluster of one with the pod network `kind`, whose manifests are in a file of this name, and
/// with a firewall. `others` are further lines of `kubernetes:`.
pub fn spec(kind: &str, others: &str) -> String {
    format!(
        "\
version: 1
hostname: kube1
network:
  interfaces: [{{name: eth0, addresses: [192.168.1.10/24]}}]
  firewall: {{allow_from: [192.168.1.0/24]}}
etcd: {{}}
kubernetes:
  version: 1.36.2
  role: single
  cni: {{kind: {kind}, manifests: [{kind}.yaml]}}
{others}"
    )
}

/// What else the spec of a network says: Cilium takes the place of kube-proxy.
pub fn beside(kind: &str) -> &'static str {
    if kind == "cilium" {
        "  proxy: {mode: none}\n"
    } else {
        ""
    }
}
