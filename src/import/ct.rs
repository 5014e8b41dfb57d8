//! Converts what a Container Linux Config writes differently from a node spec, whose sections for
//! Container Linux are ct's.

use super::butane;
use super::item::{Item, Value};

/// Converts ct's own keys in `config`.
pub(super) fn to_spec(config: &mut Item) {
    butane::modes(config);
    let Some(storage) = config.get_mut("storage") else {
        return;
    };
    plain_paths(storage);
    let files = storage.get_mut("files");
    for file in files.into_iter().flat_map(Item::items_mut) {
        // ct sets a mode on what it appends to as well; a node spec leaves it alone.
        let appends = file.get("append").and_then(Item::text) == Some("true");
        if appends && file.get("mode").is_none() {
            let text = "0644".to_owned();
            let mode = Item::new(Value::Scalar { text, plain: true }, file.span);
            if let Value::Map(entries) = &mut file.value {
                entries.push(("mode".to_owned(), mode.span, mode));
            }
        }
    }
}

/// Removes what says nothing in the paths of files, directories and links: Ignition 2.x takes
/// `/srv/`, where a node spec takes `/srv`.
pub(super) fn plain_paths(storage: &mut Item) {
    for list in ["files", "directories", "links"] {
        let items = storage.get_mut(list);
        for item in items.into_iter().flat_map(Item::items_mut) {
            if let Some(Item {
                value: Value::Scalar { text, .. },
                ..
            }) = item.get_mut("path")
                && text.starts_with('/')
            {
                let parts = text.split('/').filter(|part| !matches!(*part, "" | "."));
                *text = format!("/{}", parts.collect::<Vec<_>>().join("/"));
            }
        }
    }
}
