//! The JSON Schema of a spec file, for editors: from the same declarations as the decoder.

use serde_json::{Value as Json, json};

use super::decode::{Decode, Schemas};
use super::types::{ClusterSection, ContainerLinux, Spec};
use crate::facts::systems::Target;

/// Returns the schema (JSON Schema draft 2020-12) of a spec file: a single node, or shared settings
/// and nodes.
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
        // Container Linux has ct's sections and names.
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

/// Returns the schemas of a node under `nodes:` and of a whole file, whose nodes are the definition
/// `name`.
fn node_and_file(whole: &Json, name: &str, cluster: Json) -> (Json, Json) {
    let mut properties = whole["properties"].clone();
    properties["include"] = json!({
        "description": "Files that this file is merged over: maps are merged key by key, lists \
                        are joined (elements of the same name are merged), any other value in \
                        this file replaces the included one.",
        "anyOf": [
            { "type": "string", "minLength": 1 },
            { "type": "array", "items": { "type": "string", "minLength": 1 } },
        ],
    });
    // A node can leave out what is shared, and remove it with `~`.
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
        "description": "A node, merged over the top level of the file.",
        "properties": node_properties,
        "additionalProperties": false,
    });
    properties["cluster"] = cluster;
    properties["cluster"]["description"] =
        "What the nodes of the file share besides settings.".into();
    properties["nodes"] = json!({
        "description": "The nodes of a cluster, each merged over the top level of the file.",
        "type": "array",
        "minItems": 1,
        "items": { "$ref": format!("#/$defs/{name}") },
    });
    let file = json!({
        "type": "object",
        "description": "A single node, or a cluster: shared settings and nodes.",
        "properties": properties,
        "required": ["version"],
        "additionalProperties": false,
    });
    (node, file)
}
