//! The JSON Schema of a spec file, for editors: from the same declarations as the decoder.

use serde_json::{Value as Json, json};

use super::decode::{Decode, Schemas};
use super::types::{ClusterSection, Spec};

/// The schema (JSON Schema draft 2020-12) of a spec file: a node, or what nodes have in common and the nodes.
pub fn schema() -> Json {
    let mut schemas = Schemas::default();
    let node_reference = Spec::schema(&mut schemas);
    let cluster = ClusterSection::schema(&mut schemas);
    let include = json!({
        "description": "Files that are merged under this one: maps key by key, lists one after the other (elements of one name become one), anything else as this file has it.",
        "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "items": { "type": "string", "minLength": 1 } },
        ],
    });
    let whole = schemas
        .definitions
        .get("Spec")
        .cloned()
        .unwrap_or(node_reference);
    let mut properties = whole["properties"].clone();
    properties["include"] = include.clone();

    // What is common may be left out of a node, and `~` takes it away.
    let mut node_properties = properties.clone();
    if let Json::Object(properties) = &mut node_properties {
        for (name, property) in properties.iter_mut() {
            if name != "hostname" {
                *property = json!({ "anyOf": [property.take(), { "type": "null" }] });
            }
        }
    }
    let node = json!({
        "type": "object",
        "description": "A node, merged over what the file says above `nodes`.",
        "properties": node_properties,
        "additionalProperties": false,
    });
    properties["cluster"] = cluster;
    properties["cluster"]["description"] =
        "What the nodes of the file share beside settings.".into();
    properties["nodes"] = json!({
        "description": "The nodes of a cluster, each merged over the other keys of the file.",
        "type": "array",
        "minItems": 1,
        "items": { "$ref": "#/$defs/Node" },
    });
    schemas.definitions.remove("Spec");
    schemas.definitions.insert("Node".to_owned(), node);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "imgbuild node spec",
        "description": "A bootable, immutable node, or a cluster of them.",
        "type": "object",
        "properties": properties,
        "required": ["version"],
        "additionalProperties": false,
        "$defs": schemas.definitions,
    })
}
