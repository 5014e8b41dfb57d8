//! Kinds of values of flags and configuration fields, in the notation of the tables.

use std::fmt;

/// The kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'t> {
    Text,
    Bool,
    /// A whole number between the two, both included.
    Whole {
        least: i64,
        most: i64,
    },
    Number,
    /// In Go's notation: `1h30m`.
    Duration,
    /// In Kubernetes' notation: `512Mi`; also a number.
    Quantity,
    /// One of these, separated by `|`; or nothing, which stands for the default.
    Words(&'t str),
    /// Some of these, separated by commas; the words are separated by `|`.
    WordList(&'t str),
    /// Its fields are in the table.
    Object,
    /// With the kind of its items.
    List(&'t str),
    /// With the kind of its values.
    Map(&'t str),
}

impl<'t> Kind<'t> {
    /// Any whole number.
    pub const ANY_WHOLE: Self = Self::Whole {
        least: i64::MIN,
        most: i64::MAX,
    };

    /// Reads the notation of the tables: `bool`, `int`, `int:0..100`, `int:1..`, `float`,
    /// `duration`, `quantity`, `words:a|b`, `wordlist:a|b`, `object`, `list:KIND`, `map:KIND`,
    /// `string`. `None`: another word.
    pub fn read(text: &'t str) -> Option<Self> {
        if let Some((name, of)) = text.split_once(':') {
            return match name {
                "list" => Some(Self::List(of)),
                "map" => Some(Self::Map(of)),
                "words" => Some(Self::Words(of)),
                "wordlist" => Some(Self::WordList(of)),
                "int" => {
                    let (least, most) = of.split_once("..")?;
                    Some(Self::Whole {
                        least: bound(least, i64::MIN)?,
                        most: bound(most, i64::MAX)?,
                    })
                }
                _ => None,
            };
        }
        match text {
            "string" => Some(Self::Text),
            "bool" => Some(Self::Bool),
            "int" => Some(Self::ANY_WHOLE),
            "float" => Some(Self::Number),
            "duration" => Some(Self::Duration),
            "quantity" => Some(Self::Quantity),
            "object" => Some(Self::Object),
            _ => None,
        }
    }

    /// What a program tells of this kind: that of the type, without its words and bounds.
    #[must_use]
    pub fn of_type(self) -> Self {
        match self {
            Self::Words(_) | Self::WordList(_) => Self::Text,
            Self::Whole { .. } => Self::ANY_WHOLE,
            other => other,
        }
    }

    /// What a value must be, after "expected".
    pub fn expected(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Whole { least, most } => match (least, most) {
                (i64::MIN, i64::MAX) => "a whole number".to_owned(),
                (_, i64::MAX) => format!("a whole number of at least {least}"),
                (_, _) => format!("a whole number from {least} to {most}"),
            },
            Self::Number => "a number".to_owned(),
            Self::Duration => "a duration such as 1m30s".to_owned(),
            Self::Quantity => "a quantity such as 512Mi".to_owned(),
            Self::Words(words) => listed(words),
            Self::WordList(words) => format!("a list of {}", listed(words)),
            Self::List(_) => "a list".to_owned(),
            Self::Object | Self::Map(_) => "a map".to_owned(),
        }
    }

    /// Whether the value of a flag, which is text, is of this kind. Lists and maps are not judged.
    pub fn takes(self, text: &str) -> bool {
        match self {
            Self::Text | Self::Object | Self::List(_) | Self::Map(_) => true,
            // Go's `strconv.ParseBool`.
            Self::Bool => matches!(
                text,
                "1" | "t"
                    | "T"
                    | "TRUE"
                    | "true"
                    | "True"
                    | "0"
                    | "f"
                    | "F"
                    | "FALSE"
                    | "false"
                    | "False"
            ),
            Self::Whole { least, most } => {
                whole(text).is_some_and(|number| (least..=most).contains(&number))
            }
            Self::Number => text.parse::<f64>().is_ok(),
            Self::Duration => nanoseconds(text).is_some(),
            Self::Quantity => text.starts_with(|c: char| c.is_ascii_digit()),
            Self::Words(words) => text.is_empty() || words.split('|').any(|word| word == text),
            Self::WordList(words) => text
                .split(',')
                .all(|one| words.split('|').any(|word| word == one.trim())),
        }
    }
}

/// The notation of the tables.
impl fmt::Display for Kind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Text => f.write_str("string"),
            Self::Bool => f.write_str("bool"),
            Self::Whole {
                least: i64::MIN,
                most: i64::MAX,
            } => f.write_str("int"),
            Self::Whole {
                least,
                most: i64::MAX,
            } => write!(f, "int:{least}.."),
            Self::Whole { least, most } => write!(f, "int:{least}..{most}"),
            Self::Number => f.write_str("float"),
            Self::Duration => f.write_str("duration"),
            Self::Quantity => f.write_str("quantity"),
            Self::Words(words) => write!(f, "words:{words}"),
            Self::WordList(words) => write!(f, "wordlist:{words}"),
            Self::Object => f.write_str("object"),
            Self::List(of) => write!(f, "list:{of}"),
            Self::Map(of) => write!(f, "map:{of}"),
        }
    }
}

fn bound(text: &str, otherwise: i64) -> Option<i64> {
    if text.is_empty() {
        Some(otherwise)
    } else {
        text.parse().ok()
    }
}

/// `a, b or c` for `a|b|c`.
fn listed(words: &str) -> String {
    match words.rsplit_once('|') {
        Some((others, last)) => format!("{} or {last}", others.replace('|', ", ")),
        None => words.to_owned(),
    }
}

/// Go's `strconv.ParseInt` with base 0: decimal, `0x`, `0o`, `0b`.
pub fn whole(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = match digits.get(..2) {
        Some("0x" | "0X") => i64::from_str_radix(&digits[2..], 16),
        Some("0o" | "0O") => i64::from_str_radix(&digits[2..], 8),
        Some("0b" | "0B") => i64::from_str_radix(&digits[2..], 2),
        _ if digits.starts_with(|c: char| c.is_ascii_digit()) => digits.parse(),
        _ => return None,
    };
    number.ok()?.checked_mul(sign)
}

/// Go's `time.ParseDuration`: numbers with units, or `0` without one. Fractions of a nanosecond are
/// dropped.
pub fn nanoseconds(text: &str) -> Option<i64> {
    const UNITS: [(&str, f64); 8] = [
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("μs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 60e9),
        ("h", 3600e9),
    ];
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        // `ms` before `m`.
        let (unit, length) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit))?;
        sum += number * length;
        rest = &rest[unit.len()..];
    }
    // Go's durations end after 292 years.
    #[expect(clippy::cast_possible_truncation, reason = "the bound is checked")]
    (sum < 9.2e18).then_some((sign * sum) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, want) in [
            ("10s", Some(10_000_000_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("1.5h", Some(5_400_000_000_000)),
            ("100ms", Some(100_000_000)),
            ("-1s", Some(-1_000_000_000)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("10", None),
            ("s", None),
            ("1d", None),
            ("1 m", None),
            ("", None),
            ("99999999h", None),
        ] {
            assert_eq!(nanoseconds(text), want, "{text}");
        }
    }

    #[test]
    fn kinds_take_what_go_reads() {
        for (kind, text, want) in [
            ("int", "-3", true),
            ("int", "0x1F", true),
            ("int", "8GiB", false),
            ("int", "", false),
            ("int", "1e3", false),
            ("int:0..100", "100", true),
            ("int:0..100", "101", false),
            ("int:0..", "-1", false),
            ("bool", "TRUE", true),
            ("bool", "yes", false),
            ("duration", "5m", true),
            ("duration", "5", false),
            ("float", "0.5", true),
            ("words:debug|info", "info", true),
            ("words:debug|info", "", true),
            ("words:debug|info", "verbose", false),
            ("wordlist:A|B", "A, B", true),
            ("wordlist:A|B", "A,C", false),
        ] {
            assert_eq!(Kind::read(kind).unwrap().takes(text), want, "{kind} {text}");
        }
        for notation in [
            "string",
            "bool",
            "int",
            "int:2..",
            "int:0..9",
            "float",
            "duration",
            "quantity",
            "words:a|b",
            "wordlist:a|b",
            "object",
            "list:string",
            "map:list:string",
        ] {
            assert_eq!(Kind::read(notation).unwrap().to_string(), notation);
        }
        assert_eq!(Kind::read("33-"), None);
        assert_eq!(Kind::read("int:a..b"), None);
        assert_eq!(Kind::Words("a|b|c").expected(), "a, b or c");
    }
}
