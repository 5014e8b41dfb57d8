//! Where a key stands in the text of a spec, and a spec around one key.

use imgbuild::diagnostic::{SourceId, Span};
use imgbuild::facts::systems::SpecKeys;
use imgbuild::pages::spec_keys::{Place, places};
use imgbuild::spec::Language;
use imgbuild::spec::decode::KeySchema;
use imgbuild::spec::yaml::{Limits, Node, Value, parse};
use serde_json::Value as Json;

/// The keys that lead to what is at `span` of `text`, without `nodes` and indexes of lists; `None`
/// where `text` is not YAML.
pub fn path_at(text: &str, span: Span) -> Option<Vec<String>> {
    let (tree, _) = parse(text, SourceId(0), Limits::default());
    let mut path = Vec::new();
    descend(&tree?, span.start, &mut path);
    path.retain(|key| key != "nodes");
    Some(path)
}

fn descend(node: &Node, at: u32, path: &mut Vec<String>) {
    match &node.value {
        Value::Scalar(_) => {}
        Value::List(items) => {
            if let Some(item) = items.iter().rev().find(|item| item.span.start <= at) {
                descend(item, at, path);
            }
        }
        Value::Map(entries) => {
            let entry = entries
                .iter()
                .rev()
                .find(|entry| entry.key.span.start <= at);
            if let Some(entry) = entry {
                path.push(entry.key.value.to_string());
                if entry.value.span.start <= at {
                    descend(&entry.value, at, path);
                }
            }
        }
    }
}

/// A key of the language at one of its paths.
pub struct KeyPlace<'a> {
    pub record: &'static str,
    pub key: &'a KeySchema,
    pub tree: SpecKeys,
    /// The keys that lead to it, itself the last.
    pub path: Vec<&'a str>,
}

/// Every key of the language at every path.
pub fn all<'a>(places: &'a [Place<'a>]) -> Vec<KeyPlace<'a>> {
    let mut all = Vec::new();
    for place in places {
        for (tree, path) in &place.paths {
            for key in &place.record.keys {
                let steps = path.split('.').filter(|step| !step.is_empty());
                all.push(KeyPlace {
                    record: place.record.name,
                    key,
                    tree: *tree,
                    path: steps.chain([key.name]).collect(),
                });
            }
        }
    }
    assert!(all.len() > 400, "{} keys", all.len());
    all
}

/// A spec in which the key at `place` has the value `value`, in YAML, and nothing else is written
/// that need not be.
pub fn around(language: &Language, place: &KeyPlace, value: &str) -> String {
    let mut text = format!("{}: {value}", place.path[place.path.len() - 1]);
    let known = places(language);
    for depth in (1..place.path.len()).rev() {
        let (above, key) = (place.path[..depth - 1].join("."), place.path[depth - 1]);
        let record = known.iter().find(|known| {
            (known.paths.iter()).any(|(tree, path)| *tree == place.tree && *path == above)
        });
        let keys = record.expect("a record is there").record.keys.iter();
        let schema = keys.clone().find(|known| known.name == key);
        text = format!(
            "{key}: {}",
            in_container(&schema.expect("a key").schema, &text)
        );
    }
    let mut head = String::new();
    for (key, line) in [
        ("version", "version: 1\n"),
        ("hostname", "hostname: kube1\n"),
        ("target", "target: container-linux\n"),
    ] {
        let is_wanted = key != "target" || place.tree == SpecKeys::Ct;
        if is_wanted && place.path[0] != key {
            head.push_str(line);
        }
    }
    format!("{head}{text}\n")
}

/// `text`, an entry of a map, in what the schema asks for around that map.
fn in_container(schema: &Json, text: &str) -> String {
    if schema["items"].is_object() {
        format!("[{{{text}}}]")
    } else if schema["additionalProperties"].is_object() {
        format!("{{probe: {{{text}}}}}")
    } else {
        format!("{{{text}}}")
    }
}
