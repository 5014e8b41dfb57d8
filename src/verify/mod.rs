//! Verifies that an artifact is what a spec builds: it is compared with a rebuilt one, byte for
//! byte, and where bytes differ, the differences are reported in terms of the node and of what it
//! boots from.
//!
//! Files are read in pieces: an image is never in memory as a whole. Secrets are compared, but
//! never shown.

mod archive;
mod bytes;
mod folder;
mod image;
mod live;
mod part;

use std::path::Path;

use anyhow::{Context, Result};

use crate::diff::{self, Side};
use crate::formats::Damaged;
use crate::pack::Comparison;
use crate::read;
use crate::read::Artifact;

use bytes::{first_difference, open};

/// The result of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every byte is the same.
    Same,
    /// Bytes differ, but their meaning does not: what is encoded differently.
    Equal(Vec<String>),
    /// The differences from what was built to what was found, one line each, as from
    /// [`diff::differences`].
    Differs(Vec<String>),
}

/// The findings so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Findings {
    /// What differs.
    differs: Vec<String>,
    /// What is encoded differently but equivalent.
    otherwise: Vec<String>,
}

impl Findings {
    fn differs(&mut self, line: impl Into<String>) {
        self.differs.push(line.into());
    }

    fn otherwise(&mut self, line: impl Into<String>) {
        self.otherwise.push(line.into());
    }

    fn add(&mut self, more: Self) {
        self.differs.extend(more.differs);
        self.otherwise.extend(more.otherwise);
    }

    /// The same, for one node of several.
    fn of_node(mut self, name: &str) -> Self {
        for line in self.differs.iter_mut().chain(&mut self.otherwise) {
            *line = format!("{name}: {line}");
        }
        self
    }
}

/// Compares the artifact at `found`, a file or a folder for network boot, with what was built at
/// `built`. If the artifact cannot be read, that is a difference; if the other one cannot, that is
/// an error.
pub fn compare(found: &Path, built: &Path) -> Result<Verdict> {
    let findings = if built.is_dir() {
        folder::compare(found, built)?
    } else {
        let Some(first) = first_difference(&open(found)?, &open(built)?)
            .with_context(|| format!("comparing {}", found.display()))?
        else {
            return Ok(Verdict::Same);
        };
        let mut findings = file(found, built)?;
        if findings == Findings::default() {
            findings.differs(format!("~ {first}"));
        }
        findings
    };
    Ok(if findings == Findings::default() {
        Verdict::Same
    } else if findings.differs.is_empty() {
        Verdict::Equal(findings.otherwise)
    } else {
        Verdict::Differs(findings.differs)
    })
}

/// The differences between two files that are not identical.
fn file(found: &Path, built: &Path) -> Result<Findings> {
    let ours = read::artifact(built)?;
    let theirs = match read::artifact(found) {
        Ok(artifact) => artifact,
        Err(error) => return unreadable(error),
    };
    let mut findings = Findings::default();
    let (their_format, format) = (theirs.format.facts(), ours.format.facts());
    if theirs.format != ours.format {
        findings.differs(format!(
            "~ it is {}, but the spec builds {}",
            their_format.title, format.title
        ));
        return Ok(findings);
    }
    let compared = match format.comparison {
        Comparison::Config => nodes(&theirs, &ours),
        Comparison::LiveIso => live::compare(found, built, &theirs, &ours),
        Comparison::Image => image::compare(found, built, &theirs, &ours),
        Comparison::Archive => archive::compare(&open(found)?, &open(built)?, &theirs, &ours),
    };
    compared.or_else(unreadable)
}

/// The artifact cannot be read: a difference, unless the environment failed.
fn unreadable(error: anyhow::Error) -> Result<Findings> {
    if !error.chain().any(<dyn std::error::Error>::is::<Damaged>) {
        return Err(error);
    }
    let mut findings = Findings::default();
    findings.differs(format!("~ it cannot be read: {error:#}"));
    Ok(findings)
}

/// The differences between two nodes: their configs, kernel arguments and bases.
fn nodes(theirs: &Artifact, ours: &Artifact) -> Result<Findings> {
    let mut findings = Findings {
        differs: diff::differences(&Side::from_artifact(ours)?, &Side::from_artifact(theirs)?),
        otherwise: Vec::new(),
    };
    if findings.differs.is_empty() && theirs.config != ours.config {
        findings.otherwise("the config's JSON is encoded differently (order, spaces, defaults, or how contents are encoded)");
    }
    Ok(findings)
}
