//! The values of a manifest as Kubernetes itself reads them: YAML 1.1 where the two versions
//! differ.

use crate::spec::yaml::{Entry, Kind, Node, Scalar, Value};

/// Returns the kind of a scalar in YAML 1.1, where `yes` and `off` are booleans.
pub(super) fn kind(scalar: &Scalar) -> Kind {
    match scalar.kind() {
        Kind::Text if scalar.plain && truth(&scalar.text).is_some() => Kind::Boolean,
        kind => kind,
    }
}

/// The words of YAML 1.1's booleans (<https://yaml.org/type/bool.html>).
fn truth(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(false)
        }
        _ => None,
    }
}

/// Returns a few words: "a list", "the number 5".
pub(super) fn describe(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) if kind(scalar) == Kind::Boolean => format!("`{}`", scalar.text),
        _ => node.describe(),
    }
}

/// Returns the text of a text value.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) if kind(scalar) == Kind::Text => Some(&scalar.text),
        _ => None,
    }
}

/// Returns the value of a boolean.
pub(super) fn boolean(node: &Node) -> Option<bool> {
    match &node.value {
        Value::Scalar(scalar) if kind(scalar) == Kind::Boolean => truth(&scalar.text),
        _ => None,
    }
}

/// Returns the value of a whole number: decimal, `0x1f`, `0o17` or `017`.
pub(super) fn integer(node: &Node) -> Option<i64> {
    let Value::Scalar(scalar) = &node.value else {
        return None;
    };
    if kind(scalar) != Kind::Number {
        return None;
    }
    let text = &*scalar.text;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = if let Some(hexadecimal) = digits.strip_prefix("0x") {
        i64::from_str_radix(hexadecimal, 16)
    } else if let Some(octal) = digits.strip_prefix("0o") {
        i64::from_str_radix(octal, 8)
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(&digits[1..], 8)
    } else {
        digits.parse()
    };
    number.ok().map(|number| sign * number)
}

/// Returns the value below `node` at the keys of `path`; nulls count as missing.
pub(super) fn at<'n>(node: &'n Node, path: &[&str]) -> Option<&'n Node> {
    let mut node = node;
    for key in path {
        node = node.get(key)?;
    }
    (!node.is_null()).then_some(node)
}

/// Returns the text below `node` at the keys of `path`.
pub(super) fn text_at<'n>(node: &'n Node, path: &[&str]) -> Option<&'n str> {
    at(node, path).and_then(text)
}

/// Returns the items of the list below `node` at the keys of `path`.
pub(super) fn items<'n>(node: &'n Node, path: &[&str]) -> &'n [Node] {
    match at(node, path).map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// Returns the entries of the map below `node` at the keys of `path`.
pub(super) fn entries<'n>(node: &'n Node, path: &[&str]) -> &'n [Entry] {
    match at(node, path).map(|node| &node.value) {
        Some(Value::Map(entries)) => entries,
        _ => &[],
    }
}

/// Returns the entries of a map whose values are not null.
pub(super) fn written(node: &Node) -> impl Iterator<Item = &Entry> {
    entries(node, &[])
        .iter()
        .filter(|entry| !entry.value.is_null())
}
