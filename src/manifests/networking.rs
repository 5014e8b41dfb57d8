//! Services, Ingresses, network policies.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Judge;
use super::metadata::Rule;
use super::read::{at, entries, integer, items, text, text_at};
use super::values::port_name;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::Node;
use crate::text::shown;

/// `--service-node-port-range`, if it is not set.
const NODE_PORTS: (i64, i64) = (30000, 32767);

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
        let address = at(spec, &["clusterIP"]);
        if let Some(node) = address
            && let Some(ip) = text(node)
            && !matches!(ip, "" | "None")
            && ip.parse::<IpAddr>().is_err()
        {
            self.value_error(node.span, format!("`{}` is not an address", shown(ip)));
        }
        let headless = address.and_then(text) == Some("None");
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
            self.between(port, "nodePort", NODE_PORTS.0, NODE_PORTS.1);
            self.one_of(port, "protocol", &["TCP", "UDP", "SCTP"]);
            if let Some(target) = at(port, &["targetPort"])
                && let Some(name) = text(target)
                && let Some(why) = port_name(name)
            {
                self.bad_port_name(target.span, name, why);
            }
            if let Some(node_port) = at(port, &["nodePort"])
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
        if let Some(selector) = at(spec, &["podSelector"]) {
            self.selector(selector);
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
        let Some(block) = block else { return };
        let network = |node: &Node| text(node).and_then(|text| text.parse::<IpNet>().ok());
        let Some(cidr) = at(block, &["cidr"]) else {
            return;
        };
        let Some(outer) = network(cidr) else {
            return self.value_error(cidr.span, "expected a network, such as 10.0.0.0/8");
        };
        for except in items(block, &["except"]) {
            match network(except) {
                Some(inner) if outer.contains(&inner) && inner != outer => {}
                Some(_) => self.value_error(except.span, format!("not part of {outer}")),
                None => self.value_error(except.span, "expected a network, such as 10.0.0.0/8"),
            }
        }
    }
}
