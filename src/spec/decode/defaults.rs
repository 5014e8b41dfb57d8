//! What a key is when it is left out: a value that its record declares, in YAML.

use serde_json::Value as Json;

use super::{Decode, Decoder};
use crate::diagnostic::{SourceId, Span};
use crate::spec::json_of;
use crate::spec::yaml::{self, Kind, Limits, Node, Value};

/// A field of a record that may have a default.
pub trait Defaulted {
    /// What the field holds when it is written.
    type Value;

    /// What is written, or else the value of `default`, placed at `span`.
    fn or(&self, default: &str, span: Span) -> Self::Value;
}

impl<T: Decode + Clone> Defaulted for Option<T> {
    type Value = T;

    fn or(&self, default: &str, span: Span) -> T {
        self.clone().unwrap_or_else(|| written_as(default, span))
    }
}

/// A list without elements is one that is left out.
impl<T: Decode + Clone> Defaulted for Vec<T> {
    type Value = Self;

    fn or(&self, default: &str, span: Span) -> Self {
        if self.is_empty() {
            written_as(default, span)
        } else {
            self.clone()
        }
    }
}

/// What the YAML of a default reads as, as if it had been written at `span`.
///
/// # Panics
///
/// Where `text` is no such value; a test reads every default of the language.
pub fn written_as<T: Decode>(text: &str, span: Span) -> T {
    let mut decoder = Decoder::default();
    T::decode(&tree(text, span), &mut decoder)
        .filter(|_| decoder.diagnostics.is_empty())
        .unwrap_or_else(|| panic!("the default `{text}`: {:?}", decoder.diagnostics))
}

/// The value of `key` in a record's `defaults`.
///
/// # Panics
///
/// Where the record declares none for it.
pub fn default_of<T: Decode>(defaults: &[(&str, &str)], key: &str) -> T {
    let (_, text) = (defaults.iter())
        .find(|(name, _)| *name == key)
        .unwrap_or_else(|| panic!("`{key}` has no default"));
    written_as(text, Span::default())
}

/// The YAML of a default or an example as JSON. A mode such as 0644, which YAML 1.1 and 1.2 read
/// differently, is text.
pub(super) fn json_of_text(text: &str) -> Json {
    let tree = tree(text, Span::default());
    match &tree.value {
        Value::Scalar(scalar)
            if scalar.kind() == Kind::Number
                && scalar.text.len() > 1
                && scalar.text.bytes().all(|b| b.is_ascii_digit())
                && scalar.text.starts_with('0') =>
        {
            scalar.text.to_string().into()
        }
        _ => json_of(&tree),
    }
}

/// The first of at most one: what a macro makes of an attribute that may be left out.
pub fn first(attribute: &[&'static str]) -> Option<&'static str> {
    attribute.first().copied()
}

fn tree(text: &str, span: Span) -> Node {
    let (tree, diagnostics) = yaml::parse(text, SourceId::default(), Limits::default());
    let mut tree = tree
        .filter(|_| diagnostics.is_empty())
        .unwrap_or_else(|| panic!("`{text}` is not YAML: {diagnostics:?}"));
    place(&mut tree, span);
    tree
}

fn place(tree: &mut Node, span: Span) {
    tree.span = span;
    match &mut tree.value {
        Value::Scalar(_) => {}
        Value::List(items) => items.iter_mut().for_each(|item| place(item, span)),
        Value::Map(entries) => {
            for entry in entries {
                entry.key.span = span;
                place(&mut entry.value, span);
            }
        }
    }
}
