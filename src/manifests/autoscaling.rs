//! Autoscalers, and the metrics that they follow.

use super::Judge;
use super::read::{at, integer, items, text_at};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::Node;

/// The types of metrics and their fields.
const METRICS: &[(&str, &str)] = &[
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];

impl Judge<'_> {
    /// Reports what is wrong with a `HorizontalPodAutoscaler`.
    pub(super) fn autoscaler(&mut self, node: &Node, place: Span) {
        let Some(spec) = at(node, &["spec"]) else {
            return self.missing(place, "HorizontalPodAutoscaler", "spec");
        };
        self.between(spec, "maxReplicas", 1, i64::MAX);
        self.between(spec, "minReplicas", 0, i64::MAX);
        let number =
            |field: &str| at(spec, &[field]).and_then(|node| Some((integer(node)?, node.span)));
        if let (Some((least, span)), Some((most, other))) =
            (number("minReplicas"), number("maxReplicas"))
            && least > most
        {
            self.found.push(
                Diagnostic::error(
                    codes::BAD_FIELD_VALUE,
                    span,
                    "`minReplicas` exceeds `maxReplicas`",
                )
                .related(other, "`maxReplicas`"),
            );
        }
        let outside =
            |metric: &Node| matches!(text_at(metric, &["type"]), Some("Object" | "External"));
        if let Some((0, span)) = number("minReplicas") {
            if !self.server.has_gate("HPAScaleToZero", Some(37)) {
                self.value_error(
                    span,
                    "`minReplicas: 0` requires the feature gate HPAScaleToZero",
                );
            } else if !items(spec, &["metrics"]).iter().any(outside) {
                self.value_error(
                    span,
                    "`minReplicas: 0` requires a metric of type Object or External",
                );
            }
        }
    }

    /// Reports what is wrong with a metric.
    pub(super) fn metric(&mut self, metric: &Node) {
        let names: Vec<&str> = METRICS.iter().map(|(name, _)| *name).collect();
        self.one_of(metric, "type", &names);
        let kind = text_at(metric, &["type"]).unwrap_or_default();
        let Some((_, field)) = METRICS.iter().find(|(name, _)| *name == kind) else {
            return;
        };
        for (_, other) in METRICS.iter().filter(|(_, other)| other != field) {
            if let Some(value) = at(metric, &[other]) {
                self.value_error(value.span, format!("a {kind} metric has no `{other}`"));
            }
        }
        let Some(source) = at(metric, &[field]) else {
            return self.missing(metric.span, &format!("a {kind} metric"), field);
        };
        if let Some(target) = at(source, &["target"]) {
            self.metric_target(target, kind);
        }
    }

    fn metric_target(&mut self, target: &Node, kind: &str) {
        self.one_of(target, "type", &["Utilization", "Value", "AverageValue"]);
        self.between(target, "averageUtilization", 1, i64::MAX);
        let fields: &[&str] = match kind {
            "Resource" | "ContainerResource" => &["averageUtilization", "averageValue"],
            "Pods" => &["averageValue"],
            // Both are accepted of an Object.
            "Object" if at(target, &["value"]).is_some() => return,
            _ => &["value", "averageValue"],
        };
        self.exactly_one(target, fields, "the target");
    }
}
