//! The address that the control planes of a cluster share.

use std::net::{IpAddr, SocketAddr};

use crate::diagnostic::Located;
use crate::names::InterfaceName;
use crate::node::network::{Interface, Network};

/// Where a node's own clients reach an API server: its balancer, which only the node reaches.
const BALANCER_PORT: u16 = 7445;

/// Where keepalived asks the balancer whether the node's own API server is ready.
const READY_PORT: u16 = 7446;

/// An address that one of the control planes holds, by VRRP (RFC 9568).
#[derive(Debug, Clone)]
pub struct SharedAddress {
    pub address: Located<IpAddr>,
    /// What tells this address from others that are held by VRRP on the same network.
    pub virtual_router_id: Located<u8>,
    /// The control planes, in the order of the file.
    pub planes: Vec<ApiServer>,
    /// How this node takes part; `None`: it has no control plane.
    pub holder: Option<Holder>,
}

/// An API server behind a shared address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiServer {
    /// The node's name.
    pub node: String,
    pub address: SocketAddr,
    /// The node's address in the network of the shared address.
    pub beside: Option<IpAddr>,
}

/// What a control plane needs to hold the address.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The link of the address.
    pub interface: InterfaceName,
    /// The node's own address on it.
    pub own: IpAddr,
    /// The addresses of the other control planes in the same network.
    pub others: Vec<IpAddr>,
}

impl SharedAddress {
    /// Returns where the node's own clients reach an API server. Port 7445, unless API servers
    /// listen there.
    pub fn balancer(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.free(BALANCER_PORT)).into()
    }

    /// Returns where the balancer says whether the node's own API server is ready.
    pub fn readiness(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.free(READY_PORT)).into()
    }

    /// Returns `port`, or another one if API servers, which listen on all addresses, have it.
    fn free(&self, port: u16) -> u16 {
        let is_taken = |port| self.planes.iter().any(|api| api.address.port() == port);
        if is_taken(port) { port + 2 } else { port }
    }
}

/// A link in whose network an address is.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    pub interface: &'a Interface,
    /// The node's own address in that network.
    pub own: IpAddr,
}

/// Returns the link of a node in whose network `address` is.
pub fn link_of(network: &Network, address: IpAddr) -> Option<Link<'_>> {
    network.interfaces.iter().find_map(|interface| {
        let own = interface.addresses.iter();
        let mut own = own.filter(|own| own.value.contains(&address));
        Some(Link {
            interface,
            own: own.next()?.addr(),
        })
    })
}
