//! The packet filter: an nftables ruleset with a table of its own.
//!
//! What comes in is dropped unless allowed. What passes through is left to others (Kubernetes,
//! network add-ons), since pods' packets are forwarded.

use std::fmt::Write;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::names::{path, unit};
use super::template::fill;
use crate::node::Node;
use crate::node::firewall::{Firewall, FirewallRule, Protocol};
use crate::node::fragment::{File, Fragment, Origin, Unit};

/// The rules, and what loads them: the system's own service, or one of ours. Nothing where the spec
/// asks for no firewall.
pub fn firewall(node: &Node) -> Fragment {
    let (Some(firewall), Some(rules)) = (&node.firewall, node.target.facts().paths.nftables) else {
        return Fragment::default();
    };
    let origin = Origin::new("firewall", firewall.span);
    let text = fill(
        include_str!("../../manifests/nftables.conf"),
        &[
            ("input", input(firewall).trim_end()),
            ("masquerade", masquerade(firewall).trim_end()),
        ],
    );
    let name = unit("nftables.service");
    let units = if node.target.facts().services.loads_nftables {
        vec![
            Unit::enable(name.clone(), origin.clone()),
            Unit::dropin(
                name,
                "10-own-table.conf",
                include_str!("../../manifests/nftables-own-table.conf"),
                origin.clone(),
            ),
        ]
    } else {
        vec![Unit::enabled(
            name,
            include_str!("../../manifests/nftables.service"),
            origin.clone(),
        )]
    };
    Fragment {
        files: vec![File::text(path(rules), text, origin).mode(0o755)],
        units,
        ..Fragment::default()
    }
}

/// Whether the node passes packets on for others.
pub(super) fn forwards(node: &Node) -> Option<&Firewall> {
    node.firewall
        .as_ref()
        .filter(|firewall| !firewall.masquerade.is_empty())
}

fn input(firewall: &Firewall) -> String {
    let mut text = String::new();
    let from: Vec<IpNet> = firewall.allow_from.iter().map(|net| net.value).collect();
    for (port, what) in &firewall.role_ports {
        for source in sources(&from) {
            let _ = writeln!(
                text,
                "\t\t{source}tcp dport {port} accept comment \"{}\"",
                comment(what)
            );
        }
    }
    for rule in firewall.allow.iter().chain(&firewall.role_rules) {
        for source in sources(&rule.from) {
            let _ = writeln!(text, "\t\t{source}{} accept", ports(rule));
        }
    }
    text
}

fn ports(rule: &FirewallRule) -> String {
    let protocol = match rule.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    let (first, last) = rule.ports;
    if first == last {
        format!("{protocol} dport {first}")
    } else {
        format!("{protocol} dport {first}-{last}")
    }
}

/// The start of a rule for packets from `networks`: one for each family that is among them, one for
/// all where there are none.
fn sources(networks: &[IpNet]) -> Vec<String> {
    if networks.is_empty() {
        return vec![String::new()];
    }
    let mut v4 = Vec::new();
    let mut v6 = Vec::new();
    for network in networks {
        match network {
            IpNet::V4(network) => v4.push(network.trunc()),
            IpNet::V6(network) => v6.push(network.trunc()),
        }
    }
    // A set whose elements overlap is refused by nft.
    let v4 = Ipv4Net::aggregate(&v4);
    let v6 = Ipv6Net::aggregate(&v6);
    let mut sources = Vec::new();
    if !v4.is_empty() {
        sources.push(format!("ip saddr {{ {} }} ", joined(&v4)));
    }
    if !v6.is_empty() {
        sources.push(format!("ip6 saddr {{ {} }} ", joined(&v6)));
    }
    sources
}

fn joined(items: &[impl ToString]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

/// `what` as nft takes it in quotes: at most 128 bytes (`NFTNL_UDATA_COMMENT_MAXLEN`), and no way
/// to write a quote.
fn comment(what: &str) -> String {
    what.chars()
        .filter(|c| c.is_ascii_graphic() && *c != '"' || *c == ' ')
        .take(120)
        .collect()
}

fn masquerade(firewall: &Firewall) -> String {
    let mut text = String::new();
    for rule in &firewall.masquerade {
        let family = match rule.source.value {
            IpNet::V4(_) => "ip",
            IpNet::V6(_) => "ip6",
        };
        let _ = writeln!(
            text,
            "\t\t{family} saddr {source} {family} daddr != {source} oifname \"{}\" masquerade",
            rule.interface.value,
            source = rule.source.trunc(),
        );
    }
    text
}
