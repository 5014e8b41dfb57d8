//! Habits of the house that no lint knows.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;

use crate::{arrows, product};

/// The largest part of the product's lines that one room may hold, in percent.
const ROOM_MAX: usize = 15;

/// Names of folders that common ignore files hide.
const HIDDEN: [&str; 6] = ["target", "build", "dist", "out", "bin", "vendor"];

/// The longest line of code or comment, in characters (rustfmt.toml). Text in quotes may be longer.
const LINE_MAX: usize = 100;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files and folders below `folder`.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(&folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                left.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

fn sources(folder: &str) -> Vec<PathBuf> {
    let mut paths = below(&root().join(folder));
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "rs"));
    assert!(!paths.is_empty(), "no sources in {folder}");
    paths
}

#[test]
fn no_room_is_a_house_of_its_own() {
    let src = root().join("src");
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    for path in sources("src") {
        let room = path
            .strip_prefix(&src)
            .expect("readable")
            .iter()
            .next()
            .expect("readable");
        let count = fs::read_to_string(&path).expect("readable").lines().count();
        *lines
            .entry(room.to_str().expect("readable").to_owned())
            .or_default() += count;
    }
    let all: usize = lines.values().sum();
    lines.retain(|_, count| *count * 100 > all * ROOM_MAX);
    assert!(
        lines.is_empty(),
        "over {ROOM_MAX} % of {all} lines: {lines:?}"
    );
}

#[test]
fn no_folder_has_a_name_that_ignore_files_hide() {
    let mut folders = below(&root().join("src"));
    folders.retain(|path| path.is_dir());
    let is_hidden = |path: &&PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| HIDDEN.contains(&name))
    };
    let hidden: Vec<_> = folders.iter().filter(is_hidden).collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[test]
fn rooms_are_not_re_exported_whole() {
    let wrong = arrows::glob_re_exports(&product());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Words that talk to a terminal, or belong to a process that has one.
const OF_COMMAND_LINES: [&str; 9] = [
    "println!",
    "print!",
    "io::stdout",
    "io::stderr",
    "io::stdin",
    "IsTerminal",
    "process::exit",
    "env::args",
    "ExitCode",
];

/// The code of a file without white space, comments, text in quotes and what is only for tests.
fn product_code(text: &str) -> String {
    let mut file = syn::parse_file(text).expect("Rust");
    file.items.retain(|item| {
        let (syn::Item::Mod(syn::ItemMod { attrs, .. })
        | syn::Item::Fn(syn::ItemFn { attrs, .. })
        | syn::Item::Use(syn::ItemUse { attrs, .. })) = item
        else {
            return true;
        };
        !attrs
            .iter()
            .any(|it| it.path().is_ident("cfg") && is_test(it))
    });
    let mut code = String::new();
    words(file.to_token_stream(), &mut code);
    code
}

/// Adds `tokens` to `code`, but for literals and the attributes that comments are.
fn words(tokens: TokenStream, code: &mut String) {
    for token in tokens {
        match token {
            TokenTree::Group(group) if group.stream().to_string().starts_with("doc =") => {}
            TokenTree::Group(group) => {
                code.push('(');
                words(group.stream(), code);
                code.push(')');
            }
            TokenTree::Literal(_) => {}
            word => code.push_str(&word.to_string()),
        }
    }
}

fn is_test(attribute: &syn::Attribute) -> bool {
    attribute
        .parse_args::<syn::Path>()
        .is_ok_and(|path| path.is_ident("test"))
}

#[test]
fn code_after_a_module_of_tests_is_looked_at() {
    let text = "#[cfg(test)]\nmod tests;\n// println!\nfn f() { eprintln ! (\"a\"); }\n";
    assert!(product_code(text).contains("eprintln!"));
    let text = "#[cfg(test)]\nmod tests { fn f() { println!(); } }\n/// println!\nfn g() {}\n";
    assert!(!product_code(text).contains("println!"));
}

#[test]
fn only_the_command_line_talks() {
    let src = root().join("src");
    let mut talks = Vec::new();
    for path in sources("src") {
        let name = path.strip_prefix(&src).expect("below it");
        let text = fs::read_to_string(&path).expect("readable");
        let code = product_code(&text);
        for word in OF_COMMAND_LINES {
            if code.contains(word) {
                talks.push((name.to_owned(), word));
            }
        }
    }
    // The program itself is the process's exit status.
    talks.retain(|(name, _)| {
        name != Path::new("main.rs") && !name.iter().any(|part| part == "tests")
    });
    assert!(
        talks.iter().any(|(name, _)| name.starts_with("cli")),
        "the search works"
    );
    talks.retain(|(name, _)| !name.starts_with("cli"));
    assert_eq!(talks, []);
}

/// What names Container Linux, whose last release was in 2020.
const OF_CONTAINER_LINUX: [&str; 3] = ["container_linux", "ContainerLinux", "HYPERKUBE"];

/// The files that know that there is Container Linux, beside its own modules: its row, where a room
/// calls the module that it has for it, and its page.
const KNOWS_CONTAINER_LINUX: [&str; 10] = [
    "facts/mod.rs",
    "facts/systems/mod.rs",
    "facts/systems/table.rs",
    "node/mod.rs",
    "pages/mod.rs",
    "parts/mod.rs",
    "plan/mod.rs",
    "spec/kinds.rs",
    "spec/types/cluster.rs",
    "spec/types/mod.rs",
];

#[test]
fn container_linux_stays_behind_its_modules() {
    let src = root().join("src");
    let mut knows = Vec::new();
    for path in sources("src") {
        let name = path.strip_prefix(&src).expect("below it");
        let name = name.to_str().expect("UTF-8");
        let code = product_code(&fs::read_to_string(&path).expect("readable"));
        let is_its_own = name.contains("/container_linux/") || name == "node/container_linux.rs";
        if !is_its_own && OF_CONTAINER_LINUX.iter().any(|word| code.contains(word)) {
            knows.push(name.to_owned());
        }
    }
    assert_eq!(
        knows, KNOWS_CONTAINER_LINUX,
        "ask the target's row of facts instead (src/facts/systems)"
    );
}

#[test]
fn comments_are_no_wider_than_code() {
    let folders = ["src", "tests", "xtask/src"];
    let mut wide = Vec::new();
    for path in folders.iter().flat_map(|folder| sources(folder)) {
        let text = fs::read_to_string(&path).expect("readable");
        for (number, line) in text.lines().enumerate() {
            let comment = line.trim_start();
            // A row of a table in Markdown is one line.
            let is_row = comment.starts_with("//! |") || comment.starts_with("/// |");
            if comment.starts_with("//") && !is_row && line.chars().count() > LINE_MAX {
                wide.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
    assert!(
        wide.is_empty(),
        "comments over {LINE_MAX} columns:\n{}",
        wide.join("\n")
    );
}
