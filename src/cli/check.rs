//! `imgbuild check`

use std::path::{Path, PathBuf};

use crate::ops::{self, Notice, Session, SpecFile};

use super::messages::Messages;
use super::outcome::Failure;

/// Checks every one of `specs`, also after a wrong one.
pub fn run(
    specs: &[PathBuf],
    keys: Option<&Path>,
    session: &mut Session<'_>,
    messages: Messages,
) -> Result<(), Failure> {
    let mut outcome = Ok(());
    for path in specs {
        if let Err(failure) = check(path, keys, session) {
            // All failures but the last are printed here; the last is returned, which prints it and
            // sets the exit status.
            if let Err(earlier) = std::mem::replace(&mut outcome, Err(failure)) {
                messages.failure(&session.sources, &earlier);
            }
        }
    }
    outcome
}

fn check(path: &Path, keys: Option<&Path>, session: &mut Session<'_>) -> Result<(), Failure> {
    let spec = SpecFile::new(path).with_keys(keys.map(Path::to_owned));
    let report = ops::check(&spec, session)?;
    let is_wrong = report.has_errors();
    for notice in report.keys {
        session.reporter.notice(&Notice::Keys(notice));
    }
    if is_wrong {
        return Err(ops::Error::Input(report.findings).into());
    }
    session
        .reporter
        .warnings(&report.findings, &session.sources);
    Ok(())
}
