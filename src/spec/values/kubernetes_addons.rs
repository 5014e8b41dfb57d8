//! Values of the add-ons of `kubernetes:`.

use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::spec::decode::{Leaf, LeafError, whole_number_between};
use crate::spec::yaml::Scalar;

/// A port, 1 to 65535.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortNumber(pub u16);

impl Leaf for PortNumber {
    const WHAT: &'static str = "a port";

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": 65535 })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let port = whole_number_between(scalar, Self::WHAT, 1, u16::MAX.into())?;
        u16::try_from(port)
            .map(Self)
            .map_err(|e| LeafError::new(codes::OUT_OF_RANGE, e.to_string()))
    }
}

/// A VXLAN network identifier of 24 bits (RFC 7348 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vni(pub u32);

impl Leaf for Vni {
    const WHAT: &'static str = "a VXLAN identifier";

    fn schema() -> Json {
        json!({ "type": "integer", "minimum": 1, "maximum": 0xff_ffff })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let vni = whole_number_between(scalar, Self::WHAT, 1, 0xff_ffff)?;
        u32::try_from(vni)
            .map(Self)
            .map_err(|e| LeafError::new(codes::OUT_OF_RANGE, e.to_string()))
    }
}
