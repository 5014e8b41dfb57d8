//! `network:`, all that has to do with addresses.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value as Json, json};

use crate::diagnostic::Located;
use crate::names::{Hostname, InterfaceName, MacAddr};
use crate::spec::decode::{Leaf, LeafError, OneOrMany, Table, record, unknown_word, words};
use crate::spec::values::{HostOrAddress, Line, PortRange, Setting, SettingName, VlanId};
use crate::spec::yaml::Scalar;

record! {
    /// Interfaces and all that has to do with addresses.
    pub struct Network {
        /// Links, physical or made by the node.
        pub interfaces: Vec<Interface>,
        /// Time servers.
        pub ntp: Option<Ntp>,
        /// Names for addresses, in `/etc/hosts`.
        pub hosts: Table<IpAddr, Vec<Located<Hostname>>>,
        /// Drops what is not allowed; off where nothing is said.
        pub firewall: Option<Firewall>,
    }
    "the network"
}

record! {
    /// A link and its addresses.
    pub struct Interface {
        /// The link's name, such as `eth0`; with `mac` as well, the card is renamed.
        pub name: Option<Located<InterfaceName>>,
        /// The card's MAC address.
        pub mac: Option<Located<MacAddr>>,
        /// Whether addresses come from DHCP: true, false, ipv4 or ipv6.
        pub dhcp: Option<Located<Dhcp>>,
        /// Addresses with prefix length: 192.168.1.10/24.
        pub addresses: Vec<Located<IpNet>>,
        /// The default gateway, or one of IPv4 and one of IPv6.
        pub gateway: OneOrMany<Located<IpAddr>>,
        /// Name servers.
        pub dns: Vec<Located<IpAddr>>,
        /// Domains that short names are looked up in.
        pub search: Vec<Located<Line>>,
        /// Static routes beside the default one.
        pub routes: Vec<Route>,
        /// Largest packet in bytes.
        pub mtu: Option<Located<u32>>,
        /// Whether the node waits for this link before it is online; true where nothing is said.
        pub required_for_online: Option<Located<bool>>,
        /// Joins links into one.
        pub bond: Option<Bond>,
        /// A virtual LAN on another link.
        pub vlan: Option<Vlan>,
        /// A switch in software.
        pub bridge: Option<Bridge>,
    }
    "an interface",
    at_least_one(name, mac),
    at_most_one(bond, vlan, bridge)
}

/// Which DHCP clients run on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dhcp {
    No,
    V4,
    V6,
    Both,
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
        /// The network that it leads to; 0.0.0.0/0 is all.
        pub destination: Located<IpNet>,
        /// The next hop; without one the network is on the link itself.
        pub gateway: Option<Located<IpAddr>>,
        /// The lower one of two routes to the same network is taken.
        pub metric: Option<Located<u32>>,
    }
    "a route"
}

words! {
    /// How a bond spreads packets (systemd.netdev(5)).
    pub enum BondMode {
        /// One packet a link, in turn.
        BalanceRr = "balance-rr",
        /// One link carries, the others wait.
        ActiveBackup = "active-backup",
        /// By a hash of the addresses.
        BalanceXor = "balance-xor",
        /// Everything on every link.
        Broadcast = "broadcast",
        /// LACP, IEEE 802.1AX.
        Ieee8023ad = "802.3ad",
        /// By load, outgoing.
        BalanceTlb = "balance-tlb",
        /// By load, both ways.
        BalanceAlb = "balance-alb",
    }
    "a bond mode"
}

record! {
    /// Links joined into one.
    pub struct Bond {
        /// How packets are spread; `active-backup` where nothing is said.
        pub mode: Option<Located<BondMode>>,
        /// The names of the links.
        pub members: Vec<Located<InterfaceName>>,
        /// Further settings of the `[Bond]` section of systemd.netdev(5), such as `MIIMonitorSec`.
        pub options: Table<SettingName, Located<Setting>>,
    }
    "a bond",
    at_least_one(members)
}

record! {
    /// A virtual LAN on another link.
    pub struct Vlan {
        /// 1 to 4094.
        pub id: Located<VlanId>,
        /// The name of the link that carries it.
        pub parent: Located<InterfaceName>,
    }
    "a VLAN"
}

record! {
    /// A switch in software.
    pub struct Bridge {
        /// The names of the links.
        pub members: Vec<Located<InterfaceName>>,
        /// Whether the spanning tree protocol runs; false where nothing is said.
        pub stp: Option<Located<bool>>,
    }
    "a bridge"
}

record! {
    /// Time servers.
    pub struct Ntp {
        /// Servers by name or address.
        pub servers: Vec<Located<HostOrAddress>>,
        /// Servers that are asked when none of the others is known.
        pub fallback: Vec<Located<HostOrAddress>>,
    }
    "the time servers"
}

record! {
    /// A packet filter that drops what is not allowed (nftables).
    pub struct Firewall {
        /// Networks that reach the ports of the node's roles; every network where nothing is said.
        pub allow_from: Vec<Located<IpNet>>,
        /// Further openings.
        pub allow: Vec<FirewallRule>,
        /// Networks whose packets leave under the node's own address.
        pub masquerade: OneOrMany<Masquerade>,
    }
    "the firewall"
}

words! {
    /// A transport protocol.
    pub enum Protocol {
        /// TCP
        Tcp = "tcp",
        /// UDP
        Udp = "udp",
    }
    "a protocol"
}

record! {
    /// An opening in the packet filter.
    pub struct FirewallRule {
        /// One port: 80.
        pub port: Option<Located<PortRange>>,
        /// A list of ports and ranges: [80, 8000-8010].
        pub ports: OneOrMany<Located<PortRange>>,
        /// `tcp` where nothing is said.
        pub protocol: Option<Located<Protocol>>,
        /// Networks that may come in; every one where nothing is said.
        pub from: OneOrMany<Located<IpNet>>,
    }
    "a firewall rule",
    exactly_one(port, ports)
}

record! {
    /// Packets of `source` that leave through `interface` do so under the node's address.
    pub struct Masquerade {
        /// The network whose addresses are hidden.
        pub source: Located<IpNet>,
        /// The name of the link that leads out.
        pub interface: Located<InterfaceName>,
    }
    "a masquerade rule"
}
