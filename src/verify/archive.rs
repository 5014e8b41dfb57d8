//! Compares initrds and payloads: chains of cpio archives, file by file.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek};

use anyhow::Result;
use sha2::{Digest, Sha256};

use crate::facts::systems::TABLE;
use crate::formats::cpio::read::Entry;
use crate::read::{Artifact, KEYFILES_PATH, entries};

use super::part::named;
use super::{Findings, nodes};

/// A directory, in the bits of `S_IFMT` (inode(7)).
const DIRECTORY: u32 = 0o040_000;

/// A file of an archive, as far as the kernel keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Packed {
    entry: Entry,
    hash: [u8; 32],
}

impl Packed {
    /// Whether everything but the contents is the same.
    fn is_alike(&self, other: &Self) -> bool {
        let length = other.entry.length;
        Entry {
            length,
            ..self.entry.clone()
        } == other.entry
    }
}

/// The differences between two chains of archives, including the nodes in them.
pub(super) fn compare<R: Read + Seek>(
    found: R,
    built: R,
    theirs: &Artifact,
    ours: &Artifact,
) -> Result<Findings> {
    let mut findings = nodes(theirs, ours)?;
    findings.add(files(found, built)?);
    if findings == Findings::default() {
        findings.otherwise(
            "the archive is encoded differently (compression, order, time stamps or padding)",
        );
    }
    Ok(findings)
}

/// The differences between the files of two chains, except for those that the comparison of nodes
/// reports.
pub(super) fn files<R: Read + Seek>(found: R, built: R) -> Result<Findings> {
    let (theirs, ours) = (packed(found)?, packed(built)?);
    let mut findings = Findings::default();
    let paths: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
    for path in paths {
        let name = named(path);
        match (theirs.get(path), ours.get(path)) {
            (Some(found), Some(built)) if is_told(path) && found.is_alike(built) => {}
            (Some(_), None) => findings.differs(format!("+ {name}")),
            (None, Some(_)) => findings.differs(format!("- {name}")),
            (Some(found), Some(built)) if found != built => {
                findings.differs(format!("~ {name}: {}", why(found, built)));
            }
            _ => {}
        }
    }
    Ok(findings)
}

/// Whether the file's contents are compared as part of the node: its config, and the keyfiles of a
/// live system.
fn is_told(path: &str) -> bool {
    let is_keyfile = path
        .strip_prefix(KEYFILES_PATH)
        .is_some_and(|rest| rest.starts_with('/'));
    is_keyfile || TABLE.iter().any(|facts| facts.paths.config == path)
}

fn why(found: &Packed, built: &Packed) -> &'static str {
    if found.hash != built.hash {
        "contents differ"
    } else if found.entry.kind != built.entry.kind {
        "file types differ"
    } else if found.entry.mode != built.entry.mode {
        "modes differ"
    } else {
        "owners or device numbers differ"
    }
}

/// The files of a chain; of several with one name the last, which the kernel keeps.
fn packed<R: Read + Seek>(chain: R) -> Result<BTreeMap<String, Packed>> {
    let mut files = BTreeMap::new();
    entries(chain, &mut |entry, contents| {
        let mut hash = Sha256::new();
        io::copy(contents, &mut Hashed(&mut hash))
            .map_err(|error| crate::formats::reading(error, &entry.path))?;
        let mut entry = entry.clone();
        if entry.kind == DIRECTORY {
            entry.length = 0;
        }
        let hash = hash.finalize().into();
        files.insert(entry.path.clone(), Packed { entry, hash });
        Ok(())
    })?;
    Ok(files)
}

/// Hashes whatever is written to it.
struct Hashed<'a>(&'a mut Sha256);

impl io::Write for Hashed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
