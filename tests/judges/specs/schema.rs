//! The JSON Schema, asked of a validator that is not ours: Python's jsonschema.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use imgbuild::diagnostic::SourceId;
use imgbuild::spec::schema;
use imgbuild::spec::yaml::{Kind, Limits, Node, Value, parse};
use imgbuild::trial::ChecksFile;
use serde_json::{Value as Json, json};

/// Checks the schema itself, then prints the name of each document that it refuses, with the first
/// reason.
const VALIDATOR: &str = r#"
import json, sys
from jsonschema import Draft202012Validator
given = json.load(sys.stdin)
Draft202012Validator.check_schema(given["schema"])
validator = Draft202012Validator(given["schema"])
for name, document in given["documents"].items():
    for error in sorted(validator.iter_errors(document), key=str):
        print(f"{name}: {error.json_path}: {error.message}")
"#;

/// Prints every default and example that the schema of its own key refuses, then how many it saw.
const OF_KEYS: &str = r#"
import json, sys
from jsonschema import Draft202012Validator
definitions = json.load(sys.stdin)["schema"]["$defs"]
count = 0
for name, definition in definitions.items():
    for key, schema in definition.get("properties", {}).items():
        schema = schema.get("anyOf", [schema])[0] if "Node" in name else schema
        values = ([schema["default"]] if "default" in schema else []) + schema.get("examples", [])
        for value in values:
            count += 1
            for error in Draft202012Validator({**schema, "$defs": definitions}).iter_errors(value):
                print(f"{name}.{key}: {error.message}")
print(count)
"#;

/// What the validator says about `documents`, a line each.
fn validate(documents: &Json) -> Vec<String> {
    python(VALIDATOR, &schema(), documents)
}

/// The lines that `script` prints about `schema` and `documents`.
fn python(script: &str, schema: &Json, documents: &Json) -> Vec<String> {
    // Debian's own: another python3 on the path does not have Debian's modules.
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs python3 (Debian: python3-jsonschema)");
    let given = json!({ "schema": schema, "documents": documents });
    let mut stdin = python.stdin.take().expect("piped");
    stdin
        .write_all(given.to_string().as_bytes())
        .expect("writing to python3");
    drop(stdin);
    let output = python.wait_with_output().expect("waiting for python3");
    assert!(
        output.status.success(),
        "the validator failed; it needs Debian's python3-jsonschema, and a schema that is one"
    );
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

/// A tree as an editor with YAML 1.2 sees it.
fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::List(items) => items.iter().map(json_of).collect(),
        Value::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.value.to_string(), json_of(&entry.value)))
            .collect(),
        Value::Scalar(scalar) => match scalar.kind() {
            Kind::Null => Json::Null,
            Kind::Boolean => json!(scalar.text.eq_ignore_ascii_case("true")),
            Kind::Number => match (scalar.text.parse::<i64>(), scalar.text.parse::<f64>()) {
                (Ok(number), _) => json!(number),
                (_, Ok(number)) => json!(number),
                _ => json!(&*scalar.text),
            },
            Kind::Text => json!(&*scalar.text),
        },
    }
}

fn document(text: &str) -> Json {
    let (tree, diagnostics) = parse(text, SourceId(0), Limits::default());
    assert_eq!(diagnostics, [], "{text}");
    json_of(&tree.expect("a tree"))
}

#[test]
fn examples_follow_the_schema() {
    let mut documents = json!({});
    for entry in
        fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("configs")).expect("examples")
    {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            let name = path.file_name().expect("a name").to_string_lossy();
            documents[&*name] = document(&fs::read_to_string(&path).expect("an example"));
        }
    }
    assert!(
        documents.as_object().is_some_and(|all| all.len() >= 3),
        "{documents}"
    );
    assert_eq!(validate(&documents), [""; 0]);
}

#[test]
fn defaults_and_examples_follow_the_schema() {
    for (schema, least) in [(schema(), 400), (ChecksFile::json_schema(), 3)] {
        let said = python(OF_KEYS, &schema, &Json::Null);
        let (count, refused) = said.split_last().expect("a number");
        assert_eq!(refused, [""; 0]);
        assert!(
            count.parse::<u32>().is_ok_and(|count| count >= least),
            "{count}"
        );
    }
}

/// An editor and the reader of checks files agree.
#[test]
fn checks_follow_their_schema() {
    let mut documents = json!({});
    let cases = [
        (
            "right",
            "checks: [{unit: a.service}, {port: 22, from: b}]",
            true,
        ),
        (
            "more",
            "ssh: {key: [a, b]}\nchecks: [{command: x, is: y, within: 9s}]",
            true,
        ),
        ("unknown", "checks: [{prot: 22}]", false),
        ("nothing", "checks: [{node: a}]", false),
        ("two", "checks: [{port: 22, unit: a.service}]", false),
        ("time", "timeout: 10 minutes", false),
        ("pod", "checks: [{pod: coredns}]", false),
    ];
    for (name, text, is_right) in cases {
        let text = format!("version: 1\n{text}\n");
        documents[name] = document(&text);
        let (_, found) = ChecksFile::read(&text, SourceId(0));
        assert_eq!(found.is_empty(), is_right, "{name}: {found:?}");
    }
    let refused = python(VALIDATOR, &ChecksFile::json_schema(), &documents);
    for (name, _, is_right) in cases {
        let is_refused = refused.iter().any(|line| line.starts_with(name));
        assert_eq!(is_refused, !is_right, "{name}: {refused:?}");
    }
}

#[test]
fn wrong_documents_are_refused() {
    let head = "version: 1\nhostname: kube1\n";
    let wrong = [
        ("unknown key", "user: []"),
        ("wrong type", "users: core"),
        ("missing key", "users: [{uid: 1000}]"),
        (
            "two of a kind",
            "swap: {device: /dev/vdb, zram: {size: 1GiB}}",
        ),
        ("unknown word", "kernel: tiny"),
        (
            "out of range",
            "network: {interfaces: [{name: a, vlan: {id: 5000, parent: b}}]}",
        ),
        ("no role", "kubernetes: {version: 1.36.2}"),
        ("relative path", "storage_device: sda"),
        ("no hostname key", "nodes: [{host: a}]"),
    ];
    let mut documents = json!({});
    for (name, text) in wrong {
        documents[name] = document(&format!("{head}{text}\n"));
    }
    documents["no version"] = document("hostname: kube1\n");
    let refused = validate(&documents);
    for name in wrong.iter().map(|(name, _)| *name).chain(["no version"]) {
        assert!(
            refused
                .iter()
                .any(|line| line.starts_with(&format!("{name}: "))),
            "{name} is not refused: {refused:?}"
        );
    }
}
