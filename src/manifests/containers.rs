//! Containers: ports, probes, environment, resources, mounts.

use std::collections::HashMap;

use super::Judge;
use super::metadata::Rule;
use super::quantity::Quantity;
use super::read::{at, boolean, entries, integer, items, plain_number, text, text_at};
use super::values::port_name;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::{Entry, Node, Value};
use crate::text::{nearest, shown};

/// What the containers of a pod share.
pub(super) struct Surroundings<'n> {
    /// By name: whether it is a claim whose volume is a block device without files, if that is
    /// known.
    pub volumes: HashMap<&'n str, Span>,
    pub host_network: bool,
}

const PROTOCOLS: &[&str] = &["TCP", "UDP", "SCTP"];

impl Judge<'_> {
    /// Reports what is wrong with a container. `starts`: it runs before the others, and ends.
    pub(super) fn container(&mut self, node: &Node, pod: &Surroundings, starts: bool) {
        if let Some(name) = at(node, &["name"])
            && let Some(text) = text(name)
        {
            self.name(text, name.span, Rule::Label, "a container name");
        }
        self.wanted_text(node, "image", "the container", node.span);
        if let Some(image) = at(node, &["image"])
            && text(image).is_some_and(|image| image.contains(char::is_whitespace))
        {
            self.value_error(image.span, "an image name cannot contain spaces");
        }
        self.one_of(
            node,
            "imagePullPolicy",
            &["Always", "IfNotPresent", "Never"],
        );
        self.one_of(
            node,
            "terminationMessagePolicy",
            &["File", "FallbackToLogsOnError"],
        );
        let ports = self.ports(node, pod);
        self.environment(node);
        self.mounts(node, pod);
        if let Some(resources) = at(node, &["resources"]) {
            self.resources(resources);
        }
        let helper = text_at(node, &["restartPolicy"]) == Some("Always");
        for (field, once) in [
            ("livenessProbe", true),
            ("startupProbe", true),
            ("readinessProbe", false),
        ] {
            let Some(probe) = at(node, &[field]) else {
                continue;
            };
            if starts && !helper {
                self.value_error(
                    probe.span,
                    format!(
                        "an init container cannot have `{field}`: it ends before the others start"
                    ),
                );
            }
            self.probe(probe, &ports, once);
        }
        for hook in ["postStart", "preStop"] {
            if let Some(handler) = at(node, &["lifecycle", hook]) {
                self.exactly_one(
                    handler,
                    &["exec", "httpGet", "tcpSocket", "sleep"],
                    "the hook",
                );
                self.target(handler, &ports);
            }
        }
        if let Some(security) = at(node, &["securityContext"]) {
            let is = |field: &str| at(security, &[field]).and_then(boolean);
            if is("privileged") == Some(true) && is("allowPrivilegeEscalation") == Some(false) {
                self.value_error(
                    security.span,
                    "`allowPrivilegeEscalation: false` is not possible with `privileged: true`",
                );
            }
            self.identity(security);
        }
    }

    /// Checks the users and profiles in a `securityContext`.
    pub(super) fn identity(&mut self, security: &Node) {
        for field in ["runAsUser", "runAsGroup", "fsGroup"] {
            self.between(security, field, 0, i64::from(i32::MAX));
        }
        for profile in ["seccompProfile", "appArmorProfile"] {
            if let Some(profile) = at(security, &[profile]) {
                self.one_of(
                    profile,
                    "type",
                    &["RuntimeDefault", "Unconfined", "Localhost"],
                );
            }
        }
    }

    /// Returns the names of the container's ports.
    fn ports<'n>(&mut self, node: &'n Node, pod: &Surroundings) -> HashMap<&'n str, Span> {
        let mut names = HashMap::new();
        for port in items(node, &["ports"]) {
            self.between(port, "containerPort", 1, 65535);
            self.between(port, "hostPort", 1, 65535);
            self.one_of(port, "protocol", PROTOCOLS);
            let number = |field: &str| at(port, &[field]).and_then(integer);
            if pod.host_network
                && let (Some(inside), Some(outside)) = (number("containerPort"), number("hostPort"))
                && inside != outside
            {
                self.value_error(
                    at(port, &["hostPort"]).map_or(port.span, |node| node.span),
                    "with `hostNetwork`, `hostPort` must equal `containerPort`",
                );
            }
            let Some(name) = at(port, &["name"]) else {
                continue;
            };
            let Some(text) = text(name) else { continue };
            if let Some(why) = port_name(text) {
                self.bad_port_name(name.span, text, why);
            }
            if let Some(first) = names.insert(text, name.span) {
                self.found.push(
                    Diagnostic::error(
                        codes::ELEMENT_TWICE,
                        name.span,
                        format!("two ports are named `{}`", shown(text)),
                    )
                    .related(first, "first occurrence"),
                );
            }
        }
        names
    }

    pub(super) fn bad_port_name(&mut self, span: Span, name: &str, why: &str) {
        self.found.push(
            Diagnostic::error(
                codes::BAD_FIELD_VALUE,
                span,
                format!("`{}` is not a port name", shown(name)),
            )
            .label(why),
        );
    }

    fn environment(&mut self, node: &Node) {
        for variable in items(node, &["env"]) {
            if let Some(name) = at(variable, &["name"])
                && text(name)
                    .is_some_and(|t| t.is_empty() || t.contains(['=', '\0']) || !t.is_ascii())
            {
                self.value_error(name.span, "not an environment variable name");
            }
            self.at_most_one(variable, &["value", "valueFrom"]);
            if let Some(from) = at(variable, &["valueFrom"]) {
                self.exactly_one(
                    from,
                    &[
                        "fieldRef",
                        "resourceFieldRef",
                        "configMapKeyRef",
                        "secretKeyRef",
                        "fileKeyRef",
                    ],
                    "the source",
                );
                for source in ["configMapKeyRef", "secretKeyRef"] {
                    if let Some(source) = at(from, &[source]) {
                        self.wanted_text(source, "name", "the reference", source.span);
                    }
                }
            }
        }
        for source in items(node, &["envFrom"]) {
            self.exactly_one(source, &["configMapRef", "secretRef"], "the source");
        }
    }

    fn mounts(&mut self, node: &Node, pod: &Surroundings) {
        for field in ["volumeMounts", "volumeDevices"] {
            for mount in items(node, &[field]) {
                if let Some(name) = at(mount, &["name"])
                    && let Some(text) = text(name)
                    && !pod.volumes.contains_key(text)
                {
                    let mut diagnostic = Diagnostic::error(
                        codes::UNKNOWN_VOLUME,
                        name.span,
                        format!("the pod has no volume `{}`", shown(text)),
                    );
                    if let Some(meant) = nearest(text, pod.volumes.keys().copied()) {
                        diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
                    }
                    self.found.push(diagnostic);
                }
                self.inner_path(mount, "subPath");
                self.at_most_one(mount, &["subPath", "subPathExpr"]);
                self.one_of(
                    mount,
                    "mountPropagation",
                    &["None", "HostToContainer", "Bidirectional"],
                );
            }
        }
    }

    fn probe(&mut self, probe: &Node, ports: &HashMap<&str, Span>, once: bool) {
        self.exactly_one(
            probe,
            &["httpGet", "tcpSocket", "exec", "grpc"],
            "the probe",
        );
        self.between(probe, "initialDelaySeconds", 0, i64::MAX);
        self.between(probe, "terminationGracePeriodSeconds", 1, i64::MAX);
        for field in ["periodSeconds", "timeoutSeconds", "failureThreshold"] {
            // 0 means the default.
            self.between(probe, field, 0, i64::MAX);
        }
        if once
            && at(probe, &["successThreshold"])
                .and_then(integer)
                .is_some_and(|n| n != 1 && n != 0)
        {
            let span = at(probe, &["successThreshold"]).map_or(probe.span, |node| node.span);
            self.value_error(
                span,
                "the `successThreshold` of a liveness or startup probe must be 1",
            );
        } else {
            self.between(probe, "successThreshold", 0, i64::MAX);
        }
        self.target(probe, ports);
    }

    /// Checks the port of a probe or hook.
    fn target(&mut self, handler: &Node, ports: &HashMap<&str, Span>) {
        if let Some(get) = at(handler, &["httpGet"]) {
            self.one_of(get, "scheme", &["HTTP", "HTTPS"]);
        }
        if let Some(exec) = at(handler, &["exec"]) {
            self.not_empty(exec, "command", "`exec`", exec.span);
        }
        for kind in ["httpGet", "tcpSocket", "grpc"] {
            let Some(target) = at(handler, &[kind]) else {
                continue;
            };
            self.between(target, "port", 1, 65535);
            let Some(port) = at(target, &["port"]) else {
                continue;
            };
            let Some(name) = text(port).filter(|name| !ports.contains_key(name)) else {
                continue;
            };
            let mut diagnostic = Diagnostic::error(
                codes::UNKNOWN_PORT,
                port.span,
                format!("the container has no port `{}`", shown(name)),
            );
            if name.bytes().all(|b| b.is_ascii_digit()) && !name.is_empty() {
                diagnostic = diagnostic.help("write the number without quotes");
            } else if let Some(meant) = nearest(name, ports.keys().copied()) {
                diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
            }
            self.found.push(diagnostic);
        }
    }

    /// Checks requests and limits, of a container or a pod.
    pub(super) fn resources(&mut self, resources: &Node) {
        for side in ["requests", "limits"] {
            for entry in entries(resources, &[side]) {
                let name = &*entry.key.value;
                let known = matches!(name, "cpu" | "memory" | "ephemeral-storage" | "storage")
                    || name.starts_with("hugepages-")
                    || name.contains('/');
                if !known {
                    self.unknown_resource(entry);
                }
                let Some(quantity) = amount(&entry.value) else {
                    continue;
                };
                if quantity.sign().is_lt() {
                    self.bad_quantity(entry.value.span, "must not be negative");
                } else if name.contains('/') && !quantity.is_whole() {
                    self.bad_quantity(entry.value.span, "must be a whole number");
                }
            }
        }
        self.huge_pages(resources);
        for request in entries(resources, &["requests"]) {
            let name = &*request.key.value;
            // These are not shared, so the request must equal the limit.
            let exact = name.contains('/') || name.starts_with("hugepages-");
            let Some(limit) = at(resources, &["limits", name]) else {
                if exact {
                    let what = format!("the request for {}", shown(name));
                    self.missing(request.key.span, &what, &format!("limits.{}", shown(name)));
                }
                continue;
            };
            let (Some(wanted), Some(most)) = (amount(&request.value), amount(limit)) else {
                continue;
            };
            if wanted > most || (exact && wanted != most) {
                self.found.push(
                    Diagnostic::error(
                        codes::REQUEST_OVER_LIMIT,
                        request.value.span,
                        format!(
                            "the request for {} {} its limit",
                            shown(name),
                            if exact { "differs from" } else { "exceeds" }
                        ),
                    )
                    .related(limit.span, "the limit"),
                );
            }
        }
    }

    /// Reports a key that is not a resource of containers.
    pub(super) fn unknown_resource(&mut self, entry: &Entry) {
        let name = &*entry.key.value;
        let meant = nearest(name, ["cpu", "memory", "ephemeral-storage"]);
        let diagnostic = Diagnostic::error(
            codes::BAD_FIELD_VALUE,
            entry.key.span,
            format!("`{}` is not a resource", shown(name)),
        );
        self.found.push(diagnostic.help(meant.map_or_else(
            || "use cpu, memory, ephemeral-storage, hugepages-… or a name with a domain".to_owned(),
            |meant| format!("did you mean `{meant}`?"),
        )));
    }

    /// Reports huge pages that are wanted without any other resource.
    fn huge_pages(&mut self, resources: &Node) {
        let has = |wanted: &dyn Fn(&str) -> bool| {
            ["requests", "limits"].iter().find_map(|side| {
                let mut entries = entries(resources, &[side]).iter();
                entries.find(|entry| wanted(&entry.key.value))
            })
        };
        if let Some(entry) = has(&|name| name.starts_with("hugepages-"))
            && has(&|name| matches!(name, "cpu" | "memory")).is_none()
        {
            self.value_error(
                entry.key.span,
                "huge pages require `cpu` or `memory` as well",
            );
        }
    }

    pub(super) fn bad_quantity(&mut self, span: Span, why: &str) {
        self.found.push(
            Diagnostic::error(codes::BAD_AMOUNT, span, "not a valid resource amount").label(why),
        );
    }
}

/// Returns the amount of a value, if it is one.
pub(super) fn amount(node: &Node) -> Option<Quantity> {
    match &node.value {
        Value::Scalar(scalar) => Quantity::parse(&plain_number(node, &scalar.text)),
        _ => None,
    }
}
