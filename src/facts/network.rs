//! What links and packet filters choose from.

use crate::words::words;

words! {
    /// A transport protocol.
    pub enum Protocol {
        /// TCP
        Tcp = "tcp",
        /// UDP
        Udp = "udp",
    }
}

words! {
    /// What a DHCP server knows a machine by (RFC 2132 §9.14).
    pub enum ClientId {
        /// The MAC address of the card, which is the same after each boot.
        Mac = "mac",
        /// An identifier that is made of the machine's ID (RFC 4361), which changes with each boot
        /// of a node without `storage_device`.
        Duid = "duid",
    }
}

/// Names of the links that pod networks create on a node; `*` stands for anything.
pub const POD_LINKS: [&str; 8] = [
    "cni*",
    "veth*",
    "flannel*",
    "kube-ipvs*",
    "cali*",
    "vxlan.calico",
    "cilium*",
    "lxc*",
];

/// Names of the links that container engines create.
pub const CONTAINER_LINKS: [&str; 2] = ["docker0", "podman*"];

/// Which DHCP clients run on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dhcp {
    #[default]
    No,
    V4,
    V6,
    Both,
}
