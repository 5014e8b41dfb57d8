//! What nodes get of the cluster's keys, in PEM.

use std::fmt;

/// What a client of etcd has of keys.
#[derive(Debug, Clone)]
pub struct EtcdClient {
    /// The authority of the members' certificates, in PEM.
    pub authority: String,
    pub client: KeyPair,
}

/// What a control plane needs of the cluster's keys, in PEM. Laid out on the node as kubeadm does,
/// under `/etc/kubernetes/pki/` and in kubeconfig files.
#[derive(Clone)]
pub struct ControlPlaneKeys {
    /// With its private key: the controller manager signs the kubelets' requests.
    pub authority: KeyPair,
    /// What the cluster trusts: that authority and, while it is replaced, its successor or its
    /// predecessor.
    pub trusted_authorities: String,
    pub front_proxy_authority: String,
    pub etcd_authority: String,
    pub api_server: KeyPair,
    pub kubelet_client: KeyPair,
    pub etcd_client: KeyPair,
    pub front_proxy_client: KeyPair,
    pub controller_manager: KeyPair,
    pub scheduler: KeyPair,
    pub admin: KeyPair,
    /// What the first boot gives `admin` its rights with.
    pub super_admin: KeyPair,
    pub service_account: ServiceAccountKeys,
}

/// What signs the tokens of service accounts, in PEM: SEC 1 and SPKI.
#[derive(Clone)]
pub struct ServiceAccountKeys {
    pub key: String,
    pub public: String,
}

/// Shows no secret.
impl fmt::Debug for ControlPlaneKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlPlaneKeys").finish_non_exhaustive()
    }
}

/// Shows no secret.
impl fmt::Debug for ServiceAccountKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccountKeys").finish_non_exhaustive()
    }
}

/// An etcd outside of the file, and how it and its client know each other.
#[derive(Debug, Clone)]
pub struct ExternalEtcd {
    pub endpoints: Vec<String>,
    pub keys: EtcdClient,
}

/// What an etcd member needs of the cluster's keys, in PEM. Laid out on the node as kubeadm does,
/// under `/etc/kubernetes/pki/etcd/`.
#[derive(Clone)]
pub struct EtcdTls {
    pub ca_certificate: String,
    pub server: KeyPair,
    pub peer: KeyPair,
    /// What `etcdctl` on the node, and the health check, present.
    pub healthcheck_client: KeyPair,
}

/// A certificate and its private key, in PEM.
#[derive(Clone)]
pub struct KeyPair {
    pub certificate: String,
    pub key: String,
}

/// Shows no secret.
impl std::fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdTls").finish_non_exhaustive()
    }
}

/// Shows no secret.
impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}
