//! What is wrong with text that is no YAML, in words of ours where the parser's are hard to act on.

use saphyr_parser::ScanError;

use super::{Builder, Fatal};
use crate::diagnostic::{Diagnostic, Span, codes};

impl Builder<'_> {
    /// The diagnostic for an error of the parser.
    pub(super) fn syntax_error(&self, error: &ScanError) -> Fatal {
        let index = error.marker().index();
        let at = self.places.byte(index);
        let span = self.places.span(at, self.places.byte(index + 1));
        if error.info().contains("unknown anchor") {
            return Box::new(
                Diagnostic::error(
                    codes::UNKNOWN_ALIAS,
                    span,
                    "an alias refers to nothing that was marked before",
                )
                .help("mark a value with `&name` first, or quote the `*`"),
            );
        }
        // The scanner reads ahead of the events in search of a key, and has a limit of its own.
        if error.info().contains("recursion limit") {
            return self.too_deep(span);
        }
        let rest = &self.places.text[at..];
        if rest.trim().is_empty()
            && let Some(frame) = self.stack.last().filter(|frame| frame.flow)
        {
            let bracket =
                &self.places.text[frame.start.start as usize - self.places.skipped..][..1];
            let mut open = frame.start;
            open.end = open.start + 1;
            return Box::new(
                Diagnostic::error(
                    codes::YAML_SYNTAX,
                    open,
                    format!("this `{bracket}` is never closed"),
                )
                .label("opened here"),
            );
        }
        let line_start = self.places.text[..at].rfind('\n').map_or(0, |at| at + 1);
        let line = self.places.text[line_start..].lines().next().unwrap_or("");
        let indentation = &line[..line.len() - line.trim_start().len()];
        let tab = indentation.contains('\t') || line.starts_with("- \t");
        let (span, message, help) = match error.info() {
            _ if tab => (
                span,
                "a tab where YAML wants spaces".to_owned(),
                Some("YAML is indented with spaces, never with tabs"),
            ),
            // Noticed only where the next line begins.
            "simple key expect ':'" | "simple key expected" | "simple key expected ':'" => (
                self.line_before(at),
                "a key without a value".to_owned(),
                Some(
                    "a key is followed by a colon and a space, a list's element by a dash and a space",
                ),
            ),
            info if info.contains("did not find expected key") => (
                span,
                "this fits neither the lines above nor those below".to_owned(),
                Some("lines that belong together are indented by the same number of spaces"),
            ),
            info if info.contains("in quoted scalar") || info.contains("quoted scalar, found") => (
                span,
                format!("the quoted text does not end as it should: {info}"),
                Some("close the quote; text of several lines is easier after `|`"),
            ),
            info => (span, format!("YAML syntax: {info}"), None),
        };
        let mut diagnostic = Diagnostic::error(codes::YAML_SYNTAX, span, message);
        diagnostic.help = help.map(str::to_owned);
        Box::new(diagnostic)
    }

    /// The text of the last line before `at` that has any.
    fn line_before(&self, at: usize) -> Span {
        let before = self.places.text[..at].trim_end();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let indentation = before[start..].len() - before[start..].trim_start().len();
        self.places.span(start + indentation, before.len())
    }
}
