//! Debian, of which imgbuild builds bases: its releases, one row of facts each, and what tells one
//! base from another.

use std::fmt;

use crate::facts::kernel::KernelFlavor;
use crate::names::Arch;

/// A release of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Release {
    /// Debian 13.
    #[default]
    Trixie,
}

/// The facts about one release.
#[derive(Debug, PartialEq, Eq)]
pub struct ReleaseFacts {
    /// Its name on mirrors.
    pub suite: &'static str,
    /// How names of its bases in a lock begin.
    pub in_lock: &'static str,
}

const TRIXIE: ReleaseFacts = ReleaseFacts {
    suite: "trixie",
    in_lock: "debian",
};

impl Release {
    /// All of them, oldest first.
    pub const ALL: [Self; 1] = [Self::Trixie];

    /// Returns the facts about it.
    pub fn facts(self) -> &'static ReleaseFacts {
        match self {
            Self::Trixie => &TRIXIE,
        }
    }
}

/// What tells one base from another, besides the versions of its packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct BaseKind {
    pub release: Release,
    pub arch: Arch,
    pub kernel: KernelFlavor,
    /// Whether it has what control planes need to share an address, and nodes to reach them all:
    /// keepalived and haproxy.
    pub shares_address: bool,
}

impl BaseKind {
    /// Returns the kind of the default release.
    pub fn new(arch: Arch, kernel: KernelFlavor) -> Self {
        Self {
            arch,
            kernel,
            ..Self::default()
        }
    }

    /// Returns all kinds.
    pub fn all() -> impl Iterator<Item = Self> {
        let machines = [Arch::Amd64, Arch::Arm64]
            .into_iter()
            .flat_map(|arch| KernelFlavor::ALL.iter().map(move |kernel| (arch, *kernel)));
        Release::ALL.into_iter().flat_map(move |release| {
            machines.clone().flat_map(move |(arch, kernel)| {
                [false, true].map(|shares_address| Self {
                    release,
                    arch,
                    kernel,
                    shares_address,
                })
            })
        })
    }

    /// Returns its name in a lock: `debian-amd64-generic`, `debian-amd64-generic-shared-address`.
    pub fn in_lock(self) -> String {
        format!(
            "{}-{}-{}{}",
            self.release.facts().in_lock,
            self.arch,
            self.kernel.as_str(),
            if self.shares_address {
                "-shared-address"
            } else {
                ""
            }
        )
    }
}

/// `amd64 (generic kernel)`, `amd64 (generic kernel, keepalived and haproxy)`
impl fmt::Display for BaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.shares_address {
            ", keepalived and haproxy"
        } else {
            ""
        };
        write!(f, "{} ({} kernel{more})", self.arch, self.kernel.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: BTreeSet<String> = BaseKind::all().map(BaseKind::in_lock).collect();
        assert_eq!(names.len(), BaseKind::all().count());
        assert!(names.contains("debian-arm64-cloud"), "{names:?}");
    }
}
