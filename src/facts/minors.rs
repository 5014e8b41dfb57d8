//! Ranges of minor versions, and the text tables that have them.

/// The minors that have something, both ends among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minors {
    /// 0: always had it.
    pub first: u16,
    /// `u16::MAX`: still has it.
    pub last: u16,
}

impl Minors {
    /// All of them.
    pub const ALL: Self = Self {
        first: 0,
        last: u16::MAX,
    };

    /// `33-`: from 33 on; `<35`: until 34; `33-34`: those two. `None`: another word.
    pub fn read(text: &str) -> Option<Self> {
        if let Some(end) = text.strip_prefix('<') {
            let end: u16 = end.parse().ok()?;
            let last = end.checked_sub(1)?;
            return Some(Self { last, ..Self::ALL });
        }
        let (first, last) = text.split_once('-')?;
        Some(Self {
            first: first.parse().ok()?,
            last: match last {
                "" => u16::MAX,
                last => last.parse().ok()?,
            },
        })
    }

    /// Returns why `minor` is not among them, as a label; `None` if it is.
    pub fn why_not(self, minor: u16) -> Option<String> {
        if minor < self.first {
            Some(format!("available since 1.{}", self.first))
        } else if minor > self.last {
            Some(format!("removed in 1.{}", self.last + 1))
        } else {
            None
        }
    }
}

/// Returns the lines of a table without its comments.
pub fn lines(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter(|line| !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        for (text, want) in [
            ("33-", Some((33, u16::MAX))),
            ("<35", Some((0, 34))),
            ("33-34", Some((33, 34))),
            ("33", None),
            ("<", None),
            ("<0", None),
            ("-34", None),
            ("true@33", None),
        ] {
            let got = Minors::read(text).map(|minors| (minors.first, minors.last));
            assert_eq!(got, want, "{text}");
        }
    }
}
