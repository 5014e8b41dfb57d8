//! Names of hosts and time servers on one node.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, Span, codes};
use crate::node::Node;

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    hosts(node, found);
    time_servers(node, found);
}

/// `/etc/hosts`: the first line that has a name wins, so a second address of the same family is
/// never used.
fn hosts(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut names: BTreeMap<(&str, bool), (IpAddr, Span)> = BTreeMap::new();
    for (address, hosts) in &node.hosts {
        for host in hosts {
            if *host == node.hostname.value {
                if !has_address(node, address.value) {
                    found.push(
                        Diagnostic::error(
                            codes::OWN_NAME_ELSEWHERE,
                            address.span,
                            format!(
                                "`hosts` says that this node, `{host}`, is {}",
                                address.value
                            ),
                        )
                        .related(node.hostname.span, "the node's name")
                        .help("the node's own name and addresses need no line"),
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
                        format!("`{host}` is {other} and {}", address.value),
                    )
                    .related(first, "the first one")
                    .help("the first address is used alone: keep one of each family"),
                );
            }
        }
    }
}

/// Whether the node has it, or gets its addresses from DHCP, so that it may.
fn has_address(node: &Node, address: IpAddr) -> bool {
    node.network.interfaces.iter().any(|i| {
        i.dhcp != crate::node::network::Dhcp::No
            || i.addresses.iter().any(|own| own.addr() == address)
    })
}

fn time_servers(node: &Node, found: &mut Vec<Diagnostic>) {
    let Some(ntp) = &node.ntp else {
        return;
    };
    let mut seen = super::Twice::new("the time server");
    for server in ntp.servers.iter().chain(&ntp.fallback) {
        found.extend(seen.see(server.value.clone(), &server.value, server.span));
    }
}
