//! Locations of boot files.

use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::Scalar;

/// A path on the build machine, or a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootLocation(String);

impl BootLocation {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether it is a URL.
    pub fn is_url(&self) -> bool {
        self.0.contains("://")
    }
}

impl Leaf for BootLocation {
    const WHAT: &'static str = "a path or a URL";

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let wrong = |why: &str| {
            Err(LeafError::rule(
                codes::BAD_BOOT_LOCATION,
                text,
                Self::WHAT,
                why,
            ))
        };
        if text.is_empty() {
            return wrong("must not be empty");
        }
        if text.contains('\0') {
            return wrong("must not contain a NUL");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self(text.to_owned()));
        };
        if !matches!(scheme, "https" | "http") {
            return wrong("a URL must start with https:// or http://");
        }
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() {
            return wrong("the URL has no host");
        }
        if host.contains('@') {
            // It may be a password, so it is not repeated.
            let mut error = LeafError::new(codes::BAD_BOOT_LOCATION, "not a URL to download from");
            error.label = Some("must not contain a user name".to_owned());
            return Err(error);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return wrong("must not contain white space");
        }
        Ok(Self(text.to_owned()))
    }
}
