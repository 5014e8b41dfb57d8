//! What `imgbuild kubernetes learn` wrote beside the spec.

use std::collections::BTreeMap;
use std::path::Path;

use super::folder::{SPEC_BYTES_MAX, read_bounded};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::facts::kubernetes::learned::{Learned, LearnedTables};
use crate::spec::types::Cluster;

/// Reads the tables, beside the spec at `path`, of the releases that its nodes have.
pub(super) fn beside(path: &Path, cluster: &Cluster, found: &mut Vec<Diagnostic>) -> LearnedTables {
    let mut learned = LearnedTables::default();
    let mut minors: BTreeMap<u16, Span> = BTreeMap::new();
    for kubernetes in cluster.nodes.iter().filter_map(|it| it.kubernetes.as_ref()) {
        let version = kubernetes.version;
        minors.entry(version.value.minor).or_insert(version.span);
    }
    for (minor, span) in minors {
        let file = path.with_file_name(LearnedTables::file_name(minor));
        if !file.exists() {
            continue;
        }
        match read(&file, minor, span) {
            Ok(table) => learned.add(table),
            Err(diagnostic) => found.push(*diagnostic),
        }
    }
    learned
}

fn read(file: &Path, minor: u16, span: Span) -> Result<Learned, Box<Diagnostic>> {
    let bytes = read_bounded(file, SPEC_BYTES_MAX, Some(span))?;
    let wrong = |why: String| {
        Box::new(
            Diagnostic::error(
                codes::BAD_LEARNED_TABLE,
                span,
                format!("cannot use `{}`: {why}", file.display()),
            )
            .label("this release has a table beside the spec")
            .help("make it anew with `imgbuild kubernetes learn`, or remove it"),
        )
    };
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    let learned = Learned::parse(&text).map_err(|why| wrong(why.to_string()))?;
    if learned.version().minor != minor {
        return Err(wrong(format!("it is of {}", learned.version())));
    }
    Ok(learned)
}
