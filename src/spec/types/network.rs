//! `network:`, all that has to do with addresses.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::diagnostic::Located;
use crate::facts::network::{Dhcp, Protocol};
use crate::names::{Hostname, InterfaceName, MacAddr};
use crate::spec::decode::{Leaf, LeafError, OneOrMany, Table, record, unknown_word, word_leaf};
use crate::spec::types::{DhcpClient, DhcpServer, RoutingRule, Vrf, WireGuard};
use crate::spec::values::{
    HostOrAddress, Line, PortRange, RoutingTable, Setting, SettingName, VlanId,
};
use crate::spec::yaml::Scalar;
use crate::words::words;

record! {
    /// Interfaces and all that has to do with addresses.
    pub struct Network {
        /// Links, physical or made by the node.
        #[otherwise = "DHCP on every wired card"]
        #[example = "[{name: eth0, addresses: [192.168.1.10/24], gateway: 192.168.1.1}]"]
        pub interfaces: Vec<Interface>,
        /// Time servers.
        #[otherwise = "those of the system"]
        #[example = "{servers: [time.example]}"]
        pub ntp: Option<Ntp>,
        /// Names for addresses, in `/etc/hosts`.
        #[example = "{192.168.1.5: [registry.example]}"]
        pub hosts: Table<IpAddr, Vec<Located<Hostname>>>,
        /// A packet filter that drops what is not allowed.
        #[otherwise = "none"]
        #[example = "{allow: [{port: 80}]}"]
        pub firewall: Option<Firewall>,
    }
    "the network"
}

record! {
    /// A link and its addresses.
    pub struct Interface {
        /// The name of the link. With `mac` as well, the card is renamed.
        #[example = "eth0"]
        pub name: Option<Located<InterfaceName>>,
        /// The MAC address of the card.
        #[example = "52:54:00:12:34:56"]
        pub mac: Option<Located<MacAddr>>,
        /// Whether addresses come from DHCP, and how it is asked.
        #[default = "false"]
        #[example = "ipv4"]
        pub dhcp: Option<DhcpClient>,
        /// Serves DHCP to the machines on the link, which needs an address of its own.
        #[example = "{range: 192.168.1.100-192.168.1.199}"]
        pub dhcp_server: Option<DhcpServer>,
        /// Addresses with their prefix length.
        #[example = "[192.168.1.10/24]"]
        pub addresses: Vec<Located<IpNet>>,
        /// The default gateway, or one for IPv4 and one for IPv6.
        #[example = "192.168.1.1"]
        pub gateway: OneOrMany<Located<IpAddr>>,
        /// Name servers.
        #[example = "[192.168.1.1]"]
        pub dns: Vec<Located<IpAddr>>,
        /// Domains in which short names are looked up.
        #[example = "[lab.example]"]
        pub search: Vec<Located<Line>>,
        /// Static routes besides the default one.
        #[example = "[{destination: 10.0.0.0/8, gateway: 192.168.1.2}]"]
        pub routes: Vec<Route>,
        /// Which packets look up their route in a table other than the main one.
        #[example = "[{from: 192.168.2.0/24, table: 100}]"]
        pub rules: Vec<RoutingRule>,
        /// The largest packet, in bytes.
        #[otherwise = "that of the card"]
        #[example = "9000"]
        pub mtu: Option<Located<u32>>,
        /// Whether the node waits for this link before it is online.
        #[otherwise = "true for a link with addresses, static or from DHCP, else false"]
        pub required_for_online: Option<Located<bool>>,
        /// Makes the link a bond of others.
        #[example = "{members: [eth0, eth1]}"]
        pub bond: Option<Bond>,
        /// Makes the link a virtual LAN on another one.
        #[example = "{id: 100, parent: eth0}"]
        pub vlan: Option<Vlan>,
        /// Makes the link a bridge, a switch in software.
        #[example = "{members: [eth0]}"]
        pub bridge: Option<Bridge>,
        /// Gives other links a routing table of their own.
        #[example = "{table: 100, members: [eth1]}"]
        pub vrf: Option<Vrf>,
        /// Makes the link a WireGuard tunnel.
        #[example = "{private_key_file: wg0.key, peers: [{public_key: 'Q4CvP3Rg7HC5N2oBemm4iXNB4QCt8Rh0C6KWBseTRJk=', allowed_ips: [10.9.0.2/32]}]}"]
        pub wireguard: Option<WireGuard>,
    }
    "an interface",
    at_least_one(name, mac),
    at_most_one(bond, vlan, bridge, vrf, wireguard)
}

impl Leaf for Dhcp {
    const WHAT: &'static str = "true, false, ipv4 or ipv6";

    fn schema() -> Json {
        json!({ "enum": [true, false, "ipv4", "ipv6"] })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        match &*scalar.text {
            "ipv4" => Ok(Self::V4),
            "ipv6" => Ok(Self::V6),
            _ => match bool::read(scalar) {
                Ok(true) => Ok(Self::Both),
                Ok(false) => Ok(Self::No),
                Err(error) if error.help.is_some() => Err(error),
                Err(_) => Err(unknown_word(
                    &scalar.text,
                    Self::WHAT,
                    &["true", "false", "ipv4", "ipv6"],
                )),
            },
        }
    }
}

record! {
    /// A static route.
    pub struct Route {
        /// The network that it leads to; 0.0.0.0/0 is all of IPv4.
        #[example = "10.0.0.0/8"]
        pub destination: Located<IpNet>,
        /// The next hop.
        #[otherwise = "none: the network is on the link itself"]
        #[example = "192.168.1.2"]
        pub gateway: Option<Located<IpAddr>>,
        /// The priority: of two routes to the same network, the lower one is used.
        #[otherwise = "that of the system"]
        #[example = "100"]
        pub metric: Option<Located<u32>>,
        /// The number of the routing table that it is in.
        #[otherwise = "the main one"]
        #[example = "100"]
        pub table: Option<Located<RoutingTable>>,
    }
    "a route"
}

words! {
    /// How a bond spreads packets (systemd.netdev(5)).
    pub enum BondMode {
        /// One packet per link, in turn.
        BalanceRr = "balance-rr",
        /// One link carries all, the others wait.
        ActiveBackup = "active-backup",
        /// By a hash of the addresses.
        BalanceXor = "balance-xor",
        /// Everything on every link.
        Broadcast = "broadcast",
        /// LACP, IEEE 802.1AX.
        Ieee8023ad = "802.3ad",
        /// By load, outgoing only.
        BalanceTlb = "balance-tlb",
        /// By load, in both directions.
        BalanceAlb = "balance-alb",
    }
}

word_leaf!(BondMode, "a bond mode");

record! {
    /// Links joined into one.
    pub struct Bond {
        /// How packets are spread.
        #[default = "active-backup"]
        pub mode: Option<Located<BondMode>>,
        /// The names of its links.
        #[example = "[eth0, eth1]"]
        pub members: Vec<Located<InterfaceName>>,
        /// Further settings from the `[Bond]` section of systemd.netdev(5).
        #[example = "{MIIMonitorSec: 100ms}"]
        pub options: Table<SettingName, Located<Setting>>,
    }
    "a bond",
    at_least_one(members)
}

record! {
    /// A virtual LAN on another link.
    pub struct Vlan {
        /// The VLAN ID, from 1 to 4094.
        #[example = "100"]
        pub id: Located<VlanId>,
        /// The name of the link that carries it.
        #[example = "eth0"]
        pub parent: Located<InterfaceName>,
    }
    "a VLAN"
}

record! {
    /// A switch in software.
    pub struct Bridge {
        /// The names of its links.
        #[example = "[eth0]"]
        pub members: Vec<Located<InterfaceName>>,
        /// Whether the spanning tree protocol runs.
        #[default = "false"]
        pub stp: Option<Located<bool>>,
    }
    "a bridge"
}

record! {
    /// Time servers.
    pub struct Ntp {
        /// Servers by name or address.
        #[example = "[time.example, 192.168.1.1]"]
        pub servers: Vec<Located<HostOrAddress>>,
        /// Servers to ask if none of the others is known.
        #[example = "[pool.ntp.org]"]
        pub fallback: Vec<Located<HostOrAddress>>,
    }
    "the time servers"
}

record! {
    /// A packet filter that drops what is not allowed (nftables).
    pub struct Firewall {
        /// Networks that can reach the ports of the node's roles, its pods and its Services.
        #[otherwise = "every network"]
        #[example = "[192.168.1.0/24]"]
        pub allow_from: Vec<Located<IpNet>>,
        /// Further openings, of the node's own ports and of those that lead to pods and containers.
        #[example = "[{ports: [80, 443]}]"]
        pub allow: Vec<FirewallRule>,
        /// Networks whose packets leave with the node's own address.
        #[example = "{source: 10.244.0.0/16, interface: eth0}"]
        pub masquerade: OneOrMany<Masquerade>,
    }
    "the firewall"
}

word_leaf!(Protocol, "a protocol");

record! {
    /// An opening in the packet filter.
    pub struct FirewallRule {
        /// One port, or a range.
        #[example = "80"]
        pub port: Option<Located<PortRange>>,
        /// A list of ports and ranges.
        #[example = "[80, 8000-8010]"]
        pub ports: OneOrMany<Located<PortRange>>,
        /// The transport protocol.
        #[default = "tcp"]
        pub protocol: Option<Located<Protocol>>,
        /// Networks that may come in.
        #[otherwise = "every network"]
        #[example = "[192.168.1.0/24]"]
        pub from: OneOrMany<Located<IpNet>>,
    }
    "a firewall rule",
    exactly_one(port, ports)
}

record! {
    /// Packets of `source` that leave through `interface` get the node's address.
    pub struct Masquerade {
        /// The network whose addresses are hidden.
        #[example = "10.244.0.0/16"]
        pub source: Located<IpNet>,
        /// The name of the link that leads out.
        #[example = "eth0"]
        pub interface: Located<InterfaceName>,
    }
    "a masquerade rule"
}
