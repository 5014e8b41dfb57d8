//! How a use case fails: because of its input, of the request, or of the machine.

use std::fmt;

use crate::diagnostic::Diagnostic;
use crate::embed::Refused;
use crate::formats::Damaged;

/// The result of a use case.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a use case did not do its work.
#[derive(Debug)]
pub enum Error {
    /// An input file is wrong: every mistake in it, and every warning, each with its
    /// place among the [`sources`](super::Session::sources) of the session.
    Input(Vec<Diagnostic>),
    /// The request cannot be met: its options contradict each other, the spec or an artifact. The
    /// text names options as the command line does.
    Request(String),
    /// Something outside of the input failed: network, disk, a tool. The chain says what was being
    /// done.
    Environment(anyhow::Error),
}

impl Error {
    /// Why an artifact could not be read: one that is damaged is not a failure of the machine.
    pub(super) fn from_reading(error: anyhow::Error) -> Self {
        Self::unless(error, <dyn std::error::Error>::is::<Damaged>)
    }

    /// Why nothing could be embedded: what is refused or damaged is not a failure of the machine.
    pub(super) fn from_embedding(error: anyhow::Error) -> Self {
        Self::unless(error, |cause| {
            cause.is::<Refused>() || cause.is::<Damaged>()
        })
    }

    /// A failure of the machine, unless a cause of `error` `is_asked_for`.
    fn unless(
        error: anyhow::Error,
        is_asked_for: impl Fn(&(dyn std::error::Error + 'static)) -> bool,
    ) -> Self {
        if error.chain().any(is_asked_for) {
            Self::Request(format!("{error:#}"))
        } else {
            Self::Environment(error)
        }
    }

    /// The same, where the machine failed: while `doing` this.
    pub(super) fn while_doing(self, doing: impl FnOnce() -> String) -> Self {
        match self {
            Self::Environment(error) => Self::Environment(error.context(doing())),
            other => other,
        }
    }
}

/// One line a mistake, by code and message. With their places and lines of text they are shown by
/// [`render_all`](crate::diagnostic::render_all).
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(diagnostics) => {
                for (index, diagnostic) in diagnostics.iter().enumerate() {
                    let separator = if index == 0 { "" } else { "\n" };
                    let (code, message) = (diagnostic.code.0, &diagnostic.message);
                    write!(f, "{separator}{code}: {message}")?;
                }
                Ok(())
            }
            Self::Request(what) => f.write_str(what),
            Self::Environment(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Self::Environment(error)
    }
}

impl From<Vec<Diagnostic>> for Error {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self::Input(diagnostics)
    }
}
