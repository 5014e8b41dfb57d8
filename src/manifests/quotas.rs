//! `ResourceQuota` and `LimitRange`: which resources they may limit, and how.

use std::collections::HashMap;

use super::Judge;
use super::containers::amount;
use super::quantity::Quantity;
use super::read::{at, entries, items, text, text_at};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::decode::alternatives;
use crate::spec::yaml::{Entry, Node};
use crate::text::{nearest, shown};

/// What is counted: whole numbers (Kubernetes, "Resource Quotas").
const COUNTED: &[&str] = &[
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

/// What is measured.
const MEASURED: &[&str] = &[
    "cpu",
    "memory",
    "ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
    "requests.storage",
];

/// Resources that a scope of single pods can limit.
const OF_PODS: &[&str] = &[
    "pods",
    "cpu",
    "memory",
    "limits.cpu",
    "limits.memory",
    "requests.cpu",
    "requests.memory",
];

const SCOPES: &[&str] = &[
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

impl Judge<'_> {
    /// Reports what is wrong with the spec of a `ResourceQuota`.
    pub(super) fn resource_quota(&mut self, spec: &Node) {
        for entry in entries(spec, &["hard"]) {
            self.hard(entry);
        }
        let mut scopes: Vec<(&str, Span)> = Vec::new();
        for scope in items(spec, &["scopes"]) {
            if let Some(name) = text(scope) {
                scopes.push((name, scope.span));
            }
        }
        for expression in items(spec, &["scopeSelector", "matchExpressions"]) {
            self.scope_expression(expression);
            if let Some(name) = at(expression, &["scopeName"])
                && let Some(text) = text(name)
            {
                scopes.push((text, name.span));
            }
        }
        for &(scope, span) in &scopes {
            self.scope(spec, scope, span);
        }
        for (one, other) in [
            ("Terminating", "NotTerminating"),
            ("BestEffort", "NotBestEffort"),
        ] {
            let place = |wanted: &str| scopes.iter().find(|(name, _)| *name == wanted);
            if let (Some((_, first)), Some((_, second))) = (place(one), place(other)) {
                self.found.push(
                    Diagnostic::error(
                        codes::BAD_FIELD_VALUE,
                        *second,
                        format!("no pod is both {one} and {other}"),
                    )
                    .related(*first, format!("`{one}` is here")),
                );
            }
        }
    }

    fn hard(&mut self, entry: &Entry) {
        let name = &*entry.key.value;
        let huge = name.starts_with("hugepages-") || name.starts_with("requests.hugepages-");
        let counted = COUNTED.contains(&name) || name.starts_with("count/");
        if !counted && !huge && !MEASURED.contains(&name) && !name.contains('/') {
            let known = COUNTED.iter().chain(MEASURED).copied();
            let diagnostic = Diagnostic::error(
                codes::BAD_FIELD_VALUE,
                entry.key.span,
                format!("`{}` is not a resource that a quota limits", shown(name)),
            );
            self.found.push(match nearest(name, known) {
                Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                None => diagnostic,
            });
        }
        self.whole_if(
            entry,
            counted || name.contains('/') && !name.ends_with("requests.storage"),
        );
    }

    /// Reports a negative amount, or one that is not whole if it is to be `whole`.
    fn whole_if(&mut self, entry: &Entry, whole: bool) {
        let Some(quantity) = amount(&entry.value) else {
            return;
        };
        if quantity.sign().is_lt() {
            self.bad_quantity(entry.value.span, "must not be negative");
        } else if whole && !quantity.is_whole() {
            self.bad_quantity(entry.value.span, "must be a whole number");
        }
    }

    fn scope_expression(&mut self, expression: &Node) {
        const OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist"];
        self.one_of(expression, "operator", OPERATORS);
        let values = items(expression, &["values"]).len();
        let operator = text_at(expression, &["operator"]).unwrap_or_default();
        let simple = !matches!(
            text_at(expression, &["scopeName"]),
            Some("PriorityClass" | "VolumeAttributesClass")
        );
        let why = match operator {
            "In" | "NotIn" | "DoesNotExist" if simple => {
                "cannot be used with this scope: only `Exists` can"
            }
            "In" | "NotIn" if values == 0 => "requires values",
            "Exists" | "DoesNotExist" if values > 0 => "takes no values",
            _ => return,
        };
        self.value_error(expression.span, format!("`{operator}` {why}"));
    }

    fn scope(&mut self, spec: &Node, scope: &str, span: Span) {
        if !SCOPES.contains(&scope) {
            let diagnostic = Diagnostic::error(
                codes::BAD_FIELD_VALUE,
                span,
                format!("`{}` is not a scope", shown(scope)),
            );
            self.found
                .push(diagnostic.label(format!("expected {}", alternatives(SCOPES))));
            return;
        }
        let limited: &[&str] = match scope {
            "BestEffort" | "CrossNamespacePodAffinity" => &["pods"],
            "VolumeAttributesClass" => return,
            _ => OF_PODS,
        };
        for entry in entries(spec, &["hard"]) {
            let name = &*entry.key.value;
            let other =
                name.contains('/') || name.contains("hugepages") || name.contains("storage");
            if !limited.contains(&name) && (scope == "BestEffort" || !other) {
                self.found.push(
                    Diagnostic::error(
                        codes::BAD_FIELD_VALUE,
                        entry.key.span,
                        format!("the scope {scope} does not limit `{}`", shown(name)),
                    )
                    .related(span, "the scope"),
                );
            }
        }
    }

    /// Reports what is wrong with the spec of a `LimitRange`.
    pub(super) fn limit_range(&mut self, spec: &Node) {
        let mut types: HashMap<&str, Span> = HashMap::new();
        for limit in items(spec, &["limits"]) {
            let kind = text_at(limit, &["type"]).unwrap_or_default();
            let place = at(limit, &["type"]).map_or(limit.span, |node| node.span);
            if !kind.contains('/') {
                self.one_of(
                    limit,
                    "type",
                    &["Container", "Pod", "PersistentVolumeClaim"],
                );
            }
            if let Some(first) = types.insert(kind, place) {
                self.found.push(
                    Diagnostic::error(
                        codes::ELEMENT_TWICE,
                        place,
                        format!("`{}` is limited twice", shown(kind)),
                    )
                    .related(first, "first occurrence"),
                );
            }
            for field in ["default", "defaultRequest"] {
                if let Some(value) = at(limit, &[field]).filter(|_| kind == "Pod") {
                    self.value_error(value.span, format!("`{field}` is for containers alone"));
                }
            }
            if kind == "PersistentVolumeClaim"
                && ["min", "max"]
                    .iter()
                    .all(|side| at(limit, &[side, "storage"]).is_none())
            {
                self.missing(limit.span, "the limit of claims", "max.storage");
            }
            for field in [
                "min",
                "max",
                "default",
                "defaultRequest",
                "maxLimitRequestRatio",
            ] {
                for entry in entries(limit, &[field]) {
                    self.limited(entry, kind);
                }
            }
            self.ordered(limit);
        }
    }

    fn limited(&mut self, entry: &Entry, kind: &str) {
        let name = &*entry.key.value;
        let known = matches!(name, "cpu" | "memory" | "ephemeral-storage")
            || name.starts_with("hugepages-")
            || name.contains('/')
            || (name == "storage" && kind != "Container" && kind != "Pod");
        if !known && matches!(kind, "Container" | "Pod") {
            self.unknown_resource(entry);
        }
    }

    /// Checks the order of the values of a limit: min, default request, default, max.
    fn ordered(&mut self, limit: &Node) {
        const ORDER: &[(&str, &str)] = &[
            ("min", "max"),
            ("min", "defaultRequest"),
            ("min", "default"),
            ("defaultRequest", "default"),
            ("defaultRequest", "max"),
            ("default", "max"),
        ];
        for (low, high) in ORDER {
            for entry in entries(limit, &[low]) {
                let name = &*entry.key.value;
                let Some(other) = at(limit, &[high, name]) else {
                    continue;
                };
                let (Some(least), Some(most)) = (amount(&entry.value), amount(other)) else {
                    continue;
                };
                let exact = name.contains('/') && (*low, *high) == ("defaultRequest", "default");
                if least > most || (exact && least != most) {
                    self.found.push(
                        Diagnostic::error(
                            codes::BAD_AMOUNT,
                            entry.value.span,
                            format!(
                                "`{low}` {} `{high}`",
                                if least > most {
                                    "exceeds"
                                } else {
                                    "differs from"
                                }
                            ),
                        )
                        .related(other.span, format!("`{high}`")),
                    );
                }
            }
        }
        for entry in entries(limit, &["maxLimitRequestRatio"]) {
            let one = Quantity::parse("1");
            if amount(&entry.value).is_some_and(|ratio| Some(ratio) < one) {
                self.bad_quantity(entry.value.span, "a ratio must be at least 1");
            }
            let of = |side: &str| at(limit, &[side, &*entry.key.value]).and_then(amount);
            if let (Some(ratio), Some(least), Some(most)) =
                (amount(&entry.value), of("min"), of("max"))
                && ratio.exceeds_ratio(most, least)
            {
                self.bad_quantity(entry.value.span, "must not exceed `max` divided by `min`");
            }
        }
    }
}
