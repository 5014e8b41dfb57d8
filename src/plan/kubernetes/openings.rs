//! What Kubernetes on a node requires of its packet filter.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Draft;
use crate::facts::kubernetes::choices::Role;
use crate::facts::network::Protocol;
use crate::node::Node;
use crate::node::firewall::{AdmittedProtocol, FirewallRule, ForwardedPods};

/// Opens the packet filter, if the node has one, to the other nodes, their pods and the cluster's
/// users. `nodes` are the addresses of all nodes.
pub(super) fn open(node: &mut Node, draft: &Draft, nodes: &BTreeSet<IpAddr>) {
    let Some(firewall) = &mut node.firewall else {
        return;
    };
    if draft.role.has_control_plane() {
        firewall
            .role_ports
            .push((draft.endpoint.port, "Kubernetes API".to_owned()));
    }
    if let Some(holder) = (draft.endpoint.shared.as_ref()).and_then(|it| it.holder.as_ref()) {
        // An opening without networks would be for all.
        if !holder.others.is_empty() {
            firewall.role_protocols.push(AdmittedProtocol {
                number: 112,
                name: "VRRP",
                from: holder.others.iter().copied().map(IpNet::from).collect(),
            });
        }
    }
    if draft.role != Role::Standalone {
        firewall.role_ports.push((10250, "kubelet".to_owned()));
        let from: Vec<IpNet> = firewall.allow_from.iter().map(|net| net.value).collect();
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            // NodePorts: --service-node-port-range's default.
            firewall.role_rules.push(FirewallRule {
                protocol,
                ports: (30000, 32767),
                from: from.clone(),
                span: draft.span,
            });
        }
        for traffic in &draft.cni.traffic {
            firewall.admit(*traffic, draft.span);
        }
    }
    firewall.pods = Some(ForwardedPods {
        networks: draft.pod_networks.all().map(|net| net.value).collect(),
        services: (draft.service_networks.all())
            .map(|net| net.value)
            .collect(),
        nodes: (nodes.iter().copied())
            .filter(|address| draft.node_ips().all(|own| own != *address))
            .collect(),
        links: draft.cni.kind.facts().links,
    });
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        firewall.role_rules.push(FirewallRule {
            protocol,
            ports: (1, u16::MAX),
            from: draft.pod_networks.all().map(|net| net.value).collect(),
            span: draft.span,
        });
    }
}
