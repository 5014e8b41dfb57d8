//! What keeps pods running: Deployments and similar kinds, disruption budgets.

use super::Judge;
use super::metadata::Rule;
use super::read::{at, entries, integer, items, text, text_at};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::{Entry, Node};
use crate::text::shown;

impl Judge<'_> {
    /// Reports what is wrong with a Deployment, `DaemonSet`, `StatefulSet`, `ReplicaSet` or
    /// `ReplicationController`.
    pub(super) fn workload(&mut self, node: &Node, kind: &str, place: Span) {
        let Some(spec) = at(node, &["spec"]) else {
            return self.missing(place, kind, "spec");
        };
        for field in ["replicas", "minReadySeconds", "revisionHistoryLimit"] {
            self.between(spec, field, 0, i64::MAX);
        }
        let mut claims = Vec::new();
        for claim in items(spec, &["volumeClaimTemplates"]) {
            if let Some(name) = at(claim, &["metadata", "name"])
                && let Some(text) = text(name)
            {
                self.name(text, name.span, Rule::Label, "a valid volume name");
                claims.push((text, name.span));
            }
            if let Some(spec) = at(claim, &["spec"]) {
                self.claim(spec);
            }
        }
        match at(spec, &["template"]) {
            Some(template) => {
                self.template(template, &claims, &["Always"]);
                let labels = entries(template, &["metadata", "labels"]);
                self.selects(spec, kind, labels, template.span);
            }
            None if kind == "ReplicaSet" || kind == "ReplicationController" => {
                self.missing(spec.span, kind, "template");
            }
            None => {}
        }
        match kind {
            "Deployment" => {
                self.rollout(spec, kind, "strategy", &["Recreate"]);
                self.progress(spec);
            }
            "DaemonSet" | "StatefulSet" => {
                let recreates = kind == "StatefulSet"
                    && self.server.has_gate("StatefulSetRecreateStrategy", None);
                let others: &[&str] = if recreates {
                    &["OnDelete", "Recreate"]
                } else {
                    &["OnDelete"]
                };
                self.rollout(spec, kind, "updateStrategy", others);
                self.one_of(spec, "podManagementPolicy", &["OrderedReady", "Parallel"]);
            }
            _ => {}
        }
    }

    /// Checks that the selector of `spec` selects the pods of its own template.
    fn selects(&mut self, spec: &Node, kind: &str, labels: &[Entry], template: Span) {
        let Some(selector) = at(spec, &["selector"]) else {
            // The API server fills it in for this one.
            if kind == "ReplicationController" && labels.is_empty() {
                self.missing(spec.span, kind, "selector");
            }
            return;
        };
        let wanted = if kind == "ReplicationController" {
            entries(selector, &[])
        } else {
            entries(selector, &["matchLabels"])
        };
        let expressions = items(selector, &["matchExpressions"]);
        if wanted.is_empty() && expressions.is_empty() {
            return self.value_error(
                selector.span,
                "the selector is empty and would select every pod",
            );
        }
        let value = |key: &str| {
            let label = labels.iter().find(|label| &*label.key.value == key);
            label.and_then(|label| text(&label.value))
        };
        for want in wanted {
            let Some(text) = text(&want.value) else {
                continue;
            };
            if value(&want.key.value) == Some(text) {
                continue;
            }
            let label = labels
                .iter()
                .find(|label| label.key.value == want.key.value);
            let diagnostic = Diagnostic::error(
                codes::SELECTOR_MISMATCH,
                want.key.span,
                format!(
                    "the pods of the template have no label `{}: {}`",
                    shown(&want.key.value),
                    shown(text)
                ),
            );
            self.found.push(match label {
                Some(label) => diagnostic.related(label.value.span, "the template has this label"),
                None => diagnostic.related(template, "the template"),
            });
        }
        for expression in expressions {
            let (Some(key), Some(operator)) = (
                text_at(expression, &["key"]),
                text_at(expression, &["operator"]),
            ) else {
                continue;
            };
            let values = || items(expression, &["values"]).iter().filter_map(text);
            let there = value(key);
            let selected = match operator {
                "In" => there.is_some_and(|label| values().any(|value| value == label)),
                "NotIn" => there.is_none_or(|label| values().all(|value| value != label)),
                "Exists" => there.is_some(),
                "DoesNotExist" => there.is_none(),
                _ => continue,
            };
            if !selected {
                self.found.push(
                    Diagnostic::error(
                        codes::SELECTOR_MISMATCH,
                        expression.span,
                        "this does not select the pods of the template",
                    )
                    .related(template, "the template"),
                );
            }
        }
    }

    /// Checks that pods have the time to become available before a rollout counts as failed.
    fn progress(&mut self, spec: &Node) {
        let number = |field: &str| at(spec, &[field]).and_then(integer);
        let deadline = number("progressDeadlineSeconds").unwrap_or(600);
        if let Some(ready) = at(spec, &["minReadySeconds"])
            && integer(ready).is_some_and(|seconds| seconds >= deadline)
        {
            self.value_error(
                ready.span,
                format!("must be less than `progressDeadlineSeconds`, which is {deadline}"),
            );
        }
    }

    fn rollout(&mut self, spec: &Node, kind: &str, field: &str, others: &[&str]) {
        let Some(strategy) = at(spec, &[field]) else {
            return;
        };
        self.one_of(strategy, "type", &[&["RollingUpdate"][..], others].concat());
        let other = text_at(strategy, &["type"]).filter(|word| others.contains(word));
        let Some(rolling) = at(strategy, &["rollingUpdate"]) else {
            return;
        };
        // The API server accepts it for a DaemonSet.
        if let Some(other) = other
            && kind != "DaemonSet"
        {
            self.value_error(
                rolling.span,
                format!("`rollingUpdate` cannot be combined with `type: {other}`"),
            );
        }
        let none = |field: &str| {
            at(rolling, &[field]).is_some_and(|node| {
                integer(node) == Some(0) || text(node).is_some_and(|text| text == "0%")
            })
        };
        let no_surge = none("maxSurge");
        // A DaemonSet replaces one pod at a time, and adds none, if it is not told otherwise.
        let daemons = kind == "DaemonSet" && other.is_none();
        if none("maxUnavailable") && (no_surge || daemons && at(rolling, &["maxSurge"]).is_none()) {
            self.value_error(
                rolling.span,
                "`maxUnavailable` and `maxSurge` cannot both be 0: no pod could be replaced",
            );
        }
        if let Some(surge) = at(rolling, &["maxSurge"])
            && daemons
            && !no_surge
            && !none("maxUnavailable")
        {
            self.value_error(
                surge.span,
                "the `maxSurge` of a DaemonSet requires `maxUnavailable: 0`",
            );
        }
        for field in ["maxUnavailable", "maxSurge"] {
            self.percentage(rolling, field);
        }
        for field in ["maxUnavailable", "maxSurge"] {
            if field == "maxSurge" && !daemons {
                continue;
            }
            if let Some(node) = at(rolling, &[field])
                && let Some(percent) = text(node).and_then(|text| text.strip_suffix('%'))
                && percent.parse::<u64>().is_ok_and(|percent| percent > 100)
            {
                self.value_error(node.span, format!("`{field}` must be at most 100%"));
            }
        }
        self.between(rolling, "partition", 0, i64::MAX);
    }

    /// Checks a non-negative number or a percentage.
    fn percentage(&mut self, node: &Node, field: &str) {
        self.between(node, field, 0, i64::MAX);
        if let Some(node) = at(node, &[field])
            && let Some(text) = text(node)
            && !(text.strip_suffix('%'))
                .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        {
            self.value_error(
                node.span,
                format!("`{}` is neither a number nor a percentage", shown(text)),
            );
        }
    }

    /// Reports what is wrong with a `PodDisruptionBudget`.
    pub(super) fn disruption_budget(&mut self, node: &Node, place: Span) {
        let Some(spec) = at(node, &["spec"]) else {
            return self.missing(place, "PodDisruptionBudget", "spec");
        };
        self.at_most_one(spec, &["minAvailable", "maxUnavailable"]);
        self.percentage(spec, "minAvailable");
        self.percentage(spec, "maxUnavailable");
    }
}
