//! What nodes get of the cluster's keys, in PEM.

use std::fmt;

/// The credentials of an etcd client.
#[derive(Debug, Clone)]
pub struct EtcdClient {
    /// The authority of the members' certificates, in PEM.
    pub authority: String,
    pub client: KeyPair,
}

/// The keys of the cluster that a control plane needs, in PEM. Stored on the node as kubeadm does,
/// under `/etc/kubernetes/pki/` and in kubeconfig files.
#[derive(Clone)]
pub struct ControlPlaneKeys {
    /// With its private key: the controller manager signs the kubelets' requests.
    pub authority: KeyPair,
    /// The authorities that the cluster trusts: that one and, while it is being replaced, its
    /// successor or predecessor.
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
    /// The credentials with which the first boot gives `admin` its permissions.
    pub super_admin: KeyPair,
    pub service_account: ServiceAccountKeys,
}

/// The key pair that signs the tokens of service accounts, in PEM: SEC 1 and SPKI.
#[derive(Clone)]
pub struct ServiceAccountKeys {
    pub key: String,
    pub public: String,
}

/// Does not show secrets.
impl fmt::Debug for ControlPlaneKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlPlaneKeys").finish_non_exhaustive()
    }
}

/// Does not show secrets.
impl fmt::Debug for ServiceAccountKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccountKeys").finish_non_exhaustive()
    }
}

/// An etcd outside the file, and the credentials for it.
#[derive(Debug, Clone)]
pub struct ExternalEtcd {
    pub endpoints: Vec<String>,
    pub keys: EtcdClient,
}

/// The keys of the cluster that an etcd member needs, in PEM. Stored on the node as kubeadm does,
/// under `/etc/kubernetes/pki/etcd/`.
#[derive(Clone)]
pub struct EtcdTls {
    pub ca_certificate: String,
    pub server: KeyPair,
    pub peer: KeyPair,
    /// The credentials of `etcdctl` on the node, and of the health check.
    pub healthcheck_client: KeyPair,
}

/// A certificate and its private key, in PEM.
#[derive(Clone)]
pub struct KeyPair {
    pub certificate: String,
    pub key: String,
}

/// Does not show secrets.
impl std::fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdTls").finish_non_exhaustive()
    }
}

/// Does not show secrets.
impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}
