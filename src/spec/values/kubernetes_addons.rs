//! Values of the add-ons of `kubernetes:`.

use serde_json::{Value as Json, json};

use super::number::bounded_leaf;
use crate::facts::cni::Cni;
use crate::spec::decode::{Leaf, LeafError, unknown_word};
use crate::spec::yaml::Scalar;

/// The name of a pod network that needs no settings.
impl Leaf for Cni {
    const WHAT: &'static str = "a pod network";

    fn schema() -> Json {
        let facts = Self::ALL.map(Self::facts).into_iter();
        let (words, about): (Vec<_>, Vec<_>) =
            facts.filter_map(|it| Some((it.name, it.about?))).unzip();
        json!({ "enum": words, "enumDescriptions": about })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let mut named = Self::ALL.into_iter();
        let words = named.clone().filter(|it| it.facts().about.is_some());
        let words: Vec<_> = words.map(Self::as_str).collect();
        let text = &*scalar.text;
        named
            .find(|it| it.as_str() == text && words.contains(&text))
            .ok_or_else(|| unknown_word(text, Self::WHAT, &words))
    }
}

bounded_leaf!(
    /// A port.
    PortNumber(u16): "a port", 1 to 65535
);

bounded_leaf!(
    /// A VXLAN network identifier of 24 bits (RFC 7348 §5).
    Vni(u32): "a VXLAN identifier", 1 to 0xff_ffff
);
