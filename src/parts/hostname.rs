//! `/etc/hostname` and `/etc/hosts`.

use std::fmt::Write;
use std::net::IpAddr;

use super::names::path;
use crate::node::Node;
use crate::node::fragment::{File, Fragment, Origin};

/// The static host name (`hostname(5)`).
pub fn hostname(node: &Node) -> Fragment {
    if !node.is_named {
        return Fragment::default();
    }
    Fragment {
        files: vec![File::text(
            path("/etc/hostname"),
            format!("{}\n", node.hostname.value),
            Origin::new("hostname", node.hostname.span),
        )],
        ..Fragment::default()
    }
}

/// `/etc/hosts` (`hosts(5)`): the loopback names, the node's own name at its first static address
/// of each family, then the spec's lines. A node without a static address has its name at
/// 127.0.1.1, as on Debian. Systems that resolve their own names keep their file unless a line has
/// to be in it.
pub fn hosts(node: &Node) -> Fragment {
    if is_left_alone(node) {
        return Fragment::default();
    }
    let mut text = String::from(
        "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n",
    );
    let name = node.hostname.as_str();
    let names = match name.split_once('.') {
        Some((short, _)) => format!("{name} {short}"),
        None => name.to_owned(),
    };
    let own = if node.is_named {
        own_addresses(node)
    } else {
        Vec::new()
    };
    for address in own {
        let _ = writeln!(text, "{address}\t{names}");
    }
    for (address, names) in &node.hosts {
        let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
        let _ = writeln!(text, "{}\t{}", address.value, names.join(" "));
    }
    let span = node
        .hosts
        .first()
        .map_or(node.hostname.span, |(address, _)| address.span);
    Fragment {
        files: vec![File::text(
            path("/etc/hosts"),
            text,
            Origin::new("hosts", span),
        )],
        ..Fragment::default()
    }
}

/// Returns whether the system's own `/etc/hosts` does.
fn is_left_alone(node: &Node) -> bool {
    let is_clustered = node.etcd.is_some() || node.flannel.is_some() || node.kubernetes.is_some();
    let links = node.network.interfaces.iter();
    let is_static = node.is_named && links.flat_map(|link| &link.addresses).next().is_some();
    let resolves_itself = node.target.facts().abilities.is_named_by_network;
    resolves_itself && node.hosts.is_empty() && !is_clustered && !is_static
}

/// The node's first static IPv4 and IPv6 address, or a loopback address instead.
fn own_addresses(node: &Node) -> Vec<IpAddr> {
    let first = |wanted: fn(&IpAddr) -> bool| {
        node.network
            .interfaces
            .iter()
            .flat_map(|interface| &interface.addresses)
            .map(|address| address.addr())
            .find(wanted)
    };
    let found: Vec<_> = [first(IpAddr::is_ipv4), first(IpAddr::is_ipv6)]
        .into_iter()
        .flatten()
        .collect();
    if found.is_empty() {
        vec![IpAddr::from([127, 0, 1, 1])]
    } else {
        found
    }
}
