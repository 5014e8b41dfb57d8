//! Microcode of processors, which the kernel loads before anything else: from an uncompressed cpio
//! archive at the start of the initrd (kernel Documentation/arch/x86/microcode.rst).

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};

use super::deb::{self, MemberKind};
use crate::cache::Cache;
use crate::facts::firmware::MICROCODE;
use crate::formats::bounded;
use crate::formats::cpio::Archive;
use crate::lock::LockedPackage;

/// The microcode of one maker of processors.
#[derive(Debug)]
struct Maker {
    /// The folder of its files in the package.
    folder: &'static str,
    /// Where the kernel looks for all of them, one after the other.
    path: &'static str,
}

const AMD: Maker = Maker {
    folder: "/usr/lib/firmware/amd-ucode/",
    path: MICROCODE[0].0,
};

const INTEL: Maker = Maker {
    folder: "/usr/lib/firmware/intel-ucode/",
    path: MICROCODE[1].0,
};

/// The packages that have it, and the makers whose it is.
const MAKERS: [(&str, &Maker); 2] = [("amd64-microcode", &AMD), ("intel-microcode", &INTEL)];

/// The packages that have it.
pub const PACKAGES: [&str; 2] = [MAKERS[0].0, MAKERS[1].0];

/// The most microcode of one maker, in bytes: a limit against bombs. Intel's has 22 MB.
const MICROCODE_MAX: u64 = 256 << 20;

/// The archive of the microcode in `packages`.
pub fn archive(cache: &Cache, packages: &[LockedPackage]) -> Result<Vec<u8>> {
    let mut archive = Archive::new(Vec::new());
    for (name, maker) in MAKERS {
        let package = packages.iter().find(|package| package.name == name);
        let package = package.with_context(|| format!("the package {name} is not pinned"))?;
        let files = files(cache, package, maker)?;
        ensure!(!files.is_empty(), "{name} has no file in {}", maker.folder);
        let all: Vec<u8> = files.into_values().flatten().collect();
        archive.file(maker.path, 0o644, &all)?;
    }
    archive.finish()
}

/// The package's files, by name.
fn files(
    cache: &Cache,
    package: &LockedPackage,
    maker: &Maker,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut left = MICROCODE_MAX;
    deb::read(
        &cache.package(&package.sha256),
        package,
        |member, contents| {
            let name = member.path.strip_prefix(maker.folder);
            if let (Some(name), MemberKind::File) = (name, &member.kind) {
                let bytes = bounded(contents, left)?;
                left -= bytes.len() as u64;
                files.insert(name.to_owned(), bytes);
            }
            Ok(())
        },
    )?;
    Ok(files)
}
