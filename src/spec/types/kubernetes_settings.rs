//! Settings of Kubernetes' components.

use super::free::{FreeDocument, FreeMap};
use crate::diagnostic::Located;
use crate::spec::decode::{Table, record, word_leaf};
use crate::spec::values::{LabelKey, LabelValue, PlainName, Quantity, TaintText, Threshold};
use crate::words::words;

record! {
    /// The kubelet.
    pub struct KubernetesKubelet {
        /// Labels of the node. Those that a kubelet may not give itself are set by the control
        /// plane on its own node.
        #[example = "{topology.kubernetes.io/zone: rack1}"]
        pub labels: Table<LabelKey, Located<LabelValue>>,
        /// Taints that the node has when it joins, as kubectl writes them.
        #[example = "['gpu=true:NoSchedule']"]
        pub taints: Vec<Located<TaintText>>,
        /// How many pods may run at once.
        #[otherwise = "the kubelet's own, 110"]
        #[example = "250"]
        pub max_pods: Option<Located<u32>>,
        /// Resources that pods cannot use.
        pub reserved: Option<KubeletReserved>,
        /// Whether pods may swap on a node with `swap`.
        #[otherwise = "`none`"]
        pub swap: Option<Located<KubeletSwap>>,
        /// Further fields of `KubeletConfiguration` (kubelet.config.k8s.io/v1beta1), under its own
        /// names.
        #[example = "{serializeImagePulls: false}"]
        pub config: Option<FreeMap>,
    }
    "the kubelet"
}

words! {
    /// Whether pods may swap.
    pub enum KubeletSwap {
        /// The node may, its pods may not.
        None = "none",
        /// Pods may, in proportion to the memory that they request.
        Limited = "limited",
    }
}

word_leaf!(KubeletSwap, "a swap policy");

record! {
    /// Resources that pods cannot use.
    pub struct KubeletReserved {
        /// For the operating system.
        #[example = "{cpu: 500m, memory: 512Mi}"]
        pub system: Option<KubeletResources>,
        /// For the kubelet and the container runtime.
        #[example = "{cpu: 500m, memory: 512Mi}"]
        pub kube: Option<KubeletResources>,
        /// Thresholds at which the kubelet evicts pods.
        #[otherwise = "the kubelet's own"]
        #[example = "{memory_available: 200Mi}"]
        pub eviction: Option<KubeletEviction>,
    }
    "reserved resources"
}

record! {
    /// Amounts of the node's resources.
    pub struct KubeletResources {
        /// Processors; `500m` is half of one.
        #[example = "500m"]
        pub cpu: Option<Located<Quantity>>,
        /// Memory.
        #[example = "512Mi"]
        pub memory: Option<Located<Quantity>>,
        /// Disk space apart from volumes.
        #[example = "1Gi"]
        pub ephemeral_storage: Option<Located<Quantity>>,
        /// Process numbers.
        #[example = "1000"]
        pub pid: Option<Located<Quantity>>,
    }
    "resources"
}

// The defaults are the kubelet's own (`pkg/kubelet/apis/config/v1beta1/defaults_linux.go`).
record! {
    /// Thresholds below which the kubelet evicts pods at once.
    pub struct KubeletEviction {
        /// Memory.
        #[default = "100Mi"]
        #[example = "200Mi"]
        pub memory_available: Option<Located<Threshold>>,
        /// Space where pods write.
        #[default = "10%"]
        #[example = "1Gi"]
        pub nodefs_available: Option<Located<Threshold>>,
        /// Inodes where pods write.
        #[default = "5%"]
        #[example = "10%"]
        pub nodefs_inodes_free: Option<Located<Threshold>>,
        /// Space for images.
        #[default = "15%"]
        #[example = "2Gi"]
        pub imagefs_available: Option<Located<Threshold>>,
        /// Inodes for images.
        #[default = "5%"]
        #[example = "10%"]
        pub imagefs_inodes_free: Option<Located<Threshold>>,
        /// Process numbers.
        #[otherwise = "no threshold"]
        #[example = "10%"]
        pub pid_available: Option<Located<Threshold>>,
    }
    "thresholds"
}

record! {
    /// A log of requests to the API server.
    pub struct KubernetesAudit {
        /// Whether there is one.
        #[default = "true"]
        pub enabled: Option<Located<bool>>,
        /// A Policy of audit.k8s.io/v1: the path of a file beside the spec, or the policy itself.
        #[otherwise = "who did what to which object, without reads by the cluster's own components"]
        #[example = "audit-policy.yaml"]
        pub policy: Option<FreeDocument>,
        /// How many days to keep old logs.
        #[default = "30"]
        #[example = "7"]
        pub max_age: Option<Located<u16>>,
        /// How many old logs to keep. They are compressed.
        #[default = "10"]
        #[example = "3"]
        pub max_backups: Option<Located<u16>>,
        /// The size, in megabytes, at which a new log is started.
        #[default = "100"]
        #[example = "20"]
        pub max_size: Option<Located<u16>>,
    }
    "an audit log"
}

record! {
    /// How the API server encrypts what it keeps in etcd. The key is made on first use and kept in
    /// `keys/`.
    pub struct KubernetesEncryption {
        /// The cipher.
        #[default = "secretbox"]
        pub provider: Option<Located<EncryptionProvider>>,
        /// The kinds of objects to encrypt.
        #[default = "[secrets]"]
        #[example = "[secrets, configmaps]"]
        pub resources: Vec<Located<PlainName>>,
    }
    "encryption at rest"
}

words! {
    /// A cipher for what is kept in etcd.
    pub enum EncryptionProvider {
        /// `XSalsa20` with Poly1305 against changes.
        Secretbox = "secretbox",
        /// AES-GCM with a random nonce; the key must be replaced after 200,000 writes.
        Aesgcm = "aesgcm",
        /// AES-CBC, which does not detect changes.
        Aescbc = "aescbc",
    }
}

word_leaf!(EncryptionProvider, "a cipher");
