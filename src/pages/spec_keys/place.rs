//! Where in a spec each record stands, and which key is at a path.

use serde_json::Value as Json;

use crate::facts::systems::{SpecKeys, TABLE};
use crate::spec::decode::RecordSchema;
use crate::spec::{Language, NodeKind};

/// The name of the system whose nodes alone have keys of this kind; `None`: most systems' do.
pub(super) fn system(keys: SpecKeys) -> Option<&'static str> {
    match keys {
        SpecKeys::Own => None,
        SpecKeys::Ct => Some(NodeKind::with(keys).target().title),
    }
}

/// A record, and the paths that lead to it (`network.interfaces`), the first one met first.
#[derive(Debug)]
pub struct Place<'a> {
    pub record: &'a RecordSchema,
    /// The kind of nodes under which it is described.
    pub tree: SpecKeys,
    pub paths: Vec<(SpecKeys, String)>,
}

impl Place<'_> {
    /// The heading of its section, without marks.
    pub fn title(&self) -> String {
        let title = match self.paths[0].1.as_str() {
            "" => "A node",
            path => path,
        };
        match system(self.tree) {
            Some(system) => format!("{title} of {system}"),
            None => title.to_owned(),
        }
    }

    /// The heading of its section.
    pub fn heading(&self) -> String {
        let path = &self.paths[0].1;
        if path.is_empty() {
            self.title()
        } else {
            self.title().replacen(path, &format!("`{path}`"), 1)
        }
    }

    /// What a link to its section ends in: the heading as GitHub and rustdoc name it.
    pub fn anchor(&self) -> String {
        let words = self.title().to_lowercase().replace(' ', "-");
        let plain = |c: &char| c.is_alphanumeric() || "-_".contains(*c);
        words.chars().filter(plain).collect()
    }
}

/// Every record that a node can have, in the order in which a reader meets them.
pub fn places(language: &Language) -> Vec<Place<'_>> {
    let mut places = Vec::new();
    for tree in SpecKeys::ALL {
        walk(language, tree, NodeKind::with(tree).record, "", &mut places);
    }
    places
}

fn walk<'a>(
    language: &'a Language,
    tree: SpecKeys,
    name: &str,
    path: &str,
    places: &mut Vec<Place<'a>>,
) {
    let Some(record) = record(language, name) else {
        return;
    };
    match places.iter_mut().find(|place| place.record.name == name) {
        Some(place) => place.paths.push((tree, path.to_owned())),
        None => places.push(Place {
            record,
            tree,
            paths: vec![(tree, path.to_owned())],
        }),
    }
    for key in &record.keys {
        let path = below(path, key.name);
        if is_for_any_target(tree, &path) {
            for name in references(&key.schema) {
                walk(language, tree, name, &path, places);
            }
        }
    }
}

/// Whether any target takes the key at `path`.
fn is_for_any_target(tree: SpecKeys, path: &str) -> bool {
    let mut of_tree = TABLE.iter().filter(|facts| facts.keys == tree);
    of_tree.any(|facts| facts.refused_keys.iter().all(|(key, _)| *key != path))
}

/// `path` and a key in it.
pub(super) fn below(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

fn record<'a>(language: &'a Language, name: &str) -> Option<&'a RecordSchema> {
    language.records.iter().find(|record| record.name == name)
}

/// The names of the definitions that a schema leads to.
fn references(schema: &Json) -> Vec<&str> {
    let one = schema["$ref"].as_str();
    let one = one.and_then(|reference| reference.rsplit('/').next());
    let choices = schema["anyOf"].as_array();
    let parts = [&schema["items"], &schema["additionalProperties"]];
    let inner = choices.into_iter().flatten().chain(parts);
    let inner: Vec<&str> = (inner.filter(|part| part.is_object()))
        .flat_map(references)
        .collect();
    let mut all: Vec<&str> = one.into_iter().chain(inner).collect();
    all.dedup();
    all
}

/// The deepest key of the language on a path of a spec, with the name of its record: on
/// `containerd`, `registries`, `docker.io`, `insecure` that is `insecure` of `Registry`. Indexes of
/// lists are left out of the path.
pub fn key_at(
    language: &Language,
    tree: SpecKeys,
    path: &[&str],
) -> Option<(&'static str, String)> {
    let mut found = None;
    let mut records = vec![NodeKind::with(tree).record];
    for step in path {
        let keys = records.iter().filter_map(|name| record(language, name));
        let key = keys
            .flat_map(|record| record.keys.iter().map(move |key| (record.name, key)))
            .find(|(_, key)| key.name == *step);
        // A name that the user chose, such as a registry's, leads to the same records.
        if let Some((record, key)) = key {
            found = Some((record, key.name.to_owned()));
            records = references(&key.schema);
        }
    }
    found
}
