//! Compares folders for network boot, file by file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::pack::{NODE_PAYLOAD, NODE_SCRIPT, NODES, PXE_INITRD};
use crate::read::pxe_node;

use super::bytes::{first_difference, open};
use super::part::{in_base, named};
use super::{Findings, archive, nodes, unreadable};

/// Files that users put beside `dnsmasq.conf`: iPXE's own, which no spec produces.
const IPXE: [&str; 3] = ["undionly.kpxe", "ipxe.efi", "ipxe-arm64.efi"];

/// The list of the files that imgbuild wrote: it follows from these.
const MARKER: &str = ".imgbuild";

/// The differences between two folders.
pub(super) fn compare(found: &Path, built: &Path) -> Result<Findings> {
    let (theirs, ours) = (paths(found)?, paths(built)?);
    let mut findings = Findings::default();
    let mut compared = BTreeSet::new();
    for path in theirs.union(&ours).filter(|path| *path != MARKER) {
        let node = node_of(path);
        let name = match node {
            Some(node) if path.ends_with(NODE_PAYLOAD) => format!("node {node}"),
            _ => named(path),
        };
        match (theirs.contains(path), ours.contains(path)) {
            (true, false) if IPXE.contains(&path.as_str()) => {
                findings.otherwise(format!("{path} is an additional file"));
            }
            (true, false) => findings.differs(format!("+ {name}")),
            (false, true) => findings.differs(format!("- {name}")),
            _ => {
                let (theirs, ours) = (found.join(path), built.join(path));
                let Some(first) = first_difference(&open(&theirs)?, &open(&ours)?)
                    .with_context(|| format!("comparing {}", theirs.display()))?
                else {
                    continue;
                };
                // A node's payload and script are reported as one.
                if let Some(node) = node {
                    if compared.insert(node.to_owned()) {
                        let of_node = node_findings(found, built, node).or_else(unreadable)?;
                        findings.add(of_node.of_node(node));
                    }
                } else if in_base(path) == PXE_INITRD {
                    let inside =
                        archive::files(open(&theirs)?, open(&ours)?).or_else(unreadable)?;
                    if inside.differs.is_empty() {
                        findings.differs(format!("~ {name}: {first}"));
                    }
                    findings.add(inside.of_node(&name));
                } else {
                    findings.differs(format!("~ {name}: {first}"));
                }
            }
        }
    }
    Ok(findings)
}

/// The differences between the payloads and scripts of one node.
fn node_findings(found: &Path, built: &Path, name: &str) -> Result<Findings> {
    let both = [NODE_PAYLOAD, NODE_SCRIPT];
    if both
        .iter()
        .any(|ending| !found.join(NODES).join(format!("{name}{ending}")).is_file())
    {
        // A missing one is reported already.
        return Ok(Findings::default());
    }
    let (theirs, ours) = (pxe_node(found, name)?, pxe_node(built, name)?);
    let mut findings = nodes(&theirs, &ours)?;
    let file =
        |folder: &Path, ending: &str| open(&folder.join(NODES).join(format!("{name}{ending}")));
    let payloads = (file(found, NODE_PAYLOAD)?, file(built, NODE_PAYLOAD)?);
    findings.add(archive::files(payloads.0, payloads.1)?);
    let scripts = (file(found, NODE_SCRIPT)?, file(built, NODE_SCRIPT)?);
    match first_difference(&scripts.0, &scripts.1)? {
        Some(first) if findings.differs.is_empty() => {
            findings.differs(format!(
                "~ its script ({NODES}/{name}{NODE_SCRIPT}): {first}"
            ));
        }
        None if findings == Findings::default() => {
            findings.otherwise("the payload is encoded differently");
        }
        _ => {}
    }
    Ok(findings)
}

/// The node to which the file at `path` belongs.
fn node_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix(NODES)?.strip_prefix('/')?;
    name.strip_suffix(NODE_PAYLOAD)
        .or_else(|| name.strip_suffix(NODE_SCRIPT))
}

/// The paths of all files below `folder`.
fn paths(folder: &Path) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    // The deepest are those of bases/.
    add(folder, "", 3, &mut found)?;
    Ok(found)
}

fn add(folder: &Path, prefix: &str, depth: usize, found: &mut BTreeSet<String>) -> Result<()> {
    let describe = || format!("reading {}", folder.display());
    for entry in fs::read_dir(folder).with_context(describe)? {
        let entry = entry.with_context(describe)?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if depth > 0 && entry.file_type().with_context(describe)?.is_dir() {
            add(&entry.path(), &format!("{path}/"), depth - 1, found)?;
        } else {
            found.insert(path);
        }
    }
    Ok(())
}
