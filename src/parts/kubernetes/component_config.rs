//! Configuration files of components: our own fields, overridden by those of the spec.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::diagnostic::Sources;
use crate::spec::json_of;
use crate::spec::yaml::{Limits, parse};

/// `own` unchanged if the spec adds nothing; else one field per line, with those of `settings`
/// replaced or merged.
///
/// Panics if `own` is not a YAML map: it is rendered from a template of this crate.
pub fn with_settings(own: String, settings: &BTreeMap<String, Json>) -> String {
    if settings.is_empty() {
        return own;
    }
    let mut sources = Sources::default();
    let source = sources.add("template", own.as_str());
    let (tree, _) = parse(&own, source, Limits::default());
    let Some(Json::Object(mut fields)) = tree.as_ref().map(json_of) else {
        panic!("a configuration is a map: {own}");
    };
    for (field, value) in settings {
        put(&mut fields, field, value);
    }
    // JSON is YAML (YAML 1.2 §1.3).
    let lines: Vec<_> = fields
        .iter()
        .map(|(field, value)| format!("{field}: {value}\n"))
        .collect();
    lines.concat()
}

fn put(fields: &mut Map<String, Json>, field: &str, value: &Json) {
    match (fields.get_mut(field), value) {
        (Some(Json::Object(own)), Json::Object(over)) => {
            for (field, value) in over {
                put(own, field, value);
            }
        }
        _ => {
            fields.insert(field.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_go_over_and_into_our_own() {
        let own = "a: 1\nb:\n  c: true\n  d: x\nl: [1]\n";
        for (name, settings, want) in [
            ("none", json!({}), own),
            (
                "new",
                json!({"z": "1s"}),
                "a: 1\nb: {\"c\":true,\"d\":\"x\"}\nl: [1]\nz: \"1s\"\n",
            ),
            (
                "merged and replaced",
                json!({"a": 2, "b": {"c": false, "e": []}, "l": []}),
                "a: 2\nb: {\"c\":false,\"d\":\"x\",\"e\":[]}\nl: []\n",
            ),
        ] {
            let settings: BTreeMap<_, _> = settings
                .as_object()
                .expect("a map")
                .iter()
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect();
            assert_eq!(with_settings(own.to_owned(), &settings), want, "{name}");
        }
    }
}
