//! Values of fields with rules of their own.

use super::Judge;
use super::read::{at, integer, text, text_at, written};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::decode::alternatives;
use crate::spec::yaml::{Node, Value};
use crate::text::{nearest, shown};

impl Judge<'_> {
    /// Reports a value that the API server rejects.
    pub(super) fn value_error(&mut self, span: Span, message: impl Into<String>) {
        self.found
            .push(Diagnostic::error(codes::BAD_FIELD_VALUE, span, message));
    }

    /// Reports `field` of `node` if it is neither one of `words` nor empty, which means the
    /// default.
    pub(super) fn one_of(&mut self, node: &Node, field: &str, words: &[&str]) {
        let Some(node) = at(node, &[field]) else {
            return;
        };
        let Some(word) = text(node).filter(|word| !word.is_empty() && !words.contains(word)) else {
            return;
        };
        let mut diagnostic = Diagnostic::error(
            codes::BAD_FIELD_VALUE,
            node.span,
            format!("`{}` is not a valid `{field}`", shown(word)),
        )
        .label(format!("expected {}", alternatives(words)));
        let other_case = words.iter().find(|w| w.eq_ignore_ascii_case(word)).copied();
        if let Some(meant) = other_case.or_else(|| nearest(word, words.iter().copied())) {
            diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
        }
        self.found.push(diagnostic);
    }

    /// Reports `field` of `node` if it is a number outside the range.
    pub(super) fn between(&mut self, node: &Node, field: &str, least: i64, most: i64) {
        let Some(node) = at(node, &[field]) else {
            return;
        };
        if let Some(number) = integer(node).filter(|n| *n < least || *n > most) {
            let why = match most {
                i64::MAX if least == 0 => "must not be negative".to_owned(),
                i64::MAX => format!("must be at least {least}"),
                _ => format!("must be {least} to {most}"),
            };
            self.found.push(
                Diagnostic::error(
                    codes::BAD_FIELD_VALUE,
                    node.span,
                    format!("{number} is not a valid `{field}`"),
                )
                .label(why),
            );
        }
    }

    /// Reports the second of the `fields` of `node`, which are mutually exclusive.
    pub(super) fn at_most_one(&mut self, node: &Node, fields: &[&str]) {
        let mut first: Option<(&str, Span)> = None;
        for entry in written(node) {
            let key = &*entry.key.value;
            if !fields.is_empty() && !fields.contains(&key) {
                continue;
            }
            let Some((other, span)) = first else {
                first = Some((key, entry.key.span));
                continue;
            };
            self.found.push(
                Diagnostic::error(
                    codes::BAD_FIELD_VALUE,
                    entry.key.span,
                    format!("`{other}` and `{}` are mutually exclusive", shown(key)),
                )
                .related(span, format!("`{other}` is here"))
                .help("keep one of them"),
            );
        }
    }

    /// Reports if not exactly one of the `fields` of `node` is set.
    pub(super) fn exactly_one(&mut self, node: &Node, fields: &[&str], what: &str) {
        if matches!(node.value, Value::Map(_))
            && fields.iter().all(|field| at(node, &[field]).is_none())
        {
            self.found.push(
                Diagnostic::error(
                    codes::MISSING_FIELD,
                    node.span,
                    format!("{what} requires {}", alternatives(fields)),
                )
                .help(format!("add `{}:`", fields[0])),
            );
        }
        self.at_most_one(node, fields);
    }

    /// Reports an empty list, which the API server treats as missing, if one is required.
    pub(super) fn not_empty(&mut self, node: &Node, field: &str, what: &str, place: Span) {
        match at(node, &[field]) {
            None => self.missing(place, what, field),
            Some(list) if matches!(&list.value, Value::List(items) if items.is_empty()) => {
                self.value_error(list.span, format!("`{field}` is empty"));
            }
            Some(_) => {}
        }
    }

    /// Reports a field that is missing or empty text.
    pub(super) fn wanted_text(&mut self, node: &Node, field: &str, what: &str, place: Span) {
        match at(node, &[field]) {
            None => self.missing(place, what, field),
            Some(value) if text(value) == Some("") => {
                self.value_error(value.span, format!("`{field}` is empty"));
            }
            Some(_) => {}
        }
    }

    /// Reports a path of a volume's file that points elsewhere.
    pub(super) fn inner_path(&mut self, node: &Node, field: &str) {
        if let Some(path) = text_at(node, &[field])
            && (path.starts_with('/') || path.split('/').any(|part| part == ".."))
        {
            let span = at(node, &[field]).map_or(node.span, |node| node.span);
            self.value_error(span, format!("`{}` points outside the volume", shown(path)));
        }
    }
}

/// Returns why `name` is not a port name (IANA's services, RFC 6335 §5.1).
pub(super) fn port_name(name: &str) -> Option<&'static str> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > 15 {
        Some("must be 1 to 15 characters long")
    } else if !name.bytes().all(inner) {
        Some("must consist of lowercase letters, digits and `-`")
    } else if !name.bytes().any(|b| b.is_ascii_lowercase()) {
        Some("must contain at least one letter")
    } else if name.starts_with('-') || name.ends_with('-') || name.contains("--") {
        Some("`-` must be between letters or digits")
    } else {
        None
    }
}
