//! Samples are imported and built; what is built asks for all that the sample does.

use std::fs;
use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::{imgbuild, said};

/// The samples of a file: name and text.
pub fn samples(file: &str) -> impl Iterator<Item = (&str, &str)> {
    file.split("\n=== ").skip(1).map(|sample| {
        let (name, text) = sample.split_once('\n').unwrap();
        (name, text)
    })
}

#[test]
fn butane_configs() {
    let mut count = 0;
    for (name, sample) in samples(include_str!("butane.txt")) {
        let (config, expected) = sample.split_once("\n=>\n").unwrap();
        let expected: Value = serde_json::from_str(expected).expect(name);
        let built = check(name, &["node.bu"], &format!("{config}\n"), &expected);
        // Nothing else is in it, unless imgbuild writes the name.
        let is_named = |thing: &&String| *thing != "files /etc/hostname";
        let (built, expected) = (things(&built), things(&expected));
        let extra: Vec<_> = built
            .keys()
            .filter(|thing| !expected.contains_key(*thing))
            .filter(is_named)
            .collect();
        assert!(extra.is_empty(), "{name}: {extra:?}");
        count += 1;
    }
    assert!(count >= 39, "{count}");
}

#[test]
fn ignition_configs() {
    let mut count = 0;
    for (name, sample) in samples(include_str!("ignition.txt")) {
        let expected: Value = serde_json::from_str(sample).expect(name);
        check(name, &["node.ign", "--target", "debian"], sample, &expected);
        count += 1;
    }
    assert!(count >= 15, "{count}");
}

#[test]
fn ignition_configs_of_spec_2() {
    let mut count = 0;
    for (name, sample) in samples(include_str!("ignition_v2.txt")) {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("node.ign"), sample).unwrap();
        let imported = imgbuild(folder, &["import", "node.ign", "-o", "node.yaml"]);
        let told = said(&imported);
        assert!(imported.status.success(), "{name}: {told}");
        assert!(!told.contains("warning"), "{name}: {told}");
        let spec = fs::read_to_string(folder.join("node.yaml")).unwrap();
        let built = imgbuild(folder, &["node.yaml", "-o", "built.ign"]);
        assert!(built.status.success(), "{name}: {}\n{spec}", said(&built));
        let expected = whole(&serde_json::from_str(sample).expect(name));
        assert_eq!(
            whole(&read(&folder.join("built.ign"))),
            expected,
            "{name}\n{spec}"
        );
        // `diff` comes to the same by its own rules.
        let differences = imgbuild(folder, &["diff", "node.ign", "built.ign"]);
        let told = String::from_utf8(differences.stdout).unwrap();
        let lines = told
            .lines()
            .skip(1)
            .filter(|line| !line.starts_with("  ~ Ignition "));
        assert_eq!(lines.collect::<Vec<_>>(), [""; 0], "{name}\n{spec}");
        count += 1;
    }
    assert!(count >= 15, "{count}");
}

/// A config of spec 2 without its version, as it is when what need not be said is not said, each
/// list in the order of names.
fn whole(config: &Value) -> Value {
    let mut config = without_nothing(config).unwrap_or_else(|| json!({}));
    config["ignition"]
        .as_object_mut()
        .unwrap()
        .remove("version");
    for section in ["storage", "systemd", "networkd", "passwd"] {
        let lists = config.get_mut(section).and_then(Value::as_object_mut);
        for (kind, list) in lists.into_iter().flatten() {
            let list = list.as_array_mut().unwrap();
            for thing in list.iter_mut() {
                said_once(kind, thing);
            }
            list.sort_by_key(|thing| {
                let key = ["path", "name", "device"].map(|key| thing[key].to_string());
                (key, thing.to_string())
            });
        }
    }
    without_nothing(&config).unwrap_or_else(|| json!({}))
}

/// `thing` without defaults, and with the newer of two words.
fn said_once(kind: &str, thing: &mut Value) {
    let map = thing.as_object_mut().unwrap();
    let defaults = match kind {
        // Ignition 2.x has no other default than nothing.
        "files" => vec![
            ("mode", json!(0)),
            ("overwrite", json!(true)),
            ("append", json!(false)),
        ],
        "directories" => vec![("mode", json!(0))],
        _ => vec![],
    };
    for (key, default) in defaults {
        if map.get(key) == Some(&default) {
            map.remove(key);
        }
    }
    if kind == "files" {
        let contents = map
            .remove("contents")
            .unwrap_or_else(|| json!({"source": "data:,"}));
        let is_empty = contents["source"].as_str().is_none_or(str::is_empty);
        let contents = if is_empty {
            json!({"source": "data:,"})
        } else {
            contents
        };
        let verification = contents.get("verification").cloned();
        let text = text(&contents).unwrap_or(contents);
        map.insert("contents".to_owned(), json!([text, verification]));
    }
    if map.remove("enable").is_some() {
        map.insert("enabled".to_owned(), json!(true));
    }
    // What is false where nothing is said.
    for (_, value) in map.iter_mut().filter(|(key, _)| *key == "create") {
        value
            .as_object_mut()
            .unwrap()
            .retain(|_, value| *value != false);
    }
    if let Some(partitions) = map.get_mut("partitions") {
        for partition in partitions.as_array_mut().unwrap() {
            let map = partition.as_object_mut().unwrap();
            map.retain(|key, value| key != "guid" || value != "");
        }
    }
}

#[test]
fn container_linux_configs() {
    let mut count = 0;
    for (name, config) in samples(include_str!("ct.txt")) {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        fs::write(folder.join("node.yaml"), format!("{config}\n")).unwrap();
        let head = "version: 1\ntarget: container-linux\n";
        fs::write(folder.join("same.yaml"), format!("{head}{config}\n")).unwrap();
        let imported = imgbuild(folder, &["import", "node.yaml", "-o", "spec.yaml"]);
        assert!(imported.status.success(), "{name}: {}", said(&imported));
        assert!(
            !said(&imported).contains("warning"),
            "{name}: {}",
            said(&imported)
        );
        let spec = fs::read_to_string(folder.join("spec.yaml")).unwrap();
        // The name of a node without one is its file's.
        fs::rename(folder.join("spec.yaml"), folder.join("node.yaml")).unwrap();
        let built = imgbuild(folder, &["node.yaml", "-o", "built.ign"]);
        assert!(built.status.success(), "{name}: {}\n{spec}", said(&built));
        fs::rename(folder.join("same.yaml"), folder.join("node.yaml")).unwrap();
        let same = imgbuild(folder, &["node.yaml", "-o", "same.ign"]);
        assert!(same.status.success(), "{name}: {}", said(&same));
        let (built, same) = (
            read(&folder.join("built.ign")),
            read(&folder.join("same.ign")),
        );
        assert_eq!(built, same, "{name}\n{spec}");
        assert_eq!(
            config.matches('#').count(),
            spec.matches('#').count(),
            "{name}: comments"
        );
        count += 1;
    }
    assert!(count >= 10, "{count}");
}

fn check(name: &str, arguments: &[&str], config: &str, expected: &Value) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join(arguments[0]), config).unwrap();
    let arguments = [&["import"], arguments, &["-o", "node.yaml"]].concat();
    let imported = imgbuild(folder, &arguments);
    assert!(imported.status.success(), "{name}: {}", said(&imported));
    assert!(
        !said(&imported).contains("W0600"),
        "{name}: {}",
        said(&imported)
    );
    let spec = fs::read_to_string(folder.join("node.yaml")).unwrap();
    let built = imgbuild(folder, &["node.yaml", "-o", "built.ign"]);
    assert!(built.status.success(), "{name}: {}\n{spec}", said(&built));
    let built = read(&folder.join("built.ign"));
    let found = things(&built);
    for (thing, wanted) in things(expected) {
        assert_eq!(found.get(&thing), Some(&wanted), "{name}: {thing}\n{spec}");
    }
    built
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Each thing that a config asks for, by its kind and name, as it is when what need not be said is
/// not said.
fn things(config: &Value) -> Map<String, Value> {
    let mut found = Map::new();
    for (section, kind, key) in [
        ("storage", "files", "path"),
        ("storage", "directories", "path"),
        ("storage", "links", "path"),
        ("storage", "disks", "device"),
        ("storage", "raid", "name"),
        ("storage", "luks", "name"),
        ("storage", "filesystems", "device"),
        ("systemd", "units", "name"),
        ("passwd", "users", "name"),
        ("passwd", "groups", "name"),
    ] {
        for thing in config[section][kind].as_array().into_iter().flatten() {
            let name = format!("{kind} {}", thing[key].as_str().unwrap());
            found.insert(name, plain(kind, thing));
        }
    }
    for key in ["config", "proxy", "security", "timeouts"] {
        if let Some(said) = without_nothing(&config["ignition"][key]) {
            found.insert(format!("ignition {key}"), said_as_text(said));
        }
    }
    found
}

/// The same, with the text of each `data:` URL in it.
fn said_as_text(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(said_as_text).collect(),
        Value::Object(ref members) => match text(&value) {
            Some(text) => text,
            None => (members.clone().into_iter())
                .map(|(key, value)| (key, said_as_text(value)))
                .collect(),
        },
        other => other,
    }
}

fn plain(kind: &str, thing: &Value) -> Value {
    let mut thing = without_nothing(thing).unwrap_or_else(|| json!({}));
    let map = thing.as_object_mut().unwrap();
    if let Some(contents) = map.get("contents").filter(|_| kind == "files") {
        let contents = contents.clone();
        map.remove("contents");
        match text(&contents) {
            Some(text) => map.insert("text".to_owned(), text),
            None => map.insert("contents".to_owned(), contents),
        };
    }
    // Units without text are not written, and a mount unit may end its last line or not.
    if kind == "units"
        && let Some(Value::String(text)) = map.get_mut("contents")
    {
        *text = text.trim_end().to_owned();
        if text.is_empty() {
            map.remove("contents");
        }
    }
    for list in ["append"] {
        for resource in map
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if let Some(text) = text(resource) {
                *resource = json!({ "text": text });
            }
        }
    }
    if let Some(key) = map.get_mut("keyFile")
        && let Some(text) = text(key)
    {
        *key = text;
    }
    // Ignition's defaults.
    for (key, default) in [
        (
            "mode",
            json!(if kind == "directories" { 0o755 } else { 0o644 }),
        ),
        ("overwrite", json!(false)),
        ("hard", json!(false)),
    ] {
        if map.get(key) == Some(&default) {
            map.remove(key);
        }
    }
    // A node's own name ends its line.
    if map.get("path") == Some(&json!("/etc/hostname")) {
        let name = map["text"].as_str().unwrap().trim().to_owned();
        map.insert("text".to_owned(), json!(name));
        map.remove("overwrite");
    }
    thing
}

/// What is in the config itself: text, or bytes as numbers.
fn text(resource: &Value) -> Option<Value> {
    let source = resource["source"].as_str()?;
    let data = source.strip_prefix("data:")?;
    let (kind, data) = data.split_once(',')?;
    let mut bytes = if kind.ends_with("base64") {
        base64(data)
    } else {
        percent(data)
    };
    if resource["compression"] == "gzip" {
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_end(&mut unpacked)
            .unwrap();
        bytes = unpacked;
    }
    Some(match String::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(bytes) => json!(bytes.into_bytes()),
    })
}

fn base64(text: &str) -> Vec<u8> {
    use base64ct::Encoding;
    base64ct::Base64::decode_vec(text).unwrap()
}

fn percent(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits: String = rest.by_ref().take(2).map(char::from).collect();
            bytes.push(u8::from_str_radix(&digits, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    bytes
}

/// Without nulls and empty lists and maps; `None` where nothing is left.
fn without_nothing(value: &Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Array(items) => {
            let items: Vec<Value> = items.iter().filter_map(without_nothing).collect();
            (!items.is_empty()).then(|| Value::Array(items))
        }
        Value::Object(members) => {
            let members: Map<String, Value> = members
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), without_nothing(value)?)))
                .collect();
            (!members.is_empty()).then(|| Value::Object(members))
        }
        other => Some(other.clone()),
    }
}
