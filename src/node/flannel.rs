//! flannel, decided: in pods of a cluster, and on nodes with docker.

use ipnet::Ipv4Net;

use crate::diagnostic::{Located, Span};
use crate::pki::bundles::EtcdClient;

/// flannel in pods, which takes its subnets from the nodes' `podCIDR`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flannel {
    pub backend: FlannelBackend,
    /// The interface to the other nodes, on every node; `None`: that of the node's address.
    pub interface: Option<String>,
}

/// How flannel carries the containers' packets between nodes.
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
    /// The UDP port on which nodes receive packets.
    pub fn port(&self) -> Option<u16> {
        match *self {
            Self::Vxlan { port, .. } | Self::Wireguard { port } => Some(port),
            Self::HostGw => None,
        }
    }

    /// The kernel module it needs.
    pub fn module(&self) -> Option<&'static str> {
        match self {
            Self::Vxlan { .. } => Some("vxlan"),
            Self::Wireguard { .. } => Some("wireguard"),
            Self::HostGw => None,
        }
    }
}

/// flannel on a node with docker, which takes its subnet from etcd.
#[derive(Debug, Clone)]
pub struct FlannelNode {
    /// The network of the containers of all nodes.
    pub network: Located<Ipv4Net>,
    /// The prefix length of each node's subnet.
    pub subnet_len: u8,
    pub backend: FlannelBackend,
    /// The interface to the other nodes, by name or address; `None`: that of the default route.
    pub interface: Option<String>,
    pub image: String,
    /// The URLs of etcd.
    pub endpoints: Vec<String>,
    /// Whether nodes in the file run that etcd.
    pub of_file: bool,
    /// The credentials for etcd; `None`: plain HTTP.
    pub tls: Option<EtcdClient>,
    /// What stores the network in etcd; `None`: other nodes do.
    pub writer: Option<FlannelWriter>,
    pub span: Span,
}

/// What stores flannel's network in etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlannelWriter {
    /// `etcdctl` of the node's own member.
    Member,
    /// `etcdctl` in this image of etcd.
    Image(String),
}
