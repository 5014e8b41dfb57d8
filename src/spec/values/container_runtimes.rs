//! Names of container runtimes.

use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::facts::runtimes::SHIMS;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::Scalar;

/// The name of a runtime, which pods select as `runtimeClassName`: an RFC 1123 label, as the API
/// server requires for the handler of a `RuntimeClass`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuntimeName(String);

impl RuntimeName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for RuntimeName {
    const WHAT: &'static str = "a runtime name";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let why = if text.is_empty() || text.len() > 63 {
            "must be 1 to 63 characters long"
        } else if !(text.bytes()).all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            "must consist of lowercase letters, digits and `-`"
        } else if text.starts_with('-') || text.ends_with('-') {
            "must not start or end with `-`"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(
            LeafError::rule(codes::BAD_CONTAINER_RUNTIME, text, Self::WHAT, why)
                .help("write it like nvidia"),
        )
    }
}

/// The name by which containerd finds a shim's program: `io.containerd.kata.v2` is
/// `containerd-shim-kata-v2` (containerd, core/runtime/v2/README.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeShim(String);

impl RuntimeShim {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for RuntimeShim {
    const WHAT: &'static str = "a shim";

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        if let Some(shim) = SHIMS.iter().find(|shim| shim.word == text) {
            return Ok(Self(shim.name.to_owned()));
        }
        let wrong = |why: &str| {
            LeafError::rule(codes::BAD_CONTAINER_RUNTIME, text, Self::WHAT, why)
                .help("use `gvisor`, `kata`, or a name like io.containerd.wasmtime.v1")
        };
        if text.starts_with("io.containerd.runc.") {
            return Err(wrong(
                "containerd's runc shim runs the program in `binary:`",
            ));
        }
        let parts: Vec<&str> = text.split('.').collect();
        let is_part = |part: &&str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let version = parts.last().and_then(|part| part.strip_prefix('v'));
        let has_version = version.is_some_and(|number| number.parse::<u8>().is_ok());
        if parts.len() < 3 || !has_version || !parts.iter().all(is_part) {
            return Err(wrong(
                "a shim name must have at least three parts and end in its version",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}
