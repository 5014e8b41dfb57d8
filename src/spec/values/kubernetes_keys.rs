//! The bootstrap token in the spec, and how long it is valid.

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::pki::BootstrapToken;
use crate::spec::decode::{Leaf, LeafError};
use crate::spec::yaml::Scalar;
use crate::text::shown;

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

/// How long something is valid: `24h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime(Duration);

impl Lifetime {
    /// Units with their seconds.
    const UNITS: [(char, u64); 3] = [('m', 60), ('h', 3600), ('d', 86400)];

    /// As a duration.
    pub fn duration(self) -> Duration {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let unit = text.chars().last()?;
        let (_, seconds) = Self::UNITS.into_iter().find(|(name, _)| *name == unit)?;
        let number = text.strip_suffix(unit)?;
        // Four digits of days are 27 years, which no clock overflows.
        let is_number = (1..=4).contains(&number.len())
            && number.bytes().all(|b| b.is_ascii_digit())
            && !number.starts_with('0');
        let number: u64 = number.parse().ok().filter(|_| is_number)?;
        Some(Self(Duration::from_secs(number * seconds)))
    }
}

impl Leaf for Lifetime {
    const WHAT: &'static str = "a lifetime";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[1-9][0-9]{0,3}[mhd]$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        Self::parse(text).ok_or_else(|| {
            let message = format!("`{}` is not a lifetime", shown(text));
            LeafError::new(codes::BAD_LIFETIME, message)
                .help("write a number of minutes, hours or days: 90m, 24h, 7d")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Lifetime;

    #[test]
    fn lifetimes() {
        for (text, want) in [
            ("90m", Some(5400)),
            ("24h", Some(86400)),
            ("7d", Some(604_800)),
            ("9999d", Some(863_913_600)),
            ("0h", None),
            ("024h", None),
            ("24", None),
            ("h", None),
            ("", None),
            ("1h30m", None),
            ("-1h", None),
            ("10000d", None),
            ("24H", None),
            ("1é", None),
        ] {
            let got = Lifetime::parse(text).map(|it| it.duration().as_secs());
            assert_eq!(got, want, "{text}");
        }
    }
}
