//! `kubernetes:`, what a node is to its cluster.

use super::{
    EtcdBackup, KubernetesArtifacts, KubernetesChart, KubernetesCni, KubernetesCniSettings,
    KubernetesDns, KubernetesEndpoint, KubernetesNetworks, KubernetesStorage,
};
use crate::diagnostic::Located;
use crate::facts::kubernetes::choices::{Join, ProxyImage, ProxyMode, Role};
use crate::facts::kubernetes::version::KubeVersion;
use crate::facts::runtimes::Runtime;
use crate::names::Hostname;
use crate::pki::KeyAlgorithm;
use crate::spec::decode::{Table, record, word_leaf, written_as};
use crate::spec::types::{
    ExternalEtcd, FreeMap, KubernetesAudit, KubernetesEncryption, KubernetesKubelet,
};
use crate::spec::values::{
    AlternativeName, Lifetime, LocalManifests, LocalText, ProgramsFolder, Setting, SettingName,
    TokenSetting,
};

/// Where the API is reached. IANA has the port for SUN's SRC; it is Kubernetes' own choice.
pub const API_PORT: u16 = 6443;

record! {
    /// Kubernetes on this node.
    pub struct Kubernetes {
        /// The release.
        #[example = "1.36.2"]
        pub version: Located<KubeVersion>,
        /// The part that the node plays in its cluster.
        pub role: Located<Role>,
        /// Where the API is reached: a name or an address, and perhaps a port; or an address that
        /// the control planes share.
        #[otherwise = "the address of the only control plane, or a name for all of them in every node's `/etc/hosts`; port 6443"]
        #[example = "api.example:6443"]
        pub endpoint: Option<KubernetesEndpoint>,
        /// The addresses of pods; for both address families, a list of two.
        #[default = "10.244.0.0/16"]
        #[example = "['10.128.0.0/14', 'fd00:10:244::/48']"]
        pub pod_network: Option<KubernetesNetworks>,
        /// The addresses of services; for both address families, a list of two.
        #[default = "10.96.0.0/12"]
        #[example = "['172.30.0.0/16', 'fd00:10:96::/112']"]
        pub service_network: Option<KubernetesNetworks>,
        /// The domain of services' names.
        #[default = "cluster.local"]
        #[example = "lab.internal"]
        pub domain: Option<Located<Hostname>>,
        /// The pods' network.
        #[default = "bridge"]
        #[example = "flannel"]
        pub cni: Option<KubernetesCni>,
        /// kube-proxy, which leads connections to services to their pods.
        #[default = "{}"]
        #[example = "{mode: nftables}"]
        pub proxy: Option<KubernetesProxy>,
        /// The DNS service of the cluster.
        #[otherwise = "`coredns` with a pod network, if its image is embedded or pulled and a node here is a control plane; else `none`"]
        pub dns: Option<Located<KubernetesDns>>,
        /// Volumes for the claims of pods.
        #[default = "none"]
        #[example = "local-path"]
        pub storage: Option<Located<KubernetesStorage>>,
        /// Whether metrics-server runs, for `kubectl top` and autoscalers.
        #[default = "false"]
        #[example = "true"]
        pub metrics: Option<Located<bool>>,
        /// Manifests to apply, in this order, once the API answers: files, or folders of them.
        #[example = "[dashboard.yaml, policies]"]
        pub manifests: Option<Vec<Located<LocalManifests>>>,
        /// Helm charts to apply after the manifests, in this order.
        #[example = "[{chart: ./charts/web, name: web}]"]
        pub charts: Vec<KubernetesChart>,
        /// Where programs and images come from: `embed` or `pull`, or a map with more.
        #[default = "embed"]
        #[example = "pull"]
        pub artifacts: Option<KubernetesArtifacts>,
        /// The container runtime. The programs of CRI-O (crio, pinns, conmon, and crun or runc)
        /// come from the folder with those of Kubernetes.
        #[default = "containerd"]
        pub runtime: Option<Located<Runtime>>,
        /// The folder of the programs to embed, the same as `artifacts.programs`: kubelet,
        /// kube-apiserver, kube-controller-manager, kube-scheduler, kube-proxy and preferably
        /// kubectl.
        #[example = "./kubernetes"]
        pub programs: Option<Located<ProgramsFolder>>,
        /// Snapshots of the node's etcd member, the same as `etcd.backup`. Nodes without a member
        /// take none.
        #[otherwise = "none"]
        #[example = "{keep: 14}"]
        pub etcd_backup: Option<EtcdBackup>,
        /// Further names and addresses for the API server's certificate, such as those of a load
        /// balancer.
        #[example = "[api.example, 192.168.1.100]"]
        pub extra_sans: Vec<Located<AlternativeName>>,
        /// Features to turn on or off in all components.
        #[example = "{ContextualLogging: true}"]
        pub feature_gates: Table<SettingName, Located<bool>>,
        /// The kubelet: labels, taints, reserved resources, swap, further settings.
        #[default = "{}"]
        #[example = "{max_pods: 250}"]
        pub kubelet: Option<KubernetesKubelet>,
        /// The audit log of the API server, on `storage_device` if there is one.
        #[otherwise = "`{}`, which is one with all defaults"]
        #[example = "{max_size: 20}"]
        pub audit: Option<KubernetesAudit>,
        /// Encryption of what the API server keeps in etcd; `{}` for all defaults.
        #[otherwise = "none"]
        #[example = "{provider: aesgcm}"]
        pub encryption: Option<KubernetesEncryption>,
        /// The etcd of the control planes, if no node of the file runs one.
        pub external_etcd: Option<ExternalEtcd>,
        /// Pods that the kubelet runs by itself: the paths of their manifests beside the spec.
        #[example = "[registry-pod.yaml]"]
        pub static_pods: Vec<Located<LocalText>>,
        /// Flags of the components, which are added to imgbuild's or override them.
        #[example = "{api_server: {v: 4}}"]
        pub extra_args: Option<KubernetesExtraArgs>,
        /// The kind of new private keys of the cluster. Existing keys stay as they are.
        #[default = "ecdsa-p256"]
        pub key_algorithm: Option<Located<KeyAlgorithm>>,
        /// How a worker joins the cluster.
        #[default = "certificate"]
        pub join: Option<Located<Join>>,
        /// The token that lets nodes join, this cluster's or kubeadm's; or `generate` for one that
        /// is made once and kept with the keys.
        #[otherwise = "`generate` with `join: token`, else no token is accepted"]
        #[example = "abcdef.0123456789abcdef"]
        pub bootstrap_token: Option<Located<TokenSetting>>,
        /// How long a generated token is valid. A build makes a new one once it has expired.
        #[otherwise = "without end"]
        #[example = "24h"]
        pub bootstrap_token_ttl: Option<Located<Lifetime>>,
    }
    "Kubernetes"
}

impl Kubernetes {
    /// The audit log of a control plane: what is written, or else one with all defaults. (It is no
    /// default of the key, which other nodes may not have.)
    pub fn audit_log(&self) -> KubernetesAudit {
        (self.audit.clone()).unwrap_or_else(|| written_as("{}", self.span))
    }

    /// The user's manifests of the pod network.
    pub fn network_manifests(&self) -> &[Located<LocalManifests>] {
        let settings = self.network_settings();
        settings.map_or(&[], |settings| settings.manifests.as_deref().unwrap_or(&[]))
    }

    /// The charts of the pod network.
    pub fn network_charts(&self) -> &[KubernetesChart] {
        let settings = self.network_settings();
        settings.map_or(&[], |settings| settings.charts.as_deref().unwrap_or(&[]))
    }

    fn network_settings(&self) -> Option<&KubernetesCniSettings> {
        match &self.cni {
            Some(KubernetesCni::Settings(settings)) => Some(settings),
            _ => None,
        }
    }
}

word_leaf!(Role, "a role");
word_leaf!(ProxyMode, "a kube-proxy mode");
word_leaf!(ProxyImage, "a kube-proxy image");
word_leaf!(Join, "a join method");
word_leaf!(KeyAlgorithm, "a key algorithm");

record! {
    /// kube-proxy.
    pub struct KubernetesProxy {
        /// How connections to services are led to their pods.
        #[default = "iptables"]
        pub mode: Option<Located<ProxyMode>>,
        /// Whether it runs as kubeadm's does, as a `DaemonSet` on all nodes of the cluster, instead
        /// of as a static pod on each node of the file.
        #[default = "false"]
        pub daemon_set: Option<Located<bool>>,
        /// What the pods of the `DaemonSet` run.
        #[otherwise = "`upstream` with `artifacts: pull`, else `node`"]
        pub image: Option<Located<ProxyImage>>,
        /// Further fields of `KubeProxyConfiguration` (kubeproxy.config.k8s.io/v1alpha1), under its
        /// own names.
        #[example = "{conntrack: {maxPerCore: 65536}}"]
        pub config: Option<FreeMap>,
    }
    "kube-proxy"
}

record! {
    /// Flags by component, without their dashes.
    pub struct KubernetesExtraArgs {
        /// kube-apiserver's.
        #[example = "{v: 4}"]
        pub api_server: Table<SettingName, Located<Setting>>,
        /// kube-controller-manager's.
        #[example = "{v: 4}"]
        pub controller_manager: Table<SettingName, Located<Setting>>,
        /// kube-scheduler's.
        #[example = "{v: 4}"]
        pub scheduler: Table<SettingName, Located<Setting>>,
        /// kube-proxy's.
        #[example = "{v: 4}"]
        pub proxy: Table<SettingName, Located<Setting>>,
        /// The kubelet's.
        #[example = "{v: 4}"]
        pub kubelet: Table<SettingName, Located<Setting>>,
    }
    "extra flags"
}
