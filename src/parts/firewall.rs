//! The packet filter: an nftables ruleset in a separate table.
//!
//! Incoming packets are dropped unless allowed. Forwarded packets are left to others (Kubernetes,
//! network add-ons), since pods' packets are forwarded.

use std::fmt::Write;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::names::{path, unit};
use super::template::fill;
use crate::node::Node;
use crate::node::firewall::{Firewall, FirewallRule};
use crate::node::fragment::{File, Fragment, Origin, Unit};

/// The rules, and the service that loads them: the system's own, or one of ours. Nothing if the
/// spec has no firewall.
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

/// The firewall, if the node forwards packets for others.
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
    let protocol = rule.protocol.as_str();
    let (first, last) = rule.ports;
    if first == last {
        format!("{protocol} dport {first}")
    } else {
        format!("{protocol} dport {first}-{last}")
    }
}

/// The start of a rule for packets from `networks`: one for each address family among them, or one
/// for all if there are none.
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
    // nft refuses a set with overlapping elements.
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

/// `what` as a quoted comment for nft: at most 128 bytes (`NFTNL_UDATA_COMMENT_MAXLEN`), without
/// quotes, which cannot be escaped.
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
