//! What text becomes before people see it: without what could affect their terminal, and without
//! passwords.

use super::hidden::{by_form, masked};

/// Returns `text` with escapes in place of the characters that could affect the terminal or the
/// order in which it shows others. Lines and tabs stay.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\n' | '\t') || !is_control(c) {
            shown.push(c);
        } else {
            shown.extend(c.escape_default());
        }
    }
    shown
}

/// Returns `text` like [`visible`], also without passwords in URLs and others that are known by
/// their form.
pub fn safe(text: &str) -> String {
    visible(&masked(text, &by_form(text)))
}

/// Whether a terminal does something with `c` other than to show it: control characters, and the
/// ones that change the direction of text (UAX #9).
pub(super) fn is_control(c: char) -> bool {
    let changes_direction = matches!(c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || changes_direction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_and_no_password_anybody() {
        for (text, want) in [
            ("plain ä\n\t", "plain ä\n\t"),
            ("\u{1b}[2J\u{9b}31m\r\u{7f}", r"\u{1b}[2J\u{9b}31m\r\u{7f}"),
            ("a\u{202e}b\u{2066}", r"a\u{202e}b\u{2066}"),
            (
                "fetching https://me:hunter2@site.example/a: failed",
                "fetching https://me:***@site.example/a: failed",
            ),
        ] {
            assert_eq!(safe(text), want);
        }
    }
}
