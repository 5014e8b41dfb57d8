//! Values without parts: text, numbers, names with rules.

use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::{Decode, Decoder, Schemas};
use crate::diagnostic::{Code, Diagnostic, Located, Span, codes};
use crate::spec::yaml::{Kind, Node, Scalar, Value};
use crate::text::shown;

/// Why a scalar is not a value of a type.
#[derive(Debug, Clone)]
pub struct LeafError {
    pub code: Code,
    /// One line for the head of the diagnostic.
    pub message: String,
    /// A few words under the marked text.
    pub label: Option<String>,
    /// What to do instead.
    pub help: Option<String>,
}

impl LeafError {
    /// Creates an error with `message` only.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            label: None,
            help: None,
        }
    }

    /// Creates "`x` is not a host name", with the reason as the label.
    pub fn rule(code: Code, text: &str, what: &str, why: impl Into<String>) -> Self {
        Self {
            label: Some(why.into()),
            ..Self::new(code, format!("`{}` is not {what}", shown(text)))
        }
    }

    /// Adds what to do instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn at(self, span: Span) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.code, span, self.message);
        diagnostic.label = self.label;
        diagnostic.help = self.help;
        diagnostic
    }
}

/// A value that is written as one scalar.
pub trait Leaf: Sized {
    /// With its article, for "expected a host name, got a list".
    const WHAT: &'static str;

    /// The JSON Schema of the scalar.
    fn schema() -> Json;

    /// Reads the scalar.
    fn read(scalar: &Scalar) -> Result<Self, LeafError>;

    /// Lets a value request more than itself, such as the local file that it refers to.
    fn found(_value: &Located<Self>, _decoder: &mut Decoder) {}
}

impl<T: Leaf> Decode for Located<T> {
    fn schema(_schemas: &mut Schemas) -> Json {
        let mut schema = T::schema();
        schema["title"] = T::WHAT.into();
        schema
    }

    fn decode(node: &Node, decoder: &mut Decoder) -> Option<Self> {
        let Value::Scalar(scalar) = &node.value else {
            decoder.wrong_type(node, T::WHAT);
            return None;
        };
        if scalar.kind() == Kind::Null {
            decoder.wrong_type(node, T::WHAT);
            return None;
        }
        match T::read(scalar) {
            Ok(value) => {
                let value = Self::new(value, node.span);
                T::found(&value, decoder);
                Some(value)
            }
            Err(error) => {
                decoder.diagnostics.push(error.at(node.span));
                None
            }
        }
    }
}

/// Reads the key of a table, which is text no matter how it looks.
pub(super) fn read_key<K: Leaf>(
    key: &Located<Arc<str>>,
    decoder: &mut Decoder,
) -> Option<Located<K>> {
    let scalar = Scalar {
        text: key.value.clone(),
        plain: false,
    };
    match K::read(&scalar) {
        Ok(value) => Some(Located::new(value, key.span)),
        Err(error) => {
            decoder.diagnostics.push(error.at(key.span));
            None
        }
    }
}

/// Returns the text of a scalar that must be text.
pub fn text<'s>(scalar: &'s Scalar, what: &str) -> Result<&'s str, LeafError> {
    let found = match scalar.kind() {
        Kind::Text => return Ok(&scalar.text),
        Kind::Null => "nothing".to_owned(),
        Kind::Boolean => format!("`{}`", scalar.text),
        Kind::Number => format!("the number {}", scalar.text),
    };
    let error = LeafError::new(codes::WRONG_TYPE, format!("expected {what}, got {found}"));
    Err(match scalar.kind() {
        Kind::Null => error,
        _ => error.help(format!(
            "if it is meant as text, quote it: \"{}\"",
            scalar.text
        )),
    })
}

/// Any text, of one line or more.
impl Leaf for String {
    const WHAT: &'static str = "text";

    fn schema() -> Json {
        json!({ "type": "string" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        text(scalar, Self::WHAT).map(str::to_owned)
    }
}

impl Leaf for bool {
    const WHAT: &'static str = "true or false";

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }

    fn read(scalar: &Scalar) -> Result<Self, LeafError> {
        match (&*scalar.text, scalar.kind()) {
            ("true" | "True" | "TRUE", Kind::Boolean) => return Ok(true),
            ("false" | "False" | "FALSE", Kind::Boolean) => return Ok(false),
            _ => {}
        }
        let meant = match scalar.text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" | "true" | "1" => Some(true),
            "no" | "off" | "n" | "false" | "0" => Some(false),
            _ => None,
        };
        let error = LeafError::new(
            codes::NOT_A_BOOLEAN,
            format!("expected true or false, got `{}`", shown(&scalar.text)),
        );
        Err(match meant {
            Some(meant) if scalar.plain => error.help(format!("in YAML 1.2, write `{meant}`")),
            Some(meant) => error.help(format!("write `{meant}` without quotes")),
            None => error,
        })
    }
}

/// Reads a whole number of the core schema. A leading zero is rejected: YAML 1.1 reads it as octal,
/// 1.2 as decimal.
fn whole_number(scalar: &Scalar, what: &str) -> Result<i128, LeafError> {
    if scalar.kind() != Kind::Number {
        let found = match scalar.kind() {
            Kind::Text => format!("text `{}`", shown(&scalar.text)),
            _ => format!("`{}`", scalar.text),
        };
        let error = LeafError::new(codes::WRONG_TYPE, format!("expected {what}, got {found}"));
        return Err(if scalar.plain || scalar.text.parse::<i64>().is_err() {
            error
        } else {
            error.help("write the number without quotes")
        });
    }
    let text = &*scalar.text;
    let not_whole = || {
        LeafError::new(
            codes::WRONG_TYPE,
            format!("expected {what}, got the number {text}"),
        )
    };
    if let Some(octal) = text.strip_prefix("0o") {
        return i128::from_str_radix(octal, 8).map_err(|_| not_whole());
    }
    if let Some(hexadecimal) = text.strip_prefix("0x") {
        return i128::from_str_radix(hexadecimal, 16).map_err(|_| not_whole());
    }
    let digits = text.trim_start_matches(['-', '+']);
    if digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(
            not_whole().help("write it without leading zeros, which some programs read as octal")
        );
    }
    text.parse().map_err(|_| not_whole())
}

/// Reads a whole number between `least` and `most`.
pub fn whole_number_between(
    scalar: &Scalar,
    what: &str,
    least: i128,
    most: i128,
) -> Result<i128, LeafError> {
    let number = whole_number(scalar, what)?;
    if number < least || number > most {
        return Err(LeafError {
            label: Some(format!("must be {least} to {most}")),
            ..LeafError::new(
                codes::OUT_OF_RANGE,
                format!("{} is out of range", scalar.text),
            )
        });
    }
    Ok(number)
}

macro_rules! whole_number_leaf {
    ($($type:ty),+) => {
        $(impl Leaf for $type {
            const WHAT: &'static str = "a whole number";

            fn schema() -> Json {
                json!({ "type": "integer", "minimum": <$type>::MIN, "maximum": <$type>::MAX })
            }

            fn read(scalar: &Scalar) -> Result<Self, LeafError> {
                let number = whole_number_between(scalar, Self::WHAT, <$type>::MIN.into(), <$type>::MAX.into())?;
                Self::try_from(number).map_err(|e| LeafError::new(codes::OUT_OF_RANGE, e.to_string()))
            }
        })+
    };
}

whole_number_leaf!(u8, u16, u32, u64);
