//! A config while it is changed: a tree whose values know where they came from and what was
//! remarked beside them.

use crate::diagnostic::Span;
use crate::spec::yaml::{Kind, Node, Scalar, Value as Parsed};

/// A value.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) value: Value,
    pub(super) span: Span,
    /// Lines of comments above it, each with its `#`.
    pub(super) comments: Vec<String>,
    /// The comment behind it.
    pub(super) remark: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    /// As YAML's core schema reads it where `plain`, else text.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Item>),
    /// Comments of an entry are those of its value.
    Map(Vec<(String, Span, Item)>),
}

impl Item {
    /// `node` without comments.
    pub(super) fn new(node: &Node) -> Self {
        Self::of(
            match &node.value {
                Parsed::Scalar(scalar) => Value::Scalar {
                    text: scalar.text.to_string(),
                    plain: scalar.plain,
                },
                Parsed::List(items) => Value::List(items.iter().map(Self::new).collect()),
                Parsed::Map(entries) => Value::Map(
                    entries
                        .iter()
                        .map(|entry| {
                            let key = entry.key.value.to_string();
                            (key, entry.key.span, Self::new(&entry.value))
                        })
                        .collect(),
                ),
            },
            node.span,
        )
    }

    /// A value at a place, without comments.
    pub(super) fn of(value: Value, span: Span) -> Self {
        Self {
            value,
            span,
            comments: Vec::new(),
            remark: None,
        }
    }

    /// The value of `key`, where this is a map that has it.
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

    /// Takes `key` out of a map; its comments go to the entry behind it.
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

    /// A scalar's text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether it is null, or written as nothing.
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

    /// Whether it is null, or a list or a map without anything.
    pub(super) fn is_empty(&self) -> bool {
        match &self.value {
            Value::Scalar { .. } => self.is_null(),
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
        }
    }

    /// The elements of a list; none of anything else.
    pub(super) fn items_mut(&mut self) -> &mut [Self] {
        match &mut self.value {
            Value::List(items) => items,
            _ => &mut [],
        }
    }
}
