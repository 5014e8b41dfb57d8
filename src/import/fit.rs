//! Removes what a node spec has no equivalent of, according to its schema, and converts words to
//! those of the schema.

use serde_json::Value as Json;

use super::Findings;
use super::item::{Item, Value};
use crate::facts::systems::SpecKeys;
use crate::spec::NodeKind;

/// Removes from `config`, a whole spec of nodes with `keys` except its head, what `schema` does not
/// have.
pub(super) fn to_schema(config: &mut Item, schema: &Json, keys: SpecKeys, found: &mut Findings) {
    let definitions = &schema["$defs"];
    let mut fitting = Fitting {
        definitions,
        keeps_nulls: keys == SpecKeys::Ct,
        found,
    };
    fitting.fit(config, &definitions[NodeKind::with(keys).file], "");
}

struct Fitting<'a> {
    definitions: &'a Json,
    /// To ct, a section without a value still means something: `flannel: ~`.
    keeps_nulls: bool,
    found: &'a mut Findings,
}

impl<'a> Fitting<'a> {
    /// Returns the schema itself, after following references. Of alternatives, the first that fits
    /// `item` is chosen.
    fn resolved(&self, mut schema: &'a Json, item: &Item) -> &'a Json {
        // References are not circular: a type that refers to itself does so below a property.
        for _ in 0..16 {
            if let Some(name) = schema["$ref"]
                .as_str()
                .and_then(|r| r.strip_prefix("#/$defs/"))
            {
                schema = &self.definitions[name];
            } else if let Some(choices) = schema["anyOf"].as_array() {
                let wanted = match item.value {
                    Value::Scalar { .. } => "string",
                    Value::List(_) => "array",
                    Value::Map(_) => "object",
                };
                let goes = choices
                    .iter()
                    .find(|&choice| self.resolved(choice, item)["type"] == wanted);
                match goes {
                    Some(choice) => schema = choice,
                    None => return schema,
                }
            } else {
                break;
            }
        }
        schema
    }

    fn fit(&mut self, item: &mut Item, schema: &'a Json, path: &str) {
        let schema = self.resolved(schema, item);
        match &mut item.value {
            Value::Scalar { text, plain } => {
                if schema["type"] == "boolean" && *plain {
                    yes_or_no(text);
                }
            }
            Value::List(items) => {
                for item in items {
                    self.fit(item, &schema["items"], path);
                }
            }
            Value::Map(_) => self.fit_map(item, schema, path),
        }
    }

    fn fit_map(&mut self, item: &mut Item, schema: &'a Json, path: &str) {
        let Value::Map(entries) = &mut item.value else {
            return;
        };
        let is_closed = schema["additionalProperties"] == false;
        let mut pending: Vec<String> = Vec::new();
        let mut kept = Vec::new();
        for (key, span, mut value) in std::mem::take(entries) {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{path}.{key}")
            };
            if is_closed && schema["properties"].get(&key).is_none() {
                self.found.no_equivalent(span, &path);
                pending.extend(std::mem::take(&mut value.comments));
                pending.push(format!("# not imported: {}", path.escape_debug()));
                continue;
            }
            value.comments.splice(..0, pending.drain(..));
            let had_something = !value.is_empty();
            let property = match schema["properties"].get(&key) {
                Some(property) => property,
                None => &schema["additionalProperties"],
            };
            self.fit(&mut value, property, &path);
            // Values of which nothing is left are not written, nor are empty ones.
            let is_nothing = value.is_null() && !self.keeps_nulls;
            if is_nothing || (had_something && value.is_empty()) {
                pending.append(&mut value.comments);
                continue;
            }
            kept.push((key, span, value));
        }
        // Comments on removed entries at the end go before the map's first entry, so that they are
        // not lost.
        if let Some((.., first)) = kept.first_mut() {
            first.comments.extend(pending);
        }
        *entries = kept;
    }
}

/// Butane also accepts YAML 1.1's words for booleans.
fn yes_or_no(text: &mut String) {
    let word = match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "y" | "true" => "true",
        "no" | "off" | "n" | "false" => "false",
        _ => return,
    };
    word.clone_into(text);
}
