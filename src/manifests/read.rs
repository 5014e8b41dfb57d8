//! The values of a manifest as Kubernetes itself reads them: YAML 1.1 where the two versions
//! differ.

use std::borrow::Cow;

use crate::spec::yaml::{Entry, Kind, Node, Scalar, Value};

/// Returns the kind of a scalar in YAML 1.1, where `yes` and `off` are booleans, and `1_000` and
/// `0b11` are numbers.
pub(super) fn kind(scalar: &Scalar) -> Kind {
    match scalar.kind() {
        Kind::Text if scalar.plain && truth(&scalar.text).is_some() => Kind::Boolean,
        Kind::Text if scalar.plain && is_number(&scalar.text) => Kind::Number,
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

/// Returns whether text is a number of YAML 1.1 alone: with underscores or in binary
/// (<https://yaml.org/type/int.html>, <https://yaml.org/type/float.html>).
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return false;
    }
    let plain = unsigned.replace('_', "");
    if let Some(binary) = plain.strip_prefix("0b") {
        return !binary.is_empty() && binary.bytes().all(|b| matches!(b, b'0' | b'1'));
    }
    if let Some(hexadecimal) = plain.strip_prefix("0x") {
        return !hexadecimal.is_empty() && hexadecimal.bytes().all(|b| b.is_ascii_hexdigit());
    }
    plain.contains(|c: char| c.is_ascii_digit())
        && plain
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b))
        && plain.parse::<f64>().is_ok()
}

/// Returns a few words: "a list", "the number 5".
pub(super) fn describe(node: &Node) -> String {
    match &node.value {
        Value::Scalar(scalar) if kind(scalar) == Kind::Boolean => format!("`{}`", scalar.text),
        Value::Scalar(scalar) if kind(scalar) == Kind::Number => {
            format!("the number {}", scalar.text)
        }
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

/// Returns the value of a whole number: decimal, `0x1f`, `0o17`, `017`, `0b11`, `1_000` or `2.0`.
pub(super) fn integer(node: &Node) -> Option<i64> {
    let Value::Scalar(scalar) = &node.value else {
        return None;
    };
    if kind(scalar) != Kind::Number {
        return None;
    }
    let text = scalar.text.replace('_', "");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(&text)),
    };
    let number = if let Some(hexadecimal) = digits.strip_prefix("0x") {
        i64::from_str_radix(hexadecimal, 16).ok()
    } else if let Some(octal) = digits.strip_prefix("0o") {
        i64::from_str_radix(octal, 8).ok()
    } else if let Some(binary) = digits.strip_prefix("0b") {
        i64::from_str_radix(binary, 2).ok()
    } else if let Some(octal) = digits.strip_prefix('0').filter(|rest| is_octal(rest)) {
        i64::from_str_radix(octal, 8).ok()
    } else {
        digits.parse().ok().or_else(|| whole(digits))
    };
    number.map(|number| sign * number)
}

/// Returns `written`, the text of `node`, in decimal if it is a whole number.
pub(super) fn plain_number<'t>(node: &Node, written: &'t str) -> Cow<'t, str> {
    integer(node).map_or(Cow::Borrowed(written), |number| {
        Cow::Owned(number.to_string())
    })
}

fn is_octal(digits: &str) -> bool {
    !digits.is_empty() && digits.bytes().all(|b| (b'0'..=b'7').contains(&b))
}

/// Returns the value of a number with a fraction of zeros, or with an exponent.
fn whole(digits: &str) -> Option<i64> {
    // All whole numbers up to here are exact.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let number: f64 = digits.parse().ok()?;
    #[allow(clippy::cast_possible_truncation)] // It is a whole number in the range.
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
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
