//! Manifests that are right: the schemas say so, and so do we, for every minor.

use std::fs;
use std::path::{Path, PathBuf};

use imgbuild::diagnostic::{Diagnostic, Sources};
use imgbuild::{plan, spec};

use crate::manifests::oracle::{MINORS, judge};

/// What imgbuild says of a node of 1.`minor` that applies the file `name` of `folder`.
pub fn said(folder: &Path, name: &str, minor: u16) -> (Vec<Diagnostic>, Sources) {
    said_of_node(folder, name, minor, ("192.168.1.10/24", ""))
}

/// The same of a node with this address and further settings of Kubernetes.
pub fn said_of_node(
    folder: &Path,
    name: &str,
    minor: u16,
    (address, settings): (&str, &str),
) -> (Vec<Diagnostic>, Sources) {
    fs::write(
        folder.join("node.yaml"),
        format!(
            "\
version: 1
hostname: kube1
network: {{interfaces: [{{name: eth0, addresses: ['{address}']}}]}}
etcd: {{}}
kubernetes: {{version: 1.{minor}.0, role: single, manifests: [{name}]{settings}}}
"
        ),
    )
    .expect("writing a spec");
    let mut sources = Sources::default();
    let loaded = spec::load(&folder.join("node.yaml"), None, &mut sources).expect("a spec");
    let found = match plan::decide(&loaded, &sources) {
        Ok(decided) => decided.warnings,
        Err(found) => found,
    };
    (found, sources)
}

fn manifests() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/manifests/good");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the manifests")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

#[test]
fn good_manifests_pass() {
    let mut texts = Vec::new();
    let mut names = Vec::new();
    for path in manifests() {
        let text = fs::read_to_string(&path).expect("a manifest");
        let file = path.file_name().expect("a name").to_string_lossy();
        // `since-33-…` is for 1.33 and later.
        let since = file.strip_prefix("since-").map_or(0, |rest| {
            rest[..2].parse().expect("a minor in the file's name")
        });
        for minor in MINORS.filter(|minor| *minor >= since) {
            let folder = tempfile::tempdir().expect("a folder");
            fs::write(folder.path().join(&*file), &text).expect("writing a manifest");
            let (found, sources) = said(folder.path(), &file, minor);
            let lines: Vec<_> = found
                .iter()
                .map(|d| {
                    format!(
                        "{}: {}",
                        sources.place(d.span.unwrap_or_default()),
                        d.message
                    )
                })
                .collect();
            assert!(lines.is_empty(), "{file} for 1.{minor}: {lines:#?}");
            names.push(format!("{file} for 1.{minor}"));
            texts.push((minor, text.clone()));
        }
    }
    for (name, verdict) in names.iter().zip(judge(&texts)) {
        assert!(verdict.is_empty(), "{name}: {verdict:#?}");
    }
}
