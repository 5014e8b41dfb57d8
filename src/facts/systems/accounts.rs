//! Users and groups that a node has before Ignition creates those of the spec.

use super::Facts;

/// Those of Debian's base.
pub(super) const DEBIAN: &str = include_str!("debian_accounts.txt");

impl Facts {
    /// Returns whether all users and groups of the base are known, with their numbers.
    pub fn knows_accounts(&self) -> bool {
        !self.base_accounts.is_empty()
    }

    /// Returns the users of the base and their numbers, as far as they are known.
    pub fn base_users(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.numbered("user ")
    }

    /// Returns the groups of the base and their numbers, as far as they are known.
    pub fn base_groups(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.numbered("group ")
    }

    fn numbered(&self, kind: &'static str) -> impl Iterator<Item = (&'static str, u32)> {
        let lines = self.base_accounts.lines();
        let entries = lines.filter_map(move |line| line.strip_prefix(kind)?.split_once(' '));
        entries.filter_map(|(name, id)| Some((name, id.parse().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::facts::systems::Target;

    #[test]
    fn groups_are_those_that_parts_know() {
        let facts = Target::Debian.facts();
        let numbered: BTreeSet<_> = facts.base_groups().map(|(name, _)| name).collect();
        let named: BTreeSet<_> = facts.groups.iter().copied().flatten().copied().collect();
        assert_eq!(numbered, named);
        assert!(facts.base_users().any(|user| user == ("root", 0)));
    }
}
