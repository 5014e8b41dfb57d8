//! The add-ons of a cluster, decided.

use crate::node::images::ImageRef;

/// CoreDNS at the cluster's DNS address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreDns {
    pub image: ImageRef,
    pub replicas: u8,
    /// Whether it forwards names outside the cluster to the node's servers. CoreDNS does not start
    /// with an empty list of them.
    pub forwards: bool,
}

/// A manifest that the first node to start applies.
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The name of its file, without the extension.
    pub name: String,
    /// YAML or JSON, as the user wrote it.
    pub text: String,
}

/// Does not show secrets.
impl std::fmt::Debug for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manifest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
