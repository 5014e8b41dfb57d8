//! What a cluster has beside its components, decided.

use crate::node::images::ImageRef;

/// CoreDNS at the cluster's DNS address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreDns {
    pub image: ImageRef,
    pub replicas: u8,
    /// Whether it asks the node's servers for names outside of the cluster. CoreDNS does not start
    /// with an empty list of them.
    pub forwards: bool,
}

/// A manifest that the first node that comes up applies.
#[derive(Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The name of its file, without the ending.
    pub name: String,
    /// YAML or JSON, as the user wrote it.
    pub text: String,
}

/// Shows no secret.
impl std::fmt::Debug for Manifest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Manifest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
