//! The address that control planes share: who holds it, on which link.

use std::net::IpAddr;

use super::Draft;
use crate::diagnostic::Located;
use crate::node::Node;
use crate::node::network::Network;
use crate::node::shared_address::{ApiServer, Holder, SharedAddress, link_of};
use crate::spec::{Cluster, KubernetesEndpoint, KubernetesSharedAddress};

/// Gives each node that names a shared address its part in it. What is wrong with it is reported
/// by the checks.
pub(super) fn decide(cluster: &Cluster, nodes: &[Node], drafts: &mut [Option<Draft>]) {
    let written =
        cluster
            .nodes
            .iter()
            .map(|node| match node.kubernetes.as_ref()?.endpoint.as_ref()? {
                KubernetesEndpoint::Shared(shared) => Some(shared),
                KubernetesEndpoint::Host(_) => None,
            });
    let all: Vec<_> = written
        .zip(nodes)
        .enumerate()
        .filter_map(|(index, (written, node))| {
            Some((index, part(written?, node, nodes, drafts, index)?))
        })
        .collect();
    for (index, shared) in all {
        if let Some(draft) = &mut drafts[index] {
            draft.settings.endpoint.shared = Some(shared);
        }
    }
}

/// The part of `node`, whose draft has the same `index`.
fn part(
    written: &KubernetesSharedAddress,
    node: &Node,
    nodes: &[Node],
    drafts: &[Option<Draft>],
    index: usize,
) -> Option<SharedAddress> {
    let address = written.vip;
    let own = drafts[index].as_ref().filter(|own| own.member.is_some())?;
    let planes: Vec<ApiServer> = (drafts.iter().zip(nodes))
        .filter_map(|(draft, node)| api_server(address.value, draft.as_ref()?, node))
        .collect();
    let holder = own.control_plane().and_then(|_| {
        let link = link_of(&node.network, address.value)?;
        let others = (planes.iter()).filter(|other| other.node != own.node_name);
        Some(Holder {
            interface: link.interface.matching.name()?.clone(),
            own: link.own,
            others: others.filter_map(|other| other.beside).collect(),
        })
    });
    Some(SharedAddress {
        address,
        virtual_router_id: match &written.virtual_router_id {
            Some(id) => Located::new(id.value.0, id.span),
            None => Located::new(router_id(address.value), address.span),
        },
        planes,
        holder,
    })
}

/// The API server of a control plane.
fn api_server(shared: IpAddr, draft: &Draft, node: &Node) -> Option<ApiServer> {
    let plane = draft.control_plane()?;
    Some(ApiServer {
        node: draft.node_name.clone(),
        address: plane.advertise,
        beside: link_of(&node.network, shared).map(|link| link.own),
    })
}

/// Has networkd keep the address that keepalived adds to a link.
pub(super) fn keep(network: &mut Network, draft: &Draft) {
    let Some(holder) = (draft.endpoint.shared.as_ref()).and_then(|it| it.holder.as_ref()) else {
        return;
    };
    for interface in &mut network.interfaces {
        interface.shares_address |= interface.matching.name() == Some(&holder.interface);
    }
}

/// The last byte of the address, by which addresses in one network usually differ; 0 is no ID.
fn router_id(address: IpAddr) -> u8 {
    let last = match address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    };
    last.max(1)
}
