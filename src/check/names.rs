//! Names of hosts and time servers on one node.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, Span, codes};
use crate::node::Node;

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    found.extend(not_local(node));
    hosts(node, found);
    time_servers(node, found);
}

/// systemd takes such a name for none (systemd's `is_localhost`), and every machine has it.
fn not_local(node: &Node) -> Option<Diagnostic> {
    let name = node.hostname.as_str();
    let is_local = ["localhost", "localhost.localdomain"]
        .iter()
        .any(|local| name == *local || name.ends_with(&format!(".{local}")));
    is_local.then(|| {
        Diagnostic::error(
            codes::BAD_HOSTNAME,
            node.hostname.span,
            format!("`{name}` is every machine's own name for itself"),
        )
        .help("name the node")
    })
}

/// In `/etc/hosts`, the first entry with a name takes precedence, so a second address of the same
/// family is never used.
fn hosts(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut names: BTreeMap<(&str, bool), (IpAddr, Span)> = BTreeMap::new();
    for (address, hosts) in &node.hosts {
        for host in hosts {
            if node.is_named && *host == node.hostname.value {
                if !has_address(node, address.value) {
                    found.push(
                        Diagnostic::error(
                            codes::OWN_NAME_ELSEWHERE,
                            address.span,
                            format!(
                                "`hosts` maps this node's name `{host}` to {}",
                                address.value
                            ),
                        )
                        .related(node.hostname.span, "the node's name")
                        .help("remove it: the node's own name and addresses need no entry"),
                    );
                }
                continue;
            }
            let entry = names.entry((host.as_str(), address.is_ipv6()));
            let (other, first) = *entry.or_insert((address.value, address.span));
            if other != address.value {
                found.push(
                    Diagnostic::error(
                        codes::HOST_WITH_TWO_ADDRESSES,
                        address.span,
                        format!("`{host}` is mapped to both {other} and {}", address.value),
                    )
                    .related(first, "the first one")
                    .help("only the first address is used: keep one of each family"),
                );
            }
        }
    }
}

/// Returns whether the node has the address, or may have it because its addresses come from DHCP.
fn has_address(node: &Node, address: IpAddr) -> bool {
    node.network.interfaces.iter().any(|i| {
        i.dhcp != crate::facts::network::Dhcp::No
            || i.addresses.iter().any(|own| own.addr() == address)
    })
}

fn time_servers(node: &Node, found: &mut Vec<Diagnostic>) {
    let Some(ntp) = &node.ntp else {
        return;
    };
    let mut seen = super::Twice::new("time server");
    for server in ntp.servers.iter().chain(&ntp.fallback) {
        found.extend(seen.see(server.value.clone(), &server.value, server.span));
    }
}
