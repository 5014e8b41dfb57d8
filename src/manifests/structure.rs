//! Whether an object has the fields of its kind, with values of the right types.

use std::collections::HashMap;

use super::Judge;
use super::quantity::Quantity;
use super::read::{at, describe, integer, kind, plain_number, text, written};
use super::schema::{self, Distinct, Shape, Type};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::{Entry, Kind, Node, Value};
use crate::text::{nearest, shown};

impl Judge<'_> {
    /// Reports what is wrong with the fields of the object `node`. `place` is the location for
    /// missing fields.
    pub(super) fn object(&mut self, node: &Node, place: Span, of: &'static Type) {
        let Value::Map(entries) = &node.value else {
            return self.wrong_type(node, "a map");
        };
        for entry in entries {
            let name = &*entry.key.value;
            if of.whole && matches!(name, "apiVersion" | "kind") {
                continue;
            }
            let Some(field) = of.fields.iter().find(|field| field.name == name) else {
                self.unknown_field(entry, of);
                continue;
            };
            if !field.range.has(self.minor) {
                self.found.push(
                    Diagnostic::error(
                        codes::FIELD_OF_ANOTHER_VERSION,
                        entry.key.span,
                        format!("{} has no `{name}` in Kubernetes 1.{}", of.name, self.minor),
                    )
                    .label(field.range.why_not(self.minor)),
                );
            }
            if !entry.value.is_null() {
                self.value(&entry.value, entry.key.span, &field.shape);
            }
        }
        for field in of.fields.iter().filter(|field| field.required) {
            if at(node, &[field.name]).is_none() {
                self.missing(place, of.name, field.name);
            }
        }
        self.rules(node, place, of);
        self.by_type(node, of);
    }

    fn unknown_field(&mut self, entry: &Entry, of: &Type) {
        let name = shown(&entry.key.value);
        let there = (of.fields.iter())
            .filter(|field| field.range.has(self.minor))
            .map(|field| field.name);
        let mut diagnostic = Diagnostic::error(
            codes::UNKNOWN_FIELD,
            entry.key.span,
            format!("{} has no field `{name}`", of.name),
        );
        let other_case = (there.clone()).find(|field| field.eq_ignore_ascii_case(&name));
        if let Some(meant) = other_case.or_else(|| nearest(&name, there)) {
            diagnostic = diagnostic.help(format!("did you mean `{meant}`?"));
        }
        self.found.push(diagnostic);
    }

    /// Reports that an object has no `field`.
    pub(super) fn missing(&mut self, place: Span, what: &str, field: &str) {
        self.found.push(
            Diagnostic::error(
                codes::MISSING_FIELD,
                place,
                format!("{what} has no `{field}`"),
            )
            .help(format!("add `{field}:`")),
        );
    }

    /// Reports that `node` is not `expected`.
    pub(super) fn wrong_type(&mut self, node: &Node, expected: &str) {
        let mut diagnostic = Diagnostic::error(
            codes::WRONG_FIELD_TYPE,
            node.span,
            format!("expected {expected}, got {}", describe(node)),
        );
        if let Value::Scalar(scalar) = &node.value {
            match kind(scalar) {
                Kind::Number | Kind::Boolean if expected == "text" => {
                    diagnostic = diagnostic.help(format!("quote it: \"{}\"", shown(&scalar.text)));
                }
                Kind::Text if expected != "text" && !scalar.plain => {
                    diagnostic = diagnostic.help("write it without quotes");
                }
                _ => {}
            }
        }
        self.found.push(diagnostic);
    }

    /// `place`: the key of the value, or the element of a list.
    fn value(&mut self, node: &Node, place: Span, shape: &'static Shape) {
        let scalar = match &node.value {
            Value::Scalar(scalar) => Some(kind(scalar)),
            _ => None,
        };
        match shape {
            Shape::Text if scalar != Some(Kind::Text) => self.wrong_type(node, "text"),
            Shape::Boolean if scalar != Some(Kind::Boolean) => {
                self.wrong_type(node, "true or false");
            }
            Shape::Integer if integer(node).is_none() => self.wrong_type(node, "a whole number"),
            Shape::Number if scalar != Some(Kind::Number) => self.wrong_type(node, "a number"),
            Shape::IntegerOrText if scalar != Some(Kind::Text) && integer(node).is_none() => {
                self.wrong_type(node, "a whole number or text");
            }
            Shape::Anything
            | Shape::Text
            | Shape::Boolean
            | Shape::Integer
            | Shape::Number
            | Shape::IntegerOrText => {}
            Shape::Time => self.time(node),
            Shape::Bytes => self.bytes(node),
            Shape::Quantity => self.quantity(node),
            Shape::Object(index) => self.object(node, place, schema::of(*index)),
            Shape::Map(value) => {
                if !matches!(node.value, Value::Map(_)) {
                    return self.wrong_type(node, "a map");
                }
                for entry in written(node) {
                    self.value(&entry.value, entry.key.span, value);
                }
            }
            Shape::List(element, distinct) => {
                let Value::List(items) = &node.value else {
                    return self.wrong_type(node, "a list");
                };
                for item in items.iter().filter(|item| !item.is_null()) {
                    self.value(item, item.span, element);
                }
                self.distinct(items, distinct);
            }
        }
    }

    fn time(&mut self, node: &Node) {
        match text(node) {
            None => self.wrong_type(node, "text"),
            Some(time) if !is_time(time) => self.found.push(
                Diagnostic::error(codes::BAD_FIELD_VALUE, node.span, "not a time")
                    .help("write it like 2026-01-31T12:00:00Z"),
            ),
            Some(_) => {}
        }
    }

    fn bytes(&mut self, node: &Node) {
        let Some(text) = text(node) else {
            return self.wrong_type(node, "text");
        };
        let characters = text.bytes().filter(|b| !b"\r\n".contains(b));
        let (mut count, mut padding, mut right) = (0_usize, 0, true);
        for byte in characters {
            count += 1;
            if byte == b'=' {
                padding += 1;
            } else {
                right &= padding == 0 && (byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
            }
        }
        if !right || padding > 2 || count % 4 != 0 {
            self.found.push(
                Diagnostic::error(codes::BAD_FIELD_VALUE, node.span, "not valid base64")
                    .help("use plain text under `stringData:`, or encode it with `base64`"),
            );
        }
    }

    fn quantity(&mut self, node: &Node) {
        let Value::Scalar(scalar) = &node.value else {
            return self.wrong_type(node, "a quantity");
        };
        if Quantity::parse(&plain_number(node, &scalar.text)).is_none() {
            self.found.push(
                Diagnostic::error(
                    codes::BAD_AMOUNT,
                    node.span,
                    format!("`{}` is not a quantity", shown(&scalar.text)),
                )
                .help("write it like 500m, 64Mi or 1.5"),
            );
        }
    }

    fn distinct(&mut self, items: &[Node], distinct: &Distinct) {
        let mut seen: HashMap<Vec<&str>, Span> = HashMap::new();
        for item in items {
            let key: Option<Vec<&str>> = match distinct {
                Distinct::Nothing => return,
                Distinct::Whole => scalar_text(item).map(|text| vec![text]),
                Distinct::Keys(keys) => (keys.iter())
                    .map(|key| match at(item, &[key]) {
                        Some(value) => scalar_text(value),
                        // The only default among the keys of lists.
                        None if *key == "protocol" => Some("TCP"),
                        None => None,
                    })
                    .collect(),
            };
            let Some(key) = key else { continue };
            let span = match distinct {
                Distinct::Keys(keys) => at(item, &[keys[0]]).map_or(item.span, |node| node.span),
                _ => item.span,
            };
            let shown_key = shown(&key.join("/"));
            if let Some(first) = seen.insert(key, span) {
                self.found.push(
                    Diagnostic::error(
                        codes::ELEMENT_TWICE,
                        span,
                        format!("`{shown_key}` is listed twice"),
                    )
                    .related(first, "first occurrence"),
                );
            }
        }
    }
}

/// Returns whether `text` has the shape of a time of RFC 3339.
fn is_time(text: &str) -> bool {
    const SHAPE: &str = "dddd-dd-ddTdd:dd:dd";
    let fits = |text: &str, shape: &str| {
        text.len() == shape.len()
            && (text.bytes().zip(shape.bytes())).all(|(b, s)| {
                if s == b'd' {
                    b.is_ascii_digit()
                } else {
                    b == s
                }
            })
    };
    let Some((time, rest)) = text.split_at_checked(SHAPE.len()) else {
        return false;
    };
    let rest = rest.strip_prefix('.').map_or(rest, |rest| {
        rest.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    fits(time, SHAPE) && (rest == "Z" || fits(rest, "+dd:dd") || fits(rest, "-dd:dd"))
}

fn scalar_text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}
