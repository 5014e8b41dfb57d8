//! What a node's Kubernetes has of the cluster's keys: nothing when it was decided, all it needs
//! once the key folder was read.

use std::fmt::{self, Debug};

use crate::pki::bundles::{ControlPlaneKeys, KeyPair};
use crate::pki::{BootstrapToken, ClusterToken};

/// A stage of [`Kubernetes`](crate::node::kubernetes::Kubernetes): the keys in each place that has
/// some.
pub trait KeyStage: Debug + Clone {
    type Kubelet: Debug + Clone;
    type Proxy: Debug + Clone;
    type ControlPlane: Debug + Clone;
}

/// The key folder was not read.
#[derive(Debug, Clone)]
pub enum WithoutKeys {}

impl KeyStage for WithoutKeys {
    type Kubelet = ();
    type Proxy = ();
    type ControlPlane = ();
}

/// All keys are there.
#[derive(Debug, Clone)]
pub enum WithKeys {}

impl KeyStage for WithKeys {
    type Kubelet = KubeletKeys;
    type Proxy = KeyPair;
    type ControlPlane = PlaneKeys;
}

/// The credentials of a kubelet in its cluster.
#[derive(Debug, Clone)]
pub struct KubeletKeys {
    pub identity: KubeletIdentity,
    /// The cluster's authority, in PEM.
    pub certificate_authority: String,
}

/// What a kubelet identifies itself with.
#[derive(Debug, Clone)]
pub enum KubeletIdentity {
    /// Certificates that were signed when the image was built, as a client and as a server.
    Certificates { client: KeyPair, serving: KeyPair },
    /// A token at first, for which the cluster signs a client certificate; it signs its server
    /// certificate itself, as kubeadm's nodes do.
    Token(BootstrapToken),
}

/// The keys on a node with a control plane.
#[derive(Debug, Clone)]
pub struct PlaneKeys {
    pub pki: ControlPlaneKeys,
    /// What admits nodes without a certificate; `None`: they are not admitted.
    pub bootstrap_token: Option<ClusterToken>,
    /// Empty if the API server does not encrypt.
    pub encryption: EncryptionKeys,
}

/// The first encrypts, all decrypt; base64 of 32 bytes each.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct EncryptionKeys(pub Vec<String>);

/// Does not show secrets.
impl Debug for EncryptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptionKeys").finish_non_exhaustive()
    }
}

/// What a cluster's administrator needs to use its API.
#[derive(Clone)]
pub struct Administration<'a> {
    /// The URL of the API server.
    pub server: String,
    /// The authorities of its certificate, in PEM.
    pub authorities: &'a str,
    /// The administrator's credentials.
    pub client: &'a KeyPair,
}

/// Does not show secrets.
impl Debug for Administration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Administration")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}
