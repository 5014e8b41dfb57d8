//! Compares ISO images file by file, and the bytes between their files.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;

use anyhow::{Context, Result};

use crate::formats::gpt::read::efi_system_partition;
use crate::formats::iso9660::read::Iso;
use crate::pack::{CONFIG_JSON, Format, PAYLOAD_PATH, USER_DATA};
use crate::read::Artifact;

use super::bytes::{first_between, of_streams, open};
use super::part::named;
use super::{Findings, archive, nodes};

/// Bytes of a sector, and the number of bytes before the first volume descriptor (ECMA-119 §6.1.2,
/// §6.2.1).
const SECTOR: u64 = 2048;
const SYSTEM_AREA: u64 = 16 * SECTOR;
/// The largest payload whose contents are compared, in bytes.
const PAYLOAD_MAX: u64 = 128 << 20;

/// The differences between two images, bootable ones or ones with a config.
pub(super) fn compare(
    found: &Path,
    built: &Path,
    theirs: &Artifact,
    ours: &Artifact,
) -> Result<Findings> {
    let found = Iso::open(open(found)?)?;
    let built = Iso::open(open(built)?)?;
    let mut findings = nodes(theirs, ours)?;
    volume(&found, &built, &mut findings);
    for (path, difference) in files(&found, &built, &[])? {
        let is_config = matches!(path.as_str(), CONFIG_JSON | USER_DATA);
        match difference {
            // This is part of the node, and reported as such.
            Of::Both(_) if is_config => {}
            Of::Both(_) if path == PAYLOAD_PATH => {
                let payload = |iso: &Iso| {
                    let bytes = iso.read(&path, PAYLOAD_MAX)?;
                    Ok::<_, anyhow::Error>(Cursor::new(bytes.unwrap_or_default()))
                };
                findings.add(archive::files(payload(&found)?, payload(&built)?)?);
            }
            difference => findings.differs(difference.line(&named(&path))),
        }
    }
    match gaps(&found, &built)? {
        Some(gaps) => between(&found, &built, gaps, &mut findings)?,
        None if ours.format == Format::Iso => {
            if findings.differs.is_empty() {
                findings.differs(
                    "~ its files are at different positions on the medium, so its boot records differ",
                );
            }
        }
        None => findings.otherwise("the medium is laid out differently"),
    }
    if findings == Findings::default() {
        // Only the bytes of the config and its padding remain.
        findings.otherwise("the medium is encoded differently");
    }
    Ok(findings)
}

/// The volume's name, by which systems find the medium.
pub(super) fn volume(found: &Iso, built: &Iso, findings: &mut Findings) {
    if found.volume_id != built.volume_id {
        findings.differs(format!(
            "~ volume {} -> {}",
            built.volume_id.escape_debug(),
            found.volume_id.escape_debug()
        ));
    }
}

/// How a file differs.
pub(super) enum Of {
    /// Only the rebuilt image has it.
    Built,
    /// Only the artifact has it.
    Found,
    /// Both have it; how they differ.
    Both(String),
}

impl Of {
    /// A line about the file with this name.
    pub(super) fn line(&self, name: &str) -> String {
        match self {
            Self::Built => format!("- {name}"),
            Self::Found => format!("+ {name}"),
            Self::Both(why) => format!("~ {name}: {why}"),
        }
    }
}

/// The files that differ, by path. The ranges in `but` (offsets in the images) are skipped if a
/// file has the same position in both.
pub(super) fn files(found: &Iso, built: &Iso, but: &[Range<u64>]) -> Result<Vec<(String, Of)>> {
    let (theirs, ours) = (paths(found)?, paths(built)?);
    let mut differing = Vec::new();
    for path in theirs.union(&ours) {
        let difference = match (theirs.contains(path), ours.contains(path)) {
            (true, false) => Some(Of::Found),
            (false, true) => Some(Of::Built),
            _ => contents(found, built, path, but)?.map(Of::Both),
        };
        differing.extend(difference.map(|difference| (path.clone(), difference)));
    }
    Ok(differing)
}

fn paths(iso: &Iso) -> Result<BTreeSet<String>> {
    // Without Rock Ridge and Joliet, names are in upper case.
    let lower = |path: String| {
        if iso.has_plain_names() {
            path.to_ascii_lowercase()
        } else {
            path
        }
    };
    Ok(iso.files()?.into_iter().map(lower).collect())
}

fn contents(found: &Iso, built: &Iso, path: &str, but: &[Range<u64>]) -> Result<Option<String>> {
    let describe = || format!("comparing {path}");
    let (theirs, ours) = (found.extent(path)?, built.extent(path)?);
    if let (Some(theirs), Some(ours)) = (theirs, ours)
        && theirs == ours
    {
        let (start, length) = ours;
        for part in without(start..start + length, but) {
            let at = first_between(found.image(), built.image(), part).with_context(describe)?;
            if let Some(at) = at {
                return Ok(Some(format!("differs from byte {} on", at - start)));
            }
        }
        return Ok(None);
    }
    let (Some(theirs), Some(ours)) = (found.file(path)?, built.file(path)?) else {
        return Ok(Some("file types differ".to_owned()));
    };
    let difference = of_streams(theirs, ours).with_context(describe)?;
    Ok(difference.map(|difference| difference.to_string()))
}

/// `range` without the ranges in `but`, which must be sorted.
pub(super) fn without(range: Range<u64>, but: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let mut start = range.start;
    for hole in but {
        if hole.end <= start || hole.start >= range.end {
            continue;
        }
        if hole.start > start {
            parts.push(start..hole.start);
        }
        start = hole.end;
    }
    if start < range.end {
        parts.push(start..range.end);
    }
    parts
}

/// The ranges that no file covers, in order; `None` if the positions of files differ.
pub(super) fn gaps(found: &Iso, built: &Iso) -> Result<Option<Vec<Range<u64>>>> {
    let (theirs, ours) = (covered(found)?, covered(built)?);
    if theirs != ours || found.length() != built.length() {
        return Ok(None);
    }
    Ok(Some(without(0..built.length(), &ours)))
}

/// The positions of files, in order.
fn covered(iso: &Iso) -> Result<Vec<Range<u64>>> {
    let mut covered = Vec::new();
    for path in iso.files()? {
        covered.extend(
            iso.extent(&path)?
                .map(|(start, length)| start..start + length),
        );
    }
    covered.sort_by_key(|range| (range.start, range.end));
    Ok(covered)
}

/// The differences between the files.
pub(super) fn between(
    found: &Iso,
    built: &Iso,
    gaps: Vec<Range<u64>>,
    findings: &mut Findings,
) -> Result<()> {
    let partition = efi_system_partition(built.image()).unwrap_or(0..0);
    for gap in gaps {
        // Each part separately, so that one does not hide another.
        let mut edges = vec![gap.start, gap.end];
        let inside = [SYSTEM_AREA, partition.start, partition.end];
        edges.extend(inside.into_iter().filter(|edge| gap.contains(edge)));
        edges.sort_unstable();
        edges.dedup();
        for edge in edges.windows(2) {
            let at = first_between(found.image(), built.image(), edge[0]..edge[1])
                .context("comparing the bytes between the files")?;
            let Some(at) = at else { continue };
            let what = if at < SYSTEM_AREA {
                "boot code and partition table"
            } else if partition.contains(&at) {
                "the EFI system partition"
            } else {
                "the bytes between its files (volume descriptors, directories, padding)"
            };
            findings.differs(format!("~ {what}: the image differs from byte {at} on"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_without_others() {
        type Pairs = &'static [(u64, u64)];
        let ranges = |pairs: Pairs| pairs.iter().map(|(start, end)| *start..*end);
        let cases: [((u64, u64), Pairs, Pairs); 7] = [
            ((0, 10), &[], &[(0, 10)]),
            ((0, 10), &[(0, 10)], &[]),
            ((0, 10), &[(0, 2), (4, 6), (6, 7)], &[(2, 4), (7, 10)]),
            ((5, 10), &[(0, 6), (9, 20)], &[(6, 9)]),
            ((5, 10), &[(0, 5), (10, 11)], &[(5, 10)]),
            ((5, 10), &[(0, 20)], &[]),
            ((0, 10), &[(2, 6), (3, 4)], &[(0, 2), (6, 10)]),
        ];
        for ((start, end), but, expected) in cases {
            let but: Vec<_> = ranges(but).collect();
            let expected: Vec<_> = ranges(expected).collect();
            assert_eq!(without(start..end, &but), expected, "{start} {but:?}");
        }
    }
}
