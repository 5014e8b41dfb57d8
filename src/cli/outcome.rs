//! How a command ends: success, invalid input, or a failure of the environment.

use std::process::ExitCode;

use crate::diagnostic::Diagnostic;
use crate::formats::Damaged;

/// Why a command did not do its work.
#[derive(Debug)]
pub enum Failure {
    /// The input is invalid; the diagnostics say where. Exit status 2.
    Input(Vec<Diagnostic>),
    /// The command line is invalid. Exit status 2.
    Usage(String),
    /// Something outside of the input failed: network, disk, a tool. Exit status 1.
    Environment(anyhow::Error),
    /// What was compared is not the same. Exit status 1.
    Differs(String),
}

impl Failure {
    /// The exit status that the manual promises.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Input(_) | Self::Usage(_) => ExitCode::from(2),
            Self::Environment(_) | Self::Differs(_) => ExitCode::from(1),
        }
    }

    /// Why an artifact could not be read: a damaged one is invalid input, not a failure of the
    /// environment.
    pub fn of_reading(error: anyhow::Error) -> Self {
        if error.chain().any(<dyn std::error::Error>::is::<Damaged>) {
            Self::Usage(format!("{error:#}"))
        } else {
            Self::Environment(error)
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Environment(error)
    }
}

impl From<Vec<Diagnostic>> for Failure {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self::Input(diagnostics)
    }
}

/// A pipe closed by its reader is not a failure: `imgbuild inspect node.yaml | head`.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
