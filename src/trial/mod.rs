//! Tries machines out: waits until they are ready, asks them over SSH, and says how long what took.
//!
//! A [`Guest`] is a running machine with its console in a [`ConsoleLog`] and the way to it by SSH.
//! [`Patience`] says how long to wait for it. A [`Course`] boots the machines of an artifact or
//! starts them from a [`Snapshot`], makes the checks of a [`ChecksFile`], and returns a [`Report`].
//! `imgbuild test` and the boots among the project's own tests are built on this.

mod checks;
mod console_log;
mod course;
mod guest;
mod patience;
mod probe;
mod report;
mod snapshot;
mod sparse;
mod ssh;
mod stages;

use std::fmt;

pub use checks::{CheckEntry, ChecksFile, PodName, SshSection, TimeSpan};
pub use console_log::ConsoleLog;
pub use course::{Candidate, Course, Keeping};
pub use guest::Guest;
pub use patience::{GLANCE, Patience, Wait, computed, processor_time};
pub use report::{CheckResult, NodeReport, Report, Verdict};
pub use snapshot::{Identity, Snapshot};
pub use ssh::Login;
pub use stages::{Mark, Stage, stages};

/// Why a wait ended without what was waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The user wants to stop.
    Interrupted,
    /// It does not come, and why.
    Failed(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("interrupted"),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Stop {}

/// A program or a file of this machine failed.
impl From<anyhow::Error> for Stop {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}
