//! Pods, by themselves or as templates.

use std::collections::HashMap;

use super::Judge;
use super::containers::Surroundings;
use super::metadata::Rule;
use super::read::{at, boolean, entries, integer, items, text, text_at, written};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::Node;
use crate::text::shown;

/// Fields of a pod that contain containers.
const CONTAINERS: &[(&str, bool)] = &[("initContainers", true), ("containers", false)];

impl Judge<'_> {
    /// Reports what is wrong with a pod.
    pub(super) fn pod(&mut self, node: &Node, place: Span) {
        match at(node, &["spec"]) {
            Some(spec) => self.pod_spec(spec, &[], &["Always", "OnFailure", "Never"]),
            None => self.missing(place, "Pod", "spec"),
        }
    }

    /// Reports what is wrong with the template `node`, whose volumes also include those named in
    /// `claims`.
    pub(super) fn template(&mut self, node: &Node, claims: &[(&str, Span)], restart: &[&str]) {
        self.labels(entries(node, &["metadata", "labels"]));
        match at(node, &["spec"]) {
            Some(spec) => self.pod_spec(spec, claims, restart),
            None => self.missing(node.span, "the template", "spec"),
        }
    }

    fn pod_spec(&mut self, spec: &Node, claims: &[(&str, Span)], restart: &[&str]) {
        self.one_of(spec, "restartPolicy", restart);
        if !restart.contains(&"Always") && at(spec, &["restartPolicy"]).is_none() {
            self.missing(spec.span, "the pod of a job", "restartPolicy");
        }
        self.one_of(
            spec,
            "dnsPolicy",
            &["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
        );
        if text_at(spec, &["dnsPolicy"]) == Some("None")
            && items(spec, &["dnsConfig", "nameservers"]).is_empty()
        {
            self.value_error(
                spec.span,
                "`dnsPolicy: None` requires `dnsConfig.nameservers`",
            );
        }
        self.between(spec, "terminationGracePeriodSeconds", 0, i64::MAX);
        self.between(spec, "activeDeadlineSeconds", 1, i64::from(i32::MAX));
        for field in [
            "serviceAccountName",
            "priorityClassName",
            "runtimeClassName",
        ] {
            if let Some(node) = at(spec, &[field])
                && let Some(name) = text(node).filter(|name| !name.is_empty())
            {
                self.name(name, node.span, Rule::Subdomain, "a valid name");
            }
        }
        for field in ["hostname", "subdomain"] {
            if let Some(node) = at(spec, &[field])
                && let Some(name) = text(node).filter(|name| !name.is_empty())
            {
                self.name(name, node.span, Rule::Label, "a valid host name");
            }
        }
        self.labels(entries(spec, &["nodeSelector"]));
        if let Some(security) = at(spec, &["securityContext"]) {
            self.identity(security);
            self.sysctls(spec, security);
        }
        if let Some(resources) = at(spec, &["resources"]) {
            self.resources(resources);
        }
        for toleration in items(spec, &["tolerations"]) {
            self.toleration(toleration);
        }
        for spread in items(spec, &["topologySpreadConstraints"]) {
            self.between(spread, "maxSkew", 1, i64::MAX);
            self.one_of(
                spread,
                "whenUnsatisfiable",
                &["DoNotSchedule", "ScheduleAnyway"],
            );
        }
        let pod = Surroundings {
            volumes: self.volumes(spec, claims),
            host_network: at(spec, &["hostNetwork"]).and_then(boolean) == Some(true),
        };
        self.not_empty(spec, "containers", "the pod", spec.span);
        let mut names: HashMap<&str, Span> = HashMap::new();
        for (field, starts) in CONTAINERS {
            for container in items(spec, &[field]) {
                self.container(container, &pod, *starts);
                let Some(name) = at(container, &["name"]) else {
                    continue;
                };
                // Two in the same list are reported elsewhere.
                if let Some(text) = text(name)
                    && let Some(first) = names.insert(text, name.span)
                    && !items(spec, &[field])
                        .iter()
                        .any(|c| c.span.start <= first.start && first.end <= c.span.end)
                {
                    self.found.push(
                        Diagnostic::error(
                            codes::ELEMENT_TWICE,
                            name.span,
                            format!("two containers are named `{}`", shown(text)),
                        )
                        .related(first, "first occurrence"),
                    );
                }
            }
        }
    }

    fn sysctls(&mut self, pod: &Node, security: &Node) {
        let mut seen: HashMap<&str, Span> = HashMap::new();
        let shares = |field: &str| at(pod, &[field]).and_then(boolean) == Some(true);
        for sysctl in items(security, &["sysctls"]) {
            let Some(node) = at(sysctl, &["name"]) else {
                continue;
            };
            let Some(name) = text(node) else { continue };
            if !is_sysctl(name) {
                self.value_error(node.span, format!("`{}` is not a sysctl", shown(name)));
            }
            let dotted = name.replace('/', ".");
            let of_host = if dotted.starts_with("net.") && shares("hostNetwork") {
                Some("hostNetwork")
            } else if (dotted.starts_with("kernel.shm")
                || dotted.starts_with("kernel.msg")
                || dotted.starts_with("kernel.sem")
                || dotted.starts_with("fs.mqueue."))
                && shares("hostIPC")
            {
                Some("hostIPC")
            } else {
                None
            };
            if let Some(field) = of_host {
                self.value_error(
                    node.span,
                    format!("with `{field}`, this sysctl is the node's own"),
                );
            }
            if let Some(first) = seen.insert(name, node.span) {
                self.found.push(
                    Diagnostic::error(
                        codes::ELEMENT_TWICE,
                        node.span,
                        format!("`{}` is set twice", shown(name)),
                    )
                    .related(first, "first occurrence"),
                );
            }
        }
    }

    fn toleration(&mut self, node: &Node) {
        const GATE: &str = "TaintTolerationComparisonOperators";
        self.one_of(node, "operator", &["Exists", "Equal", "Lt", "Gt"]);
        if let Some(operator) = at(node, &["operator"])
            && matches!(text(operator), Some("Lt" | "Gt"))
            && !self.server.has_gate(GATE, None)
        {
            let mut diagnostic = Diagnostic::error(
                codes::BAD_FIELD_VALUE,
                operator.span,
                format!("this operator requires the feature gate {GATE}"),
            );
            if self.minor >= 35 {
                diagnostic = diagnostic.help(format!("add `feature_gates: {{{GATE}: true}}`"));
            }
            self.found.push(diagnostic);
        }
        self.one_of(
            node,
            "effect",
            &["NoSchedule", "PreferNoSchedule", "NoExecute"],
        );
        let exists = text_at(node, &["operator"]) == Some("Exists");
        if exists && text_at(node, &["value"]).is_some_and(|value| !value.is_empty()) {
            self.value_error(
                node.span,
                "a toleration with `operator: Exists` cannot have a `value`",
            );
        }
        if !exists && text_at(node, &["key"]).unwrap_or_default().is_empty() {
            self.value_error(
                node.span,
                "a toleration without `key` requires `operator: Exists`",
            );
        }
        if at(node, &["tolerationSeconds"]).is_some()
            && text_at(node, &["effect"]) != Some("NoExecute")
        {
            self.value_error(
                node.span,
                "`tolerationSeconds` requires `effect: NoExecute`",
            );
        }
    }

    /// Returns the names of the pod's volumes.
    fn volumes<'n>(
        &mut self,
        spec: &'n Node,
        claims: &[(&'n str, Span)],
    ) -> HashMap<&'n str, Span> {
        let mut names: HashMap<&str, Span> = claims.iter().copied().collect();
        for volume in items(spec, &["volumes"]) {
            if let Some(node) = at(volume, &["name"])
                && let Some(name) = text(node)
            {
                self.name(name, node.span, Rule::Label, "a valid volume name");
                names.insert(name, node.span);
            }
            let sources: Vec<&str> = written(volume)
                .map(|entry| &*entry.key.value)
                .filter(|key| *key != "name")
                .collect();
            if sources.len() > 1 {
                self.at_most_one(volume, &sources);
            }
            if let Some(path) = at(volume, &["hostPath"]) {
                self.one_of(
                    path,
                    "type",
                    &[
                        "DirectoryOrCreate",
                        "Directory",
                        "FileOrCreate",
                        "File",
                        "Socket",
                        "CharDevice",
                        "BlockDevice",
                    ],
                );
            }
            if let Some(claim) = at(volume, &["ephemeral", "volumeClaimTemplate", "spec"]) {
                self.claim(claim);
            }
            for (kind, field) in [("configMap", "name"), ("secret", "secretName")] {
                if let Some(source) = at(volume, &[kind]) {
                    self.wanted_text(source, field, "the volume", source.span);
                    self.files_of(source);
                }
            }
            if let Some(source) = at(volume, &["projected"]) {
                self.mode(source, "defaultMode");
                for source in items(source, &["sources"]) {
                    for kind in ["configMap", "secret", "downwardAPI"] {
                        if let Some(source) = at(source, &[kind]) {
                            self.files_of(source);
                        }
                    }
                }
            }
            if let Some(source) = at(volume, &["downwardAPI"]) {
                self.files_of(source);
            }
        }
        names
    }

    /// Checks the files of a volume, and their modes.
    fn files_of(&mut self, source: &Node) {
        self.mode(source, "defaultMode");
        for item in items(source, &["items"]) {
            self.mode(item, "mode");
            self.inner_path(item, "path");
        }
    }

    fn mode(&mut self, node: &Node, field: &str) {
        let Some(value) = at(node, &[field]) else {
            return;
        };
        if let Some(mode) = integer(value).filter(|mode| !(0..=0o777).contains(mode)) {
            self.found.push(
                Diagnostic::error(
                    codes::BAD_FIELD_VALUE,
                    value.span,
                    format!("{mode} is not a file mode"),
                )
                .label("must be 0 to 0777, which is 511")
                .help("write it in octal with a leading 0, like 0644"),
            );
        }
    }
}

/// Returns whether `name` is a sysctl: words of lowercase letters, digits, `-` and `_`, joined by
/// dots or slashes.
fn is_sysctl(name: &str) -> bool {
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.split(['.', '/']).all(|word| {
            word.starts_with(alphanumeric)
                && word.ends_with(alphanumeric)
                && word
                    .chars()
                    .all(|c| alphanumeric(c) || matches!(c, '-' | '_'))
        })
}
