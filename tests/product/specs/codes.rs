//! The table of codes: complete, and every example true.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use imgbuild::diagnostic::codes::{TABLE, explain};
use imgbuild::diagnostic::{Diagnostic, SourceId, Sources};
use imgbuild::trial::ChecksFile;

use crate::specs::check::{check, write};
use crate::specs::wrong::codes_in_tables;

#[test]
fn codes_are_unique_and_explained() {
    let mut seen = BTreeSet::new();
    for entry in TABLE {
        let code = entry.code.0;
        assert!(seen.insert(code), "{code} is given twice");
        assert!(
            code.len() == 5
                && code.starts_with(['E', 'W'])
                && code[1..].bytes().all(|b| b.is_ascii_digit()),
            "{code}"
        );
        assert!(
            !entry.title.is_empty() && entry.text.trim().ends_with('.'),
            "{code}"
        );
        assert_eq!(
            explain(&code.to_lowercase()).map(|e| e.code),
            Some(entry.code)
        );
    }
    assert!(explain("E9999").is_none());
}

#[test]
fn an_explanation_reads_well() {
    let shown = explain("e0109").expect("there").to_string();
    assert_eq!(
        shown,
        "E0109: Invalid file mode\n\nWrite a mode in octal with a leading 0, like 0644. YAML 1.2 reads 644 and 420 as decimal\nnumbers.\n\nFor example:\n\n    storage: {files: [{path: /a, mode: 644}]}\n"
    );
}

#[test]
fn examples_get_their_codes() {
    for entry in TABLE.iter().filter(|entry| !entry.example.is_empty()) {
        let head = if entry.example.starts_with("version:") {
            ""
        } else {
            "version: 1\nhostname: kube1\n"
        };
        let folder = tempfile::tempdir().expect("a folder");
        write(
            folder.path(),
            "node.yaml",
            format!("{head}{}", entry.example),
        );
        let mut sources = Sources::default();
        let found = if entry.code.0.starts_with("E07") {
            checks_file(entry.example)
        } else {
            let path = folder.path().join("node.yaml");
            check(&path, folder.path(), &mut sources)
        };
        let found: Vec<_> = found
            .iter()
            .map(|d| (d.code.0, d.message.as_str()))
            .collect();
        assert!(
            found.iter().any(|(code, _)| *code == entry.code.0),
            "the example of {} gets {found:?}",
            entry.code.0
        );
    }
}

/// All that is wrong with a checks file of `imgbuild test` for the node `kube1`.
fn checks_file(text: &str) -> Vec<Diagnostic> {
    let (file, mut found) = ChecksFile::read(text, SourceId(0));
    found.extend(file.into_iter().flat_map(|file| file.findings(&["kube1"])));
    found
}

/// Every code has an example, a wrong spec in the tables, or a test beside this one that asks for
/// it by name.
#[test]
fn every_code_is_shown() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let hostile = fs::read_to_string(here.join("tests/product/specs/hostile.rs")).expect("a test");
    let import: String = ["mod.rs", "targets.rs"]
        .map(|name| fs::read_to_string(here.join("tests/product/import").join(name)))
        .into_iter()
        .map(|text| text.expect("a test"))
        .collect();
    let outputs = fs::read_to_string(here.join("tests/product/outputs.rs")).expect("a test");
    let charts = fs::read_to_string(here.join("tests/product/charts.rs")).expect("a test");
    let tables: BTreeSet<String> = codes_in_tables().into_iter().collect();
    for entry in TABLE.iter().filter(|entry| entry.example.is_empty()) {
        let code = entry.code.0;
        assert!(
            tables.contains(code)
                || [&hostile, &import, &outputs, &charts]
                    .iter()
                    .any(|text| text.contains(code)),
            "no wrong spec gets {code}"
        );
    }
}

/// A code that no room gives is taken out of the table, and none is made outside of it.
#[test]
fn the_source_and_the_table_agree() {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnostic/codes.rs");
    let names: Vec<String> = fs::read_to_string(&table)
        .expect("the table")
        .lines()
        .filter_map(|line| {
            let (name, rest) = line.trim().split_once(" = \"")?;
            rest.contains("\": \"").then(|| name.to_owned())
        })
        .collect();
    assert_eq!(names.len(), TABLE.len());
    let mut used = String::new();
    for path in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        if path != table {
            let text = fs::read_to_string(&path).expect("a source");
            assert!(
                !text.contains(" Code(\""),
                "{} makes a code of its own",
                path.display()
            );
            used.push_str(&text);
        }
    }
    for name in names {
        assert!(
            used.contains(&format!("codes::{name}")),
            "{name} is not used"
        );
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(sources(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            all.push(path);
        }
    }
    all
}
