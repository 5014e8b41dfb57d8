//! One thing of a config: its contents, who may see them, and how two of them differ.

use anyhow::Result;
use serde_json::Value;
use similar::TextDiff;

use crate::read::contents;
use crate::secrets::has_secret;

/// The longest texts that are shown line by line, in bytes.
const SHOWN_MAX: usize = 1 << 20;
const OTHERS_READ: u64 = 0o004;
/// The default mode of files (Ignition's specification, `storage.files.mode`).
const FILE_MODE: u64 = 0o644;
/// The default mode of directories (`storage.directories.mode`).
const DIRECTORY_MODE: u64 = 0o755;

/// One thing of a config.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Content {
    /// Its settings in the config, other than its contents.
    settings: Value,
    /// `None`: it has none, or the node fetches them.
    bytes: Option<Vec<u8>>,
    secret: bool,
}

impl Content {
    /// A file with its contents decoded: how they are encoded makes no difference, nor does an
    /// explicit default. Their decompressed size is subtracted from `left`. `is_v2`: from a config
    /// of spec 2.
    pub(super) fn file(file: &Value, is_v2: bool, left: &mut u64) -> Result<Self> {
        let mut settings = plain(file, is_v2);
        let mut bytes = contents(&file["contents"], "the config's contents", left)?;
        let source = file["contents"]["source"].as_str();
        if is_v2 && source.is_none_or(str::is_empty) {
            // In 2.x a file without a source is written nevertheless.
            bytes = Some(Vec::new());
        }
        if let Some(file) = settings.as_object_mut() {
            if bytes.is_some() {
                file.remove("contents");
            }
            // A file that is appended to keeps its mode, unless one is given.
            let is_whole = !file.contains_key("append");
            // Ignition 2.x creates a file without a mode with no permissions at all.
            if is_v2 {
                file.entry("mode").or_insert(0.into());
            }
            // 2.x replaces existing files.
            let replaces = (is_v2, "overwrite", Value::Bool(true));
            for (counts, key, default) in [(true, "mode", FILE_MODE.into()), replaces] {
                if counts && is_whole && file.get(key) == Some(&default) {
                    file.remove(key);
                }
            }
        }
        let default = if is_v2 { 0 } else { FILE_MODE };
        let for_all = file["mode"].as_u64().unwrap_or(default) & OTHERS_READ != 0;
        let secret = !for_all || bytes.as_deref().is_some_and(has_secret);
        Ok(Self {
            settings,
            bytes,
            secret,
        })
    }

    /// A unit or a drop-in.
    pub(super) fn unit(unit: &Value) -> Self {
        let mut settings = plain(unit, false);
        if let Some(unit) = settings.as_object_mut() {
            unit.remove("contents");
            unit.remove("dropins");
            // An older key of 2.x, which the newer one overrides.
            if let Some(enabled) = unit.remove("enable") {
                unit.entry("enabled").or_insert(enabled);
            }
        }
        let bytes = unit["contents"]
            .as_str()
            .map(|text| text.as_bytes().to_vec());
        Self {
            settings,
            secret: bytes.as_deref().is_some_and(has_secret),
            bytes,
        }
    }

    /// Anything else: its settings may be secret, such as a password's hash.
    pub(super) fn other(thing: &Value) -> Self {
        Self {
            settings: plain(thing, false),
            bytes: None,
            secret: true,
        }
    }

    /// A directory. `is_v2`: from a config of spec 2.
    pub(super) fn directory(directory: &Value, is_v2: bool) -> Self {
        let mut content = Self::other(directory);
        if let Some(directory) = content.settings.as_object_mut() {
            if is_v2 {
                directory.entry("mode").or_insert(0.into());
            } else if directory.get("mode") == Some(&DIRECTORY_MODE.into()) {
                directory.remove("mode");
            }
        }
        content
    }

    /// A file that only its owner may read.
    pub(super) fn private(contents: &[u8]) -> Self {
        Self {
            settings: Value::Null,
            bytes: Some(contents.to_vec()),
            secret: true,
        }
    }

    /// The contents, if they are text that everyone may read.
    pub(super) fn text(&self) -> Option<&str> {
        if self.secret {
            return None;
        }
        let text = std::str::from_utf8(self.bytes.as_deref()?).ok()?;
        (text.len() <= SHOWN_MAX && !text.contains('\0')).then_some(text)
    }

    /// The contents, if they are text, even one that must not be shown.
    pub(super) fn unshown_text(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes.as_deref()?).ok()
    }

    /// How `new` differs, in a few words that follow the thing's name, other than lines of text.
    pub(super) fn why(&self, new: &Self) -> String {
        let mut reasons = Vec::new();
        let mode = |content: &Self| content.settings["mode"].as_u64().unwrap_or(FILE_MODE);
        if mode(self) != mode(new) {
            reasons.push(format!("mode {:04o} -> {:04o}", mode(self), mode(new)));
        }
        let enabled = |content: &Self| match content.settings["enabled"].as_bool() {
            Some(true) => "enabled",
            Some(false) => "disabled",
            None => "as in the base",
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
            reasons.push("settings differ".to_owned());
        }
        if self.bytes != new.bytes {
            if self.secret || new.secret {
                reasons.push("contents differ (secret)".to_owned());
            } else if self.text().is_none() || new.text().is_none() {
                reasons.push("contents differ (not text)".to_owned());
            }
        }
        if reasons.is_empty() {
            String::new()
        } else {
            format!(": {}", reasons.join(", "))
        }
    }
}

/// `thing` without Ignition's defaults. `is_v2`: files of 2.x replace existing ones.
fn plain(thing: &Value, is_v2: bool) -> Value {
    let mut thing = thing.clone();
    without_defaults(&mut thing, is_v2);
    thing
}

fn without_defaults(thing: &mut Value, is_v2: bool) {
    match thing {
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| without_defaults(item, is_v2)),
        Value::Object(members) => {
            members.retain(|key, value| match (key.as_str(), &*value) {
                // If it is not set, the base decides.
                ("enabled", _) => true,
                ("shouldExist", value) => *value == false,
                ("overwrite", _) if is_v2 => true,
                (_, value) => *value != false,
            });
            members
                .values_mut()
                .for_each(|value| without_defaults(value, is_v2));
        }
        _ => {}
    }
}

/// The lines that change, as in a unified diff, indented; none if either is not text that may be
/// shown.
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
