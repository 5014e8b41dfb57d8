//! The table of wrong specs: `tests/wrong_specs/*.txt`.
//!
//! A case is `=== name`, the text of `node.yaml`, perhaps further files after `--- path`, and what
//! every check together says, each line after `>>> `. `UPDATE_WRONG_SPECS=1` writes what is said
//! now into the tables, to be read before it is committed.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use imgbuild::diagnostic::{Diagnostic, Sources};

use crate::specs::check::{check, lines, write};

/// One case of a table.
struct Case {
    name: String,
    /// Path and text, the spec first.
    files: Vec<(String, String)>,
    expected: Vec<String>,
}

fn tables() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong_specs");
    let mut tables: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the tables")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .collect();
    tables.sort();
    tables
}

fn cases(table: &Path) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in fs::read_to_string(table).expect("a table").lines() {
        if let Some(name) = line.strip_prefix("=== ") {
            cases.push(Case {
                name: name.to_owned(),
                files: vec![("node.yaml".to_owned(), String::new())],
                expected: Vec::new(),
            });
            continue;
        }
        let case = cases.last_mut().expect("a table starts with `=== name`");
        if let Some(path) = line.strip_prefix("--- ") {
            case.files.push((path.to_owned(), String::new()));
        } else if let Some(expected) = line.strip_prefix(">>> ") {
            case.expected.push(expected.to_owned());
        } else if case.expected.is_empty() {
            let (_, text) = case.files.last_mut().expect("a file");
            writeln!(text, "{line}").expect("a string");
        } else {
            assert!(
                line.is_empty(),
                "{}: text after what is expected",
                case.name
            );
        }
    }
    cases
}

/// What every check together finds in a case.
pub struct Checked {
    case: Case,
    folder: PathBuf,
    pub diagnostics: Vec<Diagnostic>,
    pub sources: Sources,
}

impl Checked {
    fn new(case: Case) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let home = tempfile::tempdir().expect("a folder");
        for (path, text) in &case.files {
            write(folder.path(), path, text);
        }
        let mut sources = Sources::default();
        let diagnostics = check(&folder.path().join("node.yaml"), home.path(), &mut sources);
        Self {
            case,
            folder: folder.path().to_owned(),
            diagnostics,
            sources,
        }
    }

    fn said(&self) -> Vec<String> {
        lines(&self.diagnostics, &self.sources, &self.folder)
    }
}

/// All cases, by table; checked once for all tests.
pub fn checked() -> &'static [(PathBuf, Vec<Checked>)] {
    static CHECKED: OnceLock<Vec<(PathBuf, Vec<Checked>)>> = OnceLock::new();
    CHECKED.get_or_init(|| {
        let tables = tables().into_iter();
        tables
            .map(|table| {
                let checked = cases(&table).into_iter().map(Checked::new).collect();
                (table, checked)
            })
            .collect()
    })
}

#[test]
fn every_wrong_spec_is_told_so() {
    let update = std::env::var_os("UPDATE_WRONG_SPECS").is_some();
    let mut wrong = String::new();
    let mut count = 0;
    for (table, checked) in checked() {
        let mut text = String::new();
        for checked in checked {
            let (case, said) = (&checked.case, checked.said());
            count += 1;
            if said != case.expected {
                let (name, expected) = (&case.name, case.expected.join("\n"));
                let said = said.join("\n");
                write!(
                    wrong,
                    "\n=== {name}\nexpected:\n{expected}\nsaid:\n{said}\n"
                )
                .expect("a string");
            }
            writeln!(text, "=== {}", case.name).expect("a string");
            for (at, (path, contents)) in case.files.iter().enumerate() {
                if at > 0 {
                    writeln!(text, "--- {path}").expect("a string");
                }
                writeln!(text, "{}", contents.trim_end()).expect("a string");
            }
            for line in said {
                writeln!(text, ">>> {line}").expect("a string");
            }
            text.push('\n');
        }
        if update {
            fs::write(table, text.trim_end().to_owned() + "\n").expect("writing a table");
        }
    }
    assert!(update || wrong.is_empty(), "{wrong}");
    assert!(count >= 80, "{count} wrong specs, the promise is 80");
}

#[test]
fn names_are_unique() {
    let mut names = std::collections::BTreeSet::new();
    for case in tables().iter().flat_map(|table| cases(table)) {
        assert!(!case.expected.is_empty(), "{} expects nothing", case.name);
        assert!(
            names.insert(case.name.clone()),
            "{} is there twice",
            case.name
        );
    }
}

/// The codes that the tables expect.
pub fn codes_in_tables() -> Vec<String> {
    tables()
        .iter()
        .flat_map(|table| cases(table))
        .flat_map(|case| case.expected)
        .filter_map(|line| Some(line.split_once("]: ")?.0.split_once('[')?.1.to_owned()))
        .collect()
}
