//! Places in a file that a spec names.

use std::fmt;

use super::{Code, Diagnostic, SourceId, Sources, Span};

/// Locations in a local file, for diagnostics at the path that refers to it.
pub(crate) struct Within {
    sources: Sources,
    /// The file among them.
    pub(crate) source: SourceId,
    path: String,
    span: Span,
}

impl Within {
    /// The file at `path`, which the spec names at `span`, has `text`.
    pub(crate) fn new(path: &str, span: Span, text: &str) -> Self {
        let mut sources = Sources::default();
        let source = sources.add(path, text);
        Self {
            sources,
            source,
            path: path.to_owned(),
            span,
        }
    }

    /// Returns an error at the path that refers to the file, with the line and column of `place` in
    /// it.
    pub(crate) fn error(&self, code: Code, place: Span, message: impl fmt::Display) -> Diagnostic {
        let (line, column) = self.sources.position(place);
        Diagnostic::error(
            code,
            self.span,
            format!("{}:{line}:{column}: {message}", self.path),
        )
    }
}
