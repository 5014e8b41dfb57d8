//! The node's name in a config: the file `/etc/hostname`.

use super::Findings;
use super::item::{Item, Value};
use crate::facts::systems::Target;
use crate::names::Hostname;

/// Removes the file `/etc/hostname` from `item` and returns the name in it, with the comments above
/// it; with `replaced`, removes it no matter what it contains.
///
/// A file that is more than a name stays one where the target does not write it itself.
pub(super) fn take(
    item: &mut Item,
    replaced: bool,
    target: Target,
    found: &mut Findings,
) -> Option<(Hostname, Vec<String>)> {
    let can_be_file = target.facts().abilities.is_named_by_network;
    let storage = item.get_mut("storage")?;
    let Value::List(files) = &mut storage.get_mut("files")?.value else {
        return None;
    };
    let at = files
        .iter()
        .position(|file| file.get("path").and_then(Item::text) == Some("/etc/hostname"))?;
    let contents = files[at].get("contents");
    let inline = contents.and_then(|contents| contents.get("inline"));
    let written = inline.and_then(Item::text).map(str::trim);
    let mut named = written.and_then(|text| text.parse::<Hostname>().ok());
    if can_be_file && !is_plain(&files[at]) {
        named = None;
    }
    if named.is_none()
        && !replaced
        && !can_be_file
        && let Some(text) = written
        && let Ok(lower) = text.to_ascii_lowercase().parse()
    {
        let span = inline.map_or(files[at].span, |inline| inline.span);
        found.left_out(
            span,
            format!("the host name is written in lower case, as DNS compares it: `{lower}`"),
        );
        named = Some(lower);
    }
    if named.is_none() && !replaced {
        return None;
    }
    let file = files.remove(at);
    if files.is_empty() {
        storage.remove("files");
    }
    if storage.is_empty() {
        item.remove("storage");
    }
    named.map(|name| (name, file.comments))
}

/// Returns whether a file is what `hostname:` writes, by its mode and owner.
fn is_plain(file: &Item) -> bool {
    let Value::Map(entries) = &file.value else {
        return false;
    };
    entries.iter().all(|(key, _, value)| match key.as_str() {
        "path" | "contents" | "overwrite" => true,
        "mode" => matches!(value.text(), Some("0644")),
        "user" | "group" => {
            let owner = [value.get("name"), value.get("id")];
            let mut said = owner.into_iter().flatten().filter_map(Item::text);
            said.all(|said| matches!(said, "root" | "0"))
        }
        _ => false,
    })
}
