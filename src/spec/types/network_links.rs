//! What a link has beside its addresses: how it asks DHCP, whom it answers, which way packets take,
//! and the tunnels and routing tables that are links themselves.

use std::net::Ipv4Addr;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::diagnostic::Located;
use crate::facts::network::{ClientId, Dhcp};
use crate::names::{InterfaceName, MacAddr};
use crate::spec::decode::{Decode, Decoder, Schemas, Table, record, word_leaf};
use crate::spec::values::{
    AddressRange, HostAndPort, Lifetime, LocalText, PortNumber, RoutingTable, WireGuardKey,
};
use crate::spec::yaml::{Node, Value};

/// Whether and how a link asks DHCP.
#[derive(Debug, Clone, PartialEq)]
pub enum DhcpClient {
    /// For addresses of which version, if at all.
    Word(Located<Dhcp>),
    /// How.
    Settings(DhcpSettings),
}

impl DhcpClient {
    /// The versions of IP that it asks for.
    pub fn versions(&self) -> Dhcp {
        match self {
            Self::Word(word) => word.value,
            Self::Settings(settings) => settings.versions().value,
        }
    }

    /// How it asks, where the spec says so.
    pub fn settings(&self) -> Option<&DhcpSettings> {
        match self {
            Self::Word(_) => None,
            Self::Settings(settings) => Some(settings),
        }
    }
}

impl Decode for DhcpClient {
    fn schema(schemas: &mut Schemas) -> Json {
        let word = Located::<Dhcp>::schema(schemas);
        json!({ "anyOf": [word, DhcpSettings::schema(schemas)] })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if matches!(node.value, Value::Map(_)) {
            DhcpSettings::decode(node, decoder).map(Self::Settings)
        } else {
            Located::decode(node, decoder).map(Self::Word)
        }
    }
}

word_leaf!(ClientId, "a DHCP client identifier");

record! {
    /// How a link asks DHCP.
    pub struct DhcpSettings {
        /// For addresses of which version of IP.
        #[default = "true"]
        #[example = "ipv4"]
        pub versions: Option<Located<Dhcp>>,
        /// What the server of IPv4 knows the machine by.
        #[default = "mac"]
        pub client_id: Option<Located<ClientId>>,
        /// The priority of the routes that come with the addresses: the lowest one is used.
        #[otherwise = "that of the system"]
        #[example = "200"]
        pub metric: Option<Located<u32>>,
    }
    "the DHCP client"
}

record! {
    /// A DHCP server for the machines on a link (IPv4).
    pub struct DhcpServer {
        /// The addresses that it gives to any machine.
        #[otherwise = "all of the link's network but the node's own and those in `leases`"]
        #[example = "192.168.1.100-192.168.1.199"]
        pub range: Option<Located<AddressRange>>,
        /// Addresses for certain machines, by the MAC addresses of their cards.
        #[example = "{'52:54:00:12:34:56': 192.168.1.20}"]
        pub leases: Table<MacAddr, Located<Ipv4Addr>>,
        /// The default gateway of the machines.
        #[otherwise = "the link's own gateway, or the node where the link has none"]
        #[example = "192.168.1.1"]
        pub gateway: Option<Located<Ipv4Addr>>,
        /// The name servers of the machines.
        #[otherwise = "those of the link"]
        #[example = "[192.168.1.1]"]
        pub dns: Vec<Located<Ipv4Addr>>,
        /// How long an address is kept for a machine that does not ask again.
        #[default = "1h"]
        #[example = "12h"]
        pub lease_time: Option<Located<Lifetime>>,
    }
    "a DHCP server"
}

record! {
    /// A choice of routing table for some packets (`ip rule`).
    pub struct RoutingRule {
        /// Packets from this network.
        #[example = "192.168.2.0/24"]
        pub from: Option<Located<IpNet>>,
        /// Packets to this network.
        #[example = "10.0.0.0/8"]
        pub to: Option<Located<IpNet>>,
        /// Packets that arrive by this link.
        #[example = "eth1"]
        pub incoming: Option<Located<InterfaceName>>,
        /// The number of the table in which their route is looked up.
        #[example = "100"]
        pub table: Located<RoutingTable>,
        /// Of several rules that apply, the lowest number is asked first.
        #[default = "1000"]
        pub priority: Option<Located<u32>>,
    }
    "a routing rule",
    at_least_one(from, to, incoming)
}

record! {
    /// Links with a routing table of their own (VRF).
    pub struct Vrf {
        /// The number of the table.
        #[example = "100"]
        pub table: Located<RoutingTable>,
        /// The names of its links.
        #[example = "[eth1]"]
        pub members: Vec<Located<InterfaceName>>,
    }
    "a VRF",
    at_least_one(members)
}

record! {
    /// A WireGuard tunnel.
    pub struct WireGuard {
        /// A file with the node's private key, as `wg genkey` writes it.
        #[example = "wg0.key"]
        pub private_key_file: Located<LocalText>,
        /// The UDP port on which peers reach the node.
        #[otherwise = "any: the node starts all connections"]
        #[example = "51820"]
        pub port: Option<Located<PortNumber>>,
        /// The other ends.
        #[example = "[{public_key: 'Q4CvP3Rg7HC5N2oBemm4iXNB4QCt8Rh0C6KWBseTRJk=', allowed_ips: [10.9.0.2/32]}]"]
        pub peers: Vec<WireGuardPeer>,
    }
    "a WireGuard tunnel",
    at_least_one(peers)
}

record! {
    /// Another end of a tunnel.
    pub struct WireGuardPeer {
        /// Its public key, as `wg pubkey` writes it.
        #[example = "Q4CvP3Rg7HC5N2oBemm4iXNB4QCt8Rh0C6KWBseTRJk="]
        pub public_key: Located<WireGuardKey>,
        /// A file with a key that both ends know, as `wg genpsk` writes it.
        #[example = "wg0.psk"]
        pub preshared_key_file: Option<Located<LocalText>>,
        /// Where it is reached.
        #[otherwise = "where its packets come from"]
        #[example = "vpn.example:51820"]
        pub endpoint: Option<Located<HostAndPort>>,
        /// The networks behind it: packets from others are dropped, and those to them get routes.
        #[example = "[10.9.0.2/32]"]
        pub allowed_ips: Vec<Located<IpNet>>,
        /// How often it is sent something, in seconds, so that firewalls on the way stay open.
        #[otherwise = "never"]
        #[example = "25"]
        pub keepalive: Option<Located<u16>>,
    }
    "a WireGuard peer",
    at_least_one(allowed_ips)
}
