//! The node's links, as networkd units of Ignition 2.x.
//!
//! Container Linux's networkd, from systemd 241 in its last release, supports all the settings that
//! [`super::super::network`] writes; a link with only addresses gets the unit that users write by
//! hand.

use super::super::network::Ini;
use crate::facts::network::Dhcp;
use crate::node::Node;
use crate::node::fragment::{Contents, Fragment, Origin};
use crate::node::ignition_2::NetworkdUnit;
use crate::node::network::{Interface, InterfaceMatch, LinkKind};
use crate::parts::network;

/// Links, addresses, routes and name servers.
pub(super) fn network(node: &Node) -> Fragment {
    let interfaces = &node.network.interfaces;
    let mut fragment = Fragment::default();
    if let [interface] = interfaces.as_slice()
        && let Some(text) = by_hand(interface)
    {
        let unit = NetworkdUnit {
            contents: text,
            dropins: Vec::new(),
            name: "10-static.network".to_owned(),
        };
        let origin = Origin::new("network", interface.span);
        fragment.only_v2.networkd.push((unit, origin));
        return fragment;
    }
    // The same files as units: Ignition 2.x has a section for them.
    let others = network::network(node);
    for file in others.files {
        let name = file.path.as_str().rsplit('/').next().unwrap_or_default();
        if let Some(Contents::Inline(text)) = &file.contents {
            let unit = NetworkdUnit {
                contents: String::from_utf8_lossy(text).into_owned(),
                dropins: Vec::new(),
                name: name.to_owned(),
            };
            fragment.only_v2.networkd.push((unit, file.origin));
        }
    }
    fragment.units = others.units;
    fragment
}

/// The unit of a card with static addresses and nothing else.
fn by_hand(interface: &Interface) -> Option<String> {
    let InterfaceMatch::Name(name) = &interface.matching else {
        return None;
    };
    let plain = interface.kind == LinkKind::Physical
        && interface.dhcp == Dhcp::No
        && !interface.addresses.is_empty()
        && interface.mtu.is_none()
        && interface.required_for_online
        && interface.rules.is_empty()
        && (interface.routes.iter()).all(|route| route.metric.is_none() && route.table.is_none());
    if !plain {
        return None;
    }
    let mut ini = Ini::default();
    ini.section("Match").set("Name", name);
    ini.section("Network")
        .set_each("Address", interface.addresses.iter().map(|a| a.value))
        .set_each("Gateway", interface.gateways.iter().map(|a| a.value))
        .set_each("DNS", interface.dns.iter().map(|a| a.value));
    if !interface.search.is_empty() {
        let domains: Vec<&str> = interface
            .search
            .iter()
            .map(|domain| domain.as_str())
            .collect();
        ini.set("Domains", domains.join(" "));
    }
    for route in &interface.routes {
        ini.section("Route")
            .set_some("Gateway", route.gateway.map(|gateway| gateway.value))
            .set("Destination", route.destination.trunc());
    }
    Some(ini.into_text())
}
