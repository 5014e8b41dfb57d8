//! `kubernetes:`, what a node is to its cluster.

use ipnet::IpNet;

use super::{
    EtcdBackup, KubernetesArtifacts, KubernetesCni, KubernetesDns, KubernetesJoin,
    KubernetesKeyAlgorithm,
};
use crate::diagnostic::Located;
use crate::facts::kubernetes::version::KubeVersion;
use crate::facts::runtimes::Runtime;
use crate::names::Hostname;
use crate::spec::decode::{Table, record, words};
use crate::spec::types::{
    ExternalEtcd, FreeMap, KubernetesAudit, KubernetesEncryption, KubernetesKubelet,
};
use crate::spec::values::{
    AlternativeName, Endpoint, LocalManifests, LocalText, ProgramsFolder, Setting, SettingName,
    TokenSetting,
};

record! {
    /// Kubernetes on this node.
    pub struct Kubernetes {
        /// The release, such as 1.36.2.
        pub version: Located<KubeVersion>,
        /// What the node is to its cluster.
        pub role: Located<KubernetesRole>,
        /// Where the API is reached: a name or an address, and a port. Where nothing is said: the
        /// one control plane's address, or a name for all of them in every node's `/etc/hosts`;
        /// port 6443.
        pub endpoint: Option<Located<Endpoint>>,
        /// The pods' addresses; 10.244.0.0/16 where nothing is said.
        pub pod_network: Option<Located<IpNet>>,
        /// The services' addresses; 10.96.0.0/12 where nothing is said.
        pub service_network: Option<Located<IpNet>>,
        /// The domain of the services' names; `cluster.local` where nothing is said.
        pub domain: Option<Located<Hostname>>,
        /// Who gives pods their network; `bridge` where nothing is said.
        pub cni: Option<KubernetesCni>,
        /// How services reach their pods.
        pub proxy: Option<KubernetesProxy>,
        /// Who answers the pods' questions for names; where nothing is said: `coredns` where the
        /// artifacts have its image.
        pub dns: Option<Located<KubernetesDns>>,
        /// Manifests that are applied once the API answers, in this order; files, or folders of
        /// them.
        pub manifests: Option<Vec<Located<LocalManifests>>>,
        /// Where programs and images come from: `embed` (where nothing is said) or `pull`, or a map
        /// with more.
        pub artifacts: Option<KubernetesArtifacts>,
        /// What runs containers: `containerd` where nothing is said, or `cri-o`, whose programs
        /// (crio, pinns, conmon, and crun or runc) lie with those of Kubernetes.
        pub runtime: Option<Located<Runtime>>,
        /// The folder of the programs to embed, as `artifacts.programs`: kubelet, kube-apiserver,
        /// kube-controller-manager, kube-scheduler, kube-proxy and, better with it, kubectl.
        pub programs: Option<Located<ProgramsFolder>>,
        /// Snapshots of the node's etcd member; the same as `backup` under `etcd:`. Nodes without a
        /// member take none.
        pub etcd_backup: Option<EtcdBackup>,
        /// Further names and addresses in the API server's certificate, such as a load balancer's.
        pub extra_sans: Vec<Located<AlternativeName>>,
        /// Features to turn on or off in all components: `{SomeFeature: true}`.
        pub feature_gates: Table<SettingName, Located<bool>>,
        /// The kubelet: labels, taints, reserved resources, swap, further settings.
        pub kubelet: Option<KubernetesKubelet>,
        /// The API server's audit log; none where nothing is said.
        pub audit: Option<KubernetesAudit>,
        /// Encryption of what the API server keeps in etcd; none where nothing is said, `{}` for
        /// all defaults.
        pub encryption: Option<KubernetesEncryption>,
        /// The etcd of the control planes, where no node of the file runs one.
        pub external_etcd: Option<ExternalEtcd>,
        /// Pods that the kubelet runs by itself: paths of their manifests beside the spec.
        pub static_pods: Vec<Located<LocalText>>,
        /// Flags of the components, beside and over those that imgbuild gives them.
        pub extra_args: Option<KubernetesExtraArgs>,
        /// What new private keys of the cluster are; `ecdsa-p256` where nothing is said. Keys that
        /// are there stay as they are.
        pub key_algorithm: Option<Located<KubernetesKeyAlgorithm>>,
        /// How a worker comes into the cluster; `certificate` where nothing is said.
        pub join: Option<Located<KubernetesJoin>>,
        /// The token that lets nodes join, this cluster's or kubeadm's: `abcdef.0123456789abcdef`,
        /// or `generate` for one that is made once and kept with the keys. `join: token` alone
        /// generates one; where neither is said, no token lets anyone in.
        pub bootstrap_token: Option<Located<TokenSetting>>,
    }
    "Kubernetes"
}

words! {
    /// What a node is to its cluster.
    pub enum KubernetesRole {
        /// Runs the control plane, and no other pods that do not ask for it.
        ControlPlane = "control-plane",
        /// Runs pods.
        Worker = "worker",
        /// A cluster of one: control plane and pods on the same node.
        Single = "single",
        /// A kubelet without an API server, which runs the static pods in
        /// /etc/kubernetes/manifests.
        Standalone = "standalone",
    }
    "a role"
}

words! {
    /// How services reach their pods.
    pub enum KubernetesProxyMode {
        /// Rules of iptables.
        Iptables = "iptables",
        /// The kernel's virtual servers.
        Ipvs = "ipvs",
        /// Rules of nftables.
        Nftables = "nftables",
    }
    "a kube-proxy mode"
}

words! {
    /// What the pods of kube-proxy's `DaemonSet` run.
    pub enum KubernetesProxyImage {
        /// The program that nodes of the file have, which nodes that `kubeadm join` made have not.
        Node = "node",
        /// `registry.k8s.io/kube-proxy`, on every node.
        Upstream = "upstream",
    }
    "a kube-proxy image"
}

record! {
    /// kube-proxy.
    pub struct KubernetesProxy {
        /// `iptables` where nothing is said.
        pub mode: Option<Located<KubernetesProxyMode>>,
        /// Whether it runs as kubeadm's does, as a `DaemonSet` on all nodes of the cluster, and not
        /// as a static pod of each node of the file.
        pub daemon_set: Option<Located<bool>>,
        /// What the pods of the `DaemonSet` run. Where nothing is said: `upstream` with `artifacts:
        /// pull`, else `node`.
        pub image: Option<Located<KubernetesProxyImage>>,
        /// Further fields of `KubeProxyConfiguration` (kubeproxy.config.k8s.io/v1alpha1), in its
        /// own words.
        pub config: Option<FreeMap>,
    }
    "kube-proxy"
}

record! {
    /// Flags by component, without their dashes: `api_server: {v: 4}`.
    pub struct KubernetesExtraArgs {
        /// kube-apiserver's.
        pub api_server: Table<SettingName, Located<Setting>>,
        /// kube-controller-manager's.
        pub controller_manager: Table<SettingName, Located<Setting>>,
        /// kube-scheduler's.
        pub scheduler: Table<SettingName, Located<Setting>>,
        /// kube-proxy's.
        pub proxy: Table<SettingName, Located<Setting>>,
        /// The kubelet's.
        pub kubelet: Table<SettingName, Located<Setting>>,
    }
    "extra flags"
}
