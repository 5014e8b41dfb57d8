//! The reference of every key of a spec, made from the declarations that the decoder and the schema
//! are made from.
//!
//! The page is kept beside this file, so that it can be read without building anything, and a test
//! (`tests/product/specs/reference.rs`) makes it anew and compares. `IMGBUILD_UPDATE=1 cargo test
//! --test product specs::reference` writes it. That test also finds which codes a key can fail
//! with, from all the wrong specs that there are.

mod place;
mod value;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::diagnostic::{Code, codes};
use crate::facts::kubernetes::version::RELEASES;
use crate::facts::systems::{IgnitionVersion, SpecKeys, TABLE};
use crate::spec::decode::{KeySchema, RecordSchema};
use crate::spec::{KINDS, Language, language};
pub use place::{Place, key_at, places};

/// The page.
pub const PAGE: &str = include_str!("reference.md");

/// The codes that a key can fail with, by the names of its record and its own.
pub type Codes = BTreeMap<(String, String), BTreeSet<&'static str>>;

/// Codes that have to do with the shape of YAML, which any key can fail with.
pub const COMMON: &[Code] = &[
    codes::UNKNOWN_KEY,
    codes::MISSING_KEY,
    codes::WRONG_TYPE,
    codes::NO_VALUE,
    codes::CONFLICTING_KEYS,
    codes::MISSING_ONE_OF,
    codes::NOT_FOR_TARGET,
];

/// Longest line of the page.
const COLUMNS: usize = 100;

/// Makes the page.
pub fn page(codes: &Codes) -> String {
    let language = language();
    let places = places(&language);
    let page = Page {
        language: &language,
        codes,
        places: &places,
    };
    let mut text = intro();
    text.push_str("\n## A file\n\n");
    text.push_str("A file is one node, or what several nodes share and `nodes`. Beside the keys of a node it has these.\n");
    for key in &language.file {
        text.push_str(&page.key("", key, &[]));
    }
    for record in (language.records.iter()).filter(|record| record.name == language.cluster) {
        let _ = write!(
            text,
            "\n### `cluster`\n\n{}",
            wrapped("", &record.description)
        );
        for key in &record.keys {
            text.push_str(&page.key(record.name, key, &[]));
        }
    }
    for place in &places {
        text.push_str(&page.record(place));
    }
    text.push_str(&targets());
    text
}

fn intro() -> String {
    let common: Vec<String> = COMMON.iter().map(|code| format!("`{}`", code.0)).collect();
    let mut text = String::from("# Reference of the node spec\n\n");
    text.push_str(&wrapped(
        "",
        "Every key of a spec. Keys below another key are in the section named after their path, such as `network.interfaces`.",
    ));
    text.push('\n');
    text.push_str(&wrapped(
        "",
        &format!(
            "Keys may be left out unless they say \"required\". A target that does not support a key is named with it; the last section says in what else targets differ. `imgbuild explain CODE` explains an error code. Codes that any key can have are not repeated: {}, and those of files and YAML, `E00xx`.",
            common.join(", ")
        ),
    ));
    text
}

/// What is at hand while the page is written.
struct Page<'a> {
    language: &'a Language,
    codes: &'a Codes,
    places: &'a [Place<'a>],
}

impl Page<'_> {
    fn record(&self, place: &Place) -> String {
        let path = &place.paths[0].1;
        let is_top = path.is_empty() || (place.tree == SpecKeys::Own && !path.contains('.'));
        let level = if is_top { "##" } else { "###" };
        let mut text = format!("\n{level} {}\n\n", place.heading());
        text.push_str(&wrapped("", &place.record.description));
        if place.paths.len() > 1 {
            let also: Vec<_> = place.paths[1..].iter().map(shown).collect();
            text.push('\n');
            text.push_str(&wrapped("", &format!("Also {}.", also.join(", "))));
        }
        let mut notes = rules(place.record);
        for (tree, path) in &place.paths {
            notes.extend(refusals(*tree, path).map(|why| match place.paths.len() {
                1 => why,
                _ => format!("{}: {why}", shown(&(*tree, path.clone()))),
            }));
        }
        for note in notes {
            text.push('\n');
            text.push_str(&wrapped("", &note));
        }
        for key in &place.record.keys {
            text.push_str(&self.key(place.record.name, key, &place.paths));
        }
        text
    }

    fn key(&self, record: &str, key: &KeySchema, paths: &[(SpecKeys, String)]) -> String {
        let mut text = String::from("\n");
        text.push_str(&wrapped(
            "- ",
            &format!("`{}`: {}", key.name, key.description),
        ));
        let value = value::of(&key.schema, |record| self.link(record));
        let required = if key.required { "; required" } else { "" };
        let mut line = |words: String| text.push_str(&wrapped("  - ", &words));
        line(format!("Type: {}{required}", value.text));
        let mut words = String::new();
        for (word, what) in &value.words {
            words.push_str(&wrapped("    - ", &format!("`{word}`: {what}")));
        }
        text.push_str(&words);
        let mut line = |words: String| text.push_str(&wrapped("  - ", &words));
        match (key.default, key.otherwise) {
            (Some(default), _) => line(format!("Default: `{default}`")),
            (None, Some(words)) => line(format!("Default: {words}")),
            (None, None) => {}
        }
        if let Some(example) = key.example {
            line(format!("Example: `{}: {example}`", key.name));
        }
        for (tree, path) in paths {
            for why in refusals(*tree, &place::below(path, key.name)) {
                line(why);
            }
        }
        let codes = self.codes.get(&(record.to_owned(), key.name.to_owned()));
        if let Some(codes) = codes.filter(|codes| !codes.is_empty()) {
            let codes: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
            line(format!("Errors: {}", codes.join(", ")));
        }
        text
    }

    /// A link to the section of a record.
    fn link(&self, record: &str) -> String {
        // The schema has another definition of a node that is one of several.
        let kind = KINDS.iter().find(|kind| kind.node == record);
        let record = kind.map_or(record, |kind| kind.record);
        if record == self.language.cluster {
            return "[a cluster](#cluster)".to_owned();
        }
        let place = self.places.iter().find(|place| place.record.name == record);
        let place = place.expect("a record that a key leads to has a place");
        format!("[{}](#{})", place.record.what, place.anchor())
    }
}

fn shown((tree, path): &(SpecKeys, String)) -> String {
    match place::system(*tree) {
        None => format!("`{path}`"),
        Some(system) => format!("`{path}` of {system}"),
    }
}

/// Why the key at `path` is not for a target, a sentence for each.
fn refusals(tree: SpecKeys, path: &str) -> impl Iterator<Item = String> {
    let of_tree = TABLE.iter().filter(move |facts| facts.keys == tree);
    of_tree.filter_map(move |facts| {
        let (_, why) = facts.refused_keys.iter().find(|(key, _)| *key == path)?;
        Some(format!("Not for `{}`: {why}.", facts.name))
    })
}

fn rules(record: &RecordSchema) -> Vec<String> {
    let sentence = |(rule, keys): &(&str, &[&str])| {
        let how = match *rule {
            "at_most_one" => "At most one",
            "at_least_one" => "At least one",
            _ => "Exactly one",
        };
        if let [one] = keys {
            return format!("`{one}` is required.");
        }
        let keys: Vec<_> = keys.iter().map(|key| format!("`{key}`")).collect();
        format!("{how} of {}.", keys.join(", "))
    };
    record.rules.iter().map(sentence).collect()
}

/// The table of what differs between targets.
fn targets() -> String {
    let mut text = String::from("\n## Targets\n\n");
    text.push_str(
        "| `target` | System | `ignition.version` | `containerd.config_version` | `etcd.image` |\n",
    );
    text.push_str("|---|---|---|---|---|\n");
    let or_none = |list: Vec<&str>| match list.as_slice() {
        [] => "–".to_owned(),
        list => list.join(", "),
    };
    for facts in &TABLE {
        let ignition = facts.ignition.iter().map(|version| version.as_str());
        let containerd = facts.containerd.config_versions.iter();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            facts.name,
            facts.title,
            or_none(ignition.collect()),
            or_none(containerd.map(|version| version.as_str()).collect()),
            facts.etcd_image.unwrap_or("–"),
        );
    }
    text.push_str("\nThe first of several versions is the default.\n\n");
    let mut releases = format!(
        "Releases of Kubernetes: 1.{} to 1.{}",
        RELEASES[0].minor,
        RELEASES[RELEASES.len() - 1].minor,
    );
    for facts in &TABLE {
        if let Some(minor) = facts.kubernetes {
            let _ = write!(releases, ", and 1.{minor} on `{}`", facts.name);
        }
    }
    text.push_str(&wrapped("", &(releases + ".")));
    text.push('\n');
    let special: Vec<_> = (IgnitionVersion::ALL.iter())
        .filter(|version| version.has_special_bits())
        .map(|version| version.as_str())
        .collect();
    text.push_str(&wrapped(
        "",
        &format!(
            "The set-user-ID, set-group-ID and sticky bits of a `mode` need Ignition {}.",
            special.join(", ")
        ),
    ));
    text
}

/// `words` in lines, the first after `head`, the others as far in. Code is not broken.
fn wrapped(head: &str, words: &str) -> String {
    let mut text = String::new();
    let mut line = head.to_owned();
    let mut is_empty = true;
    for word in unbroken(words) {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > COLUMNS {
            text.push_str(&line);
            text.push('\n');
            line = " ".repeat(head.len());
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(&word);
        is_empty = false;
    }
    text + &line + "\n"
}

/// The words of a text; what is between backticks or in brackets of a link stays together.
fn unbroken(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_open = false;
    for word in text.split(' ') {
        match words.last_mut() {
            Some(last) if is_open => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
        if word.matches('`').count() % 2 == 1 {
            is_open = !is_open;
        }
    }
    words
}
