//! `imgbuild.lock`: the pins of everything that comes from outside. This module owns the section
//! `base`; other sections are kept unchanged.
//!
//! JSON with one package per line, so that a change reads well in `git diff`.

pub mod indexes;
pub mod pins;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::facts::debian::BaseKind;
use crate::formats::{json, whole_text};

/// The version of the file's layout that this program writes.
const VERSION: u64 = 1;

/// The largest lock, in bytes: that of a base has about 200 KiB.
const BYTES_MAX: u64 = 16 << 20;

/// The pins of one spec. Kept beside it as `imgbuild.lock`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lock {
    bases: BTreeMap<String, LockedBase>,
    /// Sections that this module does not know.
    other: serde_json::Map<String, serde_json::Value>,
}

/// The packages of one base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedBase {
    /// SHA-256 over the list of requested packages: a different list requires another resolution.
    pub request: String,
    /// The packages of the root image, sorted by name.
    pub packages: Vec<LockedPackage>,
    /// Packages that only boot loader files are taken from, sorted by name.
    pub boot_loaders: Vec<LockedPackage>,
    /// Packages that only firmware and microcode are taken from, sorted by name.
    #[serde(default)]
    pub firmware: Vec<LockedPackage>,
}

/// One package file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    pub name: String,
    pub version: String,
    /// `amd64`, `arm64` or `all`.
    pub architecture: String,
    pub archive: Archive,
    /// Below the archive's base URI: `pool/main/b/bash/bash_5.2_amd64.deb`.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// In hexadecimal, from the archive's signed index.
    pub sha256: String,
}

/// Which of the distribution's two archives has a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Archive {
    Main,
    Security,
}

impl Lock {
    /// Reads the lock at `path`; an absent file is an empty lock.
    pub fn load(path: &Path) -> Result<Self> {
        match whole_text(path, BYTES_MAX)? {
            Some(text) => Self::parse(&text).with_context(|| format!("reading {}", path.display())),
            None => Ok(Self::default()),
        }
    }

    /// Reads a lock from its text.
    pub fn parse(text: &str) -> Result<Self> {
        let mut other: serde_json::Map<String, serde_json::Value> = json::parse(text.as_bytes())?;
        match other.remove("version") {
            Some(version) if version == VERSION => {}
            Some(version) => bail!(
                "unsupported version {version} of the lock (expected {VERSION}); `imgbuild update` rewrites it"
            ),
            None => bail!("the lock has no `version`"),
        }
        let bases: BTreeMap<String, LockedBase> = match other.remove("base") {
            Some(section) => {
                serde_json::from_value(section).context("reading the section `base`")?
            }
            None => BTreeMap::new(),
        };
        for package in bases.values().flat_map(LockedBase::all_packages) {
            package.check()?;
        }
        Ok(Self { bases, other })
    }

    /// The lock as text, ending in a newline. The same lock gives the same text.
    pub fn to_text(&self) -> String {
        let mut text = format!("{{\n  \"version\": {VERSION}");
        if !self.bases.is_empty() {
            text.push_str(",\n  \"base\": {");
            for (index, (key, base)) in self.bases.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                let _ = write!(text, "{comma}\n    {}: {{", json(key));
                let _ = write!(text, "\n      \"request\": {},", json(&base.request));
                let _ = write!(text, "\n      \"packages\": [{}],", rows(&base.packages));
                let _ = write!(
                    text,
                    "\n      \"boot_loaders\": [{}]",
                    rows(&base.boot_loaders)
                );
                if !base.firmware.is_empty() {
                    let _ = write!(text, ",\n      \"firmware\": [{}]", rows(&base.firmware));
                }
                text.push_str("\n    }");
            }
            text.push_str("\n  }");
        }
        for (key, section) in &self.other {
            let section = serde_json::to_string_pretty(section)
                .expect("a JSON value is always serializable")
                .replace('\n', "\n  ");
            let _ = write!(text, ",\n  {}: {section}", json(key));
        }
        text.push_str("\n}\n");
        text
    }

    /// Writes the lock to `path`, atomically. A file that already has this text is left unchanged.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = self.to_text();
        if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        let write = || -> std::io::Result<()> {
            let folder = match path.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            let mut file = tempfile::Builder::new()
                .prefix(".imgbuild.lock-")
                .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
                .tempfile_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            std::fs::File::open(folder)?.sync_all()
        };
        write().with_context(|| format!("writing {}", path.display()))
    }

    /// The packages of a base, where pinned.
    pub fn base(&self, kind: &BaseKind) -> Option<&LockedBase> {
        self.bases.get(&kind.in_lock())
    }

    /// All bases that are pinned.
    pub fn bases(&self) -> impl Iterator<Item = (BaseKind, &LockedBase)> {
        (self.bases.iter()).filter_map(|(name, base)| Some((BaseKind::from_lock(name)?, base)))
    }

    /// Pins the packages of a base.
    pub fn set_base(&mut self, kind: &BaseKind, mut base: LockedBase) {
        for packages in [
            &mut base.packages,
            &mut base.boot_loaders,
            &mut base.firmware,
        ] {
            packages.sort_by(|a, b| a.name.cmp(&b.name));
        }
        self.bases.insert(kind.in_lock(), base);
    }

    /// A section of another module.
    pub fn section(&self, name: &str) -> Option<&serde_json::Value> {
        self.other.get(name)
    }

    /// Sets a section of another module. `version` and `base` are not such sections.
    pub fn set_section(&mut self, name: &str, value: serde_json::Value) {
        debug_assert!(!matches!(name, "version" | "base"));
        self.other.insert(name.to_owned(), value);
    }
}

impl LockedBase {
    /// The packages of the root image, of the boot loaders and of firmware.
    pub fn all_packages(&self) -> impl Iterator<Item = &LockedPackage> {
        (self.packages.iter().chain(&self.boot_loaders)).chain(&self.firmware)
    }
}

impl LockedPackage {
    /// `bash 5.2 (amd64)`, for messages.
    pub fn describe(&self) -> String {
        format!("{} {} ({})", self.name, self.version, self.architecture)
    }

    /// A lock can come from anywhere: its paths and hashes become file names and parts of URIs.
    fn check(&self) -> Result<()> {
        ensure!(
            self.sha256.len() == 64
                && self
                    .sha256
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
            "the sha256 of `{}` is not 64 lower-case hexadecimal digits",
            self.name
        );
        ensure!(
            !self.path.starts_with('/')
                && self
                    .path
                    .split('/')
                    .all(|part| !matches!(part, "" | "." | ".."))
                && self.path.bytes().all(|b| b.is_ascii_graphic()),
            "the path of `{}` is not a relative path in an archive",
            self.name
        );
        Ok(())
    }
}

fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a string is always serializable")
}

fn rows(packages: &[LockedPackage]) -> String {
    let mut text = String::new();
    for (index, package) in packages.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let row = serde_json::to_string(package).expect("a package is always serializable");
        let _ = write!(text, "{comma}\n        {row}");
    }
    if !packages.is_empty() {
        text.push_str("\n      ");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::kernel::KernelFlavor;
    use crate::names::Arch;

    fn package(name: &str) -> LockedPackage {
        LockedPackage {
            name: name.to_owned(),
            version: "1:2.0~rc1-1".to_owned(),
            architecture: "all".to_owned(),
            archive: Archive::Security,
            path: format!("pool/main/x/{name}_2.0_all.deb"),
            size: 17,
            sha256: "0f".repeat(32),
        }
    }

    fn lock() -> Lock {
        let mut lock = Lock::default();
        let base = LockedBase {
            request: "ab".repeat(32),
            packages: vec![package("b"), package("a")],
            boot_loaders: Vec::new(),
            firmware: vec![package("c")],
        };
        lock.set_base(&BaseKind::new(Arch::Arm64, KernelFlavor::Cloud), base);
        lock
    }

    #[test]
    fn text_reads_back_and_is_stable() {
        let mut lock = lock();
        lock.set_section("images", serde_json::json!({"b": [1, 2], "a": "x"}));
        let text = lock.to_text();
        let again = Lock::parse(&text).expect("own text");
        assert_eq!(again, lock);
        assert_eq!(again.to_text(), text);
        assert_eq!(text.lines().filter(|l| l.contains("pool/")).count(), 3);
        assert!(text.find("\"a\",\"version\"") < text.find("\"b\",\"version\""));
    }

    #[test]
    fn save_is_whole_and_load_of_nothing_is_empty() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("imgbuild.lock");
        assert_eq!(Lock::load(&path).expect("absent"), Lock::default());
        lock().save(&path).expect("save");
        assert_eq!(Lock::load(&path).expect("load"), lock());
        assert_eq!(folder.path().read_dir().expect("list").count(), 1);
    }

    #[test]
    fn refused() {
        let good = lock().to_text();
        let cases = [
            ("not JSON", "{".to_owned()),
            ("no version", "{}".to_owned()),
            ("a later version", good.replacen(": 1", ": 2", 1)),
            (
                "a path that climbs",
                good.replacen("pool/main", "pool/..", 1),
            ),
            ("an absolute path", good.replacen("pool/main", "/pool", 1)),
            ("a short hash", good.replacen("0f0f", "0f", 1)),
            ("an upper-case hash", good.replacen("0f0f", "0F0f", 1)),
            ("an unknown archive", good.replacen("security", "ppa", 1)),
            (
                "an unknown field",
                good.replacen("\"size\"", "\"sized\"", 1),
            ),
        ];
        for (name, text) in cases {
            assert!(Lock::parse(&text).is_err(), "{name}");
        }
    }
}
