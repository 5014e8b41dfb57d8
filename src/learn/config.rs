//! The fields of a component's configuration, and their types.
//!
//! A program names every field of its configuration that it does not know, and stops at a value of
//! the wrong type with the type that it wants. Names to ask for are in the program itself: Go keeps
//! the tags of its types' fields.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value as Json, json};

use super::flags::refined;
use crate::facts::kinds::Kind;
use crate::facts::kubernetes::tables::{ConfigKind, Tables};
use crate::processors::on_all_processors;
use crate::subprocess::Program;

/// How many unknown fields a program names at once (`sigs.k8s.io/json`: 100), less a few.
const AT_ONCE: usize = 90;

/// How deep types lie in each other.
const DEPTH_MAX: usize = 8;

/// A name that no type has.
const NOBODY: &str = "imgbuildAsksForNothing";

/// What a kind of configuration is asked by.
struct Asked<'p> {
    program: &'p Program,
    api_version: &'static str,
    kind: &'static str,
    /// A value that the program refuses once it has read everything: it must not start.
    refused: (&'static str, Json),
}

/// Lines of the section of `kind`, by the program that reads it.
pub(super) fn fields(kind: ConfigKind, program: &Program) -> Result<Vec<String>> {
    let (api_version, refused) = match kind {
        ConfigKind::Kubelet => ("kubelet.config.k8s.io/v1beta1", ("eventBurst", json!(-1))),
        ConfigKind::Proxy => (
            "kubeproxy.config.k8s.io/v1alpha1",
            ("oomScoreAdj", json!(5000)),
        ),
    };
    let asked = Asked {
        program,
        api_version,
        kind: kind.as_str(),
        refused,
    };
    let names = tags(&program.bytes()?);
    ensure!(
        names.contains(asked.refused.0),
        "{} is not in the program; it may be packed",
        asked.refused.0
    );
    let mut found = BTreeMap::new();
    asked.below(&[], &names, &mut found)?;
    let known: BTreeMap<_, _> = (Tables::OWN.config_fields(kind))
        .map(|field| (field.path, field.kind))
        .collect();
    let line = |(path, notation): (&String, &String)| {
        let told = Kind::read(notation)?;
        Some(format!(
            "{path} {}",
            refined(told, known.get(path.as_str()).copied())
        ))
    };
    found
        .iter()
        .map(|one| line(one).context("a kind that the tables do not have"))
        .collect()
}

/// The names in tags of fields: `json:"name,omitempty"`.
fn tags(bytes: &[u8]) -> BTreeSet<String> {
    const MARK: &[u8] = b"json:\"";
    let mut names = BTreeSet::new();
    for (at, _) in (bytes.windows(MARK.len()).enumerate()).filter(|(_, one)| *one == MARK) {
        let rest = &bytes[at + MARK.len()..];
        let length = rest
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric())
            .count();
        if (1..80).contains(&length) {
            names.extend(String::from_utf8(rest[..length].to_vec()));
        }
    }
    names
}

impl Asked<'_> {
    /// Adds the fields of the object at `path` to `found`: their paths, and the notations of their
    /// kinds. A list item in `path` is `[]`.
    fn below(
        &self,
        path: &[&str],
        names: &BTreeSet<String>,
        found: &mut BTreeMap<String, String>,
    ) -> Result<()> {
        if path.len() >= DEPTH_MAX {
            return Ok(());
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let some: Vec<&[&str]> = names.chunks(AT_ONCE).collect();
        let mut here = Vec::new();
        for known in on_all_processors(some, |some| self.known(path, some)) {
            here.extend(known?);
        }
        here.retain(|name| !(path.is_empty() && matches!(name.as_str(), "kind" | "apiVersion")));
        let kinds = on_all_processors(&here, |name| {
            let mut path = path.to_vec();
            path.push(name);
            self.kind_at(&path)
        });
        let names: BTreeSet<String> = names.iter().map(|it| (*it).to_owned()).collect();
        for (name, kind) in here.iter().zip(kinds) {
            let kind = kind?;
            let mut path = path.to_vec();
            path.push(name);
            found.insert(path.join(".").replace(".[]", "[]"), kind.clone());
            if kind == "object" {
                self.below(&path, &names, found)?;
            } else if kind == "list:object" {
                path.push("[]");
                self.below(&path, &names, found)?;
            }
        }
        Ok(())
    }

    /// Those of `names` that the object at `path` has.
    fn known(&self, path: &[&str], names: &[&str]) -> Result<Vec<String>> {
        let nothing = names.iter().map(|name| ((*name).to_owned(), Json::Null));
        let said = self.say(path, Json::Object(nothing.collect()))?;
        if names.len() > 1 && said.contains("failed to decode") && unknown(&said).next().is_none() {
            // One of them is there, and not content with nothing: a duration.
            let (some, others) = names.split_at(names.len() / 2);
            return Ok([self.known(path, some)?, self.known(path, others)?].concat());
        }
        let prefix = match path {
            [] => String::new(),
            path => format!("{}.", path.join(".").replace(".[]", "[0]")),
        };
        let unknown: BTreeSet<&str> = unknown(&said)
            .filter_map(|path| path.strip_prefix(prefix.as_str()))
            .collect();
        let known = names.iter().filter(|name| !unknown.contains(**name));
        Ok(known.map(|name| (*name).to_owned()).collect())
    }

    /// The notation of the kind of the field at `path`.
    fn kind_at(&self, path: &[&str]) -> Result<String> {
        let nobody = json!({ NOBODY: {} });
        // Some types repeat what they were given in their complaints.
        let is_object = |said: &str| unknown(said).any(|path| path.ends_with(NOBODY));
        let said = self.say(path, nobody.clone())?;
        if is_object(&said) {
            return Ok("object".to_owned());
        }
        let of_items = wanted(&said);
        let said = self.say(path, json!({}))?;
        if let Some(word) = wanted(&said) {
            if word == "quantity" {
                return Ok(word);
            }
            if is_scalar(&word) {
                return self.scalar(path, &word);
            }
            // A list, perhaps by another name.
            let said = self.say(path, json!([nobody]))?;
            if is_object(&said) {
                return Ok("list:object".to_owned());
            }
            if said.contains("cannot unmarshal array") {
                return self.scalar(path, "string");
            }
            let of = wanted(&said).unwrap_or_else(|| "string".to_owned());
            return Ok(format!("list:{}", notation(&of)));
        }
        // Any key is taken: a map, of what it wants.
        let of = of_items.unwrap_or_else(|| "object".to_owned());
        Ok(format!("map:{}", notation(&of)))
    }

    /// The notation of a scalar that Go calls `word`.
    fn scalar(&self, path: &[&str], word: &str) -> Result<String> {
        if notation(word) != "string" {
            return Ok(notation(word));
        }
        let said = self.say(path, json!("wrong"))?;
        if said.contains("invalid duration") {
            return Ok("duration".to_owned());
        }
        if !said.contains("cannot unmarshal string") {
            return Ok("string".to_owned());
        }
        // A type with a name of its own.
        let said = self.say(path, json!(1))?;
        let is_number = !said.contains("cannot unmarshal number");
        Ok(if is_number { "int" } else { "bool" }.to_owned())
    }

    /// What the program says of a configuration with `value` at `path`.
    fn say(&self, path: &[&str], value: Json) -> Result<String> {
        let mut whole = value;
        for step in path.iter().rev() {
            whole = if *step == "[]" {
                json!([whole])
            } else {
                json!({ *step: whole })
            };
        }
        let map = whole.as_object_mut().context("a configuration is a map")?;
        map.insert("apiVersion".to_owned(), json!(self.api_version));
        map.insert("kind".to_owned(), json!(self.kind));
        let (name, refused) = &self.refused;
        if path.first() != Some(name) {
            map.insert((*name).to_owned(), refused.clone());
        }
        let home = tempfile::tempdir().context("making a folder")?;
        let file = home.path().join("config.yaml");
        fs::write(&file, whole.to_string()).context("writing a configuration")?;
        let config = format!("--config={}", file.display());
        let said = self.program.ask_in(home.path(), &[&config])?;
        ensure!(
            !said.is_success,
            "the program took a configuration that it should refuse: {whole}"
        );
        Ok(said.plain())
    }
}

/// The paths of fields that the program does not know.
fn unknown(said: &str) -> impl Iterator<Item = &str> {
    let pieces = said.split("unknown field \"").skip(1);
    pieces.filter_map(|rest| rest.split('"').next())
}

/// The type that a complaint names, as Go calls it, or what imgbuild calls it.
fn wanted(said: &str) -> Option<String> {
    if said.contains("quantities must match") {
        return Some("quantity".to_owned());
    }
    if said.contains("Go value of type time.Duration") {
        return Some("string".to_owned());
    }
    let (_, rest) = said.split_once("cannot unmarshal ")?;
    let (_, rest) = rest.split_once(" of type ")?;
    let end = rest.find(|c: char| c.is_whitespace() || c == '"');
    Some(rest[..end.unwrap_or(rest.len())].to_owned())
}

/// Whether a type of Go is a scalar by its name.
fn is_scalar(word: &str) -> bool {
    matches!(notation(word).as_str(), "bool" | "int" | "float") || word == "string"
}

/// The notation of a type of Go.
fn notation(word: &str) -> String {
    if let Some(of) = word.strip_prefix("[]") {
        return format!("list:{}", notation(of));
    }
    match word {
        "bool" => "bool",
        "int" | "int8" | "int16" | "int32" | "int64" | "uint" | "uint8" | "uint16" | "uint32"
        | "uint64" => "int",
        "float32" | "float64" => "float",
        "quantity" => "quantity",
        "object" => "object",
        _ => "string",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_complaints_are_read() {
        let bytes = b"x\x00json:\"maxPods,omitempty\"\x00json:\"-\"\x00json:\"a\"json:\"";
        assert_eq!(
            tags(bytes).into_iter().collect::<Vec<_>>(),
            ["a", "maxPods"]
        );
        for (said, want) in [
            (
                "json: cannot unmarshal object into Go struct field K.port of type int32\n",
                Some("int32"),
            ),
            (
                "cannot unmarshal object into Go value of type time.Duration",
                Some("string"),
            ),
            (
                "quantities must match the regular expression",
                Some("quantity"),
            ),
            ("all is well", None),
        ] {
            assert_eq!(wanted(said).as_deref(), want, "{said}");
        }
        assert_eq!(notation("[]string"), "list:string");
    }
}
