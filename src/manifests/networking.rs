//! Services, Ingresses, network policies.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Judge;
use super::metadata::Rule;
use super::read::{at, entries, integer, items, text, text_at};
use super::values::port_name;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::{Node, Value};
use crate::text::shown;

impl Judge<'_> {
    /// Reports what is wrong with a Service.
    pub(super) fn service(&mut self, node: &Node, place: Span) {
        let Some(spec) = at(node, &["spec"]) else {
            return self.missing(place, "Service", "spec");
        };
        self.one_of(
            spec,
            "type",
            &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
        );
        self.one_of(spec, "sessionAffinity", &["None", "ClientIP"]);
        for field in ["externalTrafficPolicy", "internalTrafficPolicy"] {
            self.one_of(spec, field, &["Cluster", "Local"]);
        }
        self.one_of(
            spec,
            "ipFamilyPolicy",
            &["SingleStack", "PreferDualStack", "RequireDualStack"],
        );
        self.labels(entries(spec, &["selector"]));
        let kind = text_at(spec, &["type"]).unwrap_or("ClusterIP");
        let headless = self.addresses(spec, kind);
        self.outside(spec, kind);
        if kind == "ExternalName" {
            self.wanted_text(spec, "externalName", "the service", spec.span);
        } else if !headless {
            self.not_empty(spec, "ports", "the service", spec.span);
        }
        let ports = items(spec, &["ports"]);
        let mut names: HashMap<&str, Span> = HashMap::new();
        for port in ports {
            self.between(port, "port", 1, 65535);
            self.between(port, "targetPort", 1, 65535);
            let node_port = at(port, &["nodePort"]).filter(|node| integer(node) != Some(0));
            if node_port.is_some() {
                let (first, last) = self.server.node_ports;
                self.between(port, "nodePort", first, last);
            }
            self.one_of(port, "protocol", &["TCP", "UDP", "SCTP"]);
            if let Some(target) = at(port, &["targetPort"])
                && let Some(name) = text(target)
                && let Some(why) = port_name(name)
            {
                self.bad_port_name(target.span, name, why);
            }
            if let Some(node_port) = node_port
                && matches!(kind, "ClusterIP" | "ExternalName")
            {
                self.value_error(
                    node_port.span,
                    format!("a service of type {kind} cannot have `nodePort`"),
                );
            }
            match at(port, &["name"]) {
                Some(node) => {
                    let Some(name) = text(node) else { continue };
                    self.name(name, node.span, Rule::Label, "a valid service port name");
                    if let Some(first) = names.insert(name, node.span) {
                        self.found.push(
                            Diagnostic::error(
                                codes::ELEMENT_TWICE,
                                node.span,
                                format!("two ports are named `{}`", shown(name)),
                            )
                            .related(first, "first occurrence"),
                        );
                    }
                }
                None if ports.len() > 1 => {
                    self.missing(port.span, "a port of a service with several ports", "name");
                }
                None => {}
            }
        }
    }

    /// Checks the addresses and address families of a service; returns whether it has none.
    fn addresses(&mut self, spec: &Node, kind: &str) -> bool {
        let networks = &self.server.service_networks;
        let single = at(spec, &["clusterIP"]).into_iter();
        for node in single.chain(items(spec, &["clusterIPs"])) {
            let Some(ip) = text(node).filter(|ip| !ip.is_empty()) else {
                continue;
            };
            if kind == "ExternalName" {
                self.value_error(node.span, "a service of type ExternalName has no address");
            } else if ip == "None" {
                if kind != "ClusterIP" {
                    self.value_error(
                        node.span,
                        format!("a service of type {kind} must have an address"),
                    );
                }
            } else {
                match ip.parse::<IpAddr>() {
                    Err(_) => {
                        self.value_error(node.span, format!("`{}` is not an address", shown(ip)));
                    }
                    Ok(ip) if !networks.iter().any(|net| net.contains(&ip)) => self.value_error(
                        node.span,
                        format!("not part of the service network {}", list(networks)),
                    ),
                    Ok(_) => {}
                }
            }
        }
        let first = items(spec, &["clusterIPs"]).first();
        let one = at(spec, &["clusterIP"]).and_then(text).unwrap_or_default();
        if let Some(first) = first
            && text(first) != Some(one)
        {
            self.value_error(first.span, "the first address must equal `clusterIP`");
        }
        let headless = [at(spec, &["clusterIP"]), first];
        let headless = headless
            .into_iter()
            .flatten()
            .any(|node| text(node) == Some("None"));
        self.families(spec, headless && at(spec, &["selector"]).is_none());
        headless
    }

    /// Checks the address families of a service. `any`: the service may have those of its
    /// endpoints.
    fn families(&mut self, spec: &Node, any: bool) {
        if any || self.server.service_networks.len() > 1 {
            return;
        }
        if let Some(policy) = at(spec, &["ipFamilyPolicy"])
            && text(policy) == Some("RequireDualStack")
        {
            self.value_error(policy.span, "the service network has one address family");
        }
        let own = match self.server.service_networks.first() {
            Some(IpNet::V6(_)) => "IPv6",
            _ => "IPv4",
        };
        for family in items(spec, &["ipFamilies"]) {
            if text(family).is_some_and(|family| family != own) {
                self.value_error(family.span, format!("the service network is {own}"));
            }
        }
    }

    /// Checks what is only for services that are reached from outside.
    fn outside(&mut self, spec: &Node, kind: &str) {
        let balancer = kind == "LoadBalancer";
        if let Some(policy) = at(spec, &["externalTrafficPolicy"])
            && kind == "ClusterIP"
            && items(spec, &["externalIPs"]).is_empty()
        {
            self.value_error(
                policy.span,
                "`externalTrafficPolicy` is only for services of type NodePort or LoadBalancer",
            );
        }
        for field in ["loadBalancerSourceRanges", "loadBalancerClass"] {
            if let Some(value) = at(spec, &[field])
                && !balancer
                && !matches!(&value.value, Value::List(items) if items.is_empty())
            {
                self.value_error(
                    value.span,
                    format!("`{field}` is only for services of type LoadBalancer"),
                );
            }
        }
        for range in items(spec, &["loadBalancerSourceRanges"]) {
            if text(range).is_some_and(|range| range.trim().parse::<IpNet>().is_err()) {
                self.value_error(range.span, "expected a network, such as 10.0.0.0/8");
            }
        }
        for address in items(spec, &["externalIPs"]) {
            if text(address).is_some_and(|address| address.parse::<IpAddr>().is_err()) {
                self.value_error(address.span, "expected an address");
            }
        }
        if let Some(port) = at(spec, &["healthCheckNodePort"])
            && integer(port) != Some(0)
            && !(balancer && text_at(spec, &["externalTrafficPolicy"]) == Some("Local"))
        {
            self.value_error(
                port.span,
                "`healthCheckNodePort` requires `type: LoadBalancer` and `externalTrafficPolicy: \
                 Local`",
            );
        }
        if let Some(name) = at(spec, &["externalName"])
            && kind == "ExternalName"
            && let Some(host) = text(name).filter(|host| !host.is_empty())
        {
            self.name(host, name.span, Rule::Subdomain, "a valid host name");
        }
    }

    /// Reports what is wrong with an Ingress.
    pub(super) fn ingress(&mut self, node: &Node, place: Span) {
        let Some(spec) = at(node, &["spec"]) else {
            return self.missing(place, "Ingress", "spec");
        };
        if at(spec, &["defaultBackend"]).is_none() && items(spec, &["rules"]).is_empty() {
            self.missing(spec.span, "an Ingress without `defaultBackend`", "rules");
        }
        if let Some(backend) = at(spec, &["defaultBackend"]) {
            self.backend(backend);
        }
        for rule in items(spec, &["rules"]) {
            if let Some(host) = at(rule, &["host"])
                && let Some(name) = text(host)
            {
                let name = name.strip_prefix("*.").unwrap_or(name);
                if name.parse::<IpAddr>().is_ok() {
                    self.value_error(host.span, "a host must be a name, not an address");
                } else if !name.is_empty() {
                    self.name(name, host.span, Rule::Subdomain, "a valid host name");
                }
            }
            for path in items(rule, &["http", "paths"]) {
                self.one_of(
                    path,
                    "pathType",
                    &["Exact", "Prefix", "ImplementationSpecific"],
                );
                if let Some(node) = at(path, &["path"])
                    && text(node).is_some_and(|path| !path.starts_with('/'))
                {
                    self.value_error(node.span, "a path must start with `/`");
                }
                if let Some(backend) = at(path, &["backend"]) {
                    self.backend(backend);
                }
            }
        }
    }

    fn backend(&mut self, backend: &Node) {
        self.exactly_one(backend, &["service", "resource"], "the backend");
        let Some(service) = at(backend, &["service"]) else {
            return;
        };
        match at(service, &["port"]) {
            Some(port) => {
                self.exactly_one(port, &["number", "name"], "the port");
                self.between(port, "number", 1, 65535);
            }
            None => self.missing(service.span, "the backend's service", "port"),
        }
    }

    /// Reports what is wrong with a `NetworkPolicy`.
    pub(super) fn network_policy(&mut self, node: &Node) {
        let Some(spec) = at(node, &["spec"]) else {
            return;
        };
        if let Some(third) = items(spec, &["policyTypes"]).get(2) {
            self.value_error(third.span, "there are only two policy types");
        }
        for kind in items(spec, &["policyTypes"]) {
            if let Some(text) = text(kind)
                && !matches!(text, "Ingress" | "Egress")
            {
                self.value_error(kind.span, "a policy type must be `Ingress` or `Egress`");
            }
        }
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            for rule in items(spec, &[direction]) {
                for port in items(rule, &["ports"]) {
                    self.between(port, "port", 1, 65535);
                    self.one_of(port, "protocol", &["TCP", "UDP", "SCTP"]);
                    let number = |field: &str| at(port, &[field]).and_then(integer);
                    if let (Some(last), first) = (number("endPort"), number("port"))
                        && first.is_none_or(|first| last < first)
                    {
                        self.value_error(
                            port.span,
                            "`endPort` requires a numeric `port` that is not larger",
                        );
                    }
                }
                for peer in items(rule, &[peers]) {
                    self.peer(peer);
                }
            }
        }
    }

    fn peer(&mut self, peer: &Node) {
        let block = at(peer, &["ipBlock"]);
        if block.is_some()
            && (at(peer, &["podSelector"]).is_some() || at(peer, &["namespaceSelector"]).is_some())
        {
            self.value_error(peer.span, "`ipBlock` cannot be combined with selectors");
        }
        if ["ipBlock", "podSelector", "namespaceSelector"]
            .iter()
            .all(|field| at(peer, &[field]).is_none())
        {
            self.value_error(peer.span, "a peer is an `ipBlock` or has a selector");
        }
    }

    /// Reports what is wrong with the networks of a peer.
    pub(super) fn ip_block(&mut self, block: &Node) {
        let network = |node: &Node| text(node).and_then(|text| text.parse::<IpNet>().ok());
        let Some(cidr) = at(block, &["cidr"]) else {
            return;
        };
        let Some(outer) = network(cidr) else {
            return self.value_error(cidr.span, "expected a network, such as 10.0.0.0/8");
        };
        self.host_bits(cidr, outer);
        if text(cidr).is_some_and(|text| text.split(['.', '/']).any(has_leading_zero)) {
            self.value_error(cidr.span, "a number in a network cannot start with 0");
        }
        for except in items(block, &["except"]) {
            if let Some(inner) = network(except) {
                self.host_bits(except, inner);
            }
        }
        for except in items(block, &["except"]) {
            match network(except) {
                Some(inner) if outer.trunc().contains(&inner) && inner != outer => {}
                Some(_) => self.value_error(except.span, format!("not part of {outer}")),
                None => self.value_error(except.span, "expected a network, such as 10.0.0.0/8"),
            }
        }
    }

    fn host_bits(&mut self, node: &Node, network: IpNet) {
        if network != network.trunc() {
            self.found.push(
                Diagnostic::error(
                    codes::BAD_FIELD_VALUE,
                    node.span,
                    "a network cannot have bits set after its prefix",
                )
                .help(format!("write {}", network.trunc())),
            );
        }
    }
}

/// Returns whether a decimal number is written with a leading zero.
fn has_leading_zero(number: &str) -> bool {
    number.len() > 1 && number.starts_with('0') && number.bytes().all(|b| b.is_ascii_digit())
}

fn list(networks: &[IpNet]) -> String {
    let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
    networks.join(" and ")
}
