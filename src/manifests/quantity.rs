//! Quantities: `500m`, `64Mi`, `1.5`, `2e3` (k8s.io/apimachinery, pkg/api/resource).

use std::cmp::Ordering;

/// An amount, as a whole number of billionths, at most 1.7e29.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Quantity(i128);

const BILLION: i128 = 1_000_000_000;

impl Quantity {
    /// Parses `text`; `None` if it is not a quantity.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (sign, rest) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let end = rest
            .bytes()
            .position(|b| !b.is_ascii_digit() && b != b'.')
            .unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return None;
        }
        let (factor, divisor) = factor(suffix)?;
        let digits = |digits: &str| {
            digits.bytes().fold(0_i128, |sum, digit| {
                sum.saturating_mul(10)
                    .saturating_add(i128::from(digit - b'0'))
            })
        };
        // Kubernetes rounds up what is finer than a billionth; larger amounts do not depend on it.
        let fraction = &fraction[..fraction.len().min(9)];
        let places = u32::try_from(fraction.len()).unwrap_or(9);
        let billionths = digits(whole)
            .saturating_mul(BILLION)
            .saturating_add(digits(fraction).saturating_mul(10_i128.pow(9 - places)));
        Some(Self(sign * (billionths.saturating_mul(factor) / divisor)))
    }

    /// Returns whether it is negative, zero or positive.
    pub(super) fn sign(self) -> Ordering {
        self.0.cmp(&0)
    }

    /// Returns whether it is more than `most` divided by `least`.
    pub(super) fn exceeds_ratio(self, most: Self, least: Self) -> bool {
        #[allow(clippy::cast_precision_loss)] // As the API server compares them.
        let float = |quantity: Self| quantity.0 as f64;
        float(self) / float(Self(BILLION)) > float(most) / float(least)
    }

    /// Returns whether it is a whole number.
    pub(super) fn is_whole(self) -> bool {
        self.0 % BILLION == 0
    }
}

/// Returns the multiplier and the divisor of a suffix.
fn factor(suffix: &str) -> Option<(i128, i128)> {
    Some(match suffix {
        "" => (1, 1),
        "n" => (1, 1_000_000_000),
        "u" => (1, 1_000_000),
        "m" => (1, 1000),
        "k" => (1000, 1),
        "M" => (1_000_000, 1),
        "G" => (1_000_000_000, 1),
        "T" => (1_000_000_000_000, 1),
        "P" => (1_000_000_000_000_000, 1),
        "E" => (1_000_000_000_000_000_000, 1),
        "Ki" => (1 << 10, 1),
        "Mi" => (1 << 20, 1),
        "Gi" => (1 << 30, 1),
        "Ti" => (1 << 40, 1),
        "Pi" => (1 << 50, 1),
        "Ei" => (1 << 60, 1),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            let power = 10_i128.pow(exponent.unsigned_abs().min(18));
            if exponent < 0 { (1, power) } else { (power, 1) }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for (text, want) in [
            ("1", Some(BILLION)),
            ("100m", Some(100_000_000)),
            ("0.1", Some(100_000_000)),
            (".5", Some(500_000_000)),
            ("1.", Some(BILLION)),
            ("1Ki", Some(1024 * BILLION)),
            ("1.5Gi", Some(1_610_612_736 * BILLION)),
            ("2e3", Some(2000 * BILLION)),
            ("2E3", Some(2000 * BILLION)),
            ("1E", Some(1_000_000_000_000_000_000 * BILLION)),
            ("5e-1", Some(500_000_000)),
            ("-1", Some(-BILLION)),
            ("1n", Some(1)),
            ("", None),
            (".", None),
            ("1.2.3", None),
            ("64MB", None),
            ("64 Mi", None),
            ("1K", None),
            ("Mi", None),
            ("1e", None),
            ("0x10", None),
        ] {
            assert_eq!(Quantity::parse(text).map(|q| q.0), want, "{text}");
        }
        let huge = Quantity::parse(&"9".repeat(80)).expect("a number");
        assert!(huge > Quantity::parse("1E").expect("a number"));
    }
}
