//! flannel, decided: in pods of a cluster, and on nodes with docker.

use crate::pki::bundles::EtcdClient;
use ipnet::Ipv4Net;

use crate::diagnostic::{Located, Span};
use crate::node::images::ImageRef;

/// flannel in pods, with its subnets from the nodes' `podCIDR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flannel {
    pub backend: FlannelBackend,
    /// The interface that leads to the other nodes, on every node; `None`: that of the node's
    /// address.
    pub interface: Option<String>,
    pub image: ImageRef,
    /// Brings the CNI plugin of that name.
    pub plugin_image: ImageRef,
}

/// How flannel carries containers' packets from node to node.
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

/// flannel on a node with docker, with its subnet from etcd.
#[derive(Debug, Clone)]
pub struct FlannelNode {
    /// The addresses of all nodes' containers.
    pub network: Located<Ipv4Net>,
    /// The prefix length of each node's part.
    pub subnet_len: u8,
    pub backend: FlannelBackend,
    /// The interface that leads to the other nodes, by its name or its address; `None`: that of the
    /// default route.
    pub interface: Option<String>,
    pub image: String,
    /// Where etcd answers.
    pub endpoints: Vec<String>,
    /// Whether nodes of the file run that etcd.
    pub of_file: bool,
    /// How etcd and flannel know each other; `None`: plain HTTP.
    pub tls: Option<EtcdClient>,
    /// What tells etcd the network; `None`: other nodes do.
    pub writer: Option<FlannelWriter>,
    pub span: Span,
}

/// What puts flannel's network into etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlannelWriter {
    /// `etcdctl` of the node's own member.
    Member,
    /// `etcdctl` in this image of etcd.
    Image(String),
}
