//! The settings of the Kubernetes components, decided.

/// What the API server records about requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLog {
    /// A Policy of audit.k8s.io/v1, as YAML.
    pub policy: String,
    /// Days.
    pub max_age: u16,
    /// Files.
    pub max_backups: u16,
    /// Megabytes.
    pub max_size: u16,
}

/// How the API server encrypts what it stores in etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encryption {
    /// `secretbox`, `aesgcm` or `aescbc`, as in `EncryptionConfiguration`.
    pub provider: &'static str,
    /// `secrets`
    pub resources: Vec<String>,
}
