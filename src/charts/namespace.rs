//! The namespace of a release, added to the objects that do not say theirs.
//!
//! Helm leaves it to the API's address, which a manifest does not have. It is added to the text, so
//! that what a node applies is what the chart says otherwise, with its comments.

use std::collections::BTreeMap;
use std::ops::Range;

use super::documents::{object, scalar};
use crate::manifests::Additions;
use crate::spec::yaml::{Node, Value};

/// Returns `text`, which is that of one object or a list, with `namespace` in each object that is
/// namespaced and has none. `None`: that cannot be done in this text.
pub(super) fn add(text: &str, namespace: &str, cluster: &Additions) -> Option<String> {
    let node = object(text)?;
    let mut edits = BTreeMap::new();
    edits_of(&node, text, namespace, cluster, &mut edits);
    if edits.is_empty() {
        return Some(text.to_owned());
    }
    let mut edited = String::new();
    let mut at = 0;
    for (start, (end, new)) in edits {
        edited.push_str(text.get(at..start)?);
        edited.push_str(&new);
        at = end;
    }
    edited.push_str(text.get(at..)?);
    // Aliases and merged maps have their text elsewhere.
    let mut left = BTreeMap::new();
    edits_of(&object(&edited)?, &edited, namespace, cluster, &mut left);
    left.is_empty().then_some(edited)
}

/// Adds what is to be replaced in `text`: by where it starts, where it ends and by what.
fn edits_of(
    node: &Node,
    text: &str,
    namespace: &str,
    cluster: &Additions,
    edits: &mut BTreeMap<usize, (usize, String)>,
) {
    let word = |key: &str| node.get(key).and_then(scalar).unwrap_or_default();
    let (api, kind) = (word("apiVersion"), word("kind"));
    if kind.ends_with("List")
        && let Some(Value::List(items)) = node.get("items").map(|items| &items.value)
    {
        for item in items {
            edits_of(item, text, namespace, cluster, edits);
        }
        return;
    }
    if cluster.is_cluster_wide(&api, &kind) {
        return;
    }
    let Some(Value::Map(entries)) = node.get("metadata").map(|metadata| &metadata.value) else {
        return;
    };
    let written = entries.iter().find(|it| &*it.key.value == "namespace");
    if let Some(entry) = written {
        let name = scalar(&entry.value);
        if name.is_some_and(|name| name.is_empty() || entry.value.is_null()) {
            let start = entry.key.span.end as usize;
            let value = range(&entry.value);
            // A value that is left out may have its place in the next line.
            let colon = text.get(start..).and_then(|after| after.find(':'));
            let end = colon.map_or(value.end, |at| start + at + 1);
            let end = if value.is_empty() { end } else { value.end };
            edits.insert(start, (end.max(start), format!(": {namespace}")));
        }
    } else if let Some(first) = entries.first() {
        let start = first.key.span.start as usize;
        let is_flow = node
            .get("metadata")
            .is_some_and(|it| text.get(range(it)).is_some_and(|it| it.starts_with('{')));
        let new = if is_flow {
            // JSON is a part of YAML: this is both.
            format!("\"namespace\": \"{namespace}\", ")
        } else {
            let line = text[..start.min(text.len())]
                .rfind('\n')
                .map_or(0, |at| at + 1);
            let column = text
                .get(line..start)
                .map_or(0, |before| before.chars().count());
            format!("namespace: {namespace}\n{}", " ".repeat(column))
        };
        edits.insert(start, (start, new));
    }
}

fn range(node: &Node) -> Range<usize> {
    node.span.start as usize..node.span.end as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_added_where_they_are_missing() {
        let mut cluster = Additions::default();
        let definition = "kind: CustomResourceDefinition\nspec:\n  group: a.example\n  scope: Cluster\n  names: {kind: Wide}\n";
        cluster.add(&object(definition).expect("an object"));
        for (name, text, want) in [
            (
                "a block",
                "# Source\napiVersion: v1\nkind: Secret\nmetadata:\n    # Its name.\n    name: a\n",
                Some(
                    "# Source\napiVersion: v1\nkind: Secret\nmetadata:\n    # Its name.\n    namespace: web\n    name: a\n",
                ),
            ),
            (
                "braces",
                "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n",
                Some("apiVersion: v1\nkind: Secret\nmetadata: {\"namespace\": \"web\", name: a}\n"),
            ),
            (
                "JSON",
                "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"a\"}}",
                Some(
                    "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"namespace\": \"web\", \"name\": \"a\"}}",
                ),
            ),
            (
                "an empty one",
                "apiVersion: v1\nkind: Secret\nmetadata:\n  namespace: \"\"\n  name: a\n",
                Some("apiVersion: v1\nkind: Secret\nmetadata:\n  namespace: web\n  name: a\n"),
            ),
            (
                "a list",
                "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: a\n- apiVersion: v1\n  kind: Namespace\n  metadata: {name: b}\n",
                Some(
                    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    namespace: web\n    name: a\n- apiVersion: v1\n  kind: Namespace\n  metadata: {name: b}\n",
                ),
            ),
            (
                "another one",
                "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: other}\n",
                Some("apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: other}\n"),
            ),
            (
                "none in the cluster",
                "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\n",
                Some(
                    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: a}\n",
                ),
            ),
            (
                "a resource of the whole cluster",
                "apiVersion: a.example/v1\nkind: Wide\nmetadata: {name: a}\n",
                Some("apiVersion: a.example/v1\nkind: Wide\nmetadata: {name: a}\n"),
            ),
            (
                "another resource",
                "apiVersion: b.example/v1\nkind: Wide\nmetadata: {name: a}\n",
                Some(
                    "apiVersion: b.example/v1\nkind: Wide\nmetadata: {\"namespace\": \"web\", name: a}\n",
                ),
            ),
            (
                "an empty key",
                "apiVersion: v1\nkind: Secret\nmetadata:\n  namespace:\n  name: a\n",
                Some("apiVersion: v1\nkind: Secret\nmetadata:\n  namespace: web\n  name: a\n"),
            ),
        ] {
            assert_eq!(add(text, "web", &cluster).as_deref(), want, "{name}");
        }
    }
}
