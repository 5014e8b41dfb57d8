//! The test of the test: made-up crates with arrows that must be found.

use std::fs;
use std::path::Path;

use crate::arrows;
use crate::tree::Tree;

/// A crate of `files` in `folder`.
fn made_up(folder: &Path, files: &[(&str, &str)]) -> Tree {
    for (name, text) in files {
        let path = folder.join("src").join(name);
        fs::create_dir_all(path.parent().expect("a folder of its own"))
            .expect("a folder of its own");
        fs::write(path, text).expect("a folder of its own");
    }
    Tree::read(&folder.join("src")).expect("a folder of its own")
}

#[test]
fn an_arrow_upward_is_found_however_it_is_written() {
    let cases = [
        ("a use", "use crate::cli::Words;", "cli::Words"),
        (
            "a group",
            "use crate::{cli::{self, Words}, names};",
            "cli::Words",
        ),
        (
            "a path",
            "fn f() -> crate::cli::Words { todo!() }",
            "cli::Words",
        ),
        (
            "in a macro",
            "fn f() { println!(\"{}\", crate::cli::Words) }",
            "cli::Words",
        ),
        (
            "in a body",
            "fn f() { use crate::cli::Words; }",
            "cli::Words",
        ),
        ("through super", "use super::cli::Words;", "cli::Words"),
        (
            "through a re-export",
            "use crate::ops::Words;",
            "cli::Words",
        ),
        (
            "through a glob",
            "use crate::ops::more::Words;",
            "cli::Words",
        ),
        (
            "by a module's name",
            "use crate::cli; fn f(_: cli::Words) {}",
            "cli::Words",
        ),
        (
            "in a module of tests",
            "#[cfg(test)] mod tests { use crate::cli::Words; }",
            "cli::Words",
        ),
    ];
    for (name, code, symbol) in cases {
        let folder = tempfile::tempdir().expect("a folder of its own");
        let tree = made_up(
            folder.path(),
            &[
                (
                    "lib.rs",
                    "pub mod cli; pub mod names; pub mod ops; pub mod pki;",
                ),
                ("cli.rs", "pub struct Words;"),
                ("ops/mod.rs", "pub mod more; pub use crate::cli::Words;"),
                ("ops/more.rs", "pub use crate::cli::*;"),
                ("names.rs", "pub struct Name;"),
                ("pki.rs", &format!("use crate::names::Name;\n{code}")),
            ],
        );
        let wrong: Vec<_> = (arrows::upward(&tree).into_iter())
            .filter(|line| line.contains("pki.rs"))
            .collect();
        let told = wrong
            .iter()
            .any(|line| line.contains("src/pki.rs:2") && line.contains(symbol));
        assert!(told, "{name}: {wrong:?}");
        assert!(
            !wrong.iter().any(|line| line.contains("names::Name")),
            "{name}: {wrong:?}"
        );
    }
}

#[test]
fn a_ring_of_files_is_found_and_a_module_with_its_children_is_none() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    let tree = made_up(
        folder.path(),
        &[
            ("lib.rs", "pub mod pki;"),
            (
                "pki/mod.rs",
                "mod a; mod b; mod c; pub use a::A; pub struct Root;",
            ),
            (
                "pki/a.rs",
                "use super::Root; use super::b::B; pub struct A;",
            ),
            ("pki/b.rs", "use super::c::C; pub struct B;"),
            ("pki/c.rs", "use super::A; pub struct C;"),
        ],
    );
    let rings = arrows::rings(&tree);
    assert_eq!(rings.len(), 1, "{rings:?}");
    assert!(rings[0].contains("pki::c -> pki::a: A"), "{rings:?}");
    assert!(!rings[0].contains("Root"), "{rings:?}");
}

#[test]
fn a_glob_re_export_of_another_room_is_found() {
    let folder = tempfile::tempdir().expect("a folder of its own");
    let files = [
        ("lib.rs", "pub mod pki; pub mod names;"),
        ("names.rs", ""),
        ("pki.rs", "pub use crate::names::*;"),
    ];
    let found = arrows::glob_re_exports(&made_up(folder.path(), &files));
    assert_eq!(found.len(), 1, "{found:?}");
}
