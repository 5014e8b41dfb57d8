//! Whether a spec is right, without building it.

use crate::diagnostic::Diagnostic;
use crate::pki;

use super::{Result, Session, SpecFile, findings};

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// All that is wrong or doubtful with the spec, in the order of the text.
    pub findings: Vec<Diagnostic>,
    /// What is to be said of the key folder, such as certificates that end soon.
    pub keys: Vec<pki::Notice>,
}

impl Report {
    /// Whether the spec cannot be built.
    pub fn has_errors(&self) -> bool {
        findings::has_errors(&self.findings)
    }
}

/// Reads `spec` and finds every mistake in it; nothing on disk changes. The error is that of a
/// machine or a key folder that cannot be used: mistakes are in the report.
pub fn check(spec: &SpecFile, session: &mut Session<'_>) -> Result<Report> {
    let loaded = match spec.read(session) {
        Ok(loaded) => loaded,
        Err(findings) => {
            return Ok(Report {
                findings,
                keys: Vec::new(),
            });
        }
    };
    let (findings, keys) = spec.findings(&loaded, session)?;
    Ok(Report { findings, keys })
}
