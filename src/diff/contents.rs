//! One thing of a config: its contents, who may see them, and how two of them differ.

use std::time::Instant;

use anyhow::Result;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use similar::TextDiff;

use crate::read::{Budget, contents};
use crate::secrets::has_secret;

/// The longest texts that are shown line by line, in bytes.
const SHOWN_MAX: usize = 1 << 20;
/// The longest contents that are kept to be read, in bytes: the largest manifest of a spec.
const KEPT_MAX: u64 = 8 << 20;
/// About how many bytes a thing takes in memory, without its name and its contents.
const COST: u64 = 200;
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
    bytes: Option<Bytes>,
    secret: bool,
}

/// The contents of a thing.
#[derive(Debug, Clone)]
struct Bytes {
    /// SHA-256.
    hash: [u8; 32],
    /// `None`: there are too many to keep.
    whole: Option<Vec<u8>>,
}

/// The same bytes, whether they are kept or not.
impl PartialEq for Bytes {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self {
            hash: Sha256::digest(bytes).into(),
            whole: Some(bytes.to_vec()),
        }
    }
}

impl Content {
    /// A file with its contents decoded: how they are encoded makes no difference, nor does an
    /// explicit default. What is kept of them is subtracted from `kept`. `is_v2`: from a config of
    /// spec 2.
    pub(super) fn file(
        file: &Value,
        is_v2: bool,
        budget: &mut Budget,
        kept: &mut u64,
    ) -> Result<Self> {
        let what = "the config's contents";
        let found = contents(&file["contents"], what, KEPT_MAX.min(*kept), budget)?;
        let mut bytes = found.map(|found| Bytes {
            hash: found.hash,
            whole: found.bytes,
        });
        let whole = bytes.as_ref().and_then(|bytes| bytes.whole.as_ref());
        *kept -= whole.map_or(0, |whole| whole.len() as u64);
        let source = file["contents"]["source"].as_str();
        if is_v2 && source.is_none_or(str::is_empty) {
            // In 2.x a file without a source is written nevertheless.
            bytes = Some(Bytes::from(&b""[..]));
        }
        // Contents that were decoded are not copied first.
        let members = file.as_object().into_iter().flatten();
        let members = members.filter(|(key, _)| bytes.is_none() || *key != "contents");
        let mut settings = Value::Object(
            members
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        );
        without_defaults(&mut settings, is_v2);
        if let Some(file) = settings.as_object_mut() {
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
        let mut file = Self {
            settings,
            bytes,
            secret: false,
        };
        // What is not kept is not shown either.
        file.secret = !for_all || file.whole().is_some_and(has_secret);
        Ok(file)
    }

    /// The contents, where they are kept.
    fn whole(&self) -> Option<&[u8]> {
        self.bytes.as_ref()?.whole.as_deref()
    }

    /// How many bytes it takes in memory, about.
    pub(super) fn size(&self) -> u64 {
        COST + size_of_value(&self.settings) + self.whole().map_or(0, |whole| whole.len() as u64)
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
        let text = unit["contents"].as_str();
        Self {
            settings,
            secret: text.is_some_and(|text| has_secret(text.as_bytes())),
            bytes: text.map(|text| text.as_bytes().into()),
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
            bytes: Some(contents.into()),
            secret: true,
        }
    }

    /// The contents, if they are text that everyone may read.
    pub(super) fn text(&self) -> Option<&str> {
        if self.secret {
            return None;
        }
        let text = self.unshown_text()?;
        (text.len() <= SHOWN_MAX && !text.contains('\0')).then_some(text)
    }

    /// The contents, if they are text, even one that must not be shown.
    pub(super) fn unshown_text(&self) -> Option<&str> {
        std::str::from_utf8(self.whole()?).ok()
    }

    /// Whether there are contents that are too large to be shown.
    fn is_large(&self) -> bool {
        self.bytes.is_some() && self.whole().is_none_or(|whole| whole.len() > SHOWN_MAX)
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
            } else if self.is_large() || new.is_large() {
                reasons.push("contents differ (too large to be shown)".to_owned());
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

/// How many bytes the settings of all things of `config` take in memory, about: what it has but for
/// the contents of files.
pub(super) fn size_of_settings(config: &Value) -> u64 {
    let files = config["storage"]["files"].as_array();
    let sources = files.into_iter().flatten();
    let sources = sources.filter_map(|file| file["contents"]["source"].as_str());
    let contents: usize = sources.map(str::len).sum();
    size_of_value(config).saturating_sub(contents as u64)
}

/// How many bytes `value` takes in memory, about.
fn size_of_value(value: &Value) -> u64 {
    let own = size_of::<Value>() as u64;
    own + match value {
        Value::String(text) => text.len() as u64,
        Value::Array(items) => items.iter().map(size_of_value).sum(),
        Value::Object(members) => (members.iter())
            .map(|(key, value)| 2 * own + key.len() as u64 + size_of_value(value))
            .sum(),
        _ => 0,
    }
}

/// The lines that change, as in a unified diff, indented; none if either is not text that may be
/// shown. After `deadline` there may be more of them than need be.
pub(super) fn text_diff(old: &Content, new: &Content, deadline: Instant) -> Vec<String> {
    let (Some(old), Some(new)) = (old.text(), new.text()) else {
        return Vec::new();
    };
    if old == new {
        return Vec::new();
    }
    TextDiff::configure()
        .deadline(deadline)
        .diff_lines(old, new)
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
