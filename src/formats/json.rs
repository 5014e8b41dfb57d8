//! What it takes to parse a JSON text, told before it is parsed: `[0,0,0…` takes a hundred times
//! its own size as a tree.

use anyhow::Result;
use serde::de::DeserializeOwned;

use super::damaged;

/// The most memory that a text may take which [`parse`] parses, in bytes.
const PARSED_MAX: u64 = 96 << 20;

/// The most bytes of memory that a parsed value takes in addition to its text: in `serde_json` a
/// list's item takes 80, of which a growing list reserves two, and a map's entry three times that.
const VALUE: u64 = 160;

/// Returns how many bytes of memory `text` takes at most once it is parsed, as a
/// [`serde_json::Value`] or as a type of ours. It need not be valid.
pub(crate) fn memory(text: &[u8]) -> u64 {
    let mut values = 0;
    // Strings with escapes are put together in a buffer first.
    let mut scratch = 0;
    let mut rest = text;
    let mut in_word = false;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'"' => {
                let (length, has_escapes) = string(rest);
                rest = &rest[length..];
                values += 1;
                if has_escapes {
                    scratch = scratch.max(length);
                }
                in_word = false;
            }
            b'[' | b'{' => {
                values += 1;
                in_word = false;
            }
            b',' | b':' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t' => in_word = false,
            _ => {
                values += u64::from(!in_word);
                in_word = true;
            }
        }
    }
    text.len() as u64 + scratch as u64 + values.saturating_mul(VALUE)
}

/// Parses `text`, unless that takes more memory than any text of its kind should.
pub(crate) fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T> {
    if memory(text) > PARSED_MAX {
        return damaged(format!(
            "it takes more than {} MiB of memory to parse",
            PARSED_MAX >> 20
        ));
    }
    Ok(serde_json::from_slice(text)?)
}

/// The length of a string whose opening quotation mark precedes `text`, with the closing one, and
/// whether it has escapes.
fn string(text: &[u8]) -> (usize, bool) {
    let mut at = 0;
    let mut has_escapes = false;
    let end = |text: &[u8]| text.iter().position(|&byte| matches!(byte, b'"' | b'\\'));
    while let Some(next) = end(&text[at..]) {
        at += next;
        if text[at] == b'"' {
            return (at + 1, has_escapes);
        }
        has_escapes = true;
        at = (at + 2).min(text.len());
    }
    (text.len(), has_escapes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_long_texts_with_escapes_twice() {
        for (text, values, scratch) in [
            ("", 0, 0),
            ("{}", 1, 0),
            ("[1, -2.5e+3,true,null]", 5, 0),
            (r#"{"a": {"b": "c"}, "d": []}"#, 7, 0),
            (r#"["a[,{:1", "b"]"#, 3, 0),
            (r#"["\"[[[", "\\"]"#, 3, 6),
            (r#"["open [1,2"#, 2, 0),
            (r#"["\"#, 2, 1),
        ] {
            let want = text.len() as u64 + scratch + values * VALUE;
            assert_eq!(memory(text.as_bytes()), want, "{text}");
        }
    }
}
