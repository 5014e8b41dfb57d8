//! Jobs, and what starts them by a schedule.

use super::Judge;
use super::metadata::qualified;
use super::range::paragraphs;
use super::read::{at, boolean, integer, items, text, text_at};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::Node;
use crate::text::{nearest, shown};

impl Judge<'_> {
    /// Reports what is wrong with a Job.
    pub(super) fn job(&mut self, node: &Node, place: Span) {
        match at(node, &["spec"]) {
            Some(spec) => self.job_spec(spec, false),
            None => self.missing(place, "Job", "spec"),
        }
    }

    /// `scheduled`: of a `CronJob`, where no default is filled in.
    fn job_spec(&mut self, spec: &Node, scheduled: bool) {
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
        self.one_of(
            spec,
            "podReplacementPolicy",
            &["Failed", "TerminatingOrFailed"],
        );
        if let Some(template) = at(spec, &["template"]) {
            self.template(template, &[], &["OnFailure", "Never"]);
            if let Some(policy) = at(spec, &["podFailurePolicy"])
                && text_at(template, &["spec", "restartPolicy"]) == Some("OnFailure")
            {
                self.value_error(
                    policy.span,
                    "`podFailurePolicy` requires `restartPolicy: Never`",
                );
            }
        }
        for rule in items(spec, &["podFailurePolicy", "rules"]) {
            for value in items(rule, &["onExitCodes", "values"]) {
                if integer(value) == Some(0)
                    && text_at(rule, &["onExitCodes", "operator"]) == Some("In")
                {
                    self.value_error(value.span, "exit code 0 is no failure");
                }
            }
        }
        self.indexed(spec, scheduled);
        let manual = at(spec, &["manualSelector"]).and_then(boolean) == Some(true);
        match at(spec, &["selector"]) {
            Some(selector) if !manual => self.value_error(
                selector.span,
                "Kubernetes sets the selector of a job without `manualSelector: true`",
            ),
            None if manual => self.missing(spec.span, "a job with `manualSelector`", "selector"),
            _ => {}
        }
        if let Some(manager) = at(spec, &["managedBy"])
            && text(manager).is_some_and(|name| !name.contains('/') || qualified(name).is_some())
        {
            self.value_error(
                manager.span,
                "a manager is a domain and a name, such as kueue.x-k8s.io/multikueue",
            );
        }
    }

    /// Checks what depends on `completionMode: Indexed`.
    fn indexed(&mut self, spec: &Node, scheduled: bool) {
        const MOST: i64 = 100_000;
        if let Some(mode) = at(spec, &["completionMode"])
            && text(mode) == Some("Indexed")
        {
            // Without both, a job completes once.
            let default = !scheduled && at(spec, &["parallelism"]).is_none();
            if at(spec, &["completions"]).is_none() && !default {
                self.missing(mode.span, "an Indexed job", "completions");
            }
            self.between(spec, "parallelism", 0, MOST);
        } else {
            for field in ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] {
                if let Some(value) = at(spec, &[field]) {
                    self.value_error(
                        value.span,
                        format!("`{field}` requires `completionMode: Indexed`"),
                    );
                }
            }
        }
        if let Some(most) = at(spec, &["maxFailedIndexes"])
            && at(spec, &["backoffLimitPerIndex"]).is_none()
        {
            self.missing(
                most.span,
                "a job with `maxFailedIndexes`",
                "backoffLimitPerIndex",
            );
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
        if let Some(zone) = at(spec, &["timeZone"])
            && let Some(name) = text(zone)
            && !is_zone(name)
        {
            self.unknown_zone(zone.span, name);
        }
        if let Some(job) = at(spec, &["jobTemplate", "spec"]) {
            self.job_spec(job, true);
        }
    }

    fn unknown_zone(&mut self, span: Span, name: &str) {
        let diagnostic = Diagnostic::error(
            codes::BAD_FIELD_VALUE,
            span,
            format!("`{}` is not a time zone", shown(name)),
        )
        .label("expected a name of the IANA database, such as Europe/Berlin");
        let all: Vec<String> = zones().collect();
        self.found
            .push(match nearest(name, all.iter().map(String::as_str)) {
                Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
                None => diagnostic,
            });
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

/// Returns the names of all time zones.
fn zones() -> impl Iterator<Item = String> {
    let areas = paragraphs(include_str!("zones.txt")).into_iter();
    areas.flat_map(|(area, lines)| {
        let names = lines.into_iter().flat_map(str::split_whitespace);
        names.map(move |name| match area {
            "-" => name.to_owned(),
            _ => format!("{area}/{name}"),
        })
    })
}

fn is_zone(name: &str) -> bool {
    zones().any(|zone| zone == name)
}

#[cfg(test)]
mod tests {
    use super::{cron, is_zone};

    #[test]
    fn time_zones() {
        for right in [
            "UTC",
            "Europe/Berlin",
            "America/Argentina/Buenos_Aires",
            "Etc/GMT+1",
        ] {
            assert!(is_zone(right), "{right}");
        }
        for wrong in ["", "Local", "europe/berlin", " UTC", "Europe", "-"] {
            assert!(!is_zone(wrong), "{wrong}");
        }
    }

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
