//! Keys of maps: text, each only once, and merge keys (yaml.org/type/merge.html).

use std::collections::HashSet;
use std::sync::Arc;

use super::PendingKey;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::spec::yaml::{Entry, Node, Value};

/// Returns whether a map's key merges another map.
pub(super) fn is_merge_key(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(scalar) if scalar.plain && &*scalar.text == "<<")
}

/// Adds the entries of the map, or of the list of maps, of a merge key.
pub(super) fn merge(node: Node, merged: &mut Vec<Entry>, diagnostics: &mut Vec<Diagnostic>) {
    match node.value {
        Value::Map(entries) => merged.extend(entries),
        Value::List(items) if items.iter().all(|i| matches!(i.value, Value::Map(_))) => {
            for item in items {
                merge(item, merged, diagnostics);
            }
        }
        _ => diagnostics.push(Diagnostic::error(
            codes::MERGE_KEY,
            node.span,
            format!("expected a map to merge, got {}", node.describe()),
        )),
    }
}

/// Reads `node` as a key of a map with `entries`, and reports why it cannot be one.
pub(super) fn read_key(
    node: &Node,
    entries: &[Entry],
    seen: &mut HashSet<Arc<str>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> PendingKey {
    let text = match &node.value {
        Value::Scalar(scalar) if !node.is_null() => scalar,
        _ => {
            diagnostics.push(Diagnostic::error(
                codes::KEY_NOT_TEXT,
                node.span,
                format!("expected text as the key, got {}", node.describe()),
            ));
            return PendingKey::Dropped;
        }
    };
    let key = Located::new(text.text.clone(), node.span);
    if !seen.insert(key.value.clone()) {
        let mut diagnostic = Diagnostic::error(
            codes::DUPLICATE_KEY,
            node.span,
            format!("key `{}` is defined twice", crate::text::shown(&key)),
        );
        if let Some(first) = entries.iter().find(|entry| entry.key.value == key.value) {
            diagnostic = diagnostic.related(first.key.span, "first occurrence");
        }
        diagnostics.push(diagnostic);
        return PendingKey::Dropped;
    }
    PendingKey::Of(key)
}
