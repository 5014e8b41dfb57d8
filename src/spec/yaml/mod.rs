//! YAML 1.2 as a tree in which every key and value has its location.
//!
//! Why a tree of our own and not serde: `serde-saphyr` stops at the first mistake, while a file's
//! mistakes are to be shown all in one run, and it loses places inside flattened, untagged and
//! internally tagged types. The tree is built from `saphyr-parser`'s events (`read`) under limits
//! of depth, values and text, so that no input costs more than its size. Scalars stay text here:
//! what `0644` or `yes` means is known only where the key's type is, in [`super::decode`].

mod read;

use std::sync::Arc;

pub use read::{Limits, parse, parse_documents};

use crate::diagnostic::{Located, Span};

/// A value and its location.
#[derive(Debug, Clone)]
pub struct Node {
    pub span: Span,
    pub value: Value,
}

/// What a [`Node`] is.
#[derive(Debug, Clone)]
pub enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the order of the file; no duplicate keys.
    Map(Vec<Entry>),
}

/// A key of a map and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: Located<Arc<str>>,
    pub value: Node,
}

/// Text, number, true, false or null, as written.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// With quotes, escapes and folding resolved.
    pub text: Arc<str>,
    /// Neither quoted nor a block nor tagged `!!str`: it may be other than text.
    pub plain: bool,
}

/// The kind of a plain scalar in YAML 1.2's core schema (§10.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Boolean,
    Number,
    Text,
}

impl Scalar {
    /// Returns the kind in the core schema.
    pub fn kind(&self) -> Kind {
        if !self.plain {
            return Kind::Text;
        }
        match &*self.text {
            "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
            "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Kind::Boolean,
            text if is_number(text) => Kind::Number,
            _ => Kind::Text,
        }
    }
}

/// Core schema: `0o17`, `0x1f`, `-1`, `1.5e3`, `.inf`, `.nan`.
fn is_number(text: &str) -> bool {
    if let Some(octal) = text.strip_prefix("0o") {
        return !octal.is_empty() && octal.bytes().all(|b| (b'0'..=b'7').contains(&b));
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return !hexadecimal.is_empty() && hexadecimal.bytes().all(|b| b.is_ascii_hexdigit());
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    // Rust's grammar of floats is the core schema's, plus words such as `inf`.
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.contains(|c: char| c.is_ascii_digit())
        && unsigned.parse::<f64>().is_ok()
}

impl Node {
    /// Returns whether the value is null, explicitly or by omission.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.kind() == Kind::Null)
    }

    /// Returns the value of `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|entry| &*entry.key.value == key)
                .map(|entry| &entry.value),
            _ => None,
        }
    }

    /// Returns the number of values, including itself.
    pub fn count(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Node::count).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.value.count()).sum(),
        }
    }

    /// Returns a few words for a diagnostic: "a list", "the number 5".
    pub fn describe(&self) -> String {
        match &self.value {
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
            Value::Scalar(scalar) => match scalar.kind() {
                Kind::Null => "nothing".to_owned(),
                Kind::Boolean => format!("`{}`", scalar.text),
                Kind::Number => format!("the number {}", scalar.text),
                Kind::Text => "text".to_owned(),
            },
        }
    }
}
