//! Diagnostics about things that have an origin instead of a location.

use crate::diagnostic::{Code, Diagnostic, Severity, Span};
use crate::node::fragment::Origin;

/// An error about what `origin` asked for.
pub(super) fn error(code: Code, origin: &Origin, message: impl Into<String>) -> Diagnostic {
    placed(Diagnostic::error(code, Span::default(), message), origin)
}

/// A warning about what `origin` asked for.
pub(super) fn warning(code: Code, origin: &Origin, message: impl Into<String>) -> Diagnostic {
    placed(Diagnostic::warning(code, Span::default(), message), origin)
}

fn placed(diagnostic: Diagnostic, origin: &Origin) -> Diagnostic {
    Diagnostic {
        span: origin.span,
        ..diagnostic
    }
}

/// Whether the build stops.
pub(super) fn is_error(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity == Severity::Error
}
