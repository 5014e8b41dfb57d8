//! The networks of a cluster's pods and services: their sizes and families, and what else has their
//! addresses.

use std::net::IpAddr;

use ipnet::IpNet;

use super::addresses::overlap;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::cni::PodShares;
use crate::node::Node;
use crate::node::kubernetes::Kubernetes;
use crate::node::kubernetes_keys::WithoutKeys;

/// A node's Kubernetes as it is checked: without its keys.
type Keyless = Kubernetes<WithoutKeys>;

/// Checks the networks of `member`, which is on `node`.
pub(super) fn check(member: &Keyless, node: &Node, found: &mut Vec<Diagnostic>) {
    apart(member, node, found);
    neighbors(member, node, found);
    pods_fit(member, found);
    for network in member.service_networks.all() {
        service_network(network, found);
    }
    families(member, found);
    source_check(member, node, found);
}

/// Networks that do not work with a check of packets' sources for all links, which the spec sets.
fn source_check(member: &Keyless, node: &Node, found: &mut Vec<Diagnostic>) {
    let facts = member.cni.kind.facts();
    let key = |name: &str| name.replace('/', ".") == "net.ipv4.conf.all.rp_filter";
    let set = node.sysctls.iter().find(|(name, _)| key(name));
    let Some((_, value)) = set.filter(|_| !facts.rp_filters.is_empty()) else {
        return;
    };
    if !facts.rp_filters.contains(&value.trim()) {
        found.push(
            Diagnostic::error(
                codes::SOURCE_CHECK,
                value.span,
                format!(
                    "{} does not work with `net.ipv4.conf.all.rp_filter = {}`",
                    facts.name,
                    value.trim()
                ),
            )
            .help(format!(
                "use {}, or remove it: imgbuild sets 0",
                facts.rp_filters.join(" or ")
            )),
        );
    }
}

/// Networks of pods, services and nodes are apart.
fn apart(member: &Keyless, node: &Node, found: &mut Vec<Diagnostic>) {
    let mut report = |one: Located<IpNet>, what: &str, other: Located<IpNet>, whose: &str| {
        found.push(
            Diagnostic::error(
                codes::KUBE_NETWORKS_OVERLAP,
                one.span,
                format!("{what} {} overlaps {whose} {}", one.value, other.value.trunc()),
            )
            .related(other.span, "this network")
            .help("choose a private network that nothing else uses, such as 10.244.0.0/16 for pods and 10.96.0.0/12 for services"),
        );
    };
    for pods in member.pod_networks.all() {
        for services in member.service_networks.all() {
            if overlap(&pods.value, &services.value) {
                report(pods, "the pod network", services, "the service network");
            }
        }
    }
    let pods = member
        .pod_networks
        .all()
        .map(|net| (net, "the pod network"));
    let services = member.service_networks.all();
    let all: Vec<_> = pods
        .chain(services.map(|net| (net, "the service network")))
        .collect();
    for interface in &node.network.interfaces {
        for address in &interface.addresses {
            for &(net, what) in &all {
                if overlap(&net.value, &address.value.trunc()) {
                    report(net, what, *address, "the node's network");
                }
            }
        }
    }
}

/// Addresses outside of the node that the spec names: those in the cluster's networks would lead to
/// pods and services.
fn neighbors(member: &Keyless, node: &Node, found: &mut Vec<Diagnostic>) {
    let mut all: Vec<(IpNet, Span, &str)> = Vec::new();
    for interface in &node.network.interfaces {
        let servers = interface.dns.iter().map(|dns| (dns, "name server"));
        let gateways = interface
            .gateways
            .iter()
            .map(|gateway| (gateway, "gateway"));
        let addresses = servers.chain(gateways);
        all.extend(addresses.map(|(address, what)| (address.value.into(), address.span, what)));
        let routes = interface.routes.iter().map(|route| &route.destination);
        all.extend(routes.map(|to| (to.value, to.span, "the route's destination")));
    }
    for host in node.hosts.iter().map(|(address, _)| address) {
        all.push((host.value.into(), host.span, "host"));
    }
    for server in node.ntp.iter().flat_map(|ntp| &ntp.servers) {
        if let Ok(address) = server.value.parse::<IpAddr>() {
            all.push((address.into(), server.span, "time server"));
        }
    }
    let pods = member.pod_networks.all().map(|net| (net, "pod network"));
    let services = member.service_networks.all();
    let networks: Vec<_> = pods
        .chain(services.map(|net| (net, "service network")))
        .collect();
    for (inner, span, what) in all {
        // A route to all of a site may well contain them.
        let within = |outer: &IpNet| outer.contains(&inner);
        if let Some((network, whose)) = networks.iter().find(|(net, _)| within(&net.value)) {
            let shown = if inner.prefix_len() == inner.max_prefix_len() {
                inner.addr().to_string()
            } else {
                inner.to_string()
            };
            found.push(
                Diagnostic::error(
                    codes::KUBE_NETWORKS_OVERLAP,
                    span,
                    format!("{what} {shown} is in the {whose} {}", network.value),
                )
                .related(network.span, "this network")
                .help(format!(
                    "set `{}:` to a private network that nothing else uses",
                    whose.replace(' ', "_")
                )),
            );
        }
    }
}

/// Each pod has an address of the node's share of the pod network.
fn pods_fit(member: &Keyless, found: &mut Vec<Diagnostic>) {
    let Some(max_pods) = member.kubelet.max_pods else {
        return;
    };
    let Some(pods) = member.pod_networks.of_family(true) else {
        return;
    };
    let mut shares = member.cni.node_pods.iter();
    let share = shares.find(|share| share.addr().is_ipv4());
    let length = match (share, member.cni.kind.facts().shares) {
        (Some(share), _) => share.prefix_len(),
        // The default of the controller manager's --node-cidr-mask-size.
        (None, PodShares::Cluster) => pods.value.prefix_len().max(24),
        (None, _) => return,
    };
    // Without those of the network, of the bridge, and for broadcasts.
    let addresses = (pods.value.max_prefix_len().checked_sub(length))
        .and_then(|bits| 1_u32.checked_shl(bits.into()))
        .map_or(u32::MAX, |all| all.saturating_sub(3));
    if max_pods.value > addresses {
        found.push(
            Diagnostic::error(
                codes::POD_NETWORK_TOO_SMALL,
                max_pods.span,
                format!(
                    "{} pods need more addresses than the {addresses} of a node's /{length}",
                    max_pods.value
                ),
            )
            .related(pods.span, "the pod network")
            .help("use a smaller `max_pods`, or another pod network: `cni: none`"),
        );
    }
}

/// `--service-cluster-ip-range` of the API server accepts at most 20 bits.
fn service_network(network: Located<IpNet>, found: &mut Vec<Diagnostic>) {
    let bits = network.value.max_prefix_len() - network.value.prefix_len();
    let why = if bits > 20 {
        "too large"
    } else if bits < 4 {
        "too small"
    } else {
        return;
    };
    let length = network.value.max_prefix_len();
    found.push(
        Diagnostic::error(
            codes::BAD_SERVICE_NETWORK_SIZE,
            network.span,
            format!("the service network {} is {why}", network.value),
        )
        .help(format!(
            "use a prefix length of {} to {}",
            length - 20,
            length - 4
        )),
    );
}

/// The controller manager gives nodes at most 16 bits of a pod network (`--cluster-cidr`).
const NODE_BITS: u8 = 16;

const SAME: &str = "set `pod_network:` and `service_network:` to networks of the same family as \
                    the nodes' addresses";

/// Pods, services and nodes must have the same address families, and the first ones of each the
/// same: it is that of the advertised address of the API server.
fn families(member: &Keyless, found: &mut Vec<Diagnostic>) {
    let family = |is_v4: bool| if is_v4 { "IPv4" } else { "IPv6" };
    let (pods, services) = (member.pod_networks, member.service_networks);
    let first = services.first;
    let services_v4 = first.value.addr().is_ipv4();
    let mut report = |span: Span, what: String, help: &str| {
        let error = Diagnostic::error(codes::KUBE_FAMILIES, span, what).help(help);
        found.push(if span == first.span {
            error
        } else {
            error.related(first.span, "the service network")
        });
    };
    let pods_v4 = pods.first.value.addr().is_ipv4();
    if pods_v4 != services_v4 {
        let (of_pods, of_services) = (family(pods_v4), family(services_v4));
        report(
            pods.first.span,
            format!("pods use {of_pods}, but services use {of_services}"),
            if pods.second.is_some() || services.second.is_some() {
                "write both in the same order"
            } else {
                SAME
            },
        );
    } else if let (Some(second), None) | (None, Some(second)) = (services.second, pods.second) {
        let (has, lacks) = if services.second.is_some() {
            ("services", "pods")
        } else {
            ("pods", "services")
        };
        let second = family(second.value.addr().is_ipv4());
        report(
            if has == "pods" {
                pods.first.span
            } else {
                first.span
            },
            format!("{has} use {second} too, but {lacks} do not"),
            "give both a network of each family",
        );
    }
    let advertised = member.node_ip.filter(|_| member.role.has_control_plane());
    if let Some(address) = advertised.filter(|address| address.is_ipv4() != services_v4) {
        let of = family(address.is_ipv4());
        report(
            member.span,
            format!(
                "the API server's address {address} is {of}, but services use {}",
                family(services_v4)
            ),
            SAME,
        );
    } else if let Some(second) = pods.second
        && member.node_ip.is_some()
        && member.second_node_ip.is_none()
    {
        let lacked = family(!services_v4);
        found.push(
            Diagnostic::error(
                codes::KUBE_FAMILIES,
                member.span,
                format!("`{}` has no static {lacked} address", member.node_name),
            )
            .related(second.span, "pods have addresses of both families")
            .help("give the node an address of each family"),
        );
    }
    if member.cni.kind.facts().shares == PodShares::Cluster
        && let Some(v6) = pods.of_family(false)
        && v6.value.prefix_len() + NODE_BITS < 64
    {
        found.push(
            Diagnostic::error(
                codes::KUBE_FAMILIES,
                v6.span,
                format!("the pod network {} is too large", v6.value),
            )
            .help("each node takes a /64, and Kubernetes accepts a /48 at most"),
        );
    }
}
