//! Flags of programs, as the tables write them.

use super::kinds::Kind;
use super::minors::Minors;

/// A flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag<'t> {
    pub name: &'t str,
    pub minors: Minors,
    pub kind: Kind<'t>,
}

impl<'t> Flag<'t> {
    /// Reads the line of a table: a name, the minors that have it where not all of them do, and the
    /// kind of its value where that is known.
    pub fn read(line: &'t str) -> Self {
        let mut words = line.split(' ');
        let mut flag = Self {
            name: words.next().unwrap_or_default(),
            minors: Minors::ALL,
            kind: Kind::Text,
        };
        for word in words {
            if let Some(kind) = Kind::read(word) {
                flag.kind = kind;
            } else if let Some(minors) = Minors::read(word) {
                flag.minors = minors;
            }
        }
        flag
    }
}
