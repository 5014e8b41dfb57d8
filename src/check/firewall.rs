//! The packet filter of one node.

use ipnet::IpNet;

use super::addresses::overlap;
use super::host_bits;
use super::interfaces::unknown_interface;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::network::Protocol;
use crate::node::Node;
use crate::node::firewall::{Firewall, FirewallRule};

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    let Some(firewall) = &node.firewall else {
        return;
    };
    let mut networks = super::Twice::new("network");
    for network in &firewall.allow_from {
        found.extend(host_bits(network, "allowed network"));
        let network = Located::new(network.trunc().to_string(), network.span);
        found.extend(networks.see(network.value.clone(), &network.value, network.span));
    }
    rules(firewall, found);
    masquerade(node, firewall, found);
}

fn rules(firewall: &Firewall, found: &mut Vec<Diagnostic>) {
    twice(firewall, found);
    for rule in &firewall.allow {
        for (port, what) in &firewall.role_ports {
            if rule.protocol == Protocol::Tcp && (rule.ports.0..=rule.ports.1).contains(port) {
                found.extend(role_port(firewall, rule, *port, what));
            }
        }
    }
}

/// Reports rules that open the same port to the same network: sorted by first port, each is
/// compared with those that end after it starts.
fn twice(firewall: &Firewall, found: &mut Vec<Diagnostic>) {
    let mut rules: Vec<&FirewallRule> = firewall.allow.iter().collect();
    rules.sort_by_key(|rule| (rule.protocol == Protocol::Udp, rule.ports.0));
    let mut open: Vec<&FirewallRule> = Vec::new();
    for rule in rules {
        open.retain(|other| other.protocol == rule.protocol && other.ports.1 >= rule.ports.0);
        if let Some(other) = open.iter().find(|other| says_the_same(other, rule)) {
            let (first, second) = if other.span < rule.span {
                (*other, rule)
            } else {
                (rule, *other)
            };
            found.push(
                Diagnostic::error(
                    codes::DUPLICATE_PORT,
                    second.span,
                    format!("{} is opened twice", ports(second)),
                )
                .related(first.span, format!("{} is opened here", ports(first)))
                .help(
                    "keep one of the two, or restrict them to networks (`from`) that do not \
                       overlap",
                ),
            );
        }
        open.push(rule);
    }
}

/// Reports a rule for a port of the node's roles that is redundant, or wider than `allow_from`. One
/// for further networks is right.
fn role_port(
    firewall: &Firewall,
    rule: &FirewallRule,
    port: u16,
    what: &str,
) -> Option<Diagnostic> {
    let everyone = firewall.allow_from.is_empty();
    let allowed = |network: &IpNet| {
        firewall
            .allow_from
            .iter()
            .any(|allowed| allowed.contains(network))
    };
    let (message, help) = if !everyone && rule.from.is_empty() {
        (
            format!("port {port} ({what}) is opened to every network, not only to `allow_from`"),
            "remove it, or restrict it with `from`",
        )
    } else if everyone || rule.from.iter().all(allowed) {
        (
            format!("port {port} ({what}) is already open"),
            "remove it: the node's role opens it",
        )
    } else {
        return None;
    };
    Some(Diagnostic::warning(codes::ROLE_PORT_OPENED, rule.span, message).help(help))
}

/// Returns whether the two open a common port to a common network.
fn says_the_same(a: &FirewallRule, b: &FirewallRule) -> bool {
    let ports = a.ports.0 <= b.ports.1 && b.ports.0 <= a.ports.1;
    let everyone = a.from.is_empty() || b.from.is_empty();
    let networks = || {
        a.from
            .iter()
            .any(|a: &IpNet| b.from.iter().any(|b| overlap(a, b)))
    };
    a.protocol == b.protocol && ports && (everyone || networks())
}

fn ports(rule: &FirewallRule) -> String {
    let protocol = rule.protocol.as_str().to_uppercase();
    match rule.ports {
        (first, last) if first == last => format!("{protocol} port {first}"),
        (first, last) => format!("{protocol} port {first}-{last}"),
    }
}

fn masquerade(node: &Node, firewall: &Firewall, found: &mut Vec<Diagnostic>) {
    for masquerade in &firewall.masquerade {
        found.extend(host_bits(&masquerade.source, "masquerade source"));
        let interface = &masquerade.interface;
        found.extend(unknown_interface(
            &node.network,
            interface,
            "the outgoing interface",
        ));
    }
}
