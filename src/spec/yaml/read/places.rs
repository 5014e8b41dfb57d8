//! Locations in the text: from the parser's character counts to bytes of the source.

use super::lenient::Text;
use crate::diagnostic::{Diagnostic, SourceId, Span, codes};

/// Returns the first character that YAML text may not contain (YAML 1.2.2 §5.1, `c-printable`).
pub(super) fn control_character(text: &str, source: SourceId) -> Option<Diagnostic> {
    let (at, c) = text.char_indices().find(|&(_, c)| {
        !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
    })?;
    let at = u32::try_from(at).ok()?;
    let span = Span {
        source,
        start: at,
        end: at + 1,
    };
    let name = if c == '\0' {
        "a NUL byte".to_owned()
    } else {
        format!("the control character U+{:04X}", u32::from(c))
    };
    Some(
        Diagnostic::error(
            codes::CONTROL_CHARACTER,
            span,
            format!("{name} in YAML text"),
        )
        .help("remove it, or write it as an escape sequence in double quotes"),
    )
}

/// Converts the parser's character counts to bytes of the source.
pub(super) struct Places<'t> {
    /// Without the byte order mark.
    body: Text<'t>,
    /// Length of the byte order mark.
    skipped: usize,
    /// Byte offset of each character; `None` if the text is ASCII.
    offsets: Option<Vec<u32>>,
    source: SourceId,
}

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str, source: SourceId) -> Self {
        let body = text.strip_prefix('\u{feff}').unwrap_or(text);
        Self {
            body: Text::new(body),
            skipped: text.len() - body.len(),
            offsets: offsets(body),
            source,
        }
    }

    /// Returns the text that the parser reads.
    pub(super) fn text(&self) -> &str {
        self.body.as_str()
    }

    /// Changes the text as [`Text::mend`] does.
    pub(super) fn mend(&mut self, error: &saphyr_parser::ScanError) -> bool {
        let at = self.byte(error.marker().index());
        let mended = self.body.mend(error.info(), at);
        if mended {
            self.offsets = offsets(self.body.as_str());
        }
        mended
    }

    /// Returns the byte offset in the body of the character at `index`.
    pub(super) fn byte(&self, index: usize) -> usize {
        match &self.offsets {
            None => index.min(self.text().len()),
            Some(offsets) => offsets
                .get(index)
                .map_or(self.text().len(), |&at| at as usize),
        }
    }

    /// Returns the span from byte `start` to byte `end` of the body, without trailing white space.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        let end = end.max(start);
        let trimmed =
            (self.text().get(start..end)).map_or(end, |part| start + part.trim_end().len());
        let place = |at: usize| {
            let at = self.body.original(at) + self.skipped;
            u32::try_from(at).unwrap_or(u32::MAX)
        };
        Span {
            source: self.source,
            start: place(start),
            end: place(trimmed),
        }
    }

    pub(super) fn of(&self, span: saphyr_parser::Span) -> Span {
        self.span(self.byte(span.start.index()), self.byte(span.end.index()))
    }
}

/// Returns the byte offset of each character; `None` if the text is ASCII.
fn offsets(text: &str) -> Option<Vec<u32>> {
    let at = |(at, _)| u32::try_from(at).unwrap_or(u32::MAX);
    (!text.is_ascii()).then(|| text.char_indices().map(at).collect())
}
