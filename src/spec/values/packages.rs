//! Debian packages, and the firmware that is taken from them.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::facts::firmware::{ALL, FirmwareClass, NONE};
use crate::spec::decode::{Leaf, LeafError, text, unknown_word};
use crate::spec::yaml::Scalar;

/// The name of a Debian package (Debian Policy §5.6.7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

impl PackageName {
    /// Returns the value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn new(text: &str) -> Option<Self> {
        let is_allowed =
            |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        let fits = (2..=128).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(is_allowed);
        fits.then(|| Self(text.to_owned()))
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Leaf for PackageName {
    const WHAT: &'static str = "the name of a Debian package";

    fn schema() -> Json {
        json!({ "type": "string", "maxLength": 128, "pattern": "^[a-z0-9][a-z0-9+.-]+$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        Self::new(text).ok_or_else(|| {
            LeafError::rule(
                codes::BAD_PACKAGE_NAME,
                text,
                Self::WHAT,
                "it has lower-case letters, digits, `+`, `-` and `.`",
            )
        })
    }
}

/// A word of `firmware:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirmwareWord {
    All,
    None,
    Class(FirmwareClass),
    Package(PackageName),
}

impl Leaf for FirmwareWord {
    const WHAT: &'static str = "firmware";

    fn schema() -> Json {
        let mut words = vec![ALL, NONE];
        words.extend(FirmwareClass::WORDS);
        json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": "^[a-z0-9][a-z0-9+.]*-[a-z0-9+.-]+$" }] })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let word = text(scalar, Self::WHAT)?;
        if word == ALL {
            return Ok(Self::All);
        }
        if word == NONE {
            return Ok(Self::None);
        }
        if let Some(class) = FirmwareClass::from_word(word) {
            return Ok(Self::Class(class));
        }
        // All packages of firmware have a hyphen in their names, and no word has one.
        if word.contains('-') {
            return PackageName::read(scalar).map(Self::Package);
        }
        let mut words = vec![ALL, NONE];
        words.extend(FirmwareClass::WORDS);
        words.push("firmware-NAME");
        Err(unknown_word(word, Self::WHAT, &words))
    }
}
