//! The text of one link's `.link`, `.netdev` and `.network` files (`systemd.link(5)`,
//! `systemd.netdev(5)`, `systemd.network(5)`).

use std::net::IpAddr;

use super::{Ini, Join, Ties, bond};
use crate::facts::network::Dhcp;
use crate::names::InterfaceName;
use crate::node::network::{Interface, InterfaceMatch, LinkKind, Route};

/// The `.link` file that names a card matched by its MAC address.
pub(super) fn rename(interface: &Interface) -> Option<String> {
    let InterfaceMatch::Mac {
        mac,
        rename: Some(name),
    } = &interface.matching
    else {
        return None;
    };
    let mut ini = Ini::default();
    ini.section("Match")
        .set("PermanentMACAddress", mac)
        .section("Link")
        .set("Name", name)
        // As in udev's default file, which this one overrides: the card can still be matched by its
        // predictable name.
        .set("AlternativeNamesPolicy", "database onboard slot path");
    Some(ini.into_text())
}

/// The `.netdev` file of a link that networkd creates.
pub(super) fn netdev(interface: &Interface) -> Option<String> {
    let name = interface.matching.name()?;
    let kind = match &interface.kind {
        LinkKind::Physical => return None,
        LinkKind::Bond { .. } => "bond",
        LinkKind::Vlan { .. } => "vlan",
        LinkKind::Bridge { .. } => "bridge",
    };
    let mut ini = Ini::default();
    ini.section("NetDev")
        .set("Name", name)
        .set("Kind", kind)
        .set_some("MTUBytes", interface.mtu.map(|mtu| mtu.value));
    match &interface.kind {
        LinkKind::Physical => {}
        LinkKind::Bond { mode, options, .. } => {
            ini.section("Bond").set("Mode", mode);
            let monitors = ["miimon", "MIIMonitorSec", "arp_interval", "ARPIntervalSec"];
            // By default the kernel does not monitor the links at all.
            if !monitors.iter().any(|option| options.contains_key(*option)) {
                ini.set("MIIMonitorSec", "100ms");
            }
            for (option, value) in options {
                if let Some((key, value)) = bond::setting(option, value) {
                    ini.set(key, value);
                }
            }
        }
        LinkKind::Vlan { id, .. } => {
            ini.section("VLAN").set("Id", id.value);
        }
        LinkKind::Bridge { stp, .. } => {
            ini.section("Bridge").set("STP", yes_no(*stp));
        }
    }
    Some(ini.into_text())
}

/// The `.network` file of a link of the spec.
pub(super) fn network(interface: &Interface, ties: &Ties, has_time_servers: bool) -> String {
    let mut ini = Ini::default();
    match_section(&mut ini, &interface.matching);

    let dhcp = match interface.dhcp {
        Dhcp::No => None,
        Dhcp::V4 => Some("ipv4"),
        Dhcp::V6 => Some("ipv6"),
        Dhcp::Both => Some("yes"),
    };
    let is_bare = dhcp.is_none() && interface.addresses.is_empty();
    let is_member = ties.master.is_some();

    ini.section("Link");
    if interface.kind == LinkKind::Physical {
        ini.set_some("MTUBytes", interface.mtu.map(|mtu| mtu.value));
    }
    if !interface.required_for_online || is_member {
        ini.set("RequiredForOnline", "no");
    } else if is_bare {
        // It never gets an address, for which networkd would otherwise wait.
        ini.set("RequiredForOnline", "carrier");
    }

    ini.section("Network");
    tied(&mut ini, ties);
    ini.set_some("DHCP", dhcp);
    // When it starts anew, it would otherwise remove an address that keepalived has added.
    ini.set_some(
        "KeepConfiguration",
        interface.shares_address.then_some("static"),
    );
    if is_bare && !is_member {
        ini.set("LinkLocalAddressing", "no");
    }
    // A link with static addresses has only those; router advertisements are accepted if the link
    // uses DHCP.
    if interface.dhcp == Dhcp::No {
        ini.set("IPv6AcceptRA", "no");
    }
    ini.set_each("Address", interface.addresses.iter().map(|a| a.value));
    let (direct, on_link): (Vec<IpAddr>, Vec<IpAddr>) = interface
        .gateways
        .iter()
        .map(|gateway| gateway.value)
        .partition(|gateway| is_reachable(interface, *gateway));
    ini.set_each("Gateway", &direct);
    ini.set_each("DNS", interface.dns.iter().map(|a| a.value));
    if !interface.search.is_empty() {
        let domains: Vec<&str> = interface
            .search
            .iter()
            .map(|domain| domain.as_str())
            .collect();
        ini.set("Domains", domains.join(" "));
    }

    for gateway in on_link {
        ini.section("Route")
            .set("Gateway", gateway)
            .set("GatewayOnLink", "yes");
    }
    for route in interface.all_routes() {
        route_section(&mut ini, interface, &route);
    }
    dhcp_sections(&mut ini, interface, has_time_servers);
    ini.into_text()
}

/// The `.network` file of a link that the spec names only as a member or parent of another.
pub(super) fn carrier(name: &InterfaceName, ties: &Ties) -> String {
    let mut ini = Ini::default();
    ini.section("Match").set("Name", name);
    ini.section("Link").set("RequiredForOnline", "no");
    ini.section("Network");
    tied(&mut ini, ties);
    if ties.master.is_none() {
        ini.set("LinkLocalAddressing", "no");
    }
    ini.set("IPv6AcceptRA", "no");
    ini.into_text()
}

fn match_section(ini: &mut Ini, matching: &InterfaceMatch) {
    ini.section("Match");
    match matching {
        InterfaceMatch::Name(name) => ini.set("Name", name),
        // Bonds and VLANs take over the address of the card below them, so only the card's
        // permanent address is unique.
        InterfaceMatch::Mac { mac, .. } => ini.set("PermanentMACAddress", mac),
        // Virtual links (bridges, the pods' veths) have a kind.
        InterfaceMatch::AnyEthernet => ini.set("Type", "ether").set("Kind", "!*"),
    };
}

fn tied(ini: &mut Ini, ties: &Ties) {
    if let Some((join, master)) = &ties.master {
        let key = match join {
            Join::Bond => "Bond",
            Join::Bridge => "Bridge",
        };
        ini.set(key, master);
    }
    if ties.primary {
        ini.set("PrimarySlave", "yes");
    }
    ini.set_each("VLAN", &ties.vlans);
}

/// Whether the kernel accepts `gateway` without further options: it is in a network of the link, or
/// the network is learned later.
pub(super) fn is_reachable(interface: &Interface, gateway: IpAddr) -> bool {
    let is_link_local = matches!(gateway, IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80);
    let learnt = match interface.dhcp {
        Dhcp::No => false,
        Dhcp::V4 => gateway.is_ipv4(),
        Dhcp::V6 => gateway.is_ipv6(),
        Dhcp::Both => true,
    };
    is_link_local
        || learnt
        || interface
            .addresses
            .iter()
            .any(|address| address.contains(&gateway))
}

fn route_section(ini: &mut Ini, interface: &Interface, route: &Route) {
    ini.section("Route")
        .set("Destination", route.destination.trunc());
    if let Some(gateway) = &route.gateway {
        ini.set("Gateway", gateway.value);
        if !is_reachable(interface, gateway.value) {
            ini.set("GatewayOnLink", "yes");
        }
    }
    ini.set_some("Metric", route.metric.map(|metric| metric.value));
}

fn dhcp_sections(ini: &mut Ini, interface: &Interface, has_time_servers: bool) {
    let v4 = matches!(interface.dhcp, Dhcp::V4 | Dhcp::Both);
    let v6 = matches!(interface.dhcp, Dhcp::V6 | Dhcp::Both);
    if v4 {
        // The default, derived from the machine-id, would request a different address after each
        // boot without `storage_device`.
        ini.section("DHCPv4")
            .set("ClientIdentifier", "mac")
            .set("UseHostname", "no");
        shared_dhcp(ini, interface, has_time_servers);
    }
    if v6 {
        ini.section("DHCPv6")
            .set("DUIDType", "link-layer")
            .set("UseHostname", "no");
        shared_dhcp(ini, interface, has_time_servers);
    }
    if v6 && !interface.dns.is_empty() {
        ini.section("IPv6AcceptRA").set("UseDNS", "no");
    }
}

/// If the spec names the servers, those of the network are ignored.
fn shared_dhcp(ini: &mut Ini, interface: &Interface, has_time_servers: bool) {
    if !interface.dns.is_empty() {
        ini.set("UseDNS", "no");
    }
    if has_time_servers {
        ini.set("UseNTP", "no");
    }
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
