//! Values in the settings of the Kubernetes components: labels, taints, quantities.

use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::names::Hostname;
use crate::spec::decode::{Leaf, LeafError, text};
use crate::spec::yaml::{Kind, Scalar};

/// Letters, digits, `-`, `_` and `.`, with a letter or digit at both ends, at most 63 bytes: a
/// label value that is not empty, and the part of a key after the slash (Kubernetes,
/// `validation.IsQualifiedName`).
fn label_word(text: &str) -> Result<(), &'static str> {
    if text.len() > 63 {
        return Err("must be at most 63 characters long");
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    {
        return Err("must consist of letters, digits, `-`, `_` and `.`");
    }
    let ends = [text.bytes().next(), text.bytes().last()];
    if !ends
        .iter()
        .all(|end| end.is_some_and(|b| b.is_ascii_alphanumeric()))
    {
        return Err("must start and end with a letter or digit");
    }
    Ok(())
}

/// A name, or a domain, a slash and a name.
fn label_key(text: &str) -> Result<(), &'static str> {
    let Some((prefix, name)) = text.split_once('/') else {
        return label_word(text);
    };
    if prefix.parse::<Hostname>().is_err() {
        return Err("the part before the `/` must be a domain");
    }
    label_word(name)
}

/// A label key: `topology.kubernetes.io/zone`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabelKey(String);

impl LabelKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for LabelKey {
    const WHAT: &'static str = "a label key";

    fn schema() -> Json {
        json!({ "type": "string" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        label_key(text).map_err(|why| LeafError::rule(codes::BAD_LABEL, text, Self::WHAT, why))?;
        Ok(Self(text.to_owned()))
    }
}

/// A label value, which may be empty; numbers, true and false are read as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelValue(String);

impl LabelValue {
    /// The value as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for LabelValue {
    const WHAT: &'static str = "a label value";

    fn schema() -> Json {
        json!({ "type": ["string", "number", "boolean"] })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        if !text.is_empty() {
            label_word(text)
                .map_err(|why| LeafError::rule(codes::BAD_LABEL, text, Self::WHAT, why))?;
        }
        Ok(Self(text.to_owned()))
    }
}

/// A taint as `kubectl taint` accepts it: `key=value:NoSchedule`, `key:NoExecute`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaintText {
    pub key: String,
    pub value: Option<String>,
    pub effect: &'static str,
}

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

impl Leaf for TaintText {
    const WHAT: &'static str = "a taint";

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^[^=:]+(=[^:]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = text(scalar, Self::WHAT)?;
        let wrong = |why: &str| {
            LeafError::rule(codes::BAD_TAINT, text, Self::WHAT, why)
                .help("write it like gpu=true:NoSchedule")
        };
        let Some((left, effect)) = text.rsplit_once(':') else {
            return Err(wrong("the effect is missing"));
        };
        let effect = EFFECTS
            .into_iter()
            .find(|known| *known == effect)
            .ok_or_else(|| wrong("the effect must be NoSchedule, PreferNoSchedule or NoExecute"))?;
        let (key, value) = match left.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (left, None),
        };
        label_key(key).map_err(|why| wrong(&format!("key: {why}")))?;
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            label_word(value).map_err(|why| wrong(&format!("value: {why}")))?;
        }
        Ok(Self {
            key: key.to_owned(),
            value: value.map(str::to_owned),
            effect,
        })
    }
}

/// Digits with an optional fraction, and a Kubernetes unit: `500m`, `1.5`, `512Mi`, `2G`, `1e3`.
fn quantity(text: &str) -> Result<(), &'static str> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if number.parse::<f64>().is_err() {
        return Err("must start with a non-negative number");
    }
    let exponent = unit
        .strip_prefix(['e', 'E'])
        .is_some_and(|exponent| exponent.parse::<i8>().is_ok());
    let known = [
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei",
    ];
    if !exponent && !known.contains(&unit) {
        return Err("the unit must be one of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi and Ei");
    }
    Ok(())
}

/// A resource quantity in Kubernetes' notation: `500m`, `512Mi`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity(String);

impl Quantity {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for Quantity {
    const WHAT: &'static str = "a quantity";

    fn schema() -> Json {
        json!({ "type": ["string", "number"], "pattern": "^[0-9.]+([a-zA-Z]+[0-9-]*)?$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        quantity(text).map_err(|why| {
            LeafError::rule(codes::BAD_QUANTITY, text, Self::WHAT, why)
                .help("write it like 500m or 512Mi")
        })?;
        Ok(Self(text.to_owned()))
    }
}

/// An eviction threshold: a quantity, or a percentage such as `10%`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Threshold(String);

impl Threshold {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for Threshold {
    const WHAT: &'static str = "a threshold";

    fn schema() -> Json {
        json!({ "type": ["string", "number"], "pattern": "^[0-9.]+([a-zA-Z]+[0-9-]*|%)?$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let right = match text.strip_suffix('%') {
            Some(share) => match share.parse::<f64>() {
                Ok(share) if (0.0..100.0).contains(&share) => Ok(()),
                _ => Err("a percentage must be 0% to 99%"),
            },
            None => quantity(text),
        };
        right.map_err(|why| {
            LeafError::rule(codes::BAD_QUANTITY, text, Self::WHAT, why)
                .help("write it like 200Mi or 10%")
        })?;
        Ok(Self(text.to_owned()))
    }
}

/// A subject alternative name: a host name with an optional `*.`, or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlternativeName(String);

impl AlternativeName {
    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Leaf for AlternativeName {
    const WHAT: &'static str = "a name or an address";

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        // 10.0 is a number, and therefore not a name either.
        let text = match scalar.kind() {
            Kind::Text => &*scalar.text,
            _ => text(scalar, Self::WHAT)?,
        };
        let name = text.strip_prefix("*.").unwrap_or(text);
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        let digits_only = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if digits_only || name.parse::<Hostname>().is_err() {
            return Err(LeafError::rule(
                codes::BAD_HOSTNAME,
                text,
                Self::WHAT,
                "neither a name nor an address",
            )
            .help("write it like api.lab.example or 192.168.1.9, without a port"));
        }
        Ok(Self(text.to_owned()))
    }
}
