//! The JSON Schema as people read it.

use imgbuild::spec::schema;
use serde_json::Value as Json;

/// Every key of the language is described.
#[test]
fn everything_is_described() {
    fn walk(path: &str, schema: &Json) {
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                let described = property["description"]
                    .as_str()
                    .or(property["anyOf"][0]["description"].as_str());
                assert!(
                    described.is_some_and(|words| !words.is_empty()),
                    "{path}.{name}"
                );
            }
        }
    }
    let schema = schema();
    walk("spec", &schema);
    for (name, definition) in schema["$defs"].as_object().expect("definitions") {
        walk(name, definition);
    }
}
