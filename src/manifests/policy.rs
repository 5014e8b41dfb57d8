//! Roles and their bindings, priorities, and objects with data such as Secrets.

use super::Judge;
use super::metadata::Rule;
use super::read::{at, entries, integer, items, text, text_at};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::Node;
use crate::text::shown;

const RBAC: &str = "rbac.authorization.k8s.io";

impl Judge<'_> {
    /// Reports what is wrong with the rules of a `Role` or `ClusterRole`.
    pub(super) fn role(&mut self, node: &Node, kind: &str) {
        if let Some(aggregation) = at(node, &["aggregationRule"]) {
            let place = aggregation.span;
            self.not_empty(
                aggregation,
                "clusterRoleSelectors",
                "the aggregation",
                place,
            );
        }
        for rule in items(node, &["rules"]) {
            if at(rule, &["verbs"]).is_some() {
                self.not_empty(rule, "verbs", "the rule", rule.span);
            }
            let urls = at(rule, &["nonResourceURLs"]);
            if let Some(urls) = urls {
                if kind == "Role" {
                    self.value_error(
                        urls.span,
                        "a Role cannot have `nonResourceURLs`: they do not belong to a namespace",
                    );
                }
                if !items(rule, &["resources"]).is_empty() {
                    self.value_error(
                        urls.span,
                        "a rule applies to either resources or non-resource URLs",
                    );
                }
            } else {
                self.not_empty(rule, "apiGroups", "the rule", rule.span);
                self.not_empty(rule, "resources", "the rule", rule.span);
            }
        }
    }

    /// Reports what is wrong with a `RoleBinding` or `ClusterRoleBinding`.
    pub(super) fn role_binding(&mut self, node: &Node, kind: &str) {
        if let Some(role) = at(node, &["roleRef"]) {
            let kinds: &[&str] = if kind == "RoleBinding" {
                &["Role", "ClusterRole"]
            } else {
                &["ClusterRole"]
            };
            self.one_of(role, "kind", kinds);
            self.one_of(role, "apiGroup", &[RBAC]);
        }
        for subject in items(node, &["subjects"]) {
            if text_at(subject, &["kind"]) == Some("ServiceAccount") {
                if let Some(group) = at(subject, &["apiGroup"])
                    && text(group).is_some_and(|group| !group.is_empty())
                {
                    self.value_error(
                        group.span,
                        "the `apiGroup` of a ServiceAccount must be empty",
                    );
                }
                // A RoleBinding is in the namespace that it means.
                if kind == "ClusterRoleBinding" {
                    self.wanted_text(subject, "namespace", "a ServiceAccount", subject.span);
                }
                if let Some(name) = at(subject, &["name"])
                    && let Some(text) = text(name)
                {
                    self.name(text, name.span, Rule::Subdomain, "a valid name");
                }
            } else {
                self.one_of(subject, "apiGroup", &[RBAC]);
            }
        }
    }

    /// Reports what is wrong with a `PriorityClass`.
    pub(super) fn priority_class(&mut self, node: &Node) {
        self.one_of(node, "preemptionPolicy", &["Never", "PreemptLowerPriority"]);
        let name = text_at(node, &["metadata", "name"]).unwrap_or_default();
        let own = name.starts_with("system-");
        if own && !matches!(name, "system-node-critical" | "system-cluster-critical") {
            let span = at(node, &["metadata", "name"]).map_or(node.span, |node| node.span);
            self.value_error(
                span,
                "names that start with `system-` are reserved for Kubernetes",
            );
        }
        if let Some(value) = at(node, &["value"])
            && !own
            && integer(value).is_some_and(|value| value > 1_000_000_000)
        {
            self.value_error(value.span, "a priority must be at most 1000000000");
        }
    }

    /// Reports what is wrong with a `ConfigMap`.
    pub(super) fn config_map(&mut self, node: &Node) {
        self.data(node, "data", Some("binaryData"));
        self.data(node, "binaryData", None);
    }

    /// Reports what is wrong with a Secret.
    pub(super) fn secret(&mut self, node: &Node, place: Span) {
        self.data(node, "data", None);
        self.data(node, "stringData", None);
        let wanted: &[&str] = match text_at(node, &["type"]) {
            Some("kubernetes.io/tls") => &["tls.crt", "tls.key"],
            Some("kubernetes.io/dockerconfigjson") => &[".dockerconfigjson"],
            Some("kubernetes.io/ssh-auth") => &["ssh-privatekey"],
            _ => &[],
        };
        for key in wanted {
            if at(node, &["data", key]).is_none() && at(node, &["stringData", key]).is_none() {
                self.missing(place, "a Secret of this type", key);
            }
        }
    }

    /// Checks the keys of data, which become file names; none may also be in `other`.
    fn data(&mut self, node: &Node, field: &str, other: Option<&str>) {
        for entry in entries(node, &[field]) {
            let key = &*entry.key.value;
            let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            if key.is_empty()
                || key.len() > 253
                || !key.bytes().all(inner)
                || matches!(key, "." | "..")
            {
                self.found.push(
                    Diagnostic::error(
                        codes::BAD_FIELD_VALUE,
                        entry.key.span,
                        format!("`{}` is not a valid file name", shown(key)),
                    )
                    .label("must consist of letters, digits, `-`, `_` and `.`"),
                );
            }
            let twin = other.and_then(|other| {
                let mut entries = entries(node, &[other]).iter();
                entries.find(|twin| twin.key.value == entry.key.value)
            });
            if let Some(twin) = twin {
                self.found.push(
                    Diagnostic::error(
                        codes::ELEMENT_TWICE,
                        twin.key.span,
                        format!("`{}` is defined twice", shown(key)),
                    )
                    .related(entry.key.span, "first occurrence"),
                );
            }
        }
    }
}
