//! Values of `charts:`.

use serde_json::{Value as Json, json};

use super::local::no_path;
use crate::diagnostic::{Located, codes};
use crate::spec::decode::{Decoder, Leaf, LeafError, LocalKind, LocalRequest, text};
use crate::spec::yaml::Scalar;

/// A Helm chart: a folder, or an archive of one, by its path relative to the folder of the file
/// that contains it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LocalChart(String);

impl LocalChart {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for LocalChart {
    const WHAT: &'static str = "the path of a chart";

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let wrong = |why: &str| LeafError::rule(codes::BAD_LOCAL_PATH, text, Self::WHAT, why);
        if let Some(why) = no_path(text) {
            Err(wrong(why))
        } else if text.contains("://") {
            Err(wrong("it is not on this machine").help(
                "fetch it with `helm pull URL --version VERSION`, and give the path of the archive",
            ))
        } else if text.starts_with(['/', '~']) {
            Err(wrong("must be relative to this file's folder"))
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    fn found(value: &Located<Self>, decoder: &mut Decoder) {
        decoder.local.push(LocalRequest {
            kind: LocalKind::Chart,
            path: value.value.0.clone(),
            span: value.span,
        });
    }
}

/// The name of a release, as Helm checks it (`chartutil.ValidateReleaseName`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReleaseName(String);

impl ReleaseName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for ReleaseName {
    const WHAT: &'static str = "the name of a release";

    fn schema() -> Json {
        json!({ "type": "string", "maxLength": 53, "pattern": "^[a-z0-9][a-z0-9.-]*$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        if text.len() <= 53 && text.split('.').all(is_label) {
            return Ok(Self(text.to_owned()));
        }
        Err(LeafError::rule(
            codes::BAD_RELEASE,
            text,
            Self::WHAT,
            "must have at most 53 lower-case letters, digits, `-` and `.`, with a letter or a digit \
             at both ends",
        ))
    }
}

/// The name of a namespace: a label of RFC 1123.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamespaceName(String);

impl NamespaceName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for NamespaceName {
    const WHAT: &'static str = "a namespace";

    fn schema() -> Json {
        json!({ "type": "string", "maxLength": 63, "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        if text.len() <= 63 && is_label(text) {
            return Ok(Self(text.to_owned()));
        }
        Err(LeafError::rule(
            codes::BAD_RELEASE,
            text,
            Self::WHAT,
            "must have at most 63 lower-case letters, digits and `-`, with a letter or a digit at \
             both ends",
        ))
    }
}

/// Whether `text` is a label of RFC 1123 in lower case, of any length.
fn is_label(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
