//! Who imports whom: arrows between rooms and rings of files.

use std::collections::{BTreeMap, BTreeSet};

use crate::floors::floor_of;
use crate::tree::{Found, Names, Tree, joined};

/// Something of one module that another one names.
#[derive(Debug)]
struct Arrow {
    from: Names,
    /// The module that defines it.
    to: Names,
    symbol: String,
    /// `src/plan/mod.rs:12`
    place: String,
}

/// Every path of `tree` that leads to another module of it.
fn arrows(tree: &Tree) -> Vec<Arrow> {
    let mut arrows = Vec::new();
    each_path(tree, |from, written, place| {
        let Some(absolute) = tree.absolute(from, written) else {
            return;
        };
        let (to, symbol) = match tree.resolve(&absolute) {
            Some(Found::Module(to)) => (to, String::new()),
            Some(Found::Item(to, item)) => (to, item),
            Some(Found::External) | None => return,
        };
        if to != from {
            arrows.push(Arrow {
                from: from.to_vec(),
                to,
                symbol,
                place,
            });
        }
    });
    arrows
}

fn each_path(tree: &Tree, mut visit: impl FnMut(&[String], &[String], String)) {
    for (from, module) in &tree.modules {
        let file = module
            .file
            .strip_prefix(tree.root.parent().unwrap_or(&tree.root));
        let file = file.unwrap_or(&module.file).display();
        for import in &module.imports {
            visit(from, &import.path, format!("{file}:{}", import.line));
        }
        for mention in &module.mentions {
            // A path may begin with a module that was imported.
            let first = &mention.path[0];
            let module = (module.imports.iter())
                .find(|import| import.name.as_ref() == Some(first))
                .and_then(|import| tree.absolute(from, &import.path));
            let place = format!("{file}:{}", mention.line);
            match module {
                Some(path) => {
                    let path = [&["crate".to_owned()], &path[..], &mention.path[1..]].concat();
                    visit(from, &path, place);
                }
                None => visit(from, &mention.path, place),
            }
        }
    }
}

/// Arrows that do not lead to a lower floor, each in words.
pub fn upward(tree: &Tree) -> Vec<String> {
    let mut wrong = BTreeSet::new();
    for arrow in arrows(tree) {
        let (Some(from), Some(to)) = (arrow.from.first(), arrow.to.first()) else {
            continue;
        };
        let (Some(floor), Some(below)) = (floor_of(from), floor_of(to)) else {
            continue;
        };
        if from != to && floor <= below {
            wrong.insert(format!(
                "{}: `{from}` (floor {floor}) imports `{}` (floor {below})",
                arrow.place,
                joined(&arrow.to, &arrow.symbol)
                    .join("::")
                    .trim_end_matches(':'),
            ));
        }
    }
    wrong.into_iter().collect()
}

/// Paths into the crate that lead nowhere known: the test would not see their arrows.
pub fn unknown(tree: &Tree) -> Vec<String> {
    let mut unknown = Vec::new();
    each_path(tree, |from, written, place| {
        let begins = ["crate", "$crate", "super", "self"].contains(&written[0].as_str());
        let Some(absolute) = tree.absolute(from, written).filter(|_| begins) else {
            return;
        };
        if tree.resolve(&absolute).is_none() {
            unknown.push(format!("{place}: {}", written.join("::")));
        }
    });
    unknown
}

/// Rings of files that import each other. A module and those below it count as one: a `mod.rs` and
/// its children may know each other.
pub fn rings(tree: &Tree) -> Vec<String> {
    let mut graph: BTreeMap<Names, BTreeMap<Names, String>> = BTreeMap::new();
    for arrow in arrows(tree) {
        let (from, to) = (in_file(tree, arrow.from), in_file(tree, arrow.to));
        if from.starts_with(&to) || to.starts_with(&from) {
            continue;
        }
        let symbol = format!("{} ({})", arrow.symbol, arrow.place);
        graph.entry(from).or_default().entry(to).or_insert(symbol);
    }
    let mut rings = Vec::new();
    let mut done = BTreeSet::new();
    for start in graph.keys() {
        if done.contains(start) {
            continue;
        }
        let ahead = reachable(&graph, start);
        let ring: BTreeSet<&Names> = ahead
            .iter()
            .filter(|to| reachable(&graph, to).contains(start))
            .collect();
        if ring.is_empty() {
            continue;
        }
        done.extend(ring.iter().map(|name| (*name).clone()));
        let mut lines = vec![format!("a ring of {} files:", ring.len())];
        for from in &ring {
            for (to, symbol) in graph.get(*from).into_iter().flatten() {
                if ring.contains(to) {
                    lines.push(format!(
                        "  {} -> {}: {symbol}",
                        from.join("::"),
                        to.join("::")
                    ));
                }
            }
        }
        rings.push(lines.join("\n"));
    }
    rings
}

/// The module whose file `module` stands in.
fn in_file(tree: &Tree, mut module: Names) -> Names {
    while tree
        .modules
        .get(&module)
        .is_some_and(|module| module.inline)
    {
        module.pop();
    }
    module
}

fn reachable(graph: &BTreeMap<Names, BTreeMap<Names, String>>, from: &Names) -> BTreeSet<Names> {
    let mut seen = BTreeSet::new();
    let mut left = vec![from];
    while let Some(at) = left.pop() {
        for to in graph.get(at).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(to.clone()) {
                left.push(to);
            }
        }
    }
    seen
}

/// Re-exports of everything of another room.
pub fn glob_re_exports(tree: &Tree) -> Vec<String> {
    let mut wrong = Vec::new();
    for (from, module) in &tree.modules {
        for import in module
            .imports
            .iter()
            .filter(|it| it.public && it.name.is_none())
        {
            let to = tree.absolute(from, &import.path);
            if to.is_some_and(|to| to.first() != from.first()) {
                let path = joined(&import.path, "*").join("::");
                wrong.push(format!(
                    "{}:{}: pub use {path}",
                    module.file.display(),
                    import.line
                ));
            }
        }
    }
    wrong
}
