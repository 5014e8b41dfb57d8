//! The bootstrap token in the spec.

use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::pki::BootstrapToken;
use crate::spec::decode::{Leaf, LeafError};
use crate::spec::yaml::Scalar;

/// The source of a cluster's bootstrap token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSetting {
    /// It is generated once and kept in the key folder.
    Generate,
    /// This one.
    Given(BootstrapToken),
}

impl Leaf for TokenSetting {
    const WHAT: &'static str = "a bootstrap token";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^(generate|[a-z0-9]{6}\\.[a-z0-9]{16})$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        if text == "generate" {
            return Ok(Self::Generate);
        }
        text.parse()
            .map(Self::Given)
            .map_err(|why: crate::pki::TokenError| {
                // The text may be a secret with a typo in it, so it is not repeated.
                let mut error = LeafError::new(codes::BAD_BOOTSTRAP_TOKEN, "not a bootstrap token");
                error.label = Some(why.0.to_owned());
                error.help(
                    "write it like abcdef.0123456789abcdef, or use `generate` to have one \
                            created and stored with the cluster's keys",
                )
            })
    }
}
