//! The reference of every key: nothing on it is stale, and what it says can go wrong does.
//!
//! `IMGBUILD_UPDATE=1 cargo xtask test --only reference` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use imgbuild::diagnostic::{Diagnostic, Sources, codes};
use imgbuild::facts::systems::SpecKeys;
use imgbuild::pages::spec_keys::{COMMON, Codes, PAGE, key_at, page, places};
use imgbuild::spec::yaml::{Limits, parse};
use imgbuild::spec::{Language, assemble, language};

use super::check::{check, write};
use super::places::{all, around, path_at};
use super::wrong::checked;

/// Values that one type or another refuses.
const WRONG: [&str; 14] = [
    "'!'",
    "''",
    "' '",
    "-1",
    "0",
    "99999999999",
    "1.5",
    "'a b'",
    "A/",
    "\"a\\nb\"",
    "probe",
    "9999",
    "{'!': probe}",
    "['!']",
];

#[test]
fn the_page_is_not_stale() {
    let language = language();
    let mut found = Codes::new();
    for checked in checked().iter().flat_map(|(_, checked)| checked) {
        add(
            &language,
            &checked.diagnostics,
            &checked.sources,
            &mut found,
        );
    }
    add_examples(&language, &mut found);
    add_refused(&language, &mut found);
    let made = page(&found);
    if std::env::var_os("IMGBUILD_UPDATE").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pages/reference.md");
        fs::write(path, made).expect("writing the page");
        return;
    }
    let stale = made.lines().zip(PAGE.lines()).find(|(new, old)| new != old);
    assert!(
        made == PAGE,
        "src/pages/reference.md is stale: it has {:?} where it should have {:?}; write it with `IMGBUILD_UPDATE=1 cargo xtask test --only reference`",
        stale.map(|(_, old)| old),
        stale.map(|(new, _)| new),
    );
}

/// Adds what every room finds in the examples of the codes.
fn add_examples(language: &Language, found: &mut Codes) {
    for entry in codes::TABLE
        .iter()
        .filter(|entry| !entry.example.is_empty())
    {
        let head = if entry.example.starts_with("version:") {
            ""
        } else {
            "version: 1\nhostname: kube1\n"
        };
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!("{head}{}", entry.example);
        write(folder.path(), "node.yaml", text);
        let mut sources = Sources::default();
        let node = folder.path().join("node.yaml");
        let diagnostics = check(&node, folder.path(), &mut sources);
        add(language, &diagnostics, &sources, found);
    }
}

/// Adds what the types of the language refuse, at every key.
fn add_refused(language: &Language, found: &mut Codes) {
    let places = places(language);
    let mut seen = BTreeSet::new();
    for place in all(&places) {
        // A record takes and refuses the same at every path.
        if !seen.insert((place.record, place.key.name)) {
            continue;
        }
        for value in WRONG {
            let text = around(language, &place, value);
            let mut sources = Sources::default();
            let source = sources.add("node.yaml", text.as_str());
            let (tree, _) = parse(&text, source, Limits::default());
            let read = assemble(&tree.expect("YAML"));
            add(language, &read.diagnostics, &sources, found);
        }
    }
}

fn add(language: &Language, diagnostics: &[Diagnostic], sources: &Sources, found: &mut Codes) {
    for diagnostic in diagnostics {
        let code = diagnostic.code;
        let Some(span) = diagnostic.span else {
            continue;
        };
        if COMMON.contains(&code) || code.0.starts_with("E00") {
            continue;
        }
        let text = sources.text(span.source);
        let tree = if text.contains("target: container-linux") {
            SpecKeys::Ct
        } else {
            SpecKeys::Own
        };
        let path = path_at(text, span).unwrap_or_default();
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        if let Some((record, key)) = key_at(language, tree, &path) {
            let codes = found.entry((record.to_owned(), key)).or_default();
            codes.insert(code.0);
        }
    }
}

/// Errors of every room are on the page, and no code that is only in the table.
#[test]
fn most_codes_are_on_the_page() {
    let with_place = codes::TABLE
        .iter()
        .filter(|entry| PAGE.contains(entry.code.0));
    assert!(with_place.count() * 10 > codes::TABLE.len() * 8);
}

#[test]
fn links_lead_somewhere() {
    let slug = |heading: &str| -> String {
        let words = heading.trim().to_lowercase().replace(' ', "-");
        let plain = |c: &char| c.is_alphanumeric() || "-_".contains(*c);
        words.chars().filter(plain).collect()
    };
    let mut headings = BTreeSet::new();
    for heading in PAGE.lines().filter_map(|line| line.strip_prefix('#')) {
        let heading = slug(heading.trim_start_matches('#'));
        assert!(headings.insert(heading.clone()), "{heading} is there twice");
    }
    let mut links: BTreeMap<&str, usize> = BTreeMap::new();
    for link in PAGE.split("](#").skip(1) {
        *links
            .entry(link.split(')').next().expect("an end"))
            .or_default() += 1;
    }
    assert!(links.len() > 50, "{}", links.len());
    for link in links.keys() {
        assert!(headings.contains(*link), "{link}");
    }
}

#[test]
fn lines_are_short() {
    for line in PAGE.lines().filter(|line| !line.starts_with('|')) {
        let is_one_word = line.trim_start_matches([' ', '-']).matches(' ').count() <= 2;
        assert!(
            line.chars().count() <= 100 || is_one_word || line.contains('`'),
            "{line}"
        );
    }
}
