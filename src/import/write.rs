//! Writes a config as YAML in block style, for people.

use crate::spec::yaml::{Kind, Scalar};

use super::item::{Item, Value};

/// Columns per level.
const INDENT: usize = 2;
/// The maximum length of a line with a list of words.
const WIDTH: usize = 100;

/// Returns `item`, a map, as a document.
pub(super) fn yaml(item: &Item) -> String {
    let mut text = String::new();
    match &item.value {
        Value::Map(entries) if entries.is_empty() => {}
        _ => block(item, 0, &mut text),
    }
    text
}

/// Writes the lines of a map or a list, each after `indent` columns.
fn block(item: &Item, indent: usize, out: &mut String) {
    match &item.value {
        Value::Map(entries) => {
            for (key, _, value) in entries {
                comments(&value.comments, indent, out);
                spaces(indent, out);
                entry(key, value, indent, out);
            }
        }
        Value::List(items) => {
            for item in items {
                comments(&item.comments, indent, out);
                spaces(indent, out);
                out.push_str("- ");
                element(item, indent, out);
            }
        }
        Value::Scalar { .. } => {
            value(item, indent, out);
            out.push('\n');
        }
    }
}

/// Writes a list item, after its dash.
fn element(item: &Item, indent: usize, out: &mut String) {
    match &item.value {
        Value::Map(entries) if !entries.is_empty() => {
            for (at, (key, _, value)) in entries.iter().enumerate() {
                // The first entry follows the dash, so its comments go inside.
                if at > 0 {
                    comments(&value.comments, indent + INDENT, out);
                    spaces(indent + INDENT, out);
                    entry(key, value, indent + INDENT, out);
                } else if value.comments.is_empty() {
                    entry(key, value, indent + INDENT, out);
                } else {
                    out.push_str(value.comments.join(" ").trim_end());
                    out.push('\n');
                    spaces(indent + INDENT, out);
                    entry(key, value, indent + INDENT, out);
                }
            }
        }
        Value::List(items) if !items.is_empty() && flow(item).is_none() => {
            out.push('\n');
            block(item, indent + INDENT, out);
        }
        _ => {
            value(item, indent, out);
            if !ends_with_line(item) {
                remark(item, out);
                out.push('\n');
            }
        }
    }
}

/// Writes an entry of a map, after its indentation.
fn entry(key: &str, item: &Item, indent: usize, out: &mut String) {
    out.push_str(&scalar(key, key_is_plain(key)));
    out.push(':');
    let is_block = match &item.value {
        Value::Scalar { .. } => false,
        Value::List(items) => {
            !items.is_empty() && flow(item).is_none_or(|f| f.len() + indent + key.len() > WIDTH)
        }
        Value::Map(entries) => !entries.is_empty(),
    };
    if is_block {
        remark(item, out);
        out.push('\n');
        block(item, indent + INDENT, out);
    } else {
        out.push(' ');
        value(item, indent, out);
        if !ends_with_line(item) {
            remark(item, out);
            out.push('\n');
        }
    }
}

/// Returns whether the value was written with the end of its last line.
fn ends_with_line(item: &Item) -> bool {
    matches!(&item.value, Value::Scalar { text, plain: false } if literal(text).is_some())
}

/// Writes a value that follows its key or dash on the same line.
fn value(item: &Item, indent: usize, out: &mut String) {
    match &item.value {
        Value::Scalar { text, plain } => {
            if let Some(header) = literal(text).filter(|_| !plain) {
                out.push_str(&header);
                remark(item, out);
                out.push('\n');
                for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                    if !line.is_empty() {
                        spaces(indent + INDENT, out);
                        out.push_str(line);
                    }
                    out.push('\n');
                }
            } else {
                out.push_str(&scalar(text, *plain));
            }
        }
        Value::List(_) => out.push_str(&flow(item).unwrap_or_else(|| "[]".to_owned())),
        Value::Map(_) => out.push_str("{}"),
    }
}

/// Returns a list of words without comments on one line.
fn flow(item: &Item) -> Option<String> {
    let Value::List(items) = &item.value else {
        return None;
    };
    let mut words = Vec::new();
    for item in items {
        let Value::Scalar { text, plain } = &item.value else {
            return None;
        };
        if !item.comments.is_empty() || item.remark.is_some() || text.contains('\n') {
            return None;
        }
        let is_safe = !text.contains([',', '[', ']', '{', '}', '#', ':']);
        words.push(scalar(text, *plain && is_safe && !text.is_empty()));
    }
    let line = format!("[{}]", words.join(", "));
    (line.len() <= WIDTH).then_some(line)
}

/// Returns the header of a literal block for `text`: `|`, with indicators for its first column and
/// its trailing line breaks. `None` if a block cannot represent it, or is not needed.
fn literal(text: &str) -> Option<String> {
    let is_printable = text.chars().all(|c| {
        matches!(c, '\n' | '\t')
            || !(c.is_control() || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}'))
    });
    if !text.contains('\n') || text.trim_matches('\n').is_empty() || !is_printable {
        return None;
    }
    let first = if text.starts_with([' ', '\n', '\t']) {
        "2"
    } else {
        ""
    };
    let last = if !text.ends_with('\n') {
        "-"
    } else if text.ends_with("\n\n") {
        "+"
    } else {
        ""
    };
    Some(format!("|{first}{last}"))
}

/// Returns a scalar on one line.
fn scalar(text: &str, plain: bool) -> String {
    if plain && text.is_empty() {
        return "~".to_owned();
    }
    if plain && !text.contains('\n') || is_word(text) {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

/// Returns whether plain YAML reads `text` as exactly this text.
fn is_word(text: &str) -> bool {
    let scalar = Scalar {
        text: text.into(),
        plain: true,
    };
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_');
    starts
        && scalar.kind() == Kind::Text
        // YAML 1.1 reads these differently, and so do some editors.
        && !["yes", "no", "on", "off", "y", "n"].contains(&text.to_ascii_lowercase().as_str())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@=+: ".contains(c))
        && !text.contains(": ")
        && !text.ends_with([' ', ':'])
}

fn key_is_plain(key: &str) -> bool {
    is_word(key)
}

fn comments(lines: &[String], indent: usize, out: &mut String) {
    for line in lines {
        spaces(indent, out);
        out.push_str(line);
        out.push('\n');
    }
}

fn remark(item: &Item, out: &mut String) {
    if let Some(remark) = &item.remark {
        out.push(' ');
        out.push_str(remark);
    }
}

fn spaces(count: usize, out: &mut String) {
    out.extend(std::iter::repeat_n(' ', count));
}
