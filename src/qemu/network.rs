//! The network of a machine: QEMU's user network, configured so that a node with static addresses
//! works in it.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::Context;
use ipnet::Ipv4Net;
use sha2::{Digest, Sha256};

use crate::names::MacAddr;

/// QEMU's user network: the guest reaches the host as `gateway`, the host reaches the guest through
/// forwarded ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserNetwork {
    pub subnet: Ipv4Net,
    /// The host, seen from the guest; also its DHCP server.
    pub gateway: Ipv4Addr,
    /// A DNS server that forwards to the host's.
    pub dns: Ipv4Addr,
    /// The guest: the address that DHCP assigns, and the target of forwarded ports.
    pub guest: Ipv4Addr,
    pub forwards: Vec<Forward>,
}

/// A TCP port of the host's loopback address that is forwarded to the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forward {
    pub host: u16,
    pub guest: u16,
}

/// QEMU's own default.
impl Default for UserNetwork {
    fn default() -> Self {
        Self {
            subnet: Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 2, 0), 24),
            gateway: Ipv4Addr::new(10, 0, 2, 2),
            dns: Ipv4Addr::new(10, 0, 2, 3),
            guest: Ipv4Addr::new(10, 0, 2, 15),
            forwards: Vec::new(),
        }
    }
}

impl UserNetwork {
    /// A network in which a node with the static `address` finds its gateway, and its DNS server if
    /// that is another machine of the same network (QEMU's cannot also be the gateway). `None`: the
    /// subnet is too small for all of them.
    pub fn around(address: Ipv4Net, gateway: Option<Ipv4Addr>, dns: &[Ipv4Addr]) -> Option<Self> {
        let guest = address.addr();
        let free = |taken: &[Ipv4Addr]| address.hosts().find(|host| !taken.contains(host));
        let gateway = match gateway.filter(|g| address.contains(g) && *g != guest) {
            Some(gateway) => gateway,
            None => free(&[guest])?,
        };
        let dns = dns
            .iter()
            .copied()
            .find(|d| address.contains(d) && *d != gateway && *d != guest)
            .or_else(|| free(&[guest, gateway]))?;
        Some(Self {
            subnet: address.trunc(),
            gateway,
            dns,
            guest,
            forwards: Vec::new(),
        })
    }
}

/// A MAC address that is the same for the same name, under QEMU's prefix `52:54:00`.
pub fn mac_of(name: &str) -> MacAddr {
    let digest = Sha256::digest(name.as_bytes());
    MacAddr([0x52, 0x54, 0x00, digest[0], digest[1], digest[2]])
}

/// A UUID that is the same for the same name, in the form for custom ones (RFC 9562 §5.8).
pub(super) fn uuid_of(name: &str) -> String {
    let digest = Sha256::digest(format!("machine {name}").as_bytes());
    let mut bytes = [0_u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = 0x80 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let (time, rest) = hex.split_at(8);
    let (middle, node) = rest.split_at(12);
    format!(
        "{time}-{}-{}-{}-{node}",
        &middle[..4],
        &middle[4..8],
        &middle[8..]
    )
}

/// A currently unused TCP port of the loopback address.
pub fn free_port() -> anyhow::Result<u16> {
    let listener =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("looking for a free port")?;
    let address = listener.local_addr().context("looking for a free port")?;
    Ok(address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_around_static_addresses() {
        let ip = |text: &str| text.parse::<Ipv4Addr>().unwrap();
        for (name, address, gateway, dns, expected) in [
            (
                "gateway and DNS apart",
                "192.168.1.10/24",
                Some("192.168.1.1"),
                &["192.168.1.2"][..],
                Some(("192.168.1.1", "192.168.1.2")),
            ),
            (
                "the gateway is the DNS server",
                "192.168.1.10/24",
                Some("192.168.1.1"),
                &["192.168.1.1"],
                Some(("192.168.1.1", "192.168.1.2")),
            ),
            (
                "DNS elsewhere",
                "10.1.0.1/16",
                Some("10.1.0.254"),
                &["9.9.9.9"],
                Some(("10.1.0.254", "10.1.0.2")),
            ),
            (
                "none",
                "10.1.0.1/16",
                None,
                &[],
                Some(("10.1.0.2", "10.1.0.3")),
            ),
            ("too small", "10.1.0.1/31", None, &[], None),
        ] {
            let dns: Vec<Ipv4Addr> = dns.iter().map(|d| ip(d)).collect();
            let address: Ipv4Net = address.parse().unwrap();
            let network = UserNetwork::around(address, gateway.map(ip), &dns);
            let found = network.map(|n| (n.gateway, n.dns));
            assert_eq!(found, expected.map(|(g, d)| (ip(g), ip(d))), "{name}");
        }
    }

    #[test]
    fn names_make_addresses() {
        assert_eq!(mac_of("kube1"), mac_of("kube1"));
        assert_ne!(mac_of("kube1"), mac_of("kube2"));
        assert!(mac_of("kube1").to_string().starts_with("52:54:00:"));
        let uuid = uuid_of("kube1");
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "8");
        assert_ne!(uuid, uuid_of("kube2"));
    }
}
