//! Clusters of two origins: a machine that is no node of imgbuild's joins our cluster by `kubeadm
//! join`, and a node of ours joins the cluster that `kubeadm init` made on such a machine.
//!
//! That machine has Debian with containerd, as imgbuild's spec without `kubernetes:` gives it, and
//! a disk with kubeadm, kubelet and kubectl; its kubelet's unit is the one that kubeadm expects
//! (its documentation, "Configuring each kubelet in your cluster using kubeadm").

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use imgbuild::qemu::{Disk, Firmware, Machine, Medium, Switch, create_disk, mac_of};

use super::members::{self, Member};
use super::{KUBECTL, PATIENCE, VERSION, WAIT};
use crate::guest::{self, Guest};
use crate::lab::{Lab, disk_of};
use crate::made_images::{Tree, archive};

const FOREIGN: &str = "192.168.79.31";

const NAME: &str = "foreign1";

/// The programs of the foreign machine, which are on its second disk.
const PROGRAMS: [&str; 3] = ["kubeadm", "kubelet", "kubectl"];

/// What is found with `PATH` on the foreign machine.
const WITH_PROGRAMS: &str = "sudo env PATH=/opt/foreign:/usr/sbin:/sbin:$PATH";

/// What kubeadm asks of a machine beyond that: a kernel that tells its configuration, and for
/// `init` a later etcd than Debian's.
const IGNORED: &str = "--ignore-preflight-errors=SystemVerification,ExternalEtcdVersion";

/// Where the foreign machine has its own administrator's kubeconfig.
const ITS_ADMIN: &str = "sudo /opt/foreign/kubectl --kubeconfig /etc/kubernetes/admin.conf";

/// The token of the worker, beside that of `kubeadm init`.
const TOKEN_OF_JOIN: &str = "fedcba.0123456789abcdef";

/// A network for the pods of one node: the test plays the network that an administrator installs.
fn network(pods: &str) -> String {
    format!(
        r#"{{"cniVersion": "1.0.0", "name": "lab", "plugins": [{{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "ipam": {{"type": "host-local", "ranges": [[{{"subnet": "{pods}"}}]], "routes": [{{"dst": "0.0.0.0/0"}}]}}}}]}}"#
    )
}

/// Debian's busybox, and its bash as a client, since `wget` of a static busybox finds no addresses:
/// the one image of the test's own pods, as the machines have no other in common.
const BUSYBOX: &str = "lab.example/busybox:1";

/// A pod on each node that answers with the node's name, and their Service.
const WEB: &str = "\
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: web
        image: lab.example/busybox:1
        command: [sh, -c, 'mkdir /www; echo $NODE > /www/name; exec httpd -f -p 8080 -h /www']
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  clusterIP: 10.96.0.77
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
";

/// The images that a cluster of kubeadm runs: `programs` as upstream's images have them, with
/// Debian's `nft` where kube-proxy needs it, and `pause`.
fn write_images(folder: &Path, programs: &Path, names: &[&str]) {
    fs::create_dir_all(folder).unwrap();
    for name in names {
        let mut tree = Tree::default();
        tree.file(
            &format!("usr/local/bin/{name}"),
            0o755,
            fs::read(programs.join(name)).unwrap(),
        );
        if *name == "kube-proxy" {
            tree.program("nft", "nftables");
            tree.busybox();
        }
        let image = format!("registry.k8s.io/{name}:v{VERSION}");
        let at = folder.join(format!("{name}.tar"));
        archive(&at, &[&image], &tree.layer(), &[], &[name]);
    }
    let mut busybox = Tree::default();
    busybox.program("bash", "bash");
    busybox.busybox();
    let at = folder.join("busybox.tar");
    archive(&at, &[BUSYBOX], &busybox.layer(), &[], &["sh"]);
    let mut pause = Tree::default();
    let program = imgbuild::oci::pause(imgbuild::names::Arch::Amd64);
    pause.file("pause", 0o755, program);
    let at = folder.join("pause.tar");
    let pause_image = "registry.k8s.io/pause:3.10.2";
    archive(&at, &[pause_image], &pause.layer(), &["/pause"], &[]);
}

/// The foreign machine, with the images of `images`; `more` is added to its spec.
fn foreign(lab: &Lab, programs: &Path, images: &Path, more: &str) -> Machine {
    let spec = lab.write(
        "foreign.yaml",
        &format!(
            "\
version: 1
hostname: {NAME}
users: [{{name: core, groups: [sudo], ssh_authorized_keys: ['{key}']}}]
storage_device: /dev/vda
kernel_arguments: {arguments}
network:
  interfaces: [{{name: lan0, mac: '{mac}', addresses: [{FOREIGN}/24], gateway: 192.168.79.1}}]
modules: [br_netfilter, overlay]
sysctls: {{net.ipv4.ip_forward: 1}}
containerd: {{images: ['{images}']}}
systemd:
  units:
  - name: opt-foreign.mount
    enabled: true
    contents: |
      [Mount]
      What=/dev/vdb
      Where=/opt/foreign
      Options=ro
      [Install]
      WantedBy=multi-user.target
  - name: kubelet.service
    enabled: true
    contents: |
      [Unit]
      RequiresMountsFor=/opt/foreign
      After=containerd.service
      [Service]
      Environment=\"KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf\"
      EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
      ExecStart=/opt/foreign/kubelet $KUBELET_KUBECONFIG_ARGS --config=/var/lib/kubelet/config.yaml --volume-plugin-dir=/var/lib/kubelet/volume-plugins $KUBELET_KUBEADM_ARGS
      Restart=always
      RestartSec=10
      [Install]
      WantedBy=multi-user.target
{more}",
            key = lab.public_key,
            arguments = members::KERNEL_ARGUMENTS,
            mac = mac_of(NAME),
            images = images.display(),
        ),
    );
    let iso = lab.build(&spec, "foreign.iso", &[]);
    let address = format!("{FOREIGN}/24");
    let mut machine = guest::machine(NAME, Firmware::Bios, Medium::Cd(iso), &address);
    let state = lab.path("foreign.raw");
    create_disk(&state, 4 << 30).unwrap();
    let folder = lab.path("foreign-programs");
    fs::create_dir_all(&folder).unwrap();
    for name in PROGRAMS {
        fs::copy(programs.join(name), folder.join(name)).unwrap();
    }
    let disk = disk_of(&folder, &lab.path("programs.raw"), 512 << 20);
    machine.disks = vec![Disk::Raw(state), Disk::Raw(disk)];
    machine.memory = super::MEMORY;
    machine
}

/// The programs, if kubeadm is among them.
fn programs() -> Option<PathBuf> {
    let programs = super::programs()?;
    if !programs.join("kubeadm").is_file() {
        crate::skipped::skipped("there is no kubeadm in IMGBUILD_KUBE_DIR");
        return None;
    }
    Some(programs)
}

/// Gives the pods of a node a network, and `other` a way to them.
fn connect(node: &Guest, address: &str, pods: &str, other: &Guest) {
    node.ask(&format!(
        "sudo mkdir -p /etc/cni/net.d; echo '{}' | sudo tee /etc/cni/net.d/10-lab.conflist",
        network(pods)
    ));
    other.ask(&format!("sudo ip route add {pods} via {address}"));
}

/// A command that prints what answers at `address`.
fn get(address: &str, port: u16) -> String {
    format!(
        "bash -c 'exec 3<> /dev/tcp/{address}/{port}; echo GET /name HTTP/1.0 >&3; echo >&3; tail -n 1 <&3'"
    )
}

/// Waits until all nodes are Ready and have kube-proxy. A pod on each is reached from the other,
/// and by their Service.
fn works(control: &Guest, kubectl: &str) {
    control.insist(&format!(
        "{kubectl} wait --for condition=Ready {WAIT} nodes --all"
    ));
    control.insist(&format!(
        "{kubectl} -n kube-system rollout status {WAIT} daemonset/kube-proxy"
    ));
    control.insist(&format!("{kubectl} apply -f - <<'END'\n{WEB}END"));
    control.insist(&format!("{kubectl} rollout status {WAIT} daemonset/web"));
    let pods = control.insist(&format!(
        "{kubectl} get pods -l app=web -o jsonpath='{{range .items[*]}}{{.spec.nodeName}} {{.metadata.name}} {{.status.podIP}}{{\"\\n\"}}{{end}}'"
    ));
    let pods: Vec<Vec<&str>> = pods.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(pods.len(), 2, "{pods:?}");
    for (from, to) in [(0, 1), (1, 0)] {
        let ask = get(pods[to][2], 8080);
        let said = control.insist(&format!("{kubectl} exec {} -- {ask}", pods[from][1]));
        assert_eq!(said, pods[to][0]);
    }
    let ask = get("10.96.0.77", 80);
    let said = control.insist(&format!("{kubectl} exec {} -- {ask}", pods[0][1]));
    assert!(pods.iter().any(|pod| pod[0] == said), "{said}");
}

/// `kubeadm join` with the command that imgbuild prints: the kubelet gets its certificate from the
/// cluster, kube-proxy comes as a `DaemonSet`, and pods of both nodes talk.
#[test]
#[ignore = "boots two machines: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn a_machine_joins_by_kubeadm() {
    let Some(programs) = programs() else {
        return;
    };
    let lab = Lab::new();
    let images = lab.path("images");
    write_images(&images, &programs, &["kube-proxy"]);
    let single = Member {
        role: "single",
        ..members::PAIR[0]
    };
    let spec = members::spec(&lab, &[single], |_| {
        format!(
            ", cni: none, dns: none, bootstrap_token: generate, \
             proxy: {{mode: nftables, daemon_set: true, image: upstream}}, \
             artifacts: {{images: ['{}']}}",
            images.display()
        )
    });
    let tree = super::build(&lab, &spec, "tree", &programs, &["--format", "pxe"]);
    let machine = foreign(&lab, &programs, &images, "");
    let switch = Switch::new().unwrap();
    let start = |machine| {
        Guest::start(&lab, "kubernetes-foreign", machine, Some(&switch)).patient(PATIENCE)
    };
    let single = Member {
        role: "single",
        ..members::PAIR[0]
    };
    let control = start(single.machine(&lab, &tree));
    let other = start(machine);
    other.wait_until_ready();
    // The node is Ready once its pods have a network.
    control.wait_for_ssh();
    control.shows("the API server is ready", 0);
    let command = lab.run(&["keys", "token", &spec.display().to_string()]);
    other.insist(&format!("{WITH_PROGRAMS} {} {IGNORED}", command.trim()));
    let pods = |node: &str| {
        control.insist(&format!(
            "{KUBECTL} get node {node} -o jsonpath='{{.spec.podCIDR}}' | grep ."
        ))
    };
    connect(&control, "192.168.79.11", &pods("kube1"), &other);
    connect(&other, FOREIGN, &pods(NAME), &control);
    control.wait_until_ready();
    works(&control, KUBECTL);
}

/// What `kubeadm init` is told: Debian's etcd, which the machine runs, in place of a pod; time for
/// an emulated machine; no DNS.
const INIT: &str = "\
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens: [{token: abcdef.0123456789abcdef}]
localAPIEndpoint: {advertiseAddress: 192.168.79.31}
nodeRegistration: {taints: [], imagePullPolicy: Never}
timeouts: {controlPlaneComponentHealthCheck: 30m, kubeletHealthCheck: 10m, kubernetesAPICall: 5m, tlsBootstrap: 15m}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.36.2
networking: {podSubnet: 10.244.0.0/16}
dns: {disabled: true}
etcd:
  external:
    endpoints: ['https://127.0.0.1:2379']
    caFile: /etc/kubernetes/pki/etcd/ca.crt
    certFile: /etc/kubernetes/pki/etcd/healthcheck-client.crt
    keyFile: /etc/kubernetes/pki/etcd/healthcheck-client.key
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
";

/// A worker of ours has what `kubeadm token create --print-join-command` says, and the certificate
/// of kubeadm's authority; no key of it.
#[test]
#[ignore = "boots two machines: cargo xtask test with IMGBUILD_KUBE_DIR"]
fn a_worker_joins_a_cluster_of_kubeadm() {
    let Some(programs) = programs() else {
        return;
    };
    let lab = Lab::new();
    let images = lab.path("images");
    let all = [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
        "kube-proxy",
    ];
    write_images(&images, &programs, &all);
    let machine = foreign(&lab, &programs, &images, "etcd: {}\n");
    let switch = Switch::new().unwrap();
    let start = |machine| {
        Guest::start(&lab, "kubernetes-foreign", machine, Some(&switch)).patient(PATIENCE)
    };
    let control = start(machine);
    control.wait_until_ready();
    control.ask(&format!("cat > init.yaml <<'END'\n{INIT}END"));
    control.ask(&format!(
        "{WITH_PROGRAMS} kubeadm init --config init.yaml {IGNORED}"
    ));
    let join = control.ask(&format!(
        "{WITH_PROGRAMS} kubeadm token create {TOKEN_OF_JOIN} --print-join-command"
    ));
    // kubeadm join 192.168.79.31:6443 --token … --discovery-token-ca-cert-hash sha256:…
    let words: Vec<&str> = join.split_whitespace().collect();
    assert_eq!(words[2], "192.168.79.31:6443", "{join}");
    let keys = lab.path("keys-of-kubeadm");
    fs::create_dir_all(&keys).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o700)).unwrap();
    let authority = control.ask("sudo cat /etc/kubernetes/pki/ca.crt");
    fs::write(keys.join("ca.crt"), format!("{authority}\n")).unwrap();

    let worker = &members::PAIR[1];
    let spec = members::spec(&lab, std::slice::from_ref(worker), |_| {
        format!(
            ", endpoint: '192.168.79.31:6443', join: token, bootstrap_token: {TOKEN_OF_JOIN}, \
             cni: none, proxy: {{mode: nftables, daemon_set: true, image: upstream}}, \
             artifacts: {{images: ['{0}/kube-proxy.tar', '{0}/busybox.tar']}}",
            images.display()
        )
    });
    let keys = keys.display().to_string();
    let tree = super::build(
        &lab,
        &spec,
        "tree",
        &programs,
        &["--format", "pxe", "--keys", &keys],
    );
    let other = start(worker.machine(&lab, &tree));
    other.wait_for_ssh();
    let pods = |node: &str| {
        control.insist(&format!(
            "{ITS_ADMIN} get node {node} -o jsonpath='{{.spec.podCIDR}}' | grep ."
        ))
    };
    let address = worker.address.trim_end_matches("/24");
    connect(&other, address, &pods(worker.name), &control);
    connect(&control, FOREIGN, &pods(NAME), &other);
    other.wait_until_ready();
    works(&control, ITS_ADMIN);
}
