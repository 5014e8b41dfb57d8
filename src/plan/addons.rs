//! What a cluster has beside its components, decided.

use super::ImageRef;

/// flannel with its subnets from the nodes' `podCIDR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flannel {
    pub backend: FlannelBackend,
    /// The interface that leads to the other nodes, on every node; `None`: that of the node's address.
    pub interface: Option<String>,
    pub image: ImageRef,
    /// Brings the CNI plugin of that name.
    pub plugin_image: ImageRef,
}

/// How flannel carries pods' packets from node to node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlannelBackend {
    Vxlan {
        port: u16,
        vni: u32,
        /// Routes between nodes of the same link.
        direct_routing: bool,
    },
    HostGw,
    Wireguard {
        port: u16,
    },
}

impl FlannelBackend {
    /// The UDP port that nodes reach each other at.
    pub fn port(&self) -> Option<u16> {
        match *self {
            Self::Vxlan { port, .. } | Self::Wireguard { port } => Some(port),
            Self::HostGw => None,
        }
    }

    /// The kernel's module.
    pub fn module(&self) -> Option<&'static str> {
        match self {
            Self::Vxlan { .. } => Some("vxlan"),
            Self::Wireguard { .. } => Some("wireguard"),
            Self::HostGw => None,
        }
    }
}

/// CoreDNS at the cluster's DNS address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoreDns {
    pub image: ImageRef,
    pub replicas: u8,
    /// Whether it asks the node's servers for names outside of the cluster. CoreDNS does not start with an empty list of them.
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
