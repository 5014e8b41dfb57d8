//! Kubernetes with its real programs: those of the folder that `IMGBUILD_KUBE_DIR` names (kubelet,
//! kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy, kubectl; static, for amd64,
//! of [`VERSION`]). Without it nothing is tested, and the output says so. A folder `images` in it
//! may hold the archives (OCI, or of `docker save`) of CoreDNS, flannel and flannel's CNI plugin
//! under the names that [`VERSION`] asks for; what needs them is skipped, and said, without. So is
//! what needs the programs of CRI-O.

mod addons;
mod by_itself;
mod cluster;
mod conformance;
mod crio;
mod dual_stack;
mod fedora_coreos;
mod flatcar;
mod foreign;
mod kubeadm;
mod members;
mod pull;
mod shared_address;
mod single;
mod site;
mod standalone;
mod token;

use std::path::{Path, PathBuf};

use crate::guest::Guest;
use crate::lab::Lab;
use crate::patience::Patience;

/// The version of the programs.
const VERSION: &str = "1.36.2";

/// Memory of a node with a control plane, in MiB: half of it is free once the node is Ready.
const MEMORY: u32 = 3072;

/// `kubectl` as the administrator.
const KUBECTL: &str = "sudo kubectl";

/// With several machines that share the processors of one.
const PATIENCE: Patience = Patience::minutes(10, 180);

/// How long the cluster may take to do what it was told.
const WAIT: &str = "--timeout 55s";

/// A container of the node's own programs, since no other image is embedded.
const CONTAINER: &str = "\
image: imgbuild.local/node:1
        env: [{name: PATH, value: '/usr/bin:/opt/kubernetes/bin'}]
        volumeMounts:
        - {name: usr, mountPath: /usr, readOnly: true}
        - {name: programs, mountPath: /opt/kubernetes/bin, readOnly: true}";

/// What such a container is made of.
const VOLUMES: &str = "\
volumes:
      - {name: usr, hostPath: {path: /usr}}
      - {name: programs, hostPath: {path: /opt/kubernetes/bin}}";

/// The folder of the programs; `None`, said aloud, where there is none.
fn programs() -> Option<PathBuf> {
    let folder = std::env::var_os("IMGBUILD_KUBE_DIR").map(|it| std::path::absolute(it).unwrap());
    if folder.is_none() {
        crate::skipped::skipped("IMGBUILD_KUBE_DIR names no folder of Kubernetes' programs");
    }
    folder
}

/// Builds `spec` with the programs in it.
fn build(lab: &Lab, spec: &Path, output: &str, programs: &Path, format: &[&str]) -> PathBuf {
    let programs = programs.display().to_string();
    let mut arguments = vec!["--programs", programs.as_str()];
    arguments.extend(format);
    lab.build(spec, output, &arguments)
}

/// `pods` that answer on port 8080 with their names, one on each node where it says so, and their
/// Service.
fn web(pods: usize, address: &str, spread: bool) -> String {
    let spread = if spread {
        "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, \
         labelSelector: {matchLabels: {app: web}}}]}}"
    } else {
        "affinity: {}"
    };
    format!(
        "\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {pods}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      {spread}
      containers:
      - name: web
        command: [socat, 'TCP-LISTEN:8080,fork,reuseaddr', 'SYSTEM:hostname']
        readinessProbe: {{tcpSocket: {{port: 8080}}, periodSeconds: 2}}
        {CONTAINER}
      {VOLUMES}
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  clusterIP: {address}
  selector: {{app: web}}
  ports: [{{port: 80, targetPort: 8080}}]
"
    )
}

/// A pod by the name of `lab`, which does nothing until it is asked.
fn pod() -> String {
    format!(
        "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {{name: lab}}
  spec:
      containers:
      - name: lab
        command: [sh, -c, 'echo started; exec sleep infinity']
        {CONTAINER}
      {VOLUMES}
"
    )
}

/// Applies a manifest.
fn apply(node: &Guest, manifest: &str) {
    // Not validated by `kubectl`: that needs the description of the whole API, which takes the
    // server longest to make.
    node.insist(&format!(
        "{KUBECTL} apply --validate=false -f - <<'END'\n{manifest}END"
    ));
}

/// A shell command that prints what answers at `address`, of which a first try may come too early:
/// rules and routes to a pod that is Ready are still on their way.
fn fetch(address: &str) -> String {
    format!(
        "bash -c 'for _ in 1 2 3 4 5; do said=$(timeout 10 cat < /dev/tcp/{address}) && echo \"$said\" && exit; sleep 1; done; exit 1'"
    )
}

/// Nobody without a name gets in, and a kubelet gets no further than its own.
fn strangers_are_refused(node: &Guest, api: &str) {
    node.refuses(
        "sudo kubectl --kubeconfig /etc/kubernetes/kubelet.conf get secrets -A",
        "Forbidden",
    );
    let stranger = format!("kubectl --server https://{api} --insecure-skip-tls-verify");
    node.refuses(
        &format!("{stranger} --token made.up get nodes"),
        "You must be logged in to the server",
    );
    // A name and a password say nothing to this server; without them `kubectl` would ask for some
    // rather than try.
    node.refuses(
        &format!("{stranger} --username nobody --password none get --raw /api/v1/nodes"),
        r#"User "system:anonymous" cannot list resource"#,
    );
}
