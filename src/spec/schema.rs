//! The JSON Schema of a spec file, for editors: from the same declarations as the decoder.

use serde_json::{Value as Json, json};

use super::decode::{Decode, Schemas};
use super::types::{ClusterSection, ContainerLinux, Spec};
use crate::facts::systems::Target;

/// The schema (JSON Schema draft 2020-12) of a spec file: a node, or what nodes have in common and
/// the nodes.
pub fn schema() -> Json {
    let mut schemas = Schemas::default();
    Spec::schema(&mut schemas);
    ContainerLinux::schema(&mut schemas);
    let cluster = ClusterSection::schema(&mut schemas);
    for (kind, node, file) in [
        ("Spec", "Node", "File"),
        ("ContainerLinux", "ContainerLinuxNode", "ContainerLinuxFile"),
    ] {
        let whole = schemas.definitions.remove(kind).unwrap_or_default();
        let (node_schema, file_schema) = node_and_file(&whole, node, cluster.clone());
        schemas.definitions.insert(node.to_owned(), node_schema);
        schemas.definitions.insert(file.to_owned(), file_schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "imgbuild node spec",
        "description": "A bootable, immutable node, or a cluster of them.",
        // Container Linux has ct's sections under ct's names.
        "if": {
            "type": "object",
            "properties": { "target": { "const": Target::ContainerLinux.as_str() } },
            "required": ["target"],
        },
        "then": { "$ref": "#/$defs/ContainerLinuxFile" },
        "else": { "$ref": "#/$defs/File" },
        "$defs": schemas.definitions,
    })
}

/// The schemas of a node under `nodes:` and of a whole file, whose nodes are the definition `name`.
fn node_and_file(whole: &Json, name: &str, cluster: Json) -> (Json, Json) {
    let mut properties = whole["properties"].clone();
    properties["include"] = json!({
        "description": "Files that are merged under this one: maps key by key, lists one after the other (elements of one name become one), anything else as this file has it.",
        "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "items": { "type": "string", "minLength": 1 } },
        ],
    });
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
        "items": { "$ref": format!("#/$defs/{name}") },
    });
    let file = json!({
        "type": "object",
        "description": "A node, or what nodes have in common and the nodes.",
        "properties": properties,
        "required": ["version"],
        "additionalProperties": false,
    });
    (node, file)
}
