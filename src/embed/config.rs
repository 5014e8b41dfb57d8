//! The Ignition config of the live system.

use anyhow::Result;
use ignition_config::{Config, Error};
use serde_json::{Map, Value, json};

use crate::data_url::resource;
use crate::formats::json;

use super::refused;

/// The version of a config that only contains our files: the oldest one, which every live image
/// supports.
const OLDEST: &str = "3.0.0";
/// The most memory that a config may take, in bytes: a limit against bombs. One with a snapshot of
/// etcd has 86 MiB.
const CONFIG_MEMORY_MAX: u64 = 128 << 20;
/// All our files are settings that may contain secrets.
const MODE: u32 = 0o600;

/// Checks a user's Ignition config, `what`, for a system that supports spec 3. Returns warnings;
/// anything else than a config is refused.
pub fn check(config: &[u8], what: &str) -> Result<Vec<String>> {
    if json::memory(config) > CONFIG_MEMORY_MAX {
        return refused(format!(
            "{what} takes more than {} MiB of memory to read",
            CONFIG_MEMORY_MAX >> 20
        ));
    }
    match Config::parse_slice(config) {
        Ok((_, warnings)) => Ok(warnings
            .iter()
            .map(|warning| format!("{what}: {warning}"))
            .collect()),
        Err(Error::UnknownVersion(version)) if version.major < 3 => refused(format!(
            "{what} uses Ignition spec {version}, but Fedora CoreOS supports only spec 3"
        )),
        Err(error) => refused(format!("{what} is not an Ignition config: {error}")),
    }
}

/// `config`, unchanged, or with `files` added to it (path and contents); `None` if there is
/// neither.
pub(super) fn with_files(
    config: Option<&[u8]>,
    files: Vec<(&str, Vec<u8>)>,
) -> Result<Option<Vec<u8>>> {
    if files.is_empty() {
        return Ok(config.map(<[u8]>::to_vec));
    }
    let mut config: Value = match config {
        None => json!({ "ignition": { "version": OLDEST } }),
        Some(bytes) => match serde_json::from_slice::<Value>(bytes) {
            Ok(config) => config,
            Err(why) => return refused(format!("the live system's config is not JSON: {why}")),
        },
    };
    let Some(list) = member(&mut config, "storage", || Value::Object(Map::new()))
        .and_then(|storage| member(storage, "files", || Value::Array(Vec::new())))
        .and_then(Value::as_array_mut)
    else {
        return refused("`storage.files` of the live system's config is not a list");
    };
    for (path, contents) in files {
        if list.iter().any(|file| file["path"] == path) {
            return refused(format!(
                "the live system's config already has a file {path}, where the installer's settings go"
            ));
        }
        let resource = resource(&contents);
        let mut contents = Map::new();
        for (key, value) in [
            ("compression", resource.compression),
            ("source", resource.source),
        ] {
            if let Some(value) = value {
                contents.insert(key.to_owned(), Value::String(value));
            }
        }
        list.push(json!({ "path": path, "mode": MODE, "contents": contents }));
    }
    Ok(Some(config.to_string().into_bytes()))
}

/// The member `key` of an object, created if it is missing or null.
fn member<'a>(value: &'a mut Value, key: &str, new: impl Fn() -> Value) -> Option<&'a mut Value> {
    let member = value.as_object_mut()?.entry(key).or_insert_with(&new);
    if member.is_null() {
        *member = new();
    }
    Some(member)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(config: Option<&str>) -> Result<String, String> {
        with_files(
            config.map(str::as_bytes),
            vec![("/etc/a", b"hello".to_vec())],
        )
        .map(|bytes| String::from_utf8(bytes.expect("there is a file")).expect("JSON"))
        .map_err(|error| error.to_string())
    }

    #[test]
    fn files_are_added_and_nothing_else_changes() {
        let file = r#"{"path":"/etc/a","mode":384,"contents":{"source":"data:,hello"}}"#;
        for (name, config, expected) in [
            (
                "none",
                None,
                format!(r#"{{"ignition":{{"version":"3.0.0"}},"storage":{{"files":[{file}]}}}}"#),
            ),
            (
                "no storage",
                Some(r#"{"ignition":{"version":"3.4.0"},"x":1}"#),
                format!(
                    r#"{{"ignition":{{"version":"3.4.0"}},"x":1,"storage":{{"files":[{file}]}}}}"#
                ),
            ),
            (
                "null",
                Some(r#"{"storage":{"files":null,"links":[]}}"#),
                format!(r#"{{"storage":{{"files":[{file}],"links":[]}}}}"#),
            ),
            (
                "other files",
                Some(r#"{"storage":{"files":[{"path":"/b"}]}}"#),
                format!(r#"{{"storage":{{"files":[{{"path":"/b"}},{file}]}}}}"#),
            ),
        ] {
            assert_eq!(with(config), Ok(expected), "{name}");
        }
        let unchanged = b" {\n}".to_vec();
        assert_eq!(
            with_files(Some(&unchanged), Vec::new()).expect("is"),
            Some(unchanged)
        );
        assert_eq!(with_files(None, Vec::new()).expect("is"), None);
    }

    #[test]
    fn what_cannot_be_added_to_is_refused() {
        for (name, config, why) in [
            ("text", "a", "not JSON"),
            ("a list", "[]", "is not a list"),
            (
                "files of another kind",
                r#"{"storage":{"files":{}}}"#,
                "is not a list",
            ),
            (
                "the same file",
                r#"{"storage":{"files":[{"path":"/etc/a"}]}}"#,
                "already has a file",
            ),
        ] {
            let said = with(Some(config)).expect_err(name);
            assert!(said.contains(why), "{name}: {said}");
        }
    }

    #[test]
    fn configs_are_judged() {
        assert_eq!(
            check(br#"{"ignition":{"version":"3.4.0"}}"#, "a.ign").expect("is one"),
            Vec::<String>::new()
        );
        let warnings = check(br#"{"ignition":{"version":"3.4.0"},"storag":1}"#, "a.ign");
        assert_eq!(warnings.expect("is one"), ["a.ign: unused key: $.storag"]);
        for (config, why) in [
            (r#"{"ignition":{"version":"2.2.0"}}"#, "spec 2.2.0"),
            (r#"{"ignition":{"version":"3.9.0"}}"#, "unsupported"),
            ("{}", "not an Ignition config"),
            ("version: 1", "not an Ignition config"),
        ] {
            let said = check(config.as_bytes(), "a.ign")
                .expect_err(why)
                .to_string();
            assert!(said.contains(why), "{config}: {said}");
        }
    }
}
