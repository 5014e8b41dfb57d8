//! Everything that is wrong or doubtful in a spec, whichever module finds it: one run reports it
//! all.

use std::collections::HashSet;

use anyhow::Result;

use crate::diagnostic::{Diagnostic, Severity, Sources, in_order};
use crate::ignition;
use crate::node::{Cluster, Node};
use crate::parts;
use crate::pki::Keys;
use crate::plan;
use crate::processors::on_all_processors;
use crate::spec::Loaded;

/// All findings of `plan` and of `ignition`, in the order of the text. `keys` is only read, as only
/// the paths of keys matter here; the error is that of a folder which cannot be used.
pub fn all(loaded: &Loaded, sources: &Sources, keys: &mut Keys) -> Result<Vec<Diagnostic>> {
    let (mut found, cluster) = match plan::decide(loaded, sources) {
        Ok(mut decided) => (
            std::mem::take(&mut decided.warnings),
            Some(decided.with_keys(keys)?),
        ),
        Err(found) => (found, tentative(loaded, sources, keys)),
    };
    let nodes = cluster.map_or_else(Vec::new, |cluster| cluster.nodes);
    // What `plan` refused may be an error to `ignition` as well.
    let told: HashSet<_> = (found.iter().filter(|finding| is_error(finding)))
        .map(|finding| finding.span)
        .collect();
    let more = of_ignition(&nodes).into_iter();
    found.extend(more.filter(|finding| !told.contains(&finding.span)));
    Ok(in_order(found))
}

/// The cluster that an invalid spec would give. `None` if no keys can be made for it, or the key
/// folder is unusable.
fn tentative(loaded: &Loaded, sources: &Sources, keys: &mut Keys) -> Option<Cluster> {
    let with_keys = plan::tentative(loaded, sources)?.with_keys(keys);
    with_keys
        .ok()
        .or_else(|| Some(plan::tentative(loaded, sources)?.without_keys()))
}

/// What `ignition` finds in `nodes`.
pub(super) fn of_ignition(nodes: &[Node]) -> Vec<Diagnostic> {
    on_all_processors(nodes, |node| ignition::check(node, parts::all(node)))
        .into_iter()
        .flatten()
        .collect()
}

/// Whether any of `findings` stops the build.
pub(super) fn has_errors(findings: &[Diagnostic]) -> bool {
    findings.iter().any(is_error)
}

fn is_error(finding: &Diagnostic) -> bool {
    finding.severity == Severity::Error
}
