//! Checks between the nodes of one cluster: what identifies a machine must be unique.

use std::net::IpAddr;

use super::Once;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::node::Node;
use crate::node::network::InterfaceMatch;

pub(super) fn check(nodes: &[Node], found: &mut Vec<Diagnostic>) {
    let mut hostnames = Once::new(codes::DUPLICATE_HOSTNAME, "give each node its own name");
    let mut addresses = Shared::default();
    let mut cards = Shared::default();
    for (at, node) in nodes.iter().enumerate() {
        let hostname = &node.hostname;
        found.extend(hostnames.see(&hostname.value, hostname.span, || {
            format!("two nodes are named `{}`", hostname.value)
        }));
        for interface in &node.network.interfaces {
            if let InterfaceMatch::Mac { mac, .. } = interface.matching
                && let Some((other, first)) = cards.see(mac, at, interface.span)
            {
                found.push(pointing_at(
                    Diagnostic::error(
                        codes::DUPLICATE_MAC,
                        interface.span,
                        format!(
                            "`{}` and `{}` have the same MAC address {mac}",
                            nodes[other].hostname.value, hostname.value
                        ),
                    )
                    .help("a MAC address belongs to one card of one machine"),
                    first,
                ));
            }
            for address in &interface.addresses {
                let ip = address.addr();
                if matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
                    continue;
                }
                if let Some((other, first)) = addresses.see(ip, at, address.span) {
                    found.push(pointing_at(
                        Diagnostic::error(
                            codes::DUPLICATE_ADDRESS,
                            address.span,
                            format!(
                                "`{}` and `{}` have the same address {ip}",
                                nodes[other].hostname.value, hostname.value
                            ),
                        )
                        .help("give each node its own address"),
                        first,
                    ));
                }
            }
        }
    }
}

/// What was seen, and at which node first. Unlike [`Once`], it counts settings that all nodes
/// share.
struct Shared<K>(std::collections::BTreeMap<K, (usize, Span)>);

impl<K> Default for Shared<K> {
    fn default() -> Self {
        Self(std::collections::BTreeMap::new())
    }
}

impl<K: Ord> Shared<K> {
    /// Returns the first node that has `key`, and the location, if that is not node `at`.
    fn see(&mut self, key: K, at: usize, span: Span) -> Option<(usize, Span)> {
        let first = *self.0.entry(key).or_insert((at, span));
        (first.0 != at).then_some(first)
    }
}

/// Returns `diagnostic`, also pointing at `first` if that is another location.
fn pointing_at(diagnostic: Diagnostic, first: Span) -> Diagnostic {
    if diagnostic.span == Some(first) {
        diagnostic
    } else {
        diagnostic.related(first, "first occurrence")
    }
}
