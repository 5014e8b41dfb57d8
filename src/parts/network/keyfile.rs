//! The text of one link's keyfile (`nm-settings-keyfile(5)`), the counterpart of [`super::link`]
//! for networkd.

use std::fmt::Write;
use std::net::IpAddr;

use super::ini::list;
use super::link::is_reachable;
use super::{Ini, Join, Ties, bond, wideness, wireguard};
use crate::facts::network::Dhcp;
use crate::names::InterfaceName;
use crate::node::network::{
    Interface, InterfaceMatch, IpVersion, LinkKind, Method, takes_settings,
};

/// The keyfile of a link of the spec, with the name `id`.
pub(super) fn keyfile(interface: &Interface, id: &str, ties: &Ties) -> String {
    let mut ini = Ini::default();
    let kind = match &interface.kind {
        LinkKind::Physical => "ethernet",
        LinkKind::Bond { .. } => "bond",
        LinkKind::Vlan { .. } => "vlan",
        LinkKind::Bridge { .. } => "bridge",
        LinkKind::Vrf { .. } => "vrf",
        LinkKind::WireGuard(_) => "wireguard",
    };
    // A card that is matched by its address has a name other than the spec's until udev renames it.
    let mac = match &interface.matching {
        InterfaceMatch::Mac { mac, .. } => Some(mac),
        InterfaceMatch::Name(_) | InterfaceMatch::AnyEthernet => None,
    };
    let name = interface.matching.name().filter(|_| mac.is_none());
    connection(&mut ini, id, kind, name, ties);
    ini.section("ethernet")
        .set_some("mac-address", mac)
        .set_some("mtu", interface.mtu.map(|mtu| mtu.value));
    match &interface.kind {
        LinkKind::Physical => {}
        LinkKind::Bond { mode, options, .. } => {
            ini.section("bond").set("mode", mode);
            let settings = options.iter();
            let settings: Vec<_> = settings
                .map(|(option, value)| bond::kernel_setting(option, value))
                .collect();
            // By default the kernel does not monitor the links at all.
            let watches = |(name, _): &(&str, String)| matches!(*name, "miimon" | "arp_interval");
            if !settings.iter().any(watches) {
                ini.set("miimon", 100);
            }
            for (name, value) in settings {
                ini.set(name, value);
            }
        }
        LinkKind::Vlan { id, parent } => {
            ini.section("vlan")
                .set("id", id.value)
                .set("parent", &parent.value);
        }
        LinkKind::Bridge { stp, .. } => {
            ini.section("bridge").set("stp", stp);
        }
        LinkKind::Vrf { table, .. } => {
            ini.section("vrf").set("table", table.value);
        }
        LinkKind::WireGuard(tunnel) => wireguard::keyfile(&mut ini, tunnel),
    }
    // A member has no addresses.
    if ties.master.is_none() {
        for version in [IpVersion::V4, IpVersion::V6] {
            addresses(&mut ini, interface, version);
        }
    }
    ini.into_text()
}

/// The keyfile of a link that the spec names only as a member or parent of another.
pub(super) fn carrier(name: &InterfaceName, ties: &Ties) -> String {
    let mut ini = Ini::default();
    connection(&mut ini, name.as_str(), "ethernet", Some(name), ties);
    if ties.master.is_none() {
        for section in ["ipv4", "ipv6"] {
            ini.section(section)
                .set("method", Method::Disabled.as_str());
        }
    }
    ini.into_text()
}

fn connection(ini: &mut Ini, id: &str, kind: &str, name: Option<&InterfaceName>, ties: &Ties) {
    ini.section("connection")
        .set("id", id)
        .set("type", kind)
        .set_some("interface-name", name.filter(|name| !name.is_pattern()));
    if let Some((join, master)) = &ties.master {
        let join = match join {
            Join::Bond => "bond",
            Join::Bridge => "bridge",
        };
        ini.set("master", master).set("slave-type", join);
    } else if let Some(vrf) = &ties.vrf {
        ini.set("master", vrf).set("slave-type", "vrf");
    }
    if let Some(pattern) = name.filter(|name| name.is_pattern()) {
        // By default, a connection of one card by its name does not precede one by a pattern, and
        // a connection is in use on one card at a time.
        ini.set("autoconnect-priority", format!("-{}", wideness(pattern)))
            .set("multi-connect", 3)
            .section("match")
            .set("interface-name", format!("{pattern};"));
    }
}

/// The section of one version of IP.
fn addresses(ini: &mut Ini, interface: &Interface, version: IpVersion) {
    let method = Method::of(interface, version);
    ini.section(match version {
        IpVersion::V4 => "ipv4",
        IpVersion::V6 => "ipv6",
    })
    .set("method", method.as_str());
    if method == Method::Auto {
        // With either default, a system that runs from memory would request a different address
        // after each boot.
        match version {
            IpVersion::V4 => ini.set("dhcp-client-id", interface.dhcp_client.id.as_str()),
            IpVersion::V6 => ini.set("dhcp-duid", "ll"),
        };
        ini.set_some("route-metric", interface.dhcp_client.metric);
        // If the spec names the servers, those of the network are ignored.
        if !interface.dns.is_empty() {
            ini.set("ignore-auto-dns", true);
        }
    }
    if waits_for(interface, version, method) {
        ini.set("may-fail", false);
    }

    let own = interface.addresses.iter();
    let own = own.filter(|address| IpVersion::of(address.addr()) == version);
    let gateways = interface.gateways.iter().map(|gateway| gateway.value);
    let mut gateways = gateways.filter(|gateway| IpVersion::of(*gateway) == version);
    for (at, address) in (1..).zip(own) {
        // The first address's gateway is the link's. A gateway outside the link's networks gets a
        // separate route.
        let gateway = if at == 1 { gateways.next() } else { None };
        let gateway = gateway.map_or(String::new(), |gateway| format!(",{gateway}"));
        ini.set(
            &format!("address{at}"),
            format!("{}{gateway}", address.value),
        );
    }
    let servers = interface.dns.iter().map(|server| server.value);
    let servers: Vec<_> = servers
        .filter(|server| IpVersion::of(*server) == version)
        .collect();
    if !servers.is_empty() {
        ini.set("dns", list(&servers));
    }
    let is_first = version == IpVersion::V4 || !takes_settings(interface, IpVersion::V4);
    if !interface.search.is_empty() && is_first && method.takes_settings() {
        let domains: Vec<_> = interface
            .search
            .iter()
            .map(|domain| &domain.value)
            .collect();
        ini.set("dns-search", list(&domains));
    }
    routes(ini, interface, version, gateways);
    rules(ini, interface, version);
}

/// Whether the link is up only with addresses of this version. If both versions use DHCP, one is
/// enough.
fn waits_for(interface: &Interface, version: IpVersion, method: Method) -> bool {
    interface.required_for_online
        && match interface.dhcp {
            Dhcp::No => method == Method::Manual,
            Dhcp::V4 => version == IpVersion::V4,
            Dhcp::V6 => version == IpVersion::V6,
            Dhcp::Both => false,
        }
}

/// Routes of the spec, and default routes through `gateways`.
fn routes(
    ini: &mut Ini,
    interface: &Interface,
    version: IpVersion,
    gateways: impl Iterator<Item = IpAddr>,
) {
    let (everywhere, nobody) = match version {
        IpVersion::V4 => ("0.0.0.0/0", "0.0.0.0"),
        IpVersion::V6 => ("::/0", "::"),
    };
    let mut all: Vec<(String, Option<IpAddr>, Option<u32>)> = gateways
        .map(|gateway| (format!("{everywhere},{gateway}"), Some(gateway), None))
        .collect();
    for route in interface.all_routes() {
        if IpVersion::of(route.destination.addr()) != version {
            continue;
        }
        let gateway = route.gateway.as_ref().map(|gateway| gateway.value);
        let mut text = route.destination.trunc().to_string();
        if gateway.is_some() || route.metric.is_some() {
            text.push(',');
            text.push_str(&gateway.map_or(nobody.to_owned(), |gateway| gateway.to_string()));
        }
        if let Some(metric) = route.metric.map(|metric| metric.value) {
            text.push(',');
            text.push_str(&metric.to_string());
        }
        all.push((text, gateway, route.table.map(|table| table.value)));
    }
    for (at, (text, gateway, table)) in (1..).zip(all) {
        ini.set(&format!("route{at}"), text);
        let onlink = gateway.is_some_and(|gateway| !is_reachable(interface, gateway));
        let options: Vec<String> = (onlink.then(|| "onlink=true".to_owned()).into_iter())
            .chain(table.map(|table| format!("table={table}")))
            .collect();
        if !options.is_empty() {
            ini.set(&format!("route{at}_options"), options.join(","));
        }
    }
}

/// Routing rules, as `ip rule` has them.
fn rules(ini: &mut Ini, interface: &Interface, version: IpVersion) {
    let of_version = interface.rules.iter().filter(|rule| {
        let network = rule.from.or(rule.to);
        network.is_none_or(|network| IpVersion::of(network.addr()) == version)
    });
    for (at, rule) in (1..).zip(of_version) {
        let mut text = format!("priority {}", rule.priority);
        let parts = [
            ("from", rule.from.map(|net| net.value.to_string())),
            ("to", rule.to.map(|net| net.value.to_string())),
            (
                "iif",
                rule.incoming.as_ref().map(|link| link.value.to_string()),
            ),
        ];
        for (word, value) in parts {
            if let Some(value) = value {
                let _ = write!(text, " {word} {value}");
            }
        }
        ini.set(
            &format!("routing-rule{at}"),
            format!("{text} table {}", rule.table),
        );
    }
}
