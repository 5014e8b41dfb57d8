//! From the tree of a file to typed values, with every mistake reported and none fatal.
//!
//! A type that can be read implements [`Decode`]: it says what it looks like to editors (its JSON
//! Schema) and reads itself from a [`Node`]. Values without parts are [`Leaf`]s and mostly wrapped
//! in [`Located`]. Structs are declared once with `record!`, which writes struct, decoder and
//! schema from the same lines; `word_leaf!` makes the enums of [`crate::words`] leaves.

mod defaults;
mod leaf;
mod record;

use serde_json::{Map, Value as Json, json};

use crate::text::shown;

pub use defaults::{Defaulted, default_of, first, written_as};
pub use leaf::{Leaf, LeafError, text, whole_number_between};
pub use record::{KeySchema, Record, RecordSchema, unknown_word};
pub(crate) use record::{alternatives, record, word_leaf};

use super::yaml::{Entry, Node, Value};
use crate::diagnostic::{Diagnostic, Located, Span, codes};

/// A type that can be read from a spec.
pub trait Decode: Sized {
    /// The JSON Schema of the value; named types go to [`Schemas::definitions`].
    fn schema(schemas: &mut Schemas) -> Json;

    /// Reads `node`. After a mistake, reports it and returns `None`, or what could be read.
    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self>;

    /// Reads the value of a map entry.
    fn decode_entry(entry: &Entry, decoder: &mut Decoder) -> Option<Self> {
        if entry.value.is_null() {
            decoder.diagnostics.push(
                Diagnostic::error(
                    codes::NO_VALUE,
                    entry.key.span,
                    format!("`{}` has no value", shown(&entry.key)),
                )
                .help("add a value, write `{}` or `[]` for an empty one, or remove the key"),
            );
            return None;
        }
        Self::decode(&entry.value, decoder)
    }

    /// Returns the value of a key that is not set; `None` if the key is required.
    fn absent() -> Option<Self> {
        None
    }
}

/// The named types of a JSON Schema.
#[derive(Debug, Default)]
pub struct Schemas {
    pub definitions: Map<String, Json>,
    /// The records among them, in the order in which they were finished.
    pub records: Vec<RecordSchema>,
}

impl Schemas {
    /// Returns a reference to the type `name`, which `define` creates at its first use.
    pub fn named(&mut self, name: &str, define: impl FnOnce(&mut Self) -> Json) -> Json {
        if !self.definitions.contains_key(name) {
            // Reserves the name, so that types may refer to themselves.
            self.definitions.insert(name.to_owned(), Json::Null);
            let schema = define(self);
            self.definitions.insert(name.to_owned(), schema);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// The same for a record, of which more is kept than its JSON Schema.
    pub fn record(
        &mut self,
        name: &'static str,
        define: impl FnOnce(&mut Self) -> RecordSchema,
    ) -> Json {
        self.named(name, |schemas| {
            let record = define(schemas);
            let schema = record.to_json();
            schemas.records.push(record);
            schema
        })
    }

    /// The same for a record that may be written as nothing (`etcd: ~`).
    pub fn nullable_record(
        &mut self,
        name: &'static str,
        define: impl FnOnce(&mut Self) -> RecordSchema,
    ) -> Json {
        let reference = self.record(name, define);
        self.definitions[name]["type"] = json!(["object", "null"]);
        reference
    }
}

/// A local file or folder that the spec refers to, found while decoding, for the loader to read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalRequest {
    pub kind: LocalKind,
    pub path: String,
    pub span: Span,
}

/// The kind of a [`LocalRequest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocalKind {
    /// The bytes of a file.
    File,
    /// A file of UTF-8 text.
    Text,
    /// All files below a folder.
    Tree,
    /// Kubernetes manifests: a file, or the files of a folder.
    Manifests,
    /// A Helm chart: a folder, or an archive.
    Chart,
    /// Public keys: a file, or a pattern with `*` in its last part; `~/` is the user's home.
    SshKeys,
}

/// What decoding a tree collects.
#[derive(Debug, Default)]
pub struct Decoder {
    pub diagnostics: Vec<Diagnostic>,
    /// In the order in which they were found.
    pub local: Vec<LocalRequest>,
}

impl Decoder {
    /// Reports that `node` is not `expected` ("a list of users").
    pub fn wrong_type(&mut self, node: &Node, expected: &str) {
        let mut diagnostic = Diagnostic::error(
            codes::WRONG_TYPE,
            node.span,
            format!("expected {expected}, got {}", node.describe()),
        );
        // `[fe80::, a]` is a list of a map and a word.
        if let Value::Map(entries) = &node.value
            && let [entry] = entries.as_slice()
            && entry.value.is_null()
        {
            diagnostic = diagnostic.help("quote text that ends in a colon");
        }
        self.diagnostics.push(diagnostic);
    }
}

/// Maximum number of items in one list or map. Later checks compare items with each other, so this
/// limits their time.
const LIST_ITEMS_MAX: usize = 10_000;

impl Decoder {
    /// Returns whether a list or map of `elements` is short enough; reports it if not.
    fn fits(&mut self, node: &Node, elements: usize) -> bool {
        let fits = elements <= LIST_ITEMS_MAX;
        if !fits {
            self.diagnostics.push(Diagnostic::error(
                codes::TOO_MANY_VALUES,
                node.span,
                format!("{elements} list items, more than the {LIST_ITEMS_MAX} allowed"),
            ));
        }
        fits
    }
}

impl<T: Decode> Decode for Option<T> {
    fn schema(schemas: &mut Schemas) -> Json {
        T::schema(schemas)
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        Some(T::decode(node, decoder))
    }

    fn decode_entry(entry: &Entry, decoder: &mut Decoder) -> Option<Self> {
        Some(T::decode_entry(entry, decoder))
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// A list; items that cannot be read are reported and left out.
impl<T: Decode> Decode for Vec<T> {
    fn schema(schemas: &mut Schemas) -> Json {
        json!({ "type": "array", "items": T::schema(schemas) })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let Value::List(items) = &node.value else {
            decoder.wrong_type(node, "a list");
            if let (Value::Scalar(_), Some(diagnostic)) =
                (&node.value, decoder.diagnostics.last_mut())
            {
                let dash = matches!(&node.value, Value::Scalar(text) if text.text.starts_with('-'));
                let help = if dash {
                    "start each list item with a dash and a space"
                } else {
                    "write it in brackets: `[…]`"
                };
                diagnostic.help = Some(help.to_owned());
            }
            return None;
        };
        if !decoder.fits(node, items.len()) {
            return None;
        }
        Some(
            items
                .iter()
                .filter_map(|item| T::decode(item, decoder))
                .collect(),
        )
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// One value, or a list of them.
#[derive(Debug, Clone, PartialEq)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> std::ops::Deref for OneOrMany<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T> IntoIterator for &'a OneOrMany<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Decode> Decode for OneOrMany<T> {
    fn schema(schemas: &mut Schemas) -> Json {
        let one = T::schema(schemas);
        json!({ "anyOf": [one, { "type": "array", "items": one }] })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if matches!(node.value, Value::List(_)) {
            Vec::decode(node, decoder).map(Self)
        } else {
            T::decode(node, decoder).map(|one| Self(vec![one]))
        }
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

/// A map with names that the user chooses, in the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Table<K, V>(pub Vec<(Located<K>, V)>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K, V> std::ops::Deref for Table<K, V> {
    type Target = [(Located<K>, V)];

    fn deref(&self) -> &[(Located<K>, V)] {
        &self.0
    }
}

impl<'a, K, V> IntoIterator for &'a Table<K, V> {
    type Item = &'a (Located<K>, V);
    type IntoIter = std::slice::Iter<'a, (Located<K>, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<K: Leaf, V: Decode> Decode for Table<K, V> {
    fn schema(schemas: &mut Schemas) -> Json {
        json!({
            "type": "object",
            "propertyNames": { "title": K::WHAT },
            "additionalProperties": V::schema(schemas),
        })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            decoder.wrong_type(node, "a map");
            return None;
        };
        if !decoder.fits(node, entries.len()) {
            return None;
        }
        let mut table = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = leaf::read_key::<K>(&entry.key, decoder);
            let value = V::decode_entry(entry, decoder);
            if let (Some(key), Some(value)) = (key, value) {
                table.push((key, value));
            }
        }
        Some(Self(table))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}
