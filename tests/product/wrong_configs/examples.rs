//! The examples of `imgbuild explain`.

use std::time::SystemTime;

use imgbuild::diagnostic::{Diagnostic, Sources, codes};
use imgbuild::ignition;
use imgbuild::parts;
use imgbuild::pki::{Access, KeyFolder, Keys, system_random};
use imgbuild::plan::decide;
use imgbuild::spec::load;

/// All that is found in the spec `text`, from reading it to compiling its nodes, each as its code.
fn found_in(text: &str) -> Vec<&'static str> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("node.yaml");
    std::fs::write(&path, text).expect("writing the spec");
    let mut sources = Sources::default();
    let codes = |found: Vec<Diagnostic>| found.iter().map(|diagnostic| diagnostic.code.0).collect();
    let loaded = match load(&path, None, &mut sources) {
        Ok(loaded) => loaded,
        Err(found) => return codes(found),
    };
    let decided = match decide(&loaded, &sources) {
        Ok(decided) => decided,
        Err(found) => return codes(found),
    };
    let keys = KeyFolder::open(folder.path().join("keys"), Access::Look)
        .expect("a folder that need not exist");
    let mut random = system_random();
    let cluster = decided
        .with_keys(&mut Keys::new(keys, SystemTime::UNIX_EPOCH, &mut random))
        .expect("no keys are asked for");
    let compiled = cluster
        .nodes
        .iter()
        .map(|node| ignition::compile(node, parts::all(node)));
    codes(
        compiled
            .flat_map(|outcome| outcome.map_or_else(|found| found, |compiled| compiled.warnings))
            .collect(),
    )
}

/// `imgbuild explain` shows specs that do get the code.
#[test]
fn every_code_of_ignition_has_an_example_that_gets_it() {
    let mut wrong = Vec::new();
    for entry in codes::TABLE {
        let code = entry.code.0;
        if !code.starts_with("E03") && !code.starts_with("W03") {
            continue;
        }
        let found = found_in(&format!("version: 1\nhostname: kube1\n{}", entry.example));
        if !found.contains(&code) {
            wrong.push(format!("{code}: {found:?}"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
