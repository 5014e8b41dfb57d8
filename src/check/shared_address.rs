//! The address that control planes share.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::addresses::overlap;
use crate::diagnostic::{Diagnostic, codes};
use crate::names::InterfaceName;
use crate::node::Node;
use crate::node::kubernetes::Kubernetes;
use crate::node::kubernetes_keys::WithoutKeys;
use crate::node::shared_address::{SharedAddress, link_of};

/// A node's Kubernetes as it is checked: without its keys.
type Keyless = Kubernetes<WithoutKeys>;

/// Checks the address that any of `nodes`, which have the Kubernetes of the same index, shares.
pub(super) fn check(all: &[Option<Keyless>], nodes: &[Node], found: &mut Vec<Diagnostic>) {
    let mut told = BTreeSet::new();
    for (member, node) in all.iter().zip(nodes) {
        let Some(member) = member else { continue };
        let Some(shared) = &member.endpoint.shared else {
            continue;
        };
        found.extend(unsupported(shared, node));
        if told.insert((shared.address.span, shared.address.value)) {
            address(member, shared, nodes, found);
        }
        if member.control_plane().is_some() && special(shared.address.value).is_none() {
            found.extend(link(shared, node));
        }
    }
}

/// What is wrong with the address wherever it is held.
fn address(member: &Keyless, shared: &SharedAddress, nodes: &[Node], found: &mut Vec<Diagnostic>) {
    if shared.planes.is_empty() {
        found.push(
            Diagnostic::error(
                codes::BAD_SHARED_ADDRESS,
                shared.address.span,
                "no node in this file is a control plane, which would hold the address",
            )
            .help(format!(
                "where control planes of another file hold it, write `endpoint: {}`",
                member.endpoint.url().trim_start_matches("https://")
            )),
        );
    }
    if let Some(why) = special(shared.address.value) {
        found.push(wrong(shared, why).help("choose a free address in the control planes' network"));
    } else {
        found.extend(taken(shared, nodes));
        found.extend(in_cluster_networks(shared, member));
    }
}

fn wrong(shared: &SharedAddress, why: &str) -> Diagnostic {
    let message = format!("the shared address {} {why}", shared.address.value);
    Diagnostic::error(codes::BAD_SHARED_ADDRESS, shared.address.span, message)
}

/// keepalived and `HAProxy` are packages of Debian's base.
fn unsupported(shared: &SharedAddress, node: &Node) -> Option<Diagnostic> {
    let facts = node.target.facts();
    facts.debian.is_none().then(|| {
        Diagnostic::error(
            codes::NOT_FOR_TARGET,
            shared.address.span,
            format!(
                "a shared address is not supported on target `{}`",
                facts.name
            ),
        )
        .label("its system has no keepalived and no HAProxy")
        .help("leave `endpoint` out, or let it name your own load balancer")
    })
}

/// Why no machine of a network can have this address.
fn special(address: IpAddr) -> Option<&'static str> {
    let link_local = match address {
        IpAddr::V4(v4) if v4.is_broadcast() => return Some("is the broadcast address"),
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    if address.is_unspecified() {
        Some("stands for every address")
    } else if address.is_loopback() {
        Some("is each node itself")
    } else if address.is_multicast() {
        Some("is one of multicast")
    } else if link_local {
        Some("is link-local, which others would need the name of a link for")
    } else {
        None
    }
}

/// Something else has it.
fn taken(shared: &SharedAddress, nodes: &[Node]) -> Option<Diagnostic> {
    let address = shared.address.value;
    let others = nodes.iter().flat_map(|node| {
        node.network.interfaces.iter().flat_map(|interface| {
            let own =
                (interface.addresses.iter()).map(|own| (own.addr(), own.span, "a node's own"));
            let gateways = interface.gateways.iter();
            let gateways = gateways.map(|gateway| (gateway.value, gateway.span, "a gateway's"));
            let dns = interface.dns.iter();
            let dns = dns.map(|server| (server.value, server.span, "a name server's"));
            own.chain(gateways).chain(dns)
        })
    });
    let (_, span, whose) = others.into_iter().find(|(other, _, _)| *other == address)?;
    let error = wrong(shared, &format!("is {whose}"));
    Some(
        error
            .related(span, "here")
            .help("choose an address that nothing else has"),
    )
}

fn in_cluster_networks(shared: &SharedAddress, member: &Keyless) -> Option<Diagnostic> {
    let pods = member.pod_networks.all().map(|net| (net, "pod network"));
    let services = member.service_networks.all();
    let services = services.map(|net| (net, "service network"));
    let address = shared.address.value.into();
    let (network, whose) = pods
        .chain(services)
        .find(|(network, _)| overlap(&network.value, &address))?;
    let error = wrong(shared, &format!("is in the {whose} {}", network.value));
    Some(
        error
            .related(network.span, "this network")
            .help("choose a free address in the control planes' network"),
    )
}

/// A control plane has a link in its network, which has a name.
fn link(shared: &SharedAddress, node: &Node) -> Option<Diagnostic> {
    let address = shared.address.value;
    let hostname = &node.hostname;
    let Some(link) = link_of(&node.network, address) else {
        let networks: Vec<_> = (node.network.interfaces.iter())
            .flat_map(|interface| &interface.addresses)
            .map(|own| own.value.trunc().to_string())
            .collect();
        // A control plane without an address has its own error.
        return (!networks.is_empty()).then(|| {
            wrong(
                shared,
                &format!("is in no network of control plane `{}`", hostname.value),
            )
            .related(
                hostname.span,
                format!("its networks: {}", networks.join(", ")),
            )
            .help("all control planes need a static address in its network, of the same family")
        });
    };
    if link
        .interface
        .matching
        .name()
        .is_none_or(InterfaceName::is_pattern)
    {
        return Some(
            wrong(shared, "needs a link with a name")
                .related(link.interface.span, "this link has none")
                .help("add `name:` to the link, which its card then gets"),
        );
    }
    let own = link.interface.addresses.iter();
    let own: Vec<_> = own.filter(|own| own.value.contains(&address)).collect();
    let is_edge = |net: &ipnet::IpNet| match net {
        ipnet::IpNet::V4(net) => {
            net.prefix_len() < 31
                && (IpAddr::V4(net.network()) == address || IpAddr::V4(net.broadcast()) == address)
        }
        // RFC 4291 §2.6.1: the subnet-router anycast address.
        ipnet::IpNet::V6(net) => net.prefix_len() < 127 && IpAddr::V6(net.network()) == address,
    };
    let edge = own.into_iter().find(|own| is_edge(&own.value))?;
    Some(
        wrong(shared, &format!("stands for all of {}", edge.value.trunc()))
            .related(edge.span, "this network")
            .help("choose another address in it"),
    )
}
