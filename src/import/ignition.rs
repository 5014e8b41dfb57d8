//! Converts what Ignition's JSON of specification 3 writes differently from a node spec.

use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::butane::{kernel_arguments, octal, special_bits, without_empty_owners};
use super::item::{Item, Value};
use crate::diagnostic::Span;
use crate::facts::systems::Target;

/// Maximum size of decompressed contents, in bytes, to be written as text.
const TEXT_MAX: u64 = 1 << 20;

/// Maximum size of all of them: those that do not fit stay compressed.
const ALL_TEXTS_MAX: u64 = 16 << 20;

/// How many bytes of decompressed contents may still be written as text.
#[derive(Debug)]
pub(super) struct TextLeft(u64);

impl Default for TextLeft {
    fn default() -> Self {
        Self(ALL_TEXTS_MAX)
    }
}

/// Converts Ignition's own keys in `config`.
pub(super) fn to_spec(config: &mut Item, target: Target) {
    without_nulls(config);
    without_nothing(config);
    snake_case(config);
    if let Some(head) = config.get_mut("ignition") {
        head.remove("version");
        // `fit` reports the rest, which has no equivalent.
        if head.is_empty() {
            config.remove("ignition");
        }
    }
    kernel_arguments(config);
    without_empty_owners(config);
    let Some(storage) = config.get_mut("storage") else {
        return;
    };
    let mut left = TextLeft::default();
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
                    inline(contents, &mut left);
                }
            }
            if let Some(append) = item.get_mut("append") {
                let appended = append.items_mut().iter_mut();
                appended.for_each(|contents| inline(contents, &mut left));
            }
        }
    }
    special_bits(config, target);
}

/// Null means absent.
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

/// Empty maps and lists say nothing in specification 3.
fn without_nothing(item: &mut Item) {
    match &mut item.value {
        Value::Scalar { .. } => {}
        Value::List(items) => items.iter_mut().for_each(without_nothing),
        Value::Map(entries) => {
            for (.., value) in entries.iter_mut() {
                without_nothing(value);
            }
            entries.retain(|(.., value)| !value.is_empty());
        }
    }
}

/// Converts keys to Butane's: `sizeMiB` is `size_mib`.
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

/// Writes contents that are text in the config itself as text.
fn inline(contents: &mut Item, left: &mut TextLeft) {
    let Some((text, span)) = text_of(contents, left) else {
        return;
    };
    contents.remove("compression");
    contents.remove("source");
    if let Value::Map(entries) = &mut contents.value {
        let text = Item::new(Value::Scalar { text, plain: false }, span);
        entries.insert(0, ("inline".to_owned(), span, text));
    }
}

/// Returns the text in the config itself as `contents`, and its location; `None` if it is
/// elsewhere, or not text.
pub(super) fn text_of(contents: &Item, left: &mut TextLeft) -> Option<(String, Span)> {
    // Contents with a hash stay byte for byte.
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
        let most = TEXT_MAX.min(left.0);
        let mut unpacked = Vec::new();
        let outcome = MultiGzDecoder::new(bytes.as_slice())
            .take(most + 1)
            .read_to_end(&mut unpacked);
        let length = unpacked.len() as u64;
        left.0 = left.0.saturating_sub(length);
        if outcome.is_err() || length > most {
            return None;
        }
        bytes = unpacked;
    }
    let text = String::from_utf8(bytes).ok().filter(|text| is_text(text))?;
    Some((text, source.span))
}

/// Returns whether people can read it, and YAML can represent it.
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
