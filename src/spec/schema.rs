//! What the language is, from the same declarations as the decoder: its JSON Schema, for editors,
//! and its records, for the reference of every key.

use serde_json::{Map, Value as Json, json};

use super::decode::{Decode, KeySchema, RecordSchema, Schemas};
use super::kinds::KINDS;
use super::types::ClusterSection;

/// The records of the spec format.
#[derive(Debug)]
pub struct Language {
    /// Keys of a whole file, beside those of a node.
    pub file: Vec<KeySchema>,
    /// The name of the record of `cluster`.
    pub cluster: &'static str,
    /// All records.
    pub records: Vec<RecordSchema>,
    /// Their JSON Schemas by name, and those of types that are no records.
    pub definitions: Map<String, Json>,
}

/// Returns the records of the spec format.
pub fn language() -> Language {
    let mut schemas = Schemas::default();
    for kind in &KINDS {
        (kind.schema)(&mut schemas);
    }
    ClusterSection::schema(&mut schemas);
    Language {
        file: file_keys(KINDS[0].node),
        cluster: "ClusterSection",
        records: schemas.records,
        definitions: schemas.definitions,
    }
}

/// Returns the schema (JSON Schema draft 2020-12) of a spec file: a single node, or shared settings
/// and nodes.
pub fn schema() -> Json {
    let mut definitions = language().definitions;
    for kind in &KINDS {
        let whole = definitions.remove(kind.record).unwrap_or_default();
        let (node_schema, file_schema) = node_and_file(&whole, kind.node);
        definitions.insert(kind.node.to_owned(), node_schema);
        definitions.insert(kind.file.to_owned(), file_schema);
    }
    let [most, other] = &KINDS;
    let file = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "imgbuild node spec",
        "description": "A bootable, immutable node, or a cluster of them.",
        "if": {
            "type": "object",
            "properties": { "target": { "const": other.target().name } },
            "required": ["target"],
        },
        "then": file(other.file),
        "else": file(most.file),
        "$defs": definitions,
    })
}

/// Files that a file is merged over; a node can have some, too.
fn include() -> KeySchema {
    let path = json!({ "type": "string", "minLength": 1, "title": "a path next to the spec" });
    KeySchema {
        example: Some("common.yaml"),
        ..KeySchema::optional(
            "include",
            "Files that this file is merged over: maps are merged key by key, lists are joined \
             (elements of the same name are merged), any other value in this file replaces the \
             included one.",
            json!({ "anyOf": [path, { "type": "array", "items": path }] }),
        )
    }
}

/// Keys of a file whose nodes are the definition `node`.
fn file_keys(node: &str) -> Vec<KeySchema> {
    let nodes = json!({
        "type": "array",
        "minItems": 1,
        "items": { "$ref": format!("#/$defs/{node}") },
    });
    vec![
        include(),
        KeySchema {
            example: Some("{name: lab}"),
            ..KeySchema::optional(
                "cluster",
                "What the nodes of the file share besides settings.",
                json!({ "$ref": "#/$defs/ClusterSection" }),
            )
        },
        KeySchema {
            otherwise: Some("the file is one node"),
            example: Some("[{hostname: kube1}, {hostname: kube2}]"),
            ..KeySchema::optional(
                "nodes",
                "The nodes of a cluster, each merged over the top level of the file.",
                nodes,
            )
        },
    ]
}

/// Returns the schemas of a node under `nodes:` and of a whole file, whose nodes are the definition
/// `name`.
fn node_and_file(whole: &Json, name: &str) -> (Json, Json) {
    let mut properties = whole["properties"].clone();
    // A node can leave out what is shared, and remove it with `~`.
    let mut node_properties = properties.clone();
    node_properties["include"] = include().to_json();
    if let Json::Object(properties) = &mut node_properties {
        for (name, property) in properties.iter_mut() {
            if name != "hostname" {
                *property = json!({ "anyOf": [property.take(), { "type": "null" }] });
            }
        }
    }
    let node = json!({
        "type": "object",
        "description": "A node, merged over the top level of the file.",
        "properties": node_properties,
        "additionalProperties": false,
    });
    for key in file_keys(name) {
        properties[key.name] = key.to_json();
    }
    let file = json!({
        "type": "object",
        "description": "A single node, or a cluster: shared settings and nodes.",
        "properties": properties,
        "required": ["version"],
        "additionalProperties": false,
    });
    (node, file)
}
