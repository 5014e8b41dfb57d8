//! An Ignition config of any version together with the configs nested in it, and contents that are
//! part of a config.
//!
//! coreos-installer wraps a user's config in one of its own, as a `data:` URL to merge; Butane does
//! so with `inline` and `local` configs.

use std::io::Read;

use anyhow::Result;
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::formats::{damaged, json, reading};

/// How deep nested configs are followed.
const DEPTH_MAX: usize = 8;
/// Keys that 2.x writes as an empty string when they are absent.
const OPTIONAL: [&str; 3] = ["compression", "guid", "typeGuid"];
/// The most that all contents of a config may have in total once they are decompressed, in bytes: a
/// limit against bombs.
const UNPACKED_MAX: u64 = 256 << 20;
/// The most memory that a config may take, with the configs nested in it and the contents that are
/// kept, in bytes: a limit against bombs too.
const MEMORY_MAX: u64 = 208 << 20;
/// How much is decompressed at once, in bytes.
const STEP: usize = 64 << 10;

/// What reading a config may still cost.
#[derive(Debug)]
pub(crate) struct Budget {
    memory: u64,
    unpacked: u64,
}

impl Budget {
    /// The budget of a caller that holds `held` bytes already.
    pub(crate) fn beside(held: u64) -> Self {
        Self {
            memory: MEMORY_MAX.saturating_sub(held),
            unpacked: UNPACKED_MAX,
        }
    }

    /// Takes memory, which nobody gives back.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<()> {
        match self.memory.checked_sub(bytes) {
            Some(left) => self.memory = left,
            None => {
                return damaged(format!(
                    "its Ignition config takes more than {} MiB of memory, with what is nested in it",
                    MEMORY_MAX >> 20
                ));
            }
        }
        Ok(())
    }

    fn unpack(&mut self, bytes: u64) -> Result<()> {
        match self.unpacked.checked_sub(bytes) {
            Some(left) => self.unpacked = left,
            None => {
                return damaged(format!(
                    "its contents decompress to more than {} MiB",
                    UNPACKED_MAX >> 20
                ));
            }
        }
        Ok(())
    }
}

/// The config in `config`, followed by the nested configs that it merges (3.x) or appends (2.x),
/// each before the ones nested in it. A replaced config is not included, its replacement is.
///
/// Nulls, empty lists and empty maps, which mean nothing, are removed from them. If a config is not
/// JSON, or is damaged, the error contains [`Damaged`](crate::formats::Damaged).
pub(crate) fn configs(config: &[u8], budget: &mut Budget) -> Result<Vec<Value>> {
    budget.take(config.len() as u64)?;
    let mut found = Vec::new();
    add(config, 0, budget, &mut found)?;
    Ok(found)
}

fn add(config: &[u8], depth: usize, budget: &mut Budget, found: &mut Vec<Value>) -> Result<()> {
    if depth > DEPTH_MAX {
        return damaged("configs are nested too deeply in its Ignition config");
    }
    budget.take(json::memory(config))?;
    let mut config: Value = match serde_json::from_slice(config) {
        Ok(config) => config,
        Err(why) => return damaged(format!("its Ignition config: {why}")),
    };
    if !config.is_object() {
        return damaged("its Ignition config is not a JSON object");
    }
    without_nothing(&mut config);
    let mut inside = |resource: &Value| {
        let what = "a config nested in its Ignition config";
        let contents = contents(resource, what, u64::MAX, budget)?;
        Ok::<_, anyhow::Error>(contents.and_then(|contents| contents.bytes))
    };
    let others = &config["ignition"]["config"];
    if let Some(instead) = inside(&others["replace"])? {
        return add(&instead, depth + 1, budget, found);
    }
    let mut nested = Vec::new();
    for list in ["merge", "append"] {
        for resource in others[list].as_array().into_iter().flatten() {
            nested.extend(inside(resource)?);
        }
    }
    found.push(config);
    for config in nested {
        add(&config, depth + 1, budget, found)?;
    }
    Ok(())
}

/// Removes from maps what means nothing.
fn without_nothing(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_nothing),
        Value::Object(members) => {
            members.values_mut().for_each(without_nothing);
            members.retain(|key, value| match value {
                Value::Null => false,
                Value::Array(items) => !items.is_empty(),
                Value::Object(members) => !members.is_empty(),
                Value::String(text) => !(text.is_empty() && OPTIONAL.contains(&key.as_str())),
                _ => true,
            });
        }
        _ => {}
    }
}

/// Contents that are part of a config.
pub(crate) struct Contents {
    /// SHA-256.
    pub hash: [u8; 32],
    /// `None`: they have more bytes than were to be kept.
    pub bytes: Option<Vec<u8>>,
}

/// The bytes of a resource that are part of the config, decompressed; `None` if the node fetches
/// them, or there are none. More than `kept` bytes are read and not kept. If `what` is damaged, the
/// error contains [`Damaged`](crate::formats::Damaged).
pub(crate) fn contents(
    resource: &Value,
    what: &str,
    kept: u64,
    budget: &mut Budget,
) -> Result<Option<Contents>> {
    let Some(source) = resource["source"]
        .as_str()
        .filter(|source| source.starts_with("data:"))
    else {
        return Ok(None);
    };
    let packed = match crate::data_url::open(source) {
        Ok(packed) => packed,
        Err(why) => return damaged(format!("{what}: {why}")),
    };
    let mut unpacked: Box<dyn Read + '_> = if resource["compression"] == "gzip" {
        Box::new(MultiGzDecoder::new(packed))
    } else {
        packed
    };
    let mut hash = Sha256::new();
    let mut bytes = Some(Vec::new());
    let mut buffer = vec![0; STEP];
    loop {
        let count = (unpacked.read(&mut buffer)).map_err(|error| reading(error, what))?;
        if count == 0 {
            break;
        }
        let piece = &buffer[..count];
        budget.unpack(piece.len() as u64)?;
        hash.update(piece);
        if let Some(all) = bytes
            .as_mut()
            .filter(|all| (all.len() + count) as u64 <= kept)
        {
            budget.take(count as u64)?;
            all.extend_from_slice(piece);
        } else if let Some(dropped) = bytes.take() {
            budget.memory += dropped.len() as u64;
        }
    }
    let hash = hash.finalize().into();
    Ok(Some(Contents { hash, bytes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(config: &str) -> Result<Vec<String>, String> {
        let configs = configs(config.as_bytes(), &mut Budget::beside(0));
        let configs = configs.map_err(|error| error.to_string())?;
        let name = |config: &Value| config["name"].as_str().unwrap_or("?").to_owned();
        Ok(configs.iter().map(name).collect())
    }

    /// `config` as Ignition's 3.x has it in another.
    fn inside(config: &str) -> String {
        serde_json::to_string(&crate::data_url::resource(config.as_bytes())).expect("writes")
    }

    #[test]
    fn configs_in_configs_are_found() {
        let c = r#"{"name":"c"}"#;
        let b = format!(
            r#"{{"name":"b","ignition":{{"config":{{"merge":[{}]}}}}}}"#,
            inside(c)
        );
        let long = format!(r#"{{"name":"long","text":"{}"}}"#, "a".repeat(5000));
        for (name, config, expected) in [
            ("alone", c.to_owned(), vec!["c"]),
            (
                "merged",
                format!(
                    r#"{{"name":"a","ignition":{{"config":{{"merge":[{},{{"source":"https://example.com"}},{}]}}}}}}"#,
                    inside(&b),
                    inside(&long)
                ),
                vec!["a", "b", "c", "long"],
            ),
            (
                "appended, as in 2.x",
                format!(
                    r#"{{"name":"a","ignition":{{"config":{{"append":[{}],"replace":{{}}}}}}}}"#,
                    inside(c)
                ),
                vec!["a", "c"],
            ),
            (
                "replaced",
                format!(
                    r#"{{"name":"a","ignition":{{"config":{{"replace":{}}}}}}}"#,
                    inside(&b)
                ),
                vec!["b", "c"],
            ),
            (
                "elsewhere",
                r#"{"name":"a","ignition":{"config":{"merge":null,"replace":{"source":"https://example.com"}}}}"#.to_owned(),
                vec!["a"],
            ),
        ] {
            assert_eq!(names(&config).expect(name), expected, "{name}");
        }
    }

    #[test]
    fn what_says_nothing_is_gone() {
        let found = configs(
            br#"{"a":null,"b":[],"c":{"d":{"e":[null]},"f":{"g":null}},"compression":"","h":"","i":false}"#,
            &mut Budget::beside(0),
        );
        assert_eq!(
            found.expect("reads"),
            [serde_json::json!({"c":{"d":{"e":[null]}},"h":"","i":false})]
        );
    }

    #[test]
    fn there_are_limits() {
        let mut config = "{}".to_owned();
        for _ in 0..=DEPTH_MAX {
            config = format!(
                r#"{{"ignition":{{"config":{{"replace":{}}}}}}}"#,
                inside(&config)
            );
        }
        assert!(names(&config).expect_err("too deep").contains("too deep"));
        for (config, why) in [
            ("[]", "not a JSON object"),
            ("{", "its Ignition config"),
            (
                r#"{"ignition":{"config":{"merge":[{"source":"data:,%zz"}]}}}"#,
                "hexadecimal",
            ),
        ] {
            let said = names(config).expect_err(config);
            assert!(said.contains(why), "{config}: {said}");
        }
    }
}
