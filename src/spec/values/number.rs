//! Numbers with rules: modes, sizes, VLAN IDs, the spec version.

use serde_json::{Value as Json, json};

use crate::diagnostic::codes;
use crate::spec::decode::{Leaf, LeafError};
use crate::spec::yaml::{Kind, Scalar};

/// Permission bits of a file, `0o0` to `0o7777`.
///
/// Butane reads YAML 1.1, where `0644` is octal; in YAML 1.2 it is the decimal number 644. Both
/// `0644` and `0o644` are read as octal here, and a number without a leading zero, which one of the
/// two would misread, is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(pub u32);

impl Leaf for Mode {
    const WHAT: &'static str = "a file mode";

    fn schema() -> Json {
        json!({ "type": ["integer", "string"], "minimum": 0, "pattern": "^0o?[0-7]{1,5}$" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        let text = &*scalar.text;
        let octal = match text.strip_prefix("0o").or_else(|| text.strip_prefix('0')) {
            Some("") if text == "0" => "0",
            Some(octal) => octal,
            None => {
                let error = LeafError::rule(
                    codes::BAD_MODE,
                    text,
                    Self::WHAT,
                    "a mode must be octal with a leading 0",
                );
                return Err(match text.parse::<u32>() {
                    // 644 was meant as octal; 420 is 0644 in decimal.
                    Ok(_)
                        if text.len() <= 4
                            && text.bytes().all(|b| (b'0'..=b'7').contains(&b))
                            && text != "420"
                            && text != "493" =>
                    {
                        error.help(format!("write 0{text}"))
                    }
                    Ok(number) if number <= 0o7777 => {
                        error.help(format!("{number} is 0{number:o} in octal"))
                    }
                    _ => error.help("write it like 0644"),
                });
            }
        };
        match u32::from_str_radix(octal, 8) {
            Ok(mode) if mode <= 0o7777 && octal.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(Self(mode))
            }
            _ => Err(LeafError::rule(
                codes::BAD_MODE,
                text,
                Self::WHAT,
                "a mode must have at most four octal digits after the 0",
            )),
        }
    }
}

/// A number of bytes, with an optional unit: `512MiB`, `2GiB`, `100MB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteSize(pub u64);

impl Leaf for ByteSize {
    const WHAT: &'static str = "a size";

    fn schema() -> Json {
        json!({ "type": ["string", "integer"], "pattern": "^[0-9]+ ?([KMGT](i?B)?|B)?$", "minimum": 1 })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        const UNITS: &[(&str, u64)] = &[
            ("", 1),
            ("B", 1),
            ("K", 1 << 10),
            ("KiB", 1 << 10),
            ("kB", 1000),
            ("KB", 1000),
            ("M", 1 << 20),
            ("MiB", 1 << 20),
            ("MB", 1_000_000),
            ("G", 1 << 30),
            ("GiB", 1 << 30),
            ("GB", 1_000_000_000),
            ("T", 1 << 40),
            ("TiB", 1 << 40),
            ("TB", 1_000_000_000_000),
        ];
        let text = &*scalar.text;
        let wrong = |why: &str| {
            Err(LeafError::rule(codes::BAD_SIZE, text, Self::WHAT, why)
                .help("write it like 512MiB or 2GiB"))
        };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        if number.is_empty() {
            return wrong("must start with a number");
        }
        let Some((_, factor)) = UNITS.iter().find(|(name, _)| *name == unit.trim_start()) else {
            return wrong("the unit must be KiB, MiB, GiB or TiB");
        };
        match number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(*factor))
        {
            Some(0) => wrong("must be greater than 0"),
            Some(bytes) => Ok(Self(bytes)),
            None => wrong("is too large"),
        }
    }
}

/// Declares a whole number between two bounds, which decoder, message and schema share.
macro_rules! bounded_leaf {
    ($(#[doc = $doc:literal])+ $name:ident($number:ty): $what:literal, $least:literal to $most:literal) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(pub $number);

        impl $crate::spec::decode::Leaf for $name {
            const WHAT: &'static str = $what;

            fn schema() -> serde_json::Value {
                serde_json::json!({ "type": "integer", "minimum": $least, "maximum": $most })
            }

            fn read(
                scalar: &$crate::spec::yaml::Scalar,
            ) -> Result<Self, $crate::spec::decode::LeafError> {
                use $crate::diagnostic::codes::OUT_OF_RANGE;
                use $crate::spec::decode::{LeafError, whole_number_between};
                let number = whole_number_between(scalar, Self::WHAT, $least, $most)?;
                <$number>::try_from(number)
                    .map(Self)
                    .map_err(|e| LeafError::new(OUT_OF_RANGE, e.to_string()))
            }
        }
    };
}

pub(super) use bounded_leaf;

bounded_leaf!(
    /// A VLAN ID (IEEE 802.1Q: 0 and 4095 are reserved).
    VlanId(u16): "a VLAN ID", 1 to 4094
);

bounded_leaf!(
    /// A virtual router's number (RFC 9568 §5.2.3).
    VirtualRouterId(u8): "a virtual router ID", 1 to 255
);

/// The version of the spec format: 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecVersion;

impl Leaf for SpecVersion {
    const WHAT: &'static str = "a spec version";

    fn schema() -> Json {
        json!({ "const": 1 })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        if &*scalar.text == "1" && scalar.kind() == Kind::Number {
            return Ok(Self);
        }
        Err(LeafError::rule(
            codes::BAD_VERSION,
            &scalar.text,
            Self::WHAT,
            "the only version is 1",
        )
        .help("write `version: 1`"))
    }
}
