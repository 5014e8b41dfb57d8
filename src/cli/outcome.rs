//! How a command ends: done, or not, and for what reason.

use std::process::ExitCode;

use crate::ops;

/// Why a command did not do its work.
#[derive(Debug)]
pub enum Failure {
    /// What it was to do failed.
    Operation(ops::Error),
    /// The command line is wrong.
    Usage(String),
    /// What was compared is not the same.
    Differs(String),
    /// Checks of a test failed.
    Checks(String),
}

impl Failure {
    /// The exit status that the manual promises: 2 where the input is wrong, else 1.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Operation(ops::Error::Input(_) | ops::Error::Request(_)) | Self::Usage(_) => {
                ExitCode::from(2)
            }
            Self::Operation(ops::Error::Environment(_)) | Self::Differs(_) | Self::Checks(_) => {
                ExitCode::from(1)
            }
        }
    }

    /// A pipe closed by its reader is not a failure: `imgbuild inspect node.yaml | head`.
    pub fn is_closed_pipe(&self) -> bool {
        let Self::Operation(ops::Error::Environment(error)) = self else {
            return false;
        };
        error.chain().any(|cause| {
            cause
                .downcast_ref::<std::io::Error>()
                .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
        })
    }
}

impl From<ops::Error> for Failure {
    fn from(error: ops::Error) -> Self {
        Self::Operation(error)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Operation(error.into())
    }
}
