//! Each node's pods: their addresses, and the routes to those of the other nodes.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use super::Draft;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::cni::PodShares;
use crate::facts::kubernetes::choices::Role;
use crate::facts::network::Dhcp;
use crate::node::Node;
use crate::node::network::{Network, NodePods, PodRoutes, Route};
use crate::plan::Decider;

/// The minimum number of address bits for a node's pods: an IPv4 /28, with 13 pods.
const POD_BITS_MIN: u8 = 4;

impl Decider<'_> {
    /// Assigns each node its share of the pod network, in the order of the file.
    pub(super) fn pod_networks(&mut self, drafts: &mut [Option<Draft>]) {
        let count = drafts.iter().flatten().count();
        for (index, draft) in drafts.iter_mut().flatten().enumerate() {
            for network in draft.pod_networks.all() {
                let part = part(network.value, index)
                    .filter(|part| part.max_prefix_len() - part.prefix_len() >= POD_BITS_MIN);
                let cni = &mut draft.settings.cni;
                match (cni.kind.facts().shares, part) {
                    (PodShares::Build, Some(part)) => cni.node_pods.push(part),
                    (PodShares::Cluster, Some(_)) | (PodShares::Optional, _) => {}
                    (PodShares::Build | PodShares::Cluster, None) => self.found.push(
                        Diagnostic::error(
                            codes::POD_NETWORK_TOO_SMALL,
                            network.span,
                            if count == 1 {
                                format!("{} is too small for a node's pods", network.value)
                            } else {
                                format!(
                                    "{} is too small for the pods of {count} nodes",
                                    network.value
                                )
                            },
                        )
                        .help("each node takes an IPv4 /24 or an IPv6 /64"),
                    ),
                }
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
    let pods = drafts.iter().flatten().flat_map(|draft| {
        draft.cni.node_pods.iter().filter_map(|pods| {
            let is_v4 = pods.addr().is_ipv4();
            // Two nodes with the same address are reported elsewhere.
            Some(NodePods {
                pods: *pods,
                node: draft.node_ips().find(|ip| ip.is_ipv4() == is_v4)?,
                owner: draft.node_ip?,
                span: draft.span,
            })
        })
    });
    pods.collect()
}

/// Adds routes to the services, where the node has no default route of their family: kube-proxy
/// changes where a packet of the node itself goes only after the kernel has found a way for it.
pub(super) fn route_to_services(network: &mut Network, draft: &Draft) {
    for services in draft.service_networks.all() {
        let is_v4 = services.value.addr().is_ipv4();
        let has_default = network.interfaces.iter().any(|interface| {
            let to_all = |route: &Route| route.destination.value.prefix_len() == 0;
            let mut routes = interface.routes.iter().filter(|route| to_all(route));
            interface
                .gateways
                .iter()
                .any(|it| it.value.is_ipv4() == is_v4)
                || routes.any(|route| route.destination.value.addr().is_ipv4() == is_v4)
                || (is_v4 && matches!(interface.dhcp, Dhcp::V4 | Dhcp::Both))
        });
        let Some(own) = draft.node_ips().find(|ip| ip.is_ipv4() == is_v4) else {
            continue;
        };
        let mut interfaces = network.interfaces.iter_mut();
        if !has_default
            && let Some(interface) =
                interfaces.find(|it| it.addresses.iter().any(|address| address.addr() == own))
        {
            interface.routes.push(Route {
                destination: services,
                gateway: None,
                metric: None,
                table: None,
            });
        }
    }
}

/// Sets the node's routes to the pods of the other nodes.
pub(super) fn route(node: &mut Node, draft: &Draft, pods: &Arc<[NodePods]>) {
    if draft.cni.kind.facts().shares != PodShares::Build || draft.role == Role::Standalone {
        return;
    }
    let Some(this_node) = draft.node_ip else {
        return;
    };
    for interface in &mut node.network.interfaces {
        let has = |ip: &IpAddr| interface.addresses.iter().any(|own| own.addr() == *ip);
        let own: Vec<_> = draft.node_ips().filter(has).collect();
        if !own.is_empty() {
            interface.pod_routes = Some(PodRoutes {
                everywhere: Arc::clone(pods),
                this_node,
                own,
            });
        }
    }
}
