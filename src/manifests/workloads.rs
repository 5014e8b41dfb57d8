//! What creates pods: Deployments and similar kinds, jobs, autoscalers, disruption budgets.

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
            "Deployment" => self.rollout(spec, kind, "strategy", "Recreate"),
            "DaemonSet" | "StatefulSet" => {
                self.rollout(spec, kind, "updateStrategy", "OnDelete");
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
            self.selector(selector);
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

    fn rollout(&mut self, spec: &Node, kind: &str, field: &str, other: &str) {
        let Some(strategy) = at(spec, &[field]) else {
            return;
        };
        self.one_of(strategy, "type", &["RollingUpdate", other]);
        let Some(rolling) = at(strategy, &["rollingUpdate"]) else {
            return;
        };
        // The API server accepts it for a DaemonSet.
        if text_at(strategy, &["type"]) == Some(other) && kind != "DaemonSet" {
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
        if none("maxUnavailable") && none("maxSurge") {
            self.value_error(
                rolling.span,
                "`maxUnavailable` and `maxSurge` cannot both be 0: no pod could be replaced",
            );
        }
        for field in ["maxUnavailable", "maxSurge"] {
            self.percentage(rolling, field);
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

    /// Reports what is wrong with a Job.
    pub(super) fn job(&mut self, node: &Node, place: Span) {
        match at(node, &["spec"]) {
            Some(spec) => self.job_spec(spec),
            None => self.missing(place, "Job", "spec"),
        }
    }

    fn job_spec(&mut self, spec: &Node) {
        for field in [
            "parallelism",
            "completions",
            "backoffLimit",
            "ttlSecondsAfterFinished",
        ] {
            self.between(spec, field, 0, i64::from(i32::MAX));
        }
        self.between(spec, "activeDeadlineSeconds", 1, i64::MAX);
        self.one_of(spec, "completionMode", &["NonIndexed", "Indexed"]);
        if let Some(template) = at(spec, &["template"]) {
            self.template(template, &[], &["OnFailure", "Never"]);
        }
    }

    /// Reports what is wrong with a `CronJob`.
    pub(super) fn cron_job(&mut self, node: &Node, place: Span) {
        let Some(spec) = at(node, &["spec"]) else {
            return self.missing(place, "CronJob", "spec");
        };
        self.one_of(spec, "concurrencyPolicy", &["Allow", "Forbid", "Replace"]);
        self.between(spec, "startingDeadlineSeconds", 0, i64::MAX);
        for field in ["successfulJobsHistoryLimit", "failedJobsHistoryLimit"] {
            self.between(spec, field, 0, i64::MAX);
        }
        if let Some(schedule) = at(spec, &["schedule"])
            && let Some(why) = text(schedule).and_then(cron)
        {
            self.found.push(
                Diagnostic::error(
                    codes::BAD_FIELD_VALUE,
                    schedule.span,
                    "not a valid cron schedule",
                )
                .label(why)
                .help("write minute, hour, day, month and day of the week, like \"30 4 * * 1\""),
            );
        }
        if let Some(job) = at(spec, &["jobTemplate", "spec"]) {
            self.job_spec(job);
        }
    }

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
    }

    /// Reports what is wrong with a `PodDisruptionBudget`.
    pub(super) fn disruption_budget(&mut self, node: &Node, place: Span) {
        let Some(spec) = at(node, &["spec"]) else {
            return self.missing(place, "PodDisruptionBudget", "spec");
        };
        self.at_most_one(spec, &["minAvailable", "maxUnavailable"]);
        self.percentage(spec, "minAvailable");
        self.percentage(spec, "maxUnavailable");
        if let Some(selector) = at(spec, &["selector"]) {
            self.selector(selector);
        }
    }
}

/// Returns why `text` is not a cron schedule.
fn cron(text: &str) -> Option<String> {
    const NAMED: &[&str] = &[
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@midnight",
        "@hourly",
    ];
    const MONTHS: &str = "jan feb mar apr may jun jul aug sep oct nov dec";
    const DAYS: &str = "sun mon tue wed thu fri sat";
    if NAMED.contains(&text) || text.starts_with("@every ") {
        return None;
    }
    if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
        return Some("set the time zone as `timeZone:`".to_owned());
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let ranges = [
        ("minute", 0, 59, ""),
        ("hour", 0, 23, ""),
        ("day", 1, 31, ""),
        ("month", 1, 12, MONTHS),
        ("day of the week", 0, 6, DAYS),
    ];
    if fields.len() != ranges.len() {
        return Some(format!("expected 5 fields, got {}", fields.len()));
    }
    for (field, (what, least, most, names)) in fields.iter().zip(ranges) {
        let number = |text: &str| {
            let lower = text.to_ascii_lowercase();
            let named = names
                .split(' ')
                .position(|name| name == lower && !name.is_empty());
            let number = named.map_or_else(|| text.parse().ok(), |at| Some(at + least));
            number.filter(|number| (least..=most).contains(number))
        };
        let right = field.split(',').all(|part| {
            let (range, step) = part
                .split_once('/')
                .map_or((part, None), |(r, s)| (r, Some(s)));
            let step = step.is_none_or(|step| step.parse::<usize>().is_ok_and(|n| n > 0));
            let range = match range.split_once('-') {
                Some((a, b)) => matches!((number(a), number(b)), (Some(a), Some(b)) if a <= b),
                None => matches!(range, "*" | "?") || number(range).is_some(),
            };
            range && step
        });
        if !right {
            return Some(format!("`{}` is not a valid {what}", shown(field)));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::cron;

    #[test]
    fn schedules() {
        for right in [
            "*/5 * * * *",
            "0 4 1,15 * *",
            "@daily",
            "30 4 * jan-mar mon",
            "0 0-12/3 * * 0",
        ] {
            assert_eq!(cron(right), None, "{right}");
        }
        for wrong in [
            "* * * *",
            "60 * * * *",
            "* * 0 * *",
            "@fortnightly",
            "*/0 * * * *",
            "* * * * 7",
            "5-1 * * * *",
        ] {
            assert!(cron(wrong).is_some(), "{wrong}");
        }
    }
}
