//! One thing of a config: what it holds, who may see it, how two of them differ.

use std::io::Read;

use anyhow::Result;
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use similar::TextDiff;

use crate::read::Damaged;

/// The most that contents may unpack to, in bytes.
const LARGEST: u64 = 128 << 20;
/// Texts that are longer, in bytes, are not shown line by line.
const SHOWN_MAX: usize = 1 << 20;
/// What only private things have.
const MARKS: [&str; 3] = ["PRIVATE KEY-----", "client-key-data:", "token:"];
const OTHERS_READ: u64 = 0o004;

/// One thing of a config.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Content {
    /// What Ignition says of it beside its contents.
    settings: Value,
    /// `None`: it has none, or they are fetched by the node.
    bytes: Option<Vec<u8>>,
    secret: bool,
}

impl Content {
    /// A file, its contents decoded: how they were packed is no difference.
    pub(super) fn file(file: &Value) -> Result<Self> {
        let mut settings = file.clone();
        let contents = &file["contents"];
        let bytes = match contents["source"].as_str() {
            Some(source) if source.starts_with("data:") => {
                let packed = crate::ignition::decode(source).map_err(Damaged)?;
                if let Some(file) = settings.as_object_mut() {
                    file.remove("contents");
                }
                Some(if contents["compression"] == "gzip" {
                    let mut bytes = Vec::new();
                    MultiGzDecoder::new(packed.as_slice())
                        .take(LARGEST)
                        .read_to_end(&mut bytes)
                        .map_err(|error| {
                            Damaged(format!("the config's compressed contents: {error}"))
                        })?;
                    bytes
                } else {
                    packed
                })
            }
            _ => None,
        };
        let for_all = file["mode"]
            .as_u64()
            .is_none_or(|mode| mode & OTHERS_READ != 0);
        let secret = !for_all || bytes.as_deref().is_some_and(is_marked);
        Ok(Self {
            settings,
            bytes,
            secret,
        })
    }

    /// A unit or a drop-in.
    pub(super) fn unit(unit: &Value) -> Self {
        let mut settings = unit.clone();
        if let Some(unit) = settings.as_object_mut() {
            unit.remove("contents");
            unit.remove("dropins");
        }
        let bytes = unit["contents"]
            .as_str()
            .map(|text| text.as_bytes().to_vec());
        Self {
            settings,
            secret: bytes.as_deref().is_some_and(is_marked),
            bytes,
        }
    }

    /// Anything else: its settings may be secret, such as a password's hash.
    pub(super) fn other(thing: &Value) -> Self {
        Self {
            settings: thing.clone(),
            bytes: None,
            secret: true,
        }
    }

    /// A file that only its owner reads.
    pub(super) fn private(contents: &[u8]) -> Self {
        Self {
            settings: Value::Null,
            bytes: Some(contents.to_vec()),
            secret: true,
        }
    }

    /// The contents, where they are text and for everyone.
    pub(super) fn text(&self) -> Option<&str> {
        if self.secret {
            return None;
        }
        let text = std::str::from_utf8(self.bytes.as_deref()?).ok()?;
        (text.len() <= SHOWN_MAX && !text.contains('\0')).then_some(text)
    }

    /// In a few words behind the thing's name what differs in `new`, other than lines of text.
    pub(super) fn why(&self, new: &Self) -> String {
        let mut reasons = Vec::new();
        let mode = |content: &Self| content.settings["mode"].as_u64().unwrap_or(0o644);
        if mode(self) != mode(new) {
            reasons.push(format!("mode {:04o} -> {:04o}", mode(self), mode(new)));
        }
        let enabled = |content: &Self| match content.settings["enabled"].as_bool() {
            Some(true) => "enabled",
            Some(false) => "disabled",
            None => "as the base has it",
        };
        if enabled(self) != enabled(new) {
            reasons.push(format!("{} -> {}", enabled(self), enabled(new)));
        }
        let rest = |content: &Self| {
            let mut settings = content.settings.clone();
            if let Some(settings) = settings.as_object_mut() {
                settings.remove("mode");
                settings.remove("enabled");
            }
            settings
        };
        if rest(self) != rest(new) {
            reasons.push("its settings".to_owned());
        }
        if self.bytes != new.bytes {
            if self.secret || new.secret {
                reasons.push("its contents, which are secret".to_owned());
            } else if self.text().is_none() || new.text().is_none() {
                reasons.push("its contents, which are not text".to_owned());
            }
        }
        if reasons.is_empty() {
            String::new()
        } else {
            format!(": {}", reasons.join(", "))
        }
    }
}

fn is_marked(bytes: &[u8]) -> bool {
    MARKS.iter().any(|mark| {
        bytes
            .windows(mark.len())
            .any(|window| window == mark.as_bytes())
    })
}

/// The lines that change, as in a unified diff, indented; none where either is no text to be shown.
pub(super) fn text_diff(old: &Content, new: &Content) -> Vec<String> {
    let (Some(old), Some(new)) = (old.text(), new.text()) else {
        return Vec::new();
    };
    if old == new {
        return Vec::new();
    }
    TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(2)
        .missing_newline_hint(false)
        .to_string()
        .lines()
        .map(|line| {
            format!(
                "    {}",
                line.escape_debug()
                    .to_string()
                    .replace("\\\"", "\"")
                    .replace("\\'", "'")
            )
        })
        .collect()
}
