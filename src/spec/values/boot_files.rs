//! Where files to boot are.

use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::Scalar;

/// A path on the machine that builds, or a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootLocation(String);

impl BootLocation {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a URL.
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
            return wrong("it is empty");
        }
        if text.contains('\0') {
            return wrong("it has a NUL");
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self(text.to_owned()));
        };
        if !matches!(scheme, "https" | "http") {
            return wrong("a URL starts with https:// or http://");
        }
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if host.is_empty() {
            return wrong("it has no host");
        }
        if host.contains('@') {
            // It may be a password: it is not repeated.
            let mut error =
                LeafError::new(codes::BAD_BOOT_LOCATION, "this is not a URL to fetch from");
            error.label = Some("it has a user in it".to_owned());
            return Err(error);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return wrong("it has white space");
        }
        Ok(Self(text.to_owned()))
    }
}
