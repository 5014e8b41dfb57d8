//! Settings of Kubernetes' components.

use super::free::{FreeDocument, FreeMap};
use crate::diagnostic::Located;
use crate::spec::decode::{Table, record, words};
use crate::spec::values::{LabelKey, LabelValue, PlainName, Quantity, TaintText, Threshold};

record! {
    /// The kubelet.
    pub struct KubernetesKubelet {
        /// Labels of the node. Those that a kubelet may not give itself are set by the control
        /// plane on its own node.
        pub labels: Table<LabelKey, Located<LabelValue>>,
        /// Taints that the node has when it joins, as kubectl writes them: `gpu=true:NoSchedule`.
        pub taints: Vec<Located<TaintText>>,
        /// How many pods run at once; 110 where nothing is said.
        pub max_pods: Option<Located<u32>>,
        /// What pods may not use up.
        pub reserved: Option<KubeletReserved>,
        /// Whether pods may swap where the node has `swap:`; `none` where nothing is said.
        pub swap: Option<Located<KubeletSwap>>,
        /// Further fields of `KubeletConfiguration` (kubelet.config.k8s.io/v1beta1), in its own
        /// words.
        pub config: Option<FreeMap>,
    }
    "the kubelet"
}

words! {
    /// Whether pods may swap.
    pub enum KubeletSwap {
        /// The node may, its pods may not.
        None = "none",
        /// Pods that ask for more memory than they are promised, in the share of that promise.
        Limited = "limited",
    }
    "a swap policy"
}

record! {
    /// What pods may not use up.
    pub struct KubeletReserved {
        /// For the operating system.
        pub system: Option<KubeletResources>,
        /// For the kubelet and the container runtime.
        pub kube: Option<KubeletResources>,
        /// What is kept free by ending pods; the kubelet's own thresholds where nothing is said.
        pub eviction: Option<KubeletEviction>,
    }
    "reserved resources"
}

record! {
    /// Amounts of the node's resources.
    pub struct KubeletResources {
        /// Processors: `500m` is half of one.
        pub cpu: Option<Located<Quantity>>,
        /// Memory: `512Mi`.
        pub memory: Option<Located<Quantity>>,
        /// Disk space beside volumes.
        pub ephemeral_storage: Option<Located<Quantity>>,
        /// Process numbers.
        pub pid: Option<Located<Quantity>>,
    }
    "resources"
}

record! {
    /// Thresholds below which pods are ended at once.
    pub struct KubeletEviction {
        /// Memory; `100Mi` where nothing is said.
        pub memory_available: Option<Located<Threshold>>,
        /// Space where pods write; `10%` where nothing is said.
        pub nodefs_available: Option<Located<Threshold>>,
        /// Inodes where pods write; `5%` where nothing is said.
        pub nodefs_inodes_free: Option<Located<Threshold>>,
        /// Space where images lie; `15%` where nothing is said.
        pub imagefs_available: Option<Located<Threshold>>,
        /// Inodes where images lie; `5%` where nothing is said.
        pub imagefs_inodes_free: Option<Located<Threshold>>,
        /// Process numbers.
        pub pid_available: Option<Located<Threshold>>,
    }
    "thresholds"
}

record! {
    /// What the API server writes down of who asked for what.
    pub struct KubernetesAudit {
        /// A Policy of audit.k8s.io/v1: the path of a file beside the spec, or the policy itself.
        pub policy: FreeDocument,
        /// For how many days old logs are kept; 30 where nothing is said.
        pub max_age: Option<Located<u16>>,
        /// How many old logs are kept, in memory as the log is; 5 where nothing is said.
        pub max_backups: Option<Located<u16>>,
        /// At how many megabytes a new log is begun; 20 where nothing is said.
        pub max_size: Option<Located<u16>>,
    }
    "an audit log"
}

record! {
    /// How the API server encrypts what it keeps in etcd. The key is made on first use and kept in
    /// `keys/`.
    pub struct KubernetesEncryption {
        /// The cipher; `secretbox` where nothing is said.
        pub provider: Option<Located<EncryptionProvider>>,
        /// What is encrypted, such as `secrets` and `configmaps`; `secrets` where nothing is said.
        pub resources: Vec<Located<PlainName>>,
    }
    "encryption at rest"
}

words! {
    /// A cipher for what is kept in etcd.
    pub enum EncryptionProvider {
        /// The stream cipher `XSalsa20`, and Poly1305 against changes.
        Secretbox = "secretbox",
        /// AES-GCM with a random nonce: the key must be replaced after 200,000 writes.
        Aesgcm = "aesgcm",
        /// AES-CBC, which does not notice changes.
        Aescbc = "aescbc",
    }
    "a cipher"
}
