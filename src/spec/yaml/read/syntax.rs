//! YAML syntax errors, in our own words if the parser's are hard to act on.

use saphyr_parser::ScanError;

use super::{Builder, Fatal, FrameKind};
use crate::diagnostic::{Diagnostic, Span, codes};

impl Builder<'_> {
    /// Returns the diagnostic for an error of the parser.
    pub(super) fn syntax_error(&self, error: &ScanError) -> Fatal {
        let index = error.marker().index();
        let at = self.places.byte(index);
        let span = self.places.span(at, self.places.byte(index + 1));
        if error.info().contains("unknown anchor") {
            return Box::new(
                Diagnostic::error(codes::UNKNOWN_ALIAS, span, "unknown alias")
                    .help("define it earlier with `&name`, or quote the `*`"),
            );
        }
        // The scanner reads ahead of the events in search of a key, and has its own limit.
        if error.info().contains("recursion limit") {
            return self.too_deep(span);
        }
        let rest = &self.places.text()[at..];
        if rest.trim().is_empty()
            && let Some(frame) = self.stack.last().filter(|frame| frame.flow)
        {
            let bracket = match frame.kind {
                FrameKind::List(_) => '[',
                FrameKind::Map { .. } => '{',
            };
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
        let line_start = self.places.text()[..at].rfind('\n').map_or(0, |at| at + 1);
        let line = self.places.text()[line_start..]
            .lines()
            .next()
            .unwrap_or("");
        let indentation = &line[..line.len() - line.trim_start().len()];
        let tab = indentation.contains('\t') || line.starts_with("- \t");
        let tab = if tab {
            Some(span)
        } else if error.info().contains("tab") {
            self.tab_after(at)
        } else {
            None
        };
        if let Some(tab) = tab {
            return Box::new(
                Diagnostic::error(codes::YAML_SYNTAX, tab, "tab in the indentation")
                    .help("YAML requires spaces for indentation"),
            );
        }
        let (span, message, help) = match error.info() {
            // The parser notices it only where the next line starts.
            "simple key expect ':'" | "simple key expected" | "simple key expected ':'" => (
                self.line_before(at),
                "a key without a value".to_owned(),
                Some(
                    "write a colon and a space after a key, a dash and a space before a list item",
                ),
            ),
            info if info.contains("did not find expected key") => (
                span,
                "indentation does not match the lines above or below".to_owned(),
                Some("indent lines that belong together by the same number of spaces"),
            ),
            info if info.contains("in quoted scalar") || info.contains("quoted scalar, found") => (
                span,
                format!("the quoted text is not terminated correctly: {info}"),
                Some("close the quote; for text of several lines, use `|`"),
            ),
            info => (span, format!("YAML syntax: {info}"), None),
        };
        let mut diagnostic = Diagnostic::error(codes::YAML_SYNTAX, span, message);
        diagnostic.help = help.map(str::to_owned);
        Box::new(diagnostic)
    }

    /// Returns the span of the first tab that indents a line after `at`: a line that continues a
    /// value is reported where the value starts.
    fn tab_after(&self, at: usize) -> Option<Span> {
        let mut start = at + self.places.text()[at..].find('\n')? + 1;
        for line in self.places.text()[start..].split_inclusive('\n') {
            let indentation = &line[..line.len() - line.trim_start().len()];
            if let Some(tab) = indentation.find('\t') {
                return Some(self.places.span(start + tab, start + tab + 1));
            }
            start += line.len();
        }
        None
    }

    /// Returns the span of the last non-empty line before `at`.
    fn line_before(&self, at: usize) -> Span {
        let before = self.places.text()[..at].trim_end();
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let indentation = before[start..].len() - before[start..].trim_start().len();
        self.places.span(start + indentation, before.len())
    }
}
