//! Compares live ISO images: what is embedded, and the image around it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use anyhow::Result;

use crate::formats::iso9660::read::Iso;
use crate::read::{Artifact, CONFIG_PATH, KEYFILES_PATH, LiveIso};

use super::bytes::open;
use super::part::named;
use super::{Findings, image, nodes};

/// The differences between two live images.
pub(super) fn compare(
    found: &Path,
    built: &Path,
    theirs: &Artifact,
    ours: &Artifact,
) -> Result<Findings> {
    let mut findings = nodes(theirs, ours)?;
    let (found, built) = (live(found)?, live(built)?);
    embedded(&found, &built, &mut findings);
    // What is embedded is compared by its contents.
    let mut but = places(&built);
    but.sort_by_key(|place| place.start);
    let around = image::files(&found.iso, &built.iso, &but)?;
    for (path, difference) in around {
        findings.differs(difference.line(&format!("live system: {}", named(&path))));
    }
    image::volume(&found.iso, &built.iso, &mut findings);
    match image::gaps(&found.iso, &built.iso)? {
        Some(gaps) => {
            let gaps = gaps.into_iter().flat_map(|gap| image::without(gap, &but));
            image::between(&found.iso, &built.iso, gaps.collect(), &mut findings)?;
        }
        None if findings.differs.is_empty() => {
            findings.differs("~ the live system's files are at different positions on the medium");
        }
        None => {}
    }
    if findings == Findings::default() {
        findings.otherwise("what is embedded is encoded differently");
    }
    Ok(findings)
}

fn live(path: &Path) -> Result<LiveIso> {
    let Ok(live) = LiveIso::open(Iso::open(open(path)?)?)? else {
        return crate::formats::damaged("not a Fedora CoreOS live ISO image");
    };
    Ok(live)
}

/// The ranges of the image for a config and kernel arguments.
fn places(live: &LiveIso) -> Vec<Range<u64>> {
    let area = live.area;
    let mut places = Vec::new();
    places.push(area.start..area.start + area.length as u64);
    if let Some(arguments) = &live.kernel_arguments {
        let copies = arguments.replaced_by(&arguments.current);
        places.extend(
            copies
                .into_iter()
                .map(|(start, bytes)| start..start + bytes.len() as u64),
        );
    }
    places
}

/// The differences of embedded files that the comparison of nodes does not report.
fn embedded(found: &LiveIso, built: &LiveIso, findings: &mut Findings) {
    let is_told = |path: &str| path == CONFIG_PATH || path.starts_with(KEYFILES_PATH);
    let paths: BTreeSet<&String> = found.files.keys().chain(built.files.keys()).collect();
    for path in paths.into_iter().filter(|path| !is_told(path)) {
        let name = format!("embedded {}", named(path));
        match (found.files.get(path), built.files.get(path)) {
            (Some(_), None) => findings.differs(format!("+ {name}")),
            (None, Some(_)) => findings.differs(format!("- {name}")),
            (Some(theirs), Some(ours)) if theirs != ours => {
                findings.differs(format!("~ {name}: contents differ"));
            }
            _ => {}
        }
    }
}
