//! The sections `images`, `programs` and `tables` of `imgbuild.lock`.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use crate::lock::Lock;
use crate::names::Arch;
use crate::oci::is_digest;

const IMAGES: &str = "images";
const PROGRAMS: &str = "programs";
const TABLES: &str = "tables";

/// The pins: digests of images and programs by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    /// By the name of an image: the digest of a manifest, or of an index of several architectures.
    images: BTreeMap<String, String>,
    /// Digests of programs by `VERSION/ARCH/NAME`.
    programs: BTreeMap<String, String>,
    /// Digests of files of what releases of Kubernetes have, by the files' names.
    tables: BTreeMap<String, String>,
}

impl Pins {
    /// The pins of `lock`. A lock may come from anywhere, so every digest is validated.
    pub fn from_lock(lock: &Lock) -> Result<Self> {
        let section = |name: &str| -> Result<BTreeMap<String, String>> {
            let pins: BTreeMap<String, String> = match lock.section(name) {
                Some(section) => serde_json::from_value(section.clone())
                    .with_context(|| format!("reading the section `{name}` of the lock"))?,
                None => BTreeMap::new(),
            };
            for (of, digest) in &pins {
                ensure!(
                    is_digest(digest),
                    "the lock pins `{of}` to `{digest}`, which is not a SHA-256 digest"
                );
            }
            Ok(pins)
        };
        Ok(Self {
            images: section(IMAGES)?,
            programs: section(PROGRAMS)?,
            tables: section(TABLES)?,
        })
    }

    /// Writes the pins to `lock`.
    pub fn save(&self, lock: &mut Lock) {
        for (name, pins) in [
            (IMAGES, &self.images),
            (PROGRAMS, &self.programs),
            (TABLES, &self.tables),
        ] {
            if !pins.is_empty() || lock.section(name).is_some() {
                lock.set_section(name, serde_json::json!(pins));
            }
        }
    }

    /// The digest that `image` (with registry and tag) is pinned to.
    pub fn image(&self, image: &str) -> Option<&str> {
        self.images.get(image).map(String::as_str)
    }

    pub fn set_image(&mut self, image: &str, digest: &str) {
        self.images.insert(image.to_owned(), digest.to_owned());
    }

    /// The digest that a program is pinned to.
    pub fn program(&self, version: &str, arch: Arch, name: &str) -> Option<&str> {
        self.programs
            .get(&key(version, arch, name))
            .map(String::as_str)
    }

    pub fn set_program(&mut self, version: &str, arch: Arch, name: &str, digest: &str) {
        self.programs
            .insert(key(version, arch, name), digest.to_owned());
    }

    /// The digest that a table is pinned to.
    pub fn table(&self, file_name: &str) -> Option<&str> {
        self.tables.get(file_name).map(String::as_str)
    }

    pub fn set_table(&mut self, file_name: &str, digest: &str) {
        self.tables.insert(file_name.to_owned(), digest.to_owned());
    }

    /// All pinned digests of what the cache may have.
    pub fn digests(&self) -> impl Iterator<Item = &str> {
        (self.images.values().chain(self.programs.values())).map(String::as_str)
    }

    /// The names of the pinned images.
    pub fn image_names(&self) -> impl Iterator<Item = &str> {
        self.images.keys().map(String::as_str)
    }
}

fn key(version: &str, arch: Arch, name: &str) -> String {
    format!("v{version}/{arch}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_kept_in_the_lock_and_checked() {
        let digest = format!("sha256:{}", "0f".repeat(32));
        let mut pins = Pins::default();
        pins.set_image("a.example/b:c", &digest);
        pins.set_program("1.36.2", Arch::Amd64, "kubelet", &digest);
        let mut lock = Lock::default();
        pins.save(&mut lock);
        let text = lock.to_text();
        assert!(
            text.contains(&format!("\"a.example/b:c\": \"{digest}\"")),
            "{text}"
        );
        let again = Lock::parse(&text).expect("own text");
        assert_eq!(Pins::from_lock(&again).expect("own pins"), pins);
        let wrong = Lock::parse(&text.replace("0f0f", "0F0F")).expect("JSON");
        assert!(Pins::from_lock(&wrong).is_err());
        let mut empty = Lock::default();
        Pins::default().save(&mut empty);
        assert_eq!(empty, Lock::default());
    }
}
