//! What Ignition's JSON of spec 3 writes otherwise than a node spec does.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::Findings;
use super::butane::{kernel_arguments, octal};
use super::item::{Item, Value};
use crate::diagnostic::Span;

/// The most that contents may unpack to, in bytes, to be written as text.
const TEXT_MAX: u64 = 1 << 20;

/// Takes Ignition's own words out of `config`.
pub(super) fn to_spec(config: &mut Item, found: &mut Findings) {
    without_nulls(config);
    snake_case(config);
    if let Some(head) = config.get_mut("ignition") {
        head.remove("version");
        // Without a word for what is left, `fit` says so.
        if head.is_empty() {
            config.remove("ignition");
        }
    }
    kernel_arguments(config, "should_exist", "should_not_exist", found);
    let Some(storage) = config.get_mut("storage") else {
        return;
    };
    for (list, keys) in [
        ("files", &["contents"][..]),
        ("directories", &[]),
        ("luks", &["key_file"]),
    ] {
        let Some(list) = storage.get_mut(list) else {
            continue;
        };
        for item in list.items_mut() {
            // JSON's numbers are decimal; 420 is 0644.
            if let Some(mode) = item.get_mut("mode") {
                octal(mode);
            }
            for key in keys {
                if let Some(contents) = item.get_mut(key) {
                    inline(contents);
                }
            }
            if let Some(append) = item.get_mut("append") {
                append.items_mut().iter_mut().for_each(inline);
            }
        }
    }
}

/// Null is nothing there.
pub(super) fn without_nulls(item: &mut Item) {
    match &mut item.value {
        Value::Scalar { .. } => {}
        Value::List(items) => items.iter_mut().for_each(without_nulls),
        Value::Map(entries) => {
            entries.retain(|(.., value)| !value.is_null());
            for (.., value) in entries {
                without_nulls(value);
            }
        }
    }
}

/// Keys as Butane writes them: `sizeMiB` is `size_mib`.
pub(super) fn snake_case(item: &mut Item) {
    match &mut item.value {
        Value::Scalar { .. } => {}
        Value::List(items) => items.iter_mut().for_each(snake_case),
        Value::Map(entries) => {
            for (key, _, value) in entries {
                *key = snake(key);
                snake_case(value);
            }
        }
    }
}

fn snake(key: &str) -> String {
    let key = key.replace("MiB", "Mib");
    let mut snake = String::with_capacity(key.len() + 4);
    for (at, character) in key.char_indices() {
        if character.is_ascii_uppercase() && at > 0 {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// Contents that are text in the config itself are written as text.
fn inline(contents: &mut Item) {
    let Some((text, span)) = text_of(contents) else {
        return;
    };
    contents.remove("compression");
    contents.remove("source");
    if let Value::Map(entries) = &mut contents.value {
        let text = Item::of(Value::Scalar { text, plain: false }, span);
        entries.insert(0, ("inline".to_owned(), span, text));
    }
}

/// The text that stands in the config itself as `contents`, and where; `None` where that is
/// elsewhere, or no text.
pub(super) fn text_of(contents: &Item) -> Option<(String, Span)> {
    // What says what its bytes have to be stays byte for byte.
    if contents.get("verification").is_some_and(|v| !v.is_empty()) {
        return None;
    }
    let is_gzip = match contents.get("compression").and_then(Item::text) {
        None | Some("") => false,
        Some("gzip") => true,
        Some(_) => return None,
    };
    let source = contents.get("source")?;
    let url = source.text().filter(|url| url.starts_with("data:"))?;
    let mut bytes = crate::data_url::decode(url).ok()?;
    if is_gzip {
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(bytes.as_slice())
            .take(TEXT_MAX + 1)
            .read_to_end(&mut unpacked)
            .ok()?;
        if unpacked.len() as u64 > TEXT_MAX {
            return None;
        }
        bytes = unpacked;
    }
    let text = String::from_utf8(bytes).ok().filter(|text| is_text(text))?;
    Some((text, source.span))
}

/// Whether people can read it, and YAML can hold it.
fn is_text(text: &str) -> bool {
    text.chars().all(|c| {
        matches!(c, '\n' | '\t')
            || !(c.is_control() || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_butane_writes_them() {
        for (key, expected) in [
            ("path", "path"),
            ("sizeMiB", "size_mib"),
            ("wipePartitionEntry", "wipe_partition_entry"),
            ("sshAuthorizedKeys", "ssh_authorized_keys"),
            ("tpm2", "tpm2"),
            ("httpHeaders", "http_headers"),
        ] {
            assert_eq!(snake(key), expected);
        }
    }
}
