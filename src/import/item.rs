//! A config while it is being converted: a tree whose values have their locations and comments.

use crate::diagnostic::Span;
use crate::spec::yaml::{Kind, Node, Scalar, Value as Parsed};

/// A value.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) value: Value,
    pub(super) span: Span,
    /// Lines of comments above it, each with its `#`.
    pub(super) comments: Vec<String>,
    /// The comment after it on the same line.
    pub(super) remark: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    /// As YAML's core schema reads it if `plain`, else text.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Item>),
    /// Comments of an entry are those of its value.
    Map(Vec<(String, Span, Item)>),
}

impl Item {
    /// Creates an item from `node`, without comments.
    pub(super) fn from_node(node: &Node) -> Self {
        Self::new(
            match &node.value {
                Parsed::Scalar(scalar) => Value::Scalar {
                    text: scalar.text.to_string(),
                    plain: scalar.plain,
                },
                Parsed::List(items) => Value::List(items.iter().map(Self::from_node).collect()),
                Parsed::Map(entries) => Value::Map(
                    entries
                        .iter()
                        .map(|entry| {
                            let key = entry.key.value.to_string();
                            (key, entry.key.span, Self::from_node(&entry.value))
                        })
                        .collect(),
                ),
            },
            node.span,
        )
    }

    /// Creates a value at a location, without comments.
    pub(super) fn new(value: Value, span: Span) -> Self {
        Self {
            value,
            span,
            comments: Vec::new(),
            remark: None,
        }
    }

    /// Returns the value of `key`, if this is a map that has it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries
                .iter()
                .find(|(name, ..)| name == key)
                .map(|(.., value)| value),
            _ => None,
        }
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.value {
            Value::Map(entries) => entries
                .iter_mut()
                .find(|(name, ..)| name == key)
                .map(|(.., value)| value),
            _ => None,
        }
    }

    /// Removes `key` from a map; its comments move to the entry after it.
    pub(super) fn remove(&mut self, key: &str) -> Option<Self> {
        let Value::Map(entries) = &mut self.value else {
            return None;
        };
        let at = entries.iter().position(|(name, ..)| name == key)?;
        let (.., item) = entries.remove(at);
        if let Some((.., next)) = entries.get_mut(at) {
            next.comments.splice(..0, item.comments.iter().cloned());
        }
        Some(item)
    }

    /// Gives `key` of a map this value, in its place if it is there and else after the others, or
    /// removes it.
    pub(super) fn set(&mut self, key: &str, value: Option<Self>) {
        let Some(value) = value else {
            self.remove(key);
            return;
        };
        if let Some(there) = self.get_mut(key) {
            *there = value;
        } else if let Value::Map(entries) = &mut self.value {
            let span = value.span;
            entries.push((key.to_owned(), span, value));
        }
    }

    /// Returns a scalar's text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Returns whether it is null, explicitly or by omission.
    pub(super) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, plain } => {
                let scalar = Scalar {
                    text: text.as_str().into(),
                    plain: *plain,
                };
                scalar.kind() == Kind::Null
            }
            _ => false,
        }
    }

    /// Returns whether it is null, or an empty list or map.
    pub(super) fn is_empty(&self) -> bool {
        match &self.value {
            Value::Scalar { .. } => self.is_null(),
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
        }
    }

    /// Returns the items of a list; empty for anything else.
    pub(super) fn items_mut(&mut self) -> &mut [Self] {
        match &mut self.value {
            Value::List(items) => items,
            _ => &mut [],
        }
    }
}
