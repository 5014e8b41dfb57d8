//! The packet filter: an nftables ruleset in a separate table.
//!
//! Packets to the node are dropped unless allowed. Of the packets that the node forwards, those to
//! pods, Services and published ports are held to the same networks; the others are left alone.

use std::fmt::Write;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::names::{path, unit};
use super::template::fill;
use crate::facts::network::{CONTAINER_LINKS, POD_LINKS};
use crate::node::Node;
use crate::node::firewall::{Firewall, FirewallRule, ForwardedPods};
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
            ("published", published(firewall).trim_end()),
            ("forward", forward(firewall).trim_end()),
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

/// Networks that may reach the ports of the node's roles.
fn allowed(firewall: &Firewall) -> Vec<IpNet> {
    firewall.allow_from.iter().map(|net| net.value).collect()
}

fn input(firewall: &Firewall) -> String {
    let mut text = String::new();
    let from = allowed(firewall);
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
    for protocol in &firewall.role_protocols {
        for source in sources(&protocol.from) {
            let (number, name) = (protocol.number, protocol.name);
            let _ = writeln!(
                text,
                "\t\t{source}meta l4proto {number} accept comment \"{name}\""
            );
        }
    }
    text
}

/// What opens ports that lead to something else, such as `NodePorts`: the packets have the port
/// that the other end asked for only before they are redirected.
fn published(firewall: &Firewall) -> String {
    let mut text = String::new();
    for rule in firewall.allow.iter().chain(&firewall.role_rules) {
        for source in sources(&rule.from) {
            let _ = writeln!(
                text,
                "\t\t{source}meta l4proto {} ct original proto-dst {} accept",
                rule.protocol.as_str(),
                range(rule)
            );
        }
    }
    text
}

/// What is dropped of the forwarded packets. Nothing if every network is allowed.
fn forward(firewall: &Firewall) -> String {
    let from = allowed(firewall);
    if from.is_empty() {
        return String::new();
    }
    let own = firewall.pods.as_ref().map_or(&[][..], |pods| pods.links);
    let links: Vec<_> = (POD_LINKS.iter().chain(own).chain(&CONTAINER_LINKS))
        .map(|name| format!("\"{name}\""))
        .collect();
    let mut text = format!(
        "\t\tct state established,related accept\n\t\tiifname {{ {} }} accept\n",
        links.join(", ")
    );
    let mut accept = |networks: &[IpNet]| {
        for source in sources(networks) {
            let _ = writeln!(text, "\t\t{source}accept");
        }
    };
    if let Some(ForwardedPods {
        networks, nodes, ..
    }) = &firewall.pods
    {
        accept(networks);
        if !nodes.is_empty() {
            accept(&nodes.iter().copied().map(IpNet::from).collect::<Vec<_>>());
        }
    }
    accept(&from);
    for services in firewall.pods.iter().flat_map(|pods| &pods.services) {
        // Without the version, it would be compared with addresses of the other one.
        let version = match services {
            IpNet::V4(_) => "ipv4",
            IpNet::V6(_) => "ipv6",
        };
        let family = family(*services);
        let _ = writeln!(
            text,
            "\t\tmeta nfproto {version} ct original {family} daddr {services} drop"
        );
    }
    text.push_str("\t\tct status dnat jump published\n\t\tct status dnat drop\n");
    for pods in firewall.pods.iter().flat_map(|pods| &pods.networks) {
        let _ = writeln!(text, "\t\t{} daddr {pods} drop", family(*pods));
    }
    text
}

fn ports(rule: &FirewallRule) -> String {
    format!("{} dport {}", rule.protocol.as_str(), range(rule))
}

fn range(rule: &FirewallRule) -> String {
    let (first, last) = rule.ports;
    if first == last {
        first.to_string()
    } else {
        format!("{first}-{last}")
    }
}

/// How a packet's header is named.
fn family(network: IpNet) -> &'static str {
    match network {
        IpNet::V4(_) => "ip",
        IpNet::V6(_) => "ip6",
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
        let family = family(rule.source.value);
        let _ = writeln!(
            text,
            "\t\t{family} saddr {source} {family} daddr != {source} oifname \"{}\" masquerade",
            rule.interface.value,
            source = rule.source.trunc(),
        );
    }
    text
}
