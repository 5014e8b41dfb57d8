//! The settings that ct's `etcd:` and `flannel:` accept, by version of etcd and flannel.

use crate::facts::minors::lines;

const ETCD: &str = include_str!("ct_etcd.txt");
const FLANNEL: &str = include_str!("ct_flannel.txt");

/// A program that Container Linux runs through a wrapper, with a section in ct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CtService {
    Etcd,
    Flannel,
}

/// The type of a setting in such a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CtKind {
    Text,
    Whole,
    Bool,
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CtSetting {
    pub key: &'static str,
    /// Without its dashes.
    pub flag: &'static str,
    pub kind: CtKind,
    /// Major and minor of the first version for which ct has it.
    pub first: (u16, u16),
    /// Major and minor of the last one.
    pub last: (u16, u16),
}

impl CtService {
    /// The section's key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Flannel => "flannel",
        }
    }

    /// Returns the version whose settings are used if the section sets none.
    pub fn default_version(self) -> (u16, u16) {
        match self {
            Self::Etcd => (3, 0),
            Self::Flannel => (0, 6),
        }
    }

    /// Returns the oldest version for which ct has settings.
    pub fn oldest(self) -> (u16, u16) {
        match self {
            Self::Etcd => (2, 3),
            Self::Flannel => (0, 5),
        }
    }

    /// Returns the newest version below `major + 1` for which ct has settings; `None`: there is
    /// none.
    pub fn newest(self, major: u16) -> Option<(u16, u16)> {
        match (self, major) {
            (Self::Etcd, 2) => Some((2, 3)),
            (Self::Etcd, 3) => Some((3, 3)),
            (Self::Flannel, 0) => Some((0, 7)),
            _ => None,
        }
    }

    /// Returns its settings, in the order of the flags. A key that changed has several rows.
    pub fn settings(self) -> impl Iterator<Item = CtSetting> {
        lines(match self {
            Self::Etcd => ETCD,
            Self::Flannel => FLANNEL,
        })
        .filter_map(row)
    }
}

/// `enable_v2 enable-v2 bool 3.2-3.3`
fn row(line: &'static str) -> Option<CtSetting> {
    let mut words = line.split(' ');
    let (key, flag) = (words.next()?, words.next()?);
    let kind = match words.next()? {
        "int" => CtKind::Whole,
        "bool" => CtKind::Bool,
        _ => CtKind::Text,
    };
    let (first, last) = words.next()?.split_once('-')?;
    Some(CtSetting {
        key,
        flag,
        kind,
        first: version(first)?,
        last: version(last)?,
    })
}

fn version(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_well_formed() {
        for (service, table, least) in [
            (CtService::Etcd, ETCD, 60),
            (CtService::Flannel, FLANNEL, 12),
        ] {
            let rows: Vec<_> = service.settings().collect();
            assert_eq!(rows.len(), lines(table).count(), "{}", service.as_str());
            assert!(rows.len() >= least);
            for row in &rows {
                assert!(row.first <= row.last, "{}", row.key);
                assert!(row.first >= service.oldest(), "{}", row.key);
                let same = rows.iter().filter(|other| other.key == row.key);
                let apart = same.filter(|o| o.first <= row.last && row.first <= o.last);
                assert_eq!(apart.count(), 1, "{}", row.key);
            }
        }
    }

    #[test]
    fn what_changed_between_versions() {
        for (key, version, kind) in [
            ("name", (2, 3), Some(CtKind::Text)),
            ("enable_v2", (3, 1), None),
            ("enable_v2", (3, 2), Some(CtKind::Bool)),
            ("auto_compaction_retention", (3, 2), Some(CtKind::Whole)),
            ("auto_compaction_retention", (3, 3), Some(CtKind::Text)),
        ] {
            let mut rows = CtService::Etcd.settings();
            let row =
                rows.find(|row| row.key == key && row.first <= version && version <= row.last);
            assert_eq!(row.map(|row| row.kind), kind, "{key}");
        }
    }
}
