//! Each node's pods: their addresses, and the routes to those of the other nodes.

use std::sync::Arc;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use super::Draft;
use crate::diagnostic::{Diagnostic, codes};
use crate::node::Node;
use crate::node::kubernetes::{Cni, Role};
use crate::node::network::{NodePods, PodRoutes};
use crate::plan::Decider;

/// Address bits of a node's pods, at the least: a /28 of IPv4, with 13 pods.
const LEAST_POD_BITS: u8 = 4;

impl Decider<'_> {
    /// Gives each node its part of the pod network, in the order of the file.
    pub(super) fn pod_networks(&mut self, drafts: &mut [Option<Draft>]) {
        let count = drafts.iter().flatten().count();
        for (index, draft) in drafts.iter_mut().flatten().enumerate() {
            let part = part(draft.pod_network.value, index)
                .filter(|part| part.max_prefix_len() - part.prefix_len() >= LEAST_POD_BITS);
            match (&mut draft.cni, part) {
                (Cni::Bridge { node_pods }, Some(part)) => *node_pods = part,
                (Cni::Flannel(_) | Cni::Manifests(_), Some(_)) | (Cni::None, _) => {}
                (_, None) => self.found.push(
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
                    .help("each node takes a /24 of IPv4 or a /64 of IPv6"),
                ),
            }
        }
    }
}

/// The `index`th /24, or /64, of `network`; all of a network that is no larger, for the first.
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

/// Which pods are behind which node, where the bridge knows it.
pub(super) fn of_all(drafts: &[Option<Draft>]) -> Arc<[NodePods]> {
    let pods = drafts.iter().flatten().filter_map(|draft| match draft.cni {
        // Two nodes of one address are reported as such.
        Cni::Bridge { node_pods } => Some(NodePods {
            pods: node_pods,
            node: draft.node_ip?,
            span: draft.span,
        }),
        Cni::Flannel(_) | Cni::Manifests(_) | Cni::None => None,
    });
    pods.collect()
}

/// Gives the node its routes to the pods of the others.
pub(super) fn route(node: &mut Node, own: &Draft, pods: &Arc<[NodePods]>) {
    if matches!(own.cni, Cni::Bridge { .. }) && own.role != Role::Standalone {
        let interface = (node.network.interfaces.iter_mut())
            .find(|i| i.addresses.iter().any(|a| Some(a.addr()) == own.node_ip));
        if let (Some(interface), Some(own)) = (interface, own.node_ip) {
            let everywhere = Arc::clone(pods);
            interface.pod_routes = Some(PodRoutes { everywhere, own });
        }
    }
}
