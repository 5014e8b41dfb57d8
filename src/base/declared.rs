//! The project's own part of a base: the files below `configs/base/`, which are compiled into the
//! program.

use std::collections::BTreeSet;
use std::iter;
use std::str::SplitAsciiWhitespace;

use anyhow::{Context as _, Result, ensure};

use super::glob::Glob;
use crate::facts::debian::BaseKind;
use crate::facts::firmware::{Firmware, FirmwareClass};
use crate::names::Arch;

/// A file below `configs/base/`.
#[derive(Debug, Clone, Copy)]
pub struct DeclaredFile {
    /// Below `configs/base/`: `root/etc/hosts`.
    pub path: &'static str,
    pub executable: bool,
    pub bytes: &'static [u8],
}

/// Sorted by path; made by `build.rs`.
static FILES: &[DeclaredFile] = include!(concat!(env!("OUT_DIR"), "/declared_files.rs"));

/// The package list: one name per line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageList {
    /// The packages that apt is asked for.
    pub wanted: Vec<String>,
    /// `-name` lines, with `*`: left out, even if apt resolves them as a dependency.
    pub left_out: Vec<Glob>,
}

/// All declared files, sorted by path.
pub fn files() -> &'static [DeclaredFile] {
    FILES
}

impl PackageList {
    /// Whether a package that apt resolved becomes part of the image.
    pub fn keeps(&self, name: &str) -> bool {
        self.wanted.iter().any(|wanted| wanted == name)
            || !self.left_out.iter().any(|glob| glob.matches(name))
    }
}

/// `configs/base/packages`, the packages that a base of this kind has in addition, and what those
/// bring (`packages-NAME`).
pub fn packages(kind: &BaseKind) -> Result<PackageList> {
    let mut list = PackageList {
        wanted: kind.packages.iter().cloned().collect(),
        left_out: Vec::new(),
    };
    let brought = kind.packages.iter().map(|name| format!("packages-{name}"));
    let brought = brought.filter(|path| file(path).is_ok());
    for path in iter::once("packages".to_owned()).chain(brought) {
        for word in lines(&path)? {
            match word.strip_prefix('-') {
                Some(name) => list.left_out.push(Glob::new(name)?),
                None => list.wanted.push(word.to_owned()),
            }
        }
    }
    Ok(list)
}

/// `configs/base/remove`: what is left out of the root image of a base with this firmware.
pub fn removals(firmware: &Firmware) -> Result<Vec<Glob>> {
    let mut kept = Vec::new();
    for row in firmware_rows()?.filter(|row| firmware.classes.contains(&row.class)) {
        if row.what == "keep" {
            kept.extend(
                row.words
                    .map(|folder| format!("/usr/lib/modules/*/{folder}")),
            );
        }
    }
    let removed = lines("remove")?.filter(|line| !kept.iter().any(|kept| kept == line));
    removed.map(Glob::new).collect()
}

/// A line of `configs/base/firmware`.
struct FirmwareRow {
    class: FirmwareClass,
    what: &'static str,
    words: SplitAsciiWhitespace<'static>,
}

fn firmware_rows() -> Result<impl Iterator<Item = FirmwareRow>> {
    let rows: Result<Vec<FirmwareRow>> = lines("firmware")?
        .map(|line| {
            let mut words = line.split_ascii_whitespace();
            let class = words.next().and_then(FirmwareClass::from_word);
            Ok(FirmwareRow {
                class: class.with_context(|| format!("configs/base/firmware: `{line}`"))?,
                what: words.next().unwrap_or_default(),
                words,
            })
        })
        .collect();
    Ok(rows?.into_iter())
}

/// The packages that have the files of this firmware, sorted.
pub fn firmware_packages(firmware: &Firmware, arch: Arch) -> Result<BTreeSet<String>> {
    let mut packages = firmware.packages.clone();
    let of_arch = format!("packages/{arch}");
    for row in firmware_rows()?.filter(|row| firmware.classes.contains(&row.class)) {
        if row.what == "packages" || row.what == of_arch {
            packages.extend(row.words.map(str::to_owned));
        }
    }
    Ok(packages)
}

/// The class of the driver at `path`, below the folder of its kernel.
pub fn firmware_class(path: &str) -> Result<FirmwareClass> {
    let mut best = (0, FirmwareClass::Other);
    for row in firmware_rows()?.filter(|row| matches!(row.what, "drivers" | "keep")) {
        for folder in row.words {
            let is_in = path
                .strip_prefix(folder)
                .is_some_and(|rest| rest.starts_with('/'));
            if is_in && folder.len() > best.0 {
                best = (folder.len(), row.class);
            }
        }
    }
    Ok(best.1)
}

/// `configs/base/links`: path and target of symbolic links.
pub fn links() -> Result<Vec<(&'static str, &'static str)>> {
    lines("links")?
        .map(|line| {
            let (path, target) = line
                .split_once(" -> ")
                .with_context(|| format!("configs/base/links: `{line}` is not `path -> target`"))?;
            let path = path.trim();
            ensure!(
                path.starts_with('/'),
                "configs/base/links: `{path}` is not an absolute path"
            );
            Ok((path, target.trim()))
        })
        .collect()
}

/// `configs/base/root/…`: files put into the image, by their absolute path there.
pub fn root_files() -> impl Iterator<Item = (&'static str, DeclaredFile)> {
    FILES.iter().filter_map(|file| {
        let path = file.path.strip_prefix("root")?;
        path.starts_with('/').then_some((path, *file))
    })
}

/// `configs/base/stage0/init`: the program that the kernel starts in the initrd.
pub fn stage0_init() -> Result<&'static [u8]> {
    Ok(file("stage0/init")?.bytes)
}

/// `configs/base/stage0/programs`: paths of programs and libraries.
pub fn stage0_programs() -> Result<Vec<Glob>> {
    lines("stage0/programs")?.map(Glob::new).collect()
}

/// `configs/base/stage0/modules`: names of kernel modules.
pub fn stage0_modules() -> Result<Vec<&'static str>> {
    Ok(lines("stage0/modules")?.collect())
}

fn file(path: &str) -> Result<DeclaredFile> {
    FILES
        .binary_search_by(|file| file.path.cmp(path))
        .map(|index| FILES[index])
        .ok()
        .with_context(|| format!("configs/base/{path} is not part of this program"))
}

/// The lines of a list, without comments (`#`) and empty ones.
fn lines(path: &str) -> Result<impl Iterator<Item = &'static str>> {
    let text = std::str::from_utf8(file(path)?.bytes)
        .with_context(|| format!("reading configs/base/{path}"))?;
    Ok(text
        .lines()
        .map(|line| {
            line.split_once('#')
                .map_or(line, |(before, _)| before)
                .trim()
        })
        .filter(|line| !line.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_whole() {
        assert!(FILES.is_sorted_by(|a, b| a.path < b.path));
        assert!(
            !packages(&BaseKind::default())
                .expect("packages")
                .wanted
                .is_empty()
        );
        assert!(stage0_init().expect("init").starts_with(b"#!/bin/busybox"));
        stage0_modules().expect("modules");
        stage0_programs().expect("programs");
        links().expect("links");
        for (path, _) in root_files() {
            assert!(
                ["/bin/", "/sbin/", "/lib/"]
                    .iter()
                    .all(|dir| !path.starts_with(dir)),
                "{path}: below /usr, as the image has it"
            );
        }
    }

    #[test]
    fn firmware_of_words() {
        let cases = [
            (
                "kernel/drivers/net/ethernet/broadcom/tg3.ko.xz",
                FirmwareClass::Wired,
            ),
            (
                "kernel/drivers/net/wireless/ath/ath10k/ath10k_core.ko.xz",
                FirmwareClass::Wifi,
            ),
            ("kernel/drivers/network.ko", FirmwareClass::Other),
            ("kernel/drivers/gpu/drm/ast/ast.ko.xz", FirmwareClass::Gpu),
            ("kernel/drivers/crypto/ccp/ccp.ko.xz", FirmwareClass::Other),
        ];
        for (path, class) in cases {
            assert_eq!(firmware_class(path).expect("a class"), class, "{path}");
        }
        let (wired, all) = (Firmware::default(), Firmware::all());
        let packages = firmware_packages(&wired, Arch::Amd64).expect("packages");
        assert!(packages.contains("firmware-realtek") && !packages.contains("firmware-mediatek"));
        assert!(
            firmware_packages(&Firmware::none(), Arch::Amd64)
                .expect("none")
                .is_empty()
        );

        // Each folder to keep is one that would be removed.
        let keeps = firmware_rows()
            .expect("rows")
            .filter(|row| row.what == "keep");
        let keeps: usize = keeps.map(|row| row.words.count()).sum();
        let [few, many] = [&wired, &all].map(|firmware| removals(firmware).expect("remove").len());
        assert_eq!(few - many, keeps);
    }
}
