//! Patterns of paths and package names.

use anyhow::{Result, ensure};

/// A pattern in which `*` stands for any run of characters but `/`, `**` for any run at all, `?`
/// for one character but `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob(String);

impl Glob {
    /// Parses a pattern.
    pub fn new(pattern: &str) -> Result<Self> {
        ensure!(!pattern.is_empty(), "an empty pattern");
        Ok(Self(pattern.to_owned()))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether all of `text` matches.
    pub fn matches(&self, text: &str) -> bool {
        fits(self.0.as_bytes(), text.as_bytes())
    }
}

fn fits(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=text.len()).any(|at| fits(rest, &text[at..])),
        [b'*', rest @ ..] => {
            let end = text.iter().position(|&b| b == b'/').unwrap_or(text.len());
            (0..=end).any(|at| fits(rest, &text[at..]))
        }
        [b'?', rest @ ..] => matches!(text, [b, others @ ..] if *b != b'/' && fits(rest, others)),
        [first, rest @ ..] => matches!(text, [b, others @ ..] if b == first && fits(rest, others)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let cases = [
            ("/usr/share/doc", "/usr/share/doc", true),
            ("/usr/share/doc", "/usr/share/docs", false),
            ("/usr/*/doc", "/usr/share/doc", true),
            ("/usr/*/doc", "/usr/a/b/doc", false),
            ("/usr/**/doc", "/usr/a/b/doc", true),
            ("**/*.a", "/usr/lib/x.a", true),
            ("lib?", "libc", true),
            ("lib?", "lib/", false),
        ];
        for (pattern, text, expected) in cases {
            let glob = Glob::new(pattern).expect("pattern");
            assert_eq!(glob.matches(text), expected, "{pattern} {text}");
        }
    }
}
