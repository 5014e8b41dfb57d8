//! Names, labels and annotations of objects (Kubernetes, "Object Names and IDs", "Labels and
//! Selectors").

use super::Judge;
use super::read::{at, entries, items, text, text_at};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::{Entry, Node};
use crate::text::shown;

/// The rule for a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// RFC 1123: up to 253 lowercase letters, digits, `-` and `.`.
    Subdomain,
    /// RFC 1123: up to 63 lowercase letters, digits and `-`.
    Label,
    /// RFC 1035: a label that starts with a letter.
    LetterLabel,
    /// What a path segment may contain.
    PathSegment,
}

impl Rule {
    /// Returns the rule for objects of `kind`.
    fn from_kind(kind: &str, minor: u16) -> Self {
        match kind {
            // Kubernetes relaxes this one step by step (KEP-5311, "Relaxed validation for Services
            // names").
            "Service" if minor >= 35 => Self::Label,
            "Namespace" => Self::Label,
            "Service" => Self::LetterLabel,
            "Role" | "ClusterRole" | "RoleBinding" | "ClusterRoleBinding"
            | "ClusterTrustBundle" | "IPAddress" => Self::PathSegment,
            _ => Self::Subdomain,
        }
    }

    /// Returns why `name` is invalid.
    pub(super) fn why_not(self, name: &str) -> Option<String> {
        if self == Self::PathSegment {
            let wrong = name.is_empty() || matches!(name, "." | "..") || name.contains(['/', '%']);
            return wrong.then(|| "must not contain `/` or `%`".to_owned());
        }
        let most = if self == Self::Subdomain { 253 } else { 63 };
        let label = |label: &str| {
            let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !label.is_empty()
                && label.bytes().all(inner)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if name.len() > most {
            return Some(format!("must be at most {most} characters long"));
        }
        match self {
            Self::Subdomain if !name.split('.').all(label) => Some(
                "must consist of lowercase letters, digits, `-` and `.`, and start and end with a \
                 letter or digit"
                    .to_owned(),
            ),
            Self::Label | Self::LetterLabel if !label(name) => Some(
                "must consist of lowercase letters, digits and `-`, and start and end with a \
                 letter or digit"
                    .to_owned(),
            ),
            Self::LetterLabel if !name.starts_with(|c: char| c.is_ascii_lowercase()) => {
                Some("must start with a letter".to_owned())
            }
            _ => None,
        }
    }
}

/// The maximum length that leaves room for the suffixes of controllers.
const CRON_JOB_NAME_MAX: usize = 52;

impl Judge<'_> {
    /// Reports what is wrong with the name, namespace, labels and annotations of an object of
    /// `kind`.
    pub(super) fn metadata(&mut self, object: &Node, kind: &str, place: Span) {
        let Some(metadata) = at(object, &["metadata"]) else {
            return self.missing(place, kind, "metadata");
        };
        let name = at(metadata, &["name"]);
        match name {
            Some(node) => {
                if let Some(name) = text(node) {
                    self.name(
                        name,
                        node.span,
                        Rule::from_kind(kind, self.minor),
                        "a valid name",
                    );
                    if kind == "CronJob" && name.len() > CRON_JOB_NAME_MAX {
                        self.bad_name(
                            name,
                            node.span,
                            "a valid CronJob name",
                            format!("must be at most {CRON_JOB_NAME_MAX} characters long"),
                        );
                    }
                }
            }
            // Applying an object requires its name.
            None => self.missing(
                at(object, &["metadata"]).map_or(place, |node| node.span),
                "metadata",
                "name",
            ),
        }
        if let Some(node) = at(metadata, &["namespace"])
            && let Some(namespace) = text(node).filter(|name| !name.is_empty())
        {
            self.name(namespace, node.span, Rule::Label, "a valid namespace");
        }
        self.exported(metadata);
        self.labels(entries(metadata, &["labels"]));
        for entry in entries(metadata, &["annotations"]) {
            self.key(entry);
        }
        for node in items(metadata, &["finalizers"]) {
            if let Some(why) = text(node).and_then(qualified) {
                self.bad_label(node.span, text(node).unwrap_or_default(), why);
            }
        }
    }

    /// Reports what marks an object as exported from a cluster: such an object can only be applied
    /// where it came from.
    fn exported(&mut self, metadata: &Node) {
        for field in ["managedFields", "uid"] {
            // An empty list of managed fields resets them, which is refused as well.
            if let Some(node) = at(metadata, &[field])
                && text(node) != Some("")
            {
                let diagnostic = Diagnostic::error(
                    codes::BAD_FIELD_VALUE,
                    node.span,
                    format!("an object to create cannot have `{field}`"),
                );
                self.found
                    .push(diagnostic.help("remove it: the API server sets it"));
            }
        }
    }

    /// Reports a name that breaks `rule`.
    pub(super) fn name(&mut self, name: &str, span: Span, rule: Rule, what: &str) {
        if let Some(why) = rule.why_not(name) {
            self.bad_name(name, span, what, why);
        }
    }

    fn bad_name(&mut self, name: &str, span: Span, what: &str, why: String) {
        self.found.push(
            Diagnostic::error(
                codes::BAD_OBJECT_NAME,
                span,
                format!("`{}` is not {what}", shown(name)),
            )
            .label(why),
        );
    }

    /// Reports invalid labels.
    pub(super) fn labels(&mut self, labels: &[Entry]) {
        for entry in labels {
            self.key(entry);
            if let Some(value) = text(&entry.value)
                && let Some(why) = label_value(value)
            {
                self.bad_label(entry.value.span, value, why);
            }
        }
    }

    fn key(&mut self, entry: &Entry) {
        if let Some(why) = qualified(&entry.key.value) {
            self.bad_label(entry.key.span, &entry.key.value, why);
        }
    }

    fn bad_label(&mut self, span: Span, label: &str, why: String) {
        self.found.push(
            Diagnostic::error(
                codes::BAD_OBJECT_LABEL,
                span,
                format!("`{}` is not valid in a label or annotation", shown(label)),
            )
            .label(why),
        );
    }

    /// Reports selectors with invalid labels; `selector` contains `matchLabels` and
    /// `matchExpressions`.
    pub(super) fn selector(&mut self, selector: &Node) {
        self.labels(entries(selector, &["matchLabels"]));
        for expression in items(selector, &["matchExpressions"]) {
            let Some(operator) = text_at(expression, &["operator"]) else {
                continue;
            };
            let wants = match operator {
                "In" | "NotIn" => true,
                "Exists" | "DoesNotExist" => false,
                _ => {
                    self.one_of(
                        expression,
                        "operator",
                        &["In", "NotIn", "Exists", "DoesNotExist"],
                    );
                    continue;
                }
            };
            if items(expression, &["values"]).is_empty() == wants {
                self.value_error(
                    expression.span,
                    if wants {
                        format!("`{operator}` requires values")
                    } else {
                        format!("`{operator}` takes no values")
                    },
                );
            }
        }
    }
}

/// Returns why `key` is not a label key: a name, optionally after a domain and a slash.
pub(super) fn qualified(key: &str) -> Option<String> {
    let (domain, name) = match key.split_once('/') {
        Some((domain, name)) => (Some(domain), name),
        None => (None, key),
    };
    if let Some(why) = domain.and_then(|domain| Rule::Subdomain.why_not(domain)) {
        return Some(format!("before the slash: {why}"));
    }
    if name.is_empty() {
        return Some("the name must not be empty".to_owned());
    }
    label_value(name)
}

/// Returns why `value` is not a label value.
fn label_value(value: &str) -> Option<String> {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if value.len() > 63 {
        Some("must be at most 63 characters long".to_owned())
    } else if !value.bytes().all(inner)
        || !ends(value.chars().next())
        || !ends(value.chars().next_back())
    {
        Some(
            "must consist of letters, digits, `-`, `_` and `.`, and start and end with a letter \
              or digit"
                .to_owned(),
        )
    } else {
        None
    }
}
