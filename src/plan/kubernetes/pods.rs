//! Each node's pods: their addresses, and the routes to those of the other nodes.

use std::sync::Arc;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use super::Draft;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::cni::PodShares;
use crate::facts::kubernetes::choices::Role;
use crate::node::Node;
use crate::node::network::{NodePods, PodRoutes};
use crate::plan::Decider;

/// The minimum number of address bits for a node's pods: an IPv4 /28, with 13 pods.
const POD_BITS_MIN: u8 = 4;

impl Decider<'_> {
    /// Assigns each node its share of the pod network, in the order of the file.
    pub(super) fn pod_networks(&mut self, drafts: &mut [Option<Draft>]) {
        let count = drafts.iter().flatten().count();
        for (index, draft) in drafts.iter_mut().flatten().enumerate() {
            let part = part(draft.pod_network.value, index)
                .filter(|part| part.max_prefix_len() - part.prefix_len() >= POD_BITS_MIN);
            let cni = &mut draft.settings.cni;
            match (cni.kind.facts().shares, part) {
                (PodShares::Build, Some(part)) => cni.node_pods = Some(part),
                (PodShares::Cluster, Some(_)) | (PodShares::Optional, _) => {}
                (PodShares::Build | PodShares::Cluster, None) => self.found.push(
                    Diagnostic::error(
                        codes::POD_NETWORK_TOO_SMALL,
                        draft.pod_network.span,
                        if count == 1 {
                            format!("{} is too small for a node's pods", draft.pod_network.value)
                        } else {
                            format!(
                                "{} is too small for the pods of {count} nodes",
                                draft.pod_network.value
                            )
                        },
                    )
                    .help("each node takes an IPv4 /24 or an IPv6 /64"),
                ),
            }
        }
    }
}

/// Returns the `index`th /24, or /64, of `network`; the first one is the whole network if it is no
/// larger.
fn part(network: IpNet, index: usize) -> Option<IpNet> {
    match network {
        IpNet::V4(net) => {
            Ipv4Subnets::new(net.network(), net.broadcast(), net.prefix_len().max(24))
                .nth(index)
                .map(IpNet::V4)
        }
        IpNet::V6(net) => {
            Ipv6Subnets::new(net.network(), net.broadcast(), net.prefix_len().max(64))
                .nth(index)
                .map(IpNet::V6)
        }
    }
}

/// Returns which pods are on which node, as far as the build assigns them.
pub(super) fn of_all(drafts: &[Option<Draft>]) -> Arc<[NodePods]> {
    let pods = drafts.iter().flatten().filter_map(|draft| {
        // Two nodes with the same address are reported elsewhere.
        Some(NodePods {
            pods: draft.cni.node_pods?,
            node: draft.node_ip?,
            span: draft.span,
        })
    });
    pods.collect()
}

/// Sets the node's routes to the pods of the other nodes.
pub(super) fn route(node: &mut Node, draft: &Draft, pods: &Arc<[NodePods]>) {
    if draft.cni.kind.facts().shares == PodShares::Build && draft.role != Role::Standalone {
        let interface = (node.network.interfaces.iter_mut())
            .find(|i| i.addresses.iter().any(|a| Some(a.addr()) == draft.node_ip));
        if let (Some(interface), Some(this_node)) = (interface, draft.node_ip) {
            let everywhere = Arc::clone(pods);
            interface.pod_routes = Some(PodRoutes {
                everywhere,
                this_node,
            });
        }
    }
}
