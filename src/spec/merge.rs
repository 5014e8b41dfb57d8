//! Merges trees: what a file says over what it includes, what a node says over what is common.
//!
//! - Maps are merged key by key.
//! - A list's elements follow those that were there. An element that is a map is merged into the
//!   one of the same `name` (or `mac`, `device`, `path`, `label`, where elements have no name);
//!   text that is already there is not repeated.
//! - Anything else is replaced by what the including file or the node says.
//! - `~` takes away what was there.
//! - Keys that exclude each other, such as `inline` and `local`, replace each other.

use std::collections::HashMap;
use std::sync::Arc;

use super::yaml::{Entry, Node, Value};

/// What identifies a list item; the first key that both have decides.
const IDENTITIES: &[&str] = &["name", "mac", "device", "path", "label"];

/// Keys of one map of which only one can be set.
const EXCLUSIVE: &[&[&str]] = &[
    &["inline", "local", "source"],
    &["contents", "contents_local"],
    &["password_hash", "password_file"],
    &["zram", "device"],
    &["bond", "vlan", "bridge"],
];

/// Returns `over` merged over `base`. Locations are those of `over`.
pub fn merge(base: &Node, over: Node) -> Node {
    let value = match (&base.value, over.value) {
        (Value::Map(base), Value::Map(over)) => Value::Map(merge_maps(base, over)),
        (Value::List(base), Value::List(over)) => Value::List(merge_lists(base, over)),
        (_, value) => value,
    };
    Node {
        span: over.span,
        value,
    }
}

fn merge_maps(base: &[Entry], over: Vec<Entry>) -> Vec<Entry> {
    let displaced = |key: &str| {
        EXCLUSIVE.iter().any(|group| {
            group.contains(&key)
                && over
                    .iter()
                    .any(|entry| &*entry.key.value != key && group.contains(&&*entry.key.value))
        })
    };
    let mut merged: Vec<Option<Entry>> = base
        .iter()
        .filter(|entry| !displaced(&entry.key))
        .cloned()
        .map(Some)
        .collect();
    let places: HashMap<Arc<str>, usize> = merged
        .iter()
        .flatten()
        .enumerate()
        .map(|(at, entry)| (entry.key.value.clone(), at))
        .collect();
    for entry in over {
        let Some(old) = places.get(&entry.key.value).map(|&at| &mut merged[at]) else {
            merged.push(Some(entry));
            continue;
        };
        *old = match old.take() {
            Some(old) if !entry.value.is_null() => Some(Entry {
                value: merge(&old.value, entry.value),
                key: entry.key,
            }),
            _ => None,
        };
    }
    merged.into_iter().flatten().collect()
}

fn merge_lists(base: &[Node], over: Vec<Node>) -> Vec<Node> {
    // The index of the first item with this text, or with this text under this key.
    let mut places: HashMap<(&str, Arc<str>), usize> = HashMap::new();
    for (at, item) in base.iter().enumerate() {
        for mark in marks(item) {
            places.entry(mark).or_insert(at);
        }
    }
    let mut merged = base.to_vec();
    for item in over {
        let old = marks(&item)
            .filter_map(|mark| places.get(&mark))
            .find(|&&at| same(&base[at], &item));
        match old {
            Some(&at) => merged[at] = merge(&merged[at], item),
            None => merged.push(item),
        }
    }
    merged
}

/// What may identify a list item: its text, or a key and its text.
fn marks(item: &Node) -> impl Iterator<Item = (&'static str, Arc<str>)> {
    let keys: &[&str] = match &item.value {
        Value::Scalar(_) => &[""],
        Value::Map(_) => IDENTITIES,
        Value::List(_) => &[],
    };
    keys.iter().filter_map(move |&key| {
        let value = if key.is_empty() { item } else { item.get(key)? };
        match &value.value {
            Value::Scalar(scalar) => Some((key, scalar.text.clone())),
            _ => None,
        }
    })
}

/// Returns whether two items are the same thing.
fn same(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Value::Scalar(a), Value::Scalar(b)) => a.text == b.text,
        (Value::Map(_), Value::Map(_)) => IDENTITIES
            .iter()
            // A tree is a folder on the build machine, several of which may go to the same path.
            .filter(|&&key| key != "path" || a.get("local").is_none())
            .find_map(|key| Some((a.get(key)?, b.get(key)?)))
            .is_some_and(|(a, b)| match (&a.value, &b.value) {
                (Value::Scalar(a), Value::Scalar(b)) => a.text == b.text,
                _ => false,
            }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::SourceId;
    use crate::spec::yaml::{Limits, parse};

    /// Returns the tree as flow YAML.
    fn flow(node: &Node) -> String {
        match &node.value {
            Value::Scalar(scalar) => scalar.text.to_string(),
            Value::List(items) => {
                format!(
                    "[{}]",
                    items.iter().map(flow).collect::<Vec<_>>().join(", ")
                )
            }
            Value::Map(entries) => {
                let entries: Vec<String> = entries
                    .iter()
                    .map(|e| format!("{}: {}", e.key.value, flow(&e.value)))
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    #[test]
    fn rules() {
        for (name, base, over, expected) in [
            ("keys", "{a: 1, b: 2}", "{b: 3, c: 4}", "{a: 1, b: 3, c: 4}"),
            (
                "maps in maps",
                "{a: {b: 1}}",
                "{a: {c: 2}}",
                "{a: {b: 1, c: 2}}",
            ),
            ("taken away", "{a: 1, b: 2}", "{a: ~}", "{b: 2}"),
            ("nothing to take away", "{b: 2}", "{a: ~}", "{b: 2, a: ~}"),
            (
                "text follows",
                "{a: [x, y]}",
                "{a: [y, z]}",
                "{a: [x, y, z]}",
            ),
            (
                "by name",
                "{a: [{name: x, u: 1}]}",
                "{a: [{name: y}, {name: x, v: 2}]}",
                "{a: [{name: x, u: 1, v: 2}, {name: y}]}",
            ),
            (
                "by mac",
                "{a: [{name: x, mac: m}]}",
                "{a: [{mac: m, v: 2}]}",
                "{a: [{name: x, mac: m, v: 2}]}",
            ),
            (
                "nameless",
                "{a: [{to: x}]}",
                "{a: [{to: x}]}",
                "{a: [{to: x}, {to: x}]}",
            ),
            ("another kind", "{a: [x]}", "{a: y}", "{a: y}"),
            (
                "exclusive",
                "{c: {inline: x, mode: 1}}",
                "{c: {local: y}}",
                "{c: {mode: 1, local: y}}",
            ),
            (
                "trees",
                "{a: [{local: x, path: /}]}",
                "{a: [{local: y, path: /}]}",
                "{a: [{local: x, path: /}, {local: y, path: /}]}",
            ),
        ] {
            let read = |text| {
                let (tree, diagnostics) = parse(text, SourceId(0), Limits::default());
                assert_eq!(diagnostics, [], "{name}");
                tree.expect("a tree")
            };
            assert_eq!(flow(&merge(&read(base), read(over))), expected, "{name}");
        }
    }
}
