//! flannel for docker containers: its network next to others, and the settings on which its nodes
//! must agree.

use ipnet::{IpNet, Ipv4Net};

use super::addresses::overlap;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::node::Node;
use crate::node::flannel::FlannelNode;

/// The network of docker's bridge, the first of its address pools (moby,
/// `daemon/libnetwork/ipamutils`).
const DOCKER: Ipv4Net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(172, 17, 0, 0), 16);

/// Returns everything that is wrong with flannel on `nodes`.
pub(super) fn check(nodes: &[Node], found: &mut Vec<Diagnostic>) {
    let mut members: Vec<&FlannelNode> = Vec::new();
    for node in nodes {
        if let Some(flannel) = &node.flannel {
            overlaps(node, flannel, found);
            members.push(flannel);
        }
    }
    while let Some(&first) = members.first() {
        let (same, others): (Vec<_>, Vec<_>) =
            (members.iter()).partition(|member| shares_etcd(first, member));
        agreement(first, &same, found);
        room(first, same.len(), found);
        members = others;
    }
}

/// Returns whether the two keep their subnets in the same etcd, as far as the file tells.
fn shares_etcd(one: &FlannelNode, other: &FlannelNode) -> bool {
    one.of_file == other.of_file && (one.of_file || one.endpoints == other.endpoints)
}

fn overlaps(node: &Node, flannel: &FlannelNode, found: &mut Vec<Diagnostic>) {
    let network = flannel.network;
    let mut report = |whose: String, other: Option<Span>| {
        let mut error = Diagnostic::error(
            codes::KUBE_NETWORKS_OVERLAP,
            network.span,
            format!("the flannel network {} overlaps {whose}", network.value),
        )
        .help("choose a private network that nothing else uses, such as 10.244.0.0/16");
        if let Some(other) = other {
            error = error.related(other, "this network");
        }
        found.push(error);
    };
    let own = IpNet::V4(network.value);
    for address in node.network.interfaces.iter().flat_map(|i| &i.addresses) {
        let other = address.value.trunc();
        if overlap(&own, &other) {
            report(format!("the node's network {other}"), Some(address.span));
        }
    }
    if overlap(&own, &IpNet::V4(DOCKER)) {
        report(format!("the network of docker's bridge, {DOCKER}"), None);
    }
}

fn agreement(first: &FlannelNode, members: &[&FlannelNode], found: &mut Vec<Diagnostic>) {
    for other in members {
        let differing = [
            ("network", first.network.value != other.network.value),
            ("subnet_len", first.subnet_len != other.subnet_len),
            ("backend", first.backend != other.backend),
        ];
        for (what, _) in differing.iter().filter(|(_, differ)| *differ) {
            found.push(
                Diagnostic::error(
                    codes::KUBE_DISAGREEMENT,
                    other.span,
                    format!("two nodes of one flannel network have different values of `{what}`"),
                )
                .related(first.span, "the other node")
                .help("set it once, at the top level next to `nodes:`"),
            );
        }
    }
}

/// The first subnet is not assigned to a node.
fn room(first: &FlannelNode, nodes: usize, found: &mut Vec<Diagnostic>) {
    let parts = (1_u64 << (first.subnet_len - first.network.value.prefix_len())) - 1;
    if nodes as u64 > parts {
        found.push(
            Diagnostic::error(
                codes::BAD_FLANNEL_NETWORK,
                first.network.span,
                format!(
                    "{} has /{} subnets for {parts} nodes, but the file has {nodes}",
                    first.network.value, first.subnet_len
                ),
            )
            .help("choose a larger network, or a longer `subnet_len`"),
        );
    }
}
