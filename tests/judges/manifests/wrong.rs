//! What the schemas refuse, imgbuild refuses too: the wrong manifests of the tables of wrong specs,
//! for every minor.

use std::fs;
use std::path::Path;

use imgbuild::diagnostic::Severity;

use crate::manifests::good::said;
use crate::manifests::oracle::{MINORS, judge};

/// Name and manifest of every case that has a file `lab.yaml`.
fn cases() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong_specs");
    let tables = ["manifests", "manifest_kinds", "manifest_values"];
    let texts = tables.map(|table| {
        fs::read_to_string(folder.join(format!("kubernetes_{table}.txt"))).expect("a table")
    });
    let text = texts.concat();
    let mut cases = Vec::new();
    for case in text.split("=== ").skip(1) {
        let (name, rest) = case.split_once('\n').expect("a name");
        let Some((_, manifest)) = rest.split_once("--- lab.yaml\n") else {
            continue;
        };
        let lines = manifest.lines();
        let manifest: Vec<&str> = lines
            .take_while(|line| !line.starts_with(">>> ") && !line.starts_with("--- "))
            .collect();
        cases.push((name.to_owned(), manifest.join("\n") + "\n"));
    }
    cases
}

#[test]
fn what_the_schemas_refuse_is_refused() {
    let mut refused_by_us = Vec::new();
    let mut texts = Vec::new();
    for (name, text) in cases() {
        for minor in MINORS {
            let folder = tempfile::tempdir().expect("a folder");
            fs::write(folder.path().join("lab.yaml"), &text).expect("writing a manifest");
            let (found, _) = said(folder.path(), "lab.yaml", minor);
            let errors = found.iter().filter(|d| d.severity == Severity::Error);
            refused_by_us.push((format!("{name}, 1.{minor}"), errors.count()));
            texts.push((minor, text.clone()));
        }
    }
    let (mut both, mut ours) = (0, 0);
    for ((name, errors), verdict) in refused_by_us.iter().zip(judge(&texts)) {
        assert!(
            *errors > 0 || verdict.is_empty(),
            "{name}: we say nothing, the schemas {verdict:#?}"
        );
        both += usize::from(*errors > 0 && !verdict.is_empty());
        ours += usize::from(*errors > 0 && verdict.is_empty());
    }
    // The rest are what the API server checks beyond its schemas.
    println!("refused by both: {both}, by us alone: {ours}");
    assert!(both >= 60 && ours >= 60, "{both} {ours}");
}
