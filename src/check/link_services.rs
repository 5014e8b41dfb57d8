//! DHCP servers, tunnels and routing tables of links.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use super::Once;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::facts::network::Dhcp;
use crate::facts::systems::{LinkManager, SpecKeys};
use crate::node::Node;
use crate::node::network::{DhcpServer, Interface, LinkKind, WireGuard};

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut tables = Once::new(codes::DUPLICATE_TABLE, "give each VRF a table of its own");
    for interface in &node.network.interfaces {
        of_target(node, interface, found);
        if let Some(server) = &interface.dhcp_server {
            dhcp_server(interface, server, found);
        }
        match &interface.kind {
            LinkKind::WireGuard(tunnel) => peers(tunnel, found),
            LinkKind::Vrf { table, .. } => {
                found.extend(tables.see(table.value, table.span, || {
                    format!("two VRFs have the routing table {}", table.value)
                }));
            }
            _ => {}
        }
    }
}

/// Refuses what the target's own programs cannot make.
fn of_target(node: &Node, interface: &Interface, found: &mut Vec<Diagnostic>) {
    let facts = node.target.facts();
    let is_old = facts.keys == SpecKeys::Ct;
    let server = interface.dhcp_server.as_ref();
    let mut refuse = |span: Span, what: &str| {
        let message = format!("{} has no {what}", facts.title);
        found.push(
            Diagnostic::error(codes::NOT_OF_THIS_TARGET, span, message)
                .help("remove it, or use another `target`"),
        );
    };
    if let Some(server) = server
        && (is_old || facts.links == LinkManager::NetworkManager)
    {
        refuse(server.span, "DHCP server with fixed leases");
    }
    if !is_old {
        return;
    }
    if let LinkKind::WireGuard(_) = &interface.kind {
        refuse(interface.span, "WireGuard");
    }
    let mut rules = interface.rules.iter();
    if let Some(rule) = rules.find(|rule| rule.from.is_none() && rule.to.is_none()) {
        refuse(rule.span, "routing rules without `from` and `to`");
    }
}

/// Reports addresses that a server cannot give.
fn dhcp_server(interface: &Interface, server: &DhcpServer, found: &mut Vec<Diagnostic>) {
    let own = interface.addresses.iter().find_map(|own| match own.value {
        IpNet::V4(own) => Some(own),
        IpNet::V6(_) => None,
    });
    let asks = matches!(interface.dhcp, Dhcp::V4 | Dhcp::Both);
    let (Some(own), false) = (own, asks) else {
        let message = if asks {
            "a link that asks DHCP for its address cannot serve it"
        } else {
            "a DHCP server needs an IPv4 address on its link"
        };
        found.push(
            Diagnostic::error(codes::DHCP_SERVER_ADDRESS, server.span, message)
                .help("write an address of the network that it serves in `addresses`"),
        );
        return;
    };
    let mut refuse = |span: Span, message: String| {
        found.push(
            Diagnostic::error(codes::BAD_LEASE, span, message)
                .label(format!("the link's address is {own}"))
                .help(format!(
                    "use addresses of {} other than its own",
                    own.trunc()
                )),
        );
    };
    if let Some(range) = &server.range {
        let (first, last) = range.value;
        if !own.contains(&first) || !own.contains(&last) {
            let message = format!("{first}-{last} is not within {}", own.trunc());
            refuse(range.span, message);
        } else if (first..=last).contains(&own.addr()) {
            refuse(
                range.span,
                format!("{first}-{last} contains the node's own address"),
            );
        }
    }
    let mut cards = Once::new(codes::BAD_LEASE, "write one address for each machine");
    let mut addresses = Once::new(codes::BAD_LEASE, "write one machine for each address");
    let mut twice = Vec::new();
    for (card, address) in &server.leases {
        twice.extend(cards.see(card.value, card.span, || {
            format!("{} has two leases", card.value)
        }));
        twice.extend(addresses.see(address.value, address.span, || {
            format!("{} is given to two machines", address.value)
        }));
        if let Some(why) = not_to_give(own, address.value) {
            refuse(address.span, format!("{} {why}", address.value));
        }
    }
    found.append(&mut twice);
}

/// Why an address of the network `own` is in cannot be another machine's.
fn not_to_give(own: Ipv4Net, address: Ipv4Addr) -> Option<String> {
    if !own.contains(&address) {
        Some(format!("is not within {}", own.trunc()))
    } else if address == own.addr() {
        Some("is the node's own address".to_owned())
    } else if address == own.network() || address == own.broadcast() {
        Some(format!(
            "is the network's or for broadcasts in {}",
            own.trunc()
        ))
    } else {
        None
    }
}

/// Reports a peer that is listed twice, and addresses of two peers.
fn peers(tunnel: &WireGuard, found: &mut Vec<Diagnostic>) {
    let mut keys = Once::new(
        codes::DUPLICATE_PEER,
        "write one entry with all its networks",
    );
    let mut networks = Once::new(codes::DUPLICATE_PEER, "list each network at one peer");
    for peer in &tunnel.peers {
        found.extend(keys.see(&peer.public_key.value, peer.public_key.span, || {
            "two peers have one public key".to_owned()
        }));
        let mut own = BTreeSet::new();
        for network in &peer.allowed_ips {
            // Twice at one peer does no harm.
            if own.insert(network.trunc()) {
                found.extend(networks.see(network.trunc(), network.span, || {
                    format!("{} leads to two peers", network.trunc())
                }));
            }
        }
    }
}
