//! Debian, of which imgbuild builds bases: its releases, one row of facts each, and what tells one
//! base from another.

use std::collections::BTreeSet;
use std::fmt;

use crate::facts::firmware::Firmware;
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
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct BaseKind {
    pub release: Release,
    pub arch: Arch,
    pub kernel: KernelFlavor,
    /// As asked for; [`BaseKind::firmware`] is what the base has.
    pub asked_firmware: Firmware,
    /// The packages that it has beyond those of every base.
    pub packages: BTreeSet<String>,
}

/// What control planes need to share an address, and nodes to reach them all.
pub const SHARED_ADDRESS: [&str; 2] = ["haproxy", "keepalived"];

/// Between the parts of a base's name in a lock.
const SEPARATOR: &str = "; ";
const FIRMWARE: &str = "firmware: ";
const PACKAGES: &str = "packages: ";

impl BaseKind {
    /// Returns the kind of the default release.
    pub fn new(arch: Arch, kernel: KernelFlavor) -> Self {
        Self {
            arch,
            kernel,
            ..Self::default()
        }
    }

    /// Returns the firmware that it has. Of the cloud kernel's drivers none asks for a file.
    pub fn firmware(&self) -> Firmware {
        let mut firmware = self.asked_firmware.clone();
        if self.kernel == KernelFlavor::Cloud {
            firmware.classes.clear();
        }
        firmware
    }

    /// Returns whether its initrd has microcode for processors: virtual machines cannot load any.
    pub fn has_microcode(&self) -> bool {
        self.arch == Arch::Amd64
            && self.kernel == KernelFlavor::Generic
            && !self.asked_firmware.is_empty()
    }

    /// Returns its name in a lock: `debian-amd64-generic`, `debian-amd64-generic; firmware: none;
    /// packages: haproxy, keepalived`.
    pub fn in_lock(&self) -> String {
        let mut name = machine_in_lock(self.release, self.arch, self.kernel);
        for part in self.parts() {
            name.push_str(SEPARATOR);
            name.push_str(&part);
        }
        name
    }

    /// Returns the kind that has this name in a lock.
    pub fn from_lock(name: &str) -> Option<Self> {
        let mut parts = name.split(SEPARATOR);
        let machine = parts.next()?;
        let mut kind = machines()
            .find(|(release, arch, kernel)| machine_in_lock(*release, *arch, *kernel) == machine)
            .map(|(release, arch, kernel)| Self {
                release,
                arch,
                kernel,
                ..Self::default()
            })?;
        for part in parts {
            if let Some(firmware) = part.strip_prefix(FIRMWARE) {
                kind.asked_firmware = Firmware::from_text(firmware)?;
            } else {
                let packages = part.strip_prefix(PACKAGES)?.split(", ");
                kind.packages = packages.map(str::to_owned).collect();
            }
        }
        Some(kind)
    }

    /// What it has beyond, or less than, the base of most nodes.
    fn parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        let firmware = self.firmware();
        let ordinary = Self::new(self.arch, self.kernel).firmware();
        if firmware != ordinary {
            parts.push(format!("{FIRMWARE}{firmware}"));
        }
        if !self.packages.is_empty() {
            let packages: Vec<&str> = self.packages.iter().map(String::as_str).collect();
            parts.push(format!("{PACKAGES}{}", packages.join(", ")));
        }
        parts
    }
}

/// All machines that there are bases for.
fn machines() -> impl Iterator<Item = (Release, Arch, KernelFlavor)> {
    Release::ALL.into_iter().flat_map(|release| {
        [Arch::Amd64, Arch::Arm64]
            .into_iter()
            .flat_map(move |arch| {
                let kernels = KernelFlavor::ALL.iter();
                kernels.map(move |kernel| (release, arch, *kernel))
            })
    })
}

fn machine_in_lock(release: Release, arch: Arch, kernel: KernelFlavor) -> String {
    format!("{}-{arch}-{}", release.facts().in_lock, kernel.as_str())
}

/// `amd64 (generic kernel)`, `amd64 (generic kernel; packages: haproxy, keepalived)`
impl fmt::Display for BaseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} kernel", self.arch, self.kernel.as_str())?;
        for part in self.parts() {
            write!(f, "{SEPARATOR}{part}")?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_locks_read_back() {
        let generic = BaseKind::new(Arch::Amd64, KernelFlavor::Generic);
        let packages: BTreeSet<String> = SHARED_ADDRESS.map(str::to_owned).into();
        let cases = [
            ("debian-amd64-generic", generic.clone()),
            (
                "debian-arm64-cloud",
                BaseKind::new(Arch::Arm64, KernelFlavor::Cloud),
            ),
            (
                "debian-amd64-generic; firmware: none; packages: haproxy, keepalived",
                BaseKind {
                    asked_firmware: Firmware::none(),
                    packages,
                    ..generic
                },
            ),
        ];
        for (name, kind) in cases {
            assert_eq!(kind.in_lock(), name);
            assert_eq!(
                BaseKind::from_lock(name)
                    .map(|kind| kind.in_lock())
                    .as_deref(),
                Some(name)
            );
        }
        for name in [
            "debian-riscv64-generic",
            "debian-amd64-generic; x",
            "debian-amd64-generic-x",
        ] {
            assert_eq!(BaseKind::from_lock(name), None, "{name}");
        }
    }

    #[test]
    fn virtual_machines_have_no_firmware() {
        let cloud = BaseKind::new(Arch::Amd64, KernelFlavor::Cloud);
        assert!(cloud.firmware().is_empty() && !cloud.has_microcode());
        let generic = BaseKind::new(Arch::Amd64, KernelFlavor::Generic);
        assert!(!generic.firmware().is_empty() && generic.has_microcode());
        assert!(!BaseKind::new(Arch::Arm64, KernelFlavor::Generic).has_microcode());
    }
}
