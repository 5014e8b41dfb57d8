//! The commands of pages: run where a folder is enough, else parsed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;

use imgbuild::pages::markdown::Code;

use super::folder::{Folder, said};
use super::page::{Page, pages, words};

/// What a block may need that a folder of files is not.
const NEEDS: [(&str, &str); 8] = [
    ("base", "the Debian base, which is built from packages"),
    ("cargo", "cargo, which runs this test"),
    ("loaders", "boot loaders, which are Debian packages"),
    ("network", "the network"),
    ("node", "a node to type it on"),
    ("programs", "the programs of Kubernetes"),
    ("root", "root"),
    ("vm", "a virtual machine"),
];

/// Endings of the names of files that commands read or write.
const ENDINGS: [&str; 9] = [
    ".yaml", ".ign", ".json", ".iso", ".img", ".bu", ".initrd", ".cpio.gz", "/",
];

#[test]
fn commands_of_pages_work() {
    let mut wrong = String::new();
    let mut run = 0;
    let first = Folder::new();
    for page in pages() {
        let folder = first.copy();
        let mut made = BTreeSet::new();
        for code in page.code() {
            save(&code, &folder);
            let Some(needs) = needs(&page, &code) else {
                continue;
            };
            let place = page.place(&code);
            let result = if needs.is_empty() {
                run += 1;
                execute(&code, &folder)
            } else {
                // Straight to the descriptor: the test harness would keep it to itself.
                let list = needs.join(", ");
                let _ = writeln!(std::io::stderr(), "{place}: only parsed, it needs {list}");
                understood(&code, &folder, &mut made)
            };
            if let Err(why) = result {
                let _ = writeln!(wrong, "{place}: {why}");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(run > 15, "pages have only {run} blocks that can be run");
}

/// Builds a base where the user's cache has none, and images around it.
#[test]
#[ignore = "slow: builds images with a base"]
fn commands_that_need_a_base_work() {
    let mut wrong = String::new();
    let first = Folder::new();
    for page in pages() {
        let folder = first.copy().at_home();
        for code in page.code() {
            if needs(&page, &code).is_some_and(|needs| needs == ["base"])
                && let Err(why) = execute(&code, &folder)
            {
                let _ = writeln!(wrong, "{}: {why}", page.place(&code));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What a block of commands needs; `None` for other blocks.
fn needs<'c>(page: &Page, code: &'c Code) -> Option<Vec<&'c str>> {
    let (language, pairs) = words(code);
    if language != "sh" {
        return None;
    }
    let needs: Vec<&str> = pairs
        .iter()
        .flat_map(|(_, value)| value.split(','))
        .collect();
    for need in &needs {
        let known = NEEDS.iter().any(|(name, _)| name == need);
        assert!(known, "{}: needs:{need}", page.place(code));
    }
    Some(needs)
}

/// Writes a spec that has a name into the folder.
fn save(code: &Code, folder: &Folder) {
    let (_, pairs) = words(code);
    if let Some((_, name)) = pairs.iter().find(|(key, _)| *key == "file") {
        folder.write(name, &code.text);
    }
}

/// A block as a shell runs it that has an installed imgbuild.
fn script(code: &Code) -> String {
    code.text.replace("cargo run --release --", "imgbuild")
}

fn execute(code: &Code, folder: &Folder) -> Result<(), String> {
    let output = folder.run("sh", &["-eu", "-c", &script(code)]);
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}\n{}", output.status, said(&output)))
}

/// Parses the imgbuild commands of a block. What they read must be in the folder, or be what a
/// command before writes; `made` has the latter.
fn understood(code: &Code, folder: &Folder, made: &mut BTreeSet<String>) -> Result<(), String> {
    for line in script(code).replace("\\\n", " ").lines() {
        let line = line.split(" #").next().unwrap_or_default();
        let line = line.split(" > ").next().unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.first() != Some(&"imgbuild") {
            continue;
        }
        imgbuild::cli::understand(&words).map_err(|error| format!("{line}\n{error}"))?;
        for (at, word) in words.iter().enumerate() {
            let is_file =
                ENDINGS.iter().any(|ending| word.ends_with(ending)) || word.starts_with("~/");
            if !is_file || word.starts_with("http") {
                continue;
            }
            if words[at - 1] == "-o" {
                made.insert((*word).to_owned());
            } else if !folder.has(word) && !made.contains(*word) {
                return Err(format!("{line}\nthere is no {word}"));
            }
        }
    }
    Ok(())
}

/// The check of parsed blocks finds what it is there for.
#[test]
fn wrong_commands_are_found() {
    let folder = Folder::new();
    for (text, why) in [
        (
            "imgbuild node.yaml -o node.iso --no-such-option",
            "--no-such-option",
        ),
        ("cargo run --release -- node.yaml", "--output"),
        ("imgbuild verify node.iso node.yaml", "no node.iso"),
        ("imgbuild check absent.yaml", "no absent.yaml"),
    ] {
        let code = Code {
            info: "sh needs:base".into(),
            text: text.into(),
            line: 1,
        };
        let error = understood(&code, &folder, &mut BTreeSet::new()).unwrap_err();
        assert!(error.contains(why), "{text}: {error}");
    }
}
