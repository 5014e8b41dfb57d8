//! Maps that another program reads, kept as written with the place of every value.

use serde_json::{Map, Number, Value as Json, json};

use crate::diagnostic::{Located, Span};
use crate::spec::decode::{Decode, Decoder, Schemas};
use crate::spec::values::LocalText;
use crate::spec::yaml::{Kind, Node, Scalar, Value};

/// A map of another program's settings.
#[derive(Debug, Clone)]
pub struct FreeMap {
    /// The map.
    pub tree: Node,
}

impl FreeMap {
    /// Where it is written.
    pub fn span(&self) -> Span {
        self.tree.span
    }

    /// As JSON.
    pub fn to_json(&self) -> Json {
        json_of(&self.tree)
    }
}

/// Equal when the values are, wherever they were written.
impl PartialEq for FreeMap {
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
    }
}

impl Decode for FreeMap {
    fn schema(_schemas: &mut Schemas) -> Json {
        json!({ "type": "object" })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        if !matches!(node.value, Value::Map(_)) {
            decoder.wrong_type(node, "a map");
            return None;
        }
        Some(Self { tree: node.clone() })
    }
}

/// A document of another program: written here as a map, or a file beside the spec.
#[derive(Debug, Clone, PartialEq)]
pub enum FreeDocument {
    /// In the spec itself.
    Inline(FreeMap),
    /// By its path.
    Local(Located<LocalText>),
}

impl FreeDocument {
    /// Where it is written, or named.
    pub fn span(&self) -> Span {
        match self {
            Self::Inline(map) => map.span(),
            Self::Local(path) => path.span,
        }
    }
}

impl Decode for FreeDocument {
    fn schema(schemas: &mut Schemas) -> Json {
        json!({ "anyOf": [FreeMap::schema(schemas), Located::<LocalText>::schema(schemas)] })
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        match &node.value {
            Value::Scalar(_) => Located::decode(node, decoder).map(Self::Local),
            Value::Map(_) => FreeMap::decode(node, decoder).map(Self::Inline),
            Value::List(_) => {
                decoder.wrong_type(node, "a map, or the path of a file");
                None
            }
        }
    }
}

/// `node` as JSON, its plain scalars by YAML 1.2's core schema.
pub fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(scalar) => json_of_scalar(scalar),
        Value::List(items) => items.iter().map(json_of).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.value.to_string(), json_of(&entry.value)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

fn json_of_scalar(scalar: &Scalar) -> Json {
    let text = &*scalar.text;
    match scalar.kind() {
        Kind::Null => Json::Null,
        Kind::Boolean => Json::Bool(text.eq_ignore_ascii_case("true")),
        Kind::Text => text.into(),
        Kind::Number => {
            let whole = match (text.strip_prefix("0o"), text.strip_prefix("0x")) {
                (Some(octal), _) => i64::from_str_radix(octal, 8).ok(),
                (_, Some(hexadecimal)) => i64::from_str_radix(hexadecimal, 16).ok(),
                _ => text.parse().ok(),
            };
            let number = whole
                .map(Number::from)
                .or_else(|| Number::from_f64(text.parse().ok()?));
            // Infinity and what is no number are nothing in JSON.
            number.map_or_else(|| text.into(), Json::Number)
        }
    }
}
