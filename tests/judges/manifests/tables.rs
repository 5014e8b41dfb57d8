//! The tables of APIs and fields against the schemas that they were made from.
//!
//! `UPDATE_KUBERNETES_TABLES=1` writes them anew, to be read before it is committed: a new minor of
//! Kubernetes is a new number in [`MINORS`] and a run of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::manifests::oracle::{MINORS, schemas};

/// Kinds that nobody applies: questions to the API server, and parts of other objects.
const ASKED: &[&str] = &[
    "Binding",
    "ComponentStatus",
    "Eviction",
    "LocalSubjectAccessReview",
    "Scale",
    "SelfSubjectAccessReview",
    "SelfSubjectReview",
    "SelfSubjectRulesReview",
    "Status",
    "SubjectAccessReview",
    "TokenRequest",
    "TokenReview",
];

/// Types whose values have a syntax of their own.
const SPECIAL: &[(&str, &str)] = &[
    ("intstr.IntOrString", "intOrString"),
    ("resource.Quantity", "quantity"),
    ("v1.Time", "time"),
    ("v1.MicroTime", "time"),
    ("v1.FieldsV1", "any"),
    ("runtime.RawExtension", "any"),
    // These read what they are given by code of their own, not by their fields.
    ("apiextensions.v1.JSON", "any"),
    ("v1.JSONSchemaPropsOrArray", "any"),
    ("v1.JSONSchemaPropsOrBool", "any"),
    ("v1.JSONSchemaPropsOrStringArray", "any"),
    ("v1.CustomResourceSubresourceStatus", "any"),
];

/// Fields that the schemas require, but not the API server, to which a missing one is an empty one.
const OPTIONAL: &[(&str, &str)] = &[
    ("CSIDriver", "spec"),
    ("CSINode", "spec"),
    ("CSINodeSpec", "drivers"),
    ("ControllerRevision", "revision"),
    ("CustomResourceDefinitionVersion", "served"),
    ("DeviceClass", "spec"),
    ("LimitRangeSpec", "limits"),
    ("ResourceClaim", "spec"),
    ("ResourceClaimTemplate", "spec"),
    ("ResourceClaimTemplateSpec", "spec"),
    ("ResourcePool", "generation"),
];

/// The widest line of a table, in characters.
const WIDTH: usize = 118;

type Definitions = BTreeMap<u16, Map<String, Value>>;

fn definitions() -> Definitions {
    MINORS
        .map(|minor| {
            let path = schemas().join(format!("v1.{minor}.0-local-strict/_definitions.json"));
            let text = fs::read_to_string(&path).expect("the schemas of a minor");
            let mut schema: Value = serde_json::from_str(&text).expect("JSON");
            let Value::Object(types) = schema["$defs"].take() else {
                panic!("{} has no $defs", path.display())
            };
            (minor, types)
        })
        .collect()
}

fn table(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manifests");
    folder.join(name)
}

/// Compares what follows the comment of a table with `lines`, or writes it.
fn compare(name: &str, lines: &str) {
    let text = fs::read_to_string(table(name)).expect("a table");
    let (head, body) = text.split_once("\n\n").expect("a comment first");
    if std::env::var_os("UPDATE_KUBERNETES_TABLES").is_some() {
        fs::write(table(name), format!("{head}\n\n{lines}")).expect("writing a table");
        return;
    }
    let (ours, theirs): (BTreeSet<_>, BTreeSet<_>) =
        (body.lines().collect(), lines.lines().collect());
    assert!(
        body == lines,
        "{name} is not what the schemas say; only in it: {:#?}; only in the schemas: {:#?}",
        ours.difference(&theirs).collect::<Vec<_>>(),
        theirs.difference(&ours).collect::<Vec<_>>()
    );
}

/// `@33<35` for the minors among [`MINORS`] that have something.
fn range(minors: &BTreeSet<u16>, all: &BTreeSet<u16>) -> String {
    let (first, last) = (minors.first().expect("one"), minors.last().expect("one"));
    assert_eq!(
        usize::from(last - first) + 1,
        minors.len(),
        "{minors:?} has a gap"
    );
    let mut text = String::new();
    if Some(first) != all.first() {
        let _ = write!(text, "@{first}");
    }
    if Some(last) != all.last() {
        let _ = write!(text, "<{}", last + 1);
    }
    text
}

/// `words` in lines of [`WIDTH`], all but the first indented.
fn wrapped(words: &str) -> String {
    let (mut text, mut width) = (String::new(), 0);
    for word in words.split(' ') {
        if width > 0 && width + 1 + word.len() > WIDTH {
            text += "\n  ";
            width = 2;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text += word;
        width += word.len();
    }
    text + "\n"
}

/// `apiVersion` and kind of a definition that is a whole object.
pub fn object(definition: &Value) -> Option<(String, String)> {
    let kinds = definition["x-kubernetes-group-version-kind"].as_array()?;
    let [kind] = kinds.as_slice() else {
        return None;
    };
    definition["properties"].get("metadata")?;
    let word = |key: &str| kind[key].as_str().expect("text");
    let api = match word("group") {
        "" => word("version").to_owned(),
        group => format!("{group}/{}", word("version")),
    };
    let name = word("kind");
    // Not the question to `policy`, but an object of its own.
    let eviction = name == "Eviction" && word("group") == "lifecycle.k8s.io";
    let asked = ASKED.contains(&name) && !eviction;
    (!name.ends_with("List") && !asked).then(|| (api, name.to_owned()))
}

/// The kinds by `apiVersion`, with the minors that have them.
fn apis(definitions: &Definitions) -> BTreeMap<String, BTreeMap<String, BTreeSet<u16>>> {
    let mut apis: BTreeMap<String, BTreeMap<String, BTreeSet<u16>>> = BTreeMap::new();
    for (minor, types) in definitions {
        for (api, kind) in types.values().filter_map(object) {
            let minors = apis.entry(api).or_default().entry(kind).or_default();
            minors.insert(*minor);
        }
    }
    apis
}

#[test]
fn apis_are_those_of_the_schemas() {
    let all: BTreeSet<u16> = MINORS.collect();
    let mut lines = String::new();
    for (api, kinds) in apis(&definitions()) {
        let kinds: Vec<_> = (kinds.iter())
            .map(|(kind, minors)| kind.clone() + &range(minors, &all))
            .collect();
        lines += &wrapped(&format!("{api}: {}", kinds.join(" ")));
    }
    compare("apis.txt", &lines);
}

/// Writes the types of all kinds, and all that those are made of.
struct Writer {
    definitions: Definitions,
    /// By full name.
    names: BTreeMap<String, String>,
    waiting: VecDeque<String>,
}

impl Writer {
    /// The short name of a definition, which is written later.
    fn name(&mut self, full: &str) -> String {
        if let Some(name) = self.names.get(full) {
            return name.clone();
        }
        let mut parts = full.rsplit('.');
        let short = parts.next().expect("a name").to_owned();
        let version = parts.next().unwrap_or_default();
        let group = parts.next().unwrap_or_default();
        let taken = |name: &String| self.names.values().any(|other| other == name);
        let with_version = format!("{short}_{version}");
        let with_group = format!("{short}_{group}_{version}");
        let name = ([short, with_version, with_group].into_iter())
            .find(|name| !taken(name))
            .unwrap_or_else(|| panic!("no name is left for {full}"));
        self.names.insert(full.to_owned(), name.clone());
        self.waiting.push_back(full.to_owned());
        name
    }

    fn shape(&mut self, schema: &Value) -> String {
        if let Some(reference) = schema["$ref"].as_str() {
            let full = reference.trim_start_matches("#/$defs/").to_owned();
            let special = SPECIAL.iter().find(|(ending, _)| full.ends_with(ending));
            return match special {
                Some((_, shape)) => (*shape).to_owned(),
                // Written by controllers, never by hand.
                None if self.is_status(&full) || !self.has_fields(&full) => "any".to_owned(),
                None => self.name(&full),
            };
        }
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds.clone(),
            kind => vec![kind.clone()],
        };
        let kind = kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|k| *k != "null");
        match kind.unwrap_or_default() {
            "array" => {
                let element = self.shape(&schema["items"]);
                let distinct = match schema["x-kubernetes-list-type"].as_str() {
                    Some("set") => "/".to_owned(),
                    Some("map") => {
                        let keys = schema["x-kubernetes-list-map-keys"].as_array();
                        let keys = keys.into_iter().flatten().filter_map(Value::as_str);
                        format!("/{}", keys.collect::<Vec<_>>().join("+"))
                    }
                    _ => String::new(),
                };
                format!("[{element}]{distinct}")
            }
            "object" if schema["additionalProperties"].is_object() => {
                format!("{{{}}}", self.shape(&schema["additionalProperties"]))
            }
            "object" => "any".to_owned(),
            "integer" => "int".to_owned(),
            "boolean" => "bool".to_owned(),
            "number" => "number".to_owned(),
            "string" if schema["format"] == "byte" => "bytes".to_owned(),
            "string" => "string".to_owned(),
            other => panic!("a value of the type `{other}`"),
        }
    }

    /// Whether it is the `status` of a whole object.
    fn is_status(&self, full: &str) -> bool {
        full.strip_suffix("Status").is_some_and(|of| {
            self.definitions
                .values()
                .any(|types| types.get(of).and_then(object).is_some())
        })
    }

    /// Whether a minor's definition has fields.
    fn has_fields(&self, full: &str) -> bool {
        let mut types = self.definitions.values();
        types.any(|types| {
            types
                .get(full)
                .is_some_and(|of| of.get("properties").is_some())
        })
    }

    /// The line of the next type.
    fn next(&mut self) -> Option<String> {
        let full = self.waiting.pop_front()?;
        let name = self.names[&full].clone();
        let there: BTreeSet<u16> = (self.definitions.iter())
            .filter(|(_, types)| types.contains_key(&full))
            .map(|(minor, _)| *minor)
            .collect();
        // By field: the minors that have it, those that require it, its schema in the newest of
        // them.
        let mut fields: BTreeMap<String, (BTreeSet<u16>, BTreeSet<u16>, Value)> = BTreeMap::new();
        for &minor in &there {
            let definition = &self.definitions[&minor][&full];
            let required = definition["required"].as_array();
            let required: Vec<_> = required.into_iter().flatten().collect();
            let whole = definition.get("x-kubernetes-group-version-kind").is_some();
            for (field, schema) in definition["properties"].as_object().into_iter().flatten() {
                if whole && matches!(field.as_str(), "apiVersion" | "kind") {
                    continue;
                }
                let (minors, wanted, newest) = fields.entry(field.clone()).or_default();
                minors.insert(minor);
                if required.iter().any(|name| *name == field) {
                    wanted.insert(minor);
                }
                newest.clone_from(schema);
            }
        }
        // Those that every minor requires first.
        let mut written: Vec<(bool, String)> = Vec::new();
        for (field, (minors, wanted, schema)) in fields {
            let of = name.split('_').next().unwrap_or(&name);
            let required = wanted == there && !OPTIONAL.contains(&(of, &*field));
            let shape = self.shape(&schema);
            let range = range(&minors, &there);
            let mark = if required { "!" } else { "" };
            written.push((!required, format!("{field}{mark} {shape}{range}")));
        }
        written.sort_by_key(|(optional, _)| *optional);
        let fields: Vec<String> = written.into_iter().map(|(_, field)| field).collect();
        Some(wrapped(&format!("{name}: {}", fields.join(", "))))
    }
}

#[test]
fn fields_are_those_of_the_schemas() {
    let mut writer = Writer {
        definitions: definitions(),
        names: BTreeMap::new(),
        waiting: VecDeque::new(),
    };
    let mut lines = String::new();
    for (api, kinds) in apis(&writer.definitions) {
        for kind in kinds.keys() {
            // The newest description of a kind that came or went.
            let full = writer.definitions.values().rev().find_map(|types| {
                types.iter().find_map(|(full, definition)| {
                    (object(definition)? == (api.clone(), kind.clone())).then(|| full.clone())
                })
            });
            let name = writer.name(&full.unwrap_or_else(|| panic!("no schema for {api} {kind}")));
            let kind = if name == *kind {
                String::new()
            } else {
                format!(" {kind}")
            };
            let _ = writeln!(lines, "{api} {name}{kind}");
        }
    }
    lines.push('\n');
    while let Some(line) = writer.next() {
        lines += &line;
    }
    compare("objects.txt", &lines);
}
