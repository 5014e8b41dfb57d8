//! Firmware in the image: the files that its drivers ask for (`MODULE_FIRMWARE` in the kernel),
//! which Debian has in packages of their own.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};

use super::deb::{self, Member, MemberKind};
use super::declared;
use super::glob::Glob;
use super::microcode;
use super::modules::Modules;
use crate::cache::Cache;
use crate::facts::debian::BaseKind;
use crate::facts::firmware::{Firmware, FirmwareClass};
use crate::formats::bounded;
use crate::formats::squashfs::Writer;
use crate::formats::tree::{Content, Kind, Node, Tree};
use crate::lock::LockedPackage;
use crate::progress::Progress;

/// Where the kernel looks for it, and packages that do not know of the merged `/usr` have it.
const FOLDERS: [&str; 2] = ["/usr/lib/firmware/", "/lib/firmware/"];

/// The largest file that stage 0 takes, in bytes.
const IN_MEMORY_MAX: u64 = 64 << 20;

/// How many links lead to one file at the most, as in the kernel (`MAXSYMLINKS`).
const LINKS_MAX: usize = 40;

/// The base that firmware is for.
#[derive(Debug, Clone, Copy)]
pub struct Firmwares<'a> {
    pub cache: &'a Cache,
    pub kind: &'a BaseKind,
    /// The packages that have it.
    pub packages: &'a [LockedPackage],
    pub modules: &'a Modules,
    /// Names of the modules of stage 0.
    pub stage0: &'a BTreeSet<String>,
}

/// A file of stage 0, by its path below the folder of firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum File {
    Bytes(Vec<u8>),
    Symlink(String),
}

/// What packages have: for each path below the folder, the target where it is a link.
type Available = BTreeMap<String, Option<String>>;

/// The component of Debian's archive that most of it is in.
const COMPONENT: &str = "non-free-firmware";

/// Paths below the folder that the image has, and that stage 0 has.
#[derive(Debug, Default)]
struct Chosen {
    image: BTreeSet<String>,
    early: BTreeSet<String>,
}

impl Firmwares<'_> {
    /// Puts the files into `tree`, their contents into `image`, and returns those of stage 0.
    pub fn lay(
        &self,
        tree: &mut Tree,
        image: &mut Writer,
        progress: &dyn Progress,
    ) -> Result<BTreeMap<String, File>> {
        let mut early = BTreeMap::new();
        if self.packages.is_empty() {
            return Ok(early);
        }
        let size = self.packages.iter().map(|package| package.size).sum();
        let what = format!("taking firmware from the component {COMPONENT}");
        progress.start(&what, Some(size));
        let chosen = self.choose()?;
        for package in self.packages {
            self.take(package, &chosen, tree, image, &mut early)?;
            progress.advance(package.size);
        }
        progress.finish();
        Ok(early)
    }

    /// What is taken of all packages.
    fn choose(&self) -> Result<Chosen> {
        let firmware = self.kind.firmware();
        let mut available = Available::new();
        let mut chosen = Chosen::default();
        for package in self.packages {
            self.each(package, |member, _| {
                if let Some((path, link)) = entry(&member) {
                    if firmware.packages.contains(&package.name) {
                        chosen.image.insert(path.clone());
                    }
                    available.insert(path, link);
                }
                Ok(())
            })?;
        }
        for asked in self.asked(&firmware)? {
            chosen.image.extend(found(&asked, &available)?);
        }
        for asked in self.asked_early() {
            chosen.early.extend(found(asked, &available)?);
        }
        chosen.image.extend(chosen.early.iter().cloned());
        Ok(chosen)
    }

    /// Takes what is chosen from one package; its license goes with it.
    fn take(
        &self,
        package: &LockedPackage,
        chosen: &Chosen,
        tree: &mut Tree,
        image: &mut Writer,
        early: &mut BTreeMap<String, File>,
    ) -> Result<()> {
        let copyright = format!("/usr/share/doc/{}/copyright", package.name);
        let mut license = None;
        let is_microcode = microcode::PACKAGES.contains(&package.name.as_str());
        let mut is_used = is_microcode && self.kind.has_microcode();
        self.each(package, |member, contents| {
            if member.path == copyright && member.kind == MemberKind::File {
                license = Some(bounded(contents, IN_MEMORY_MAX)?);
                return Ok(());
            }
            let Some((path, link)) = entry(&member) else {
                return Ok(());
            };
            if !chosen.image.contains(&path) {
                return Ok(());
            }
            is_used = true;
            let is_early = chosen.early.contains(&path);
            let kind = match link {
                Some(target) => {
                    let link = File::Symlink(target.clone());
                    early.extend(is_early.then(|| (path.clone(), link)));
                    Kind::Symlink(target)
                }
                None if is_early => {
                    let bytes = bounded(contents, IN_MEMORY_MAX)?;
                    let stored = image.add(&mut &bytes[..], false)?;
                    early.insert(path.clone(), File::Bytes(bytes));
                    Kind::File(Content::Stored(stored))
                }
                None => Kind::File(Content::Stored(image.add(contents, false)?)),
            };
            tree.insert(&format!("{}{path}", FOLDERS[0]), node(&member, kind));
            Ok(())
        })?;
        if let (Some(license), true) = (license, is_used) {
            tree.insert(&copyright, Node::file(0o644, license));
        }
        Ok(())
    }

    fn each(
        &self,
        package: &LockedPackage,
        visit: impl FnMut(Member, &mut dyn std::io::Read) -> Result<()>,
    ) -> Result<()> {
        deb::read(&self.cache.package(&package.sha256), package, visit)
    }

    /// What the drivers of `firmware` ask for.
    fn asked(&self, firmware: &Firmware) -> Result<Vec<String>> {
        let mut asked = Vec::new();
        let wants = |class: FirmwareClass| firmware.classes.contains(&class);
        for module in self.modules.by_name.values() {
            if !module.info.firmware.is_empty() && wants(declared::firmware_class(&module.path)?) {
                asked.extend(module.info.firmware.iter().cloned());
            }
        }
        for (path, file) in self.modules.builtin_firmware() {
            if wants(declared::firmware_class(path)?) {
                asked.push(file.to_owned());
            }
        }
        Ok(asked)
    }

    /// What the drivers of stage 0 ask for.
    fn asked_early(&self) -> impl Iterator<Item = &str> {
        let modules = (self.stage0.iter()).filter_map(|name| self.modules.by_name.get(name));
        modules.flat_map(|module| module.info.firmware.iter().map(String::as_str))
    }
}

/// A member of a package as firmware: its path below the folder, and where a link leads.
fn entry(member: &Member) -> Option<(String, Option<String>)> {
    let mut folders = FOLDERS.iter();
    let path = folders.find_map(|folder| member.path.strip_prefix(folder))?;
    match &member.kind {
        MemberKind::File => Some((path.to_owned(), None)),
        // Another name of a file is as good as a link to it.
        MemberKind::Symlink(target) | MemberKind::HardLink(target) => {
            Some((path.to_owned(), Some(target.clone())))
        }
        MemberKind::Directory => None,
    }
}

fn node(member: &Member, kind: Kind) -> Node {
    Node {
        kind,
        mode: member.mode,
        uid: member.uid,
        gid: member.gid,
        mtime: Some(member.mtime),
        capability: None,
        label: None,
    }
}

/// The paths that `asked` stands for, with the links on the way to the files. Nothing where no
/// package has the file.
fn found(asked: &str, available: &Available) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    if asked.contains(['*', '?']) {
        let glob = Glob::new(asked).with_context(|| format!("reading `{asked}`"))?;
        for path in available.keys().filter(|path| glob.matches(path)) {
            all.extend(followed(path, available));
        }
    } else {
        all.extend(followed(asked, available));
    }
    Ok(all)
}

/// The links on the way to the file at `path`, and the file. Nothing if there is none.
fn followed(path: &str, available: &Available) -> BTreeSet<String> {
    let mut passed = BTreeSet::new();
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let ends = path.match_indices('/').map(|(at, _)| at);
        let mut prefixes = ends.chain([path.len()]).map(|end| path.split_at(end));
        let link = prefixes.find_map(|(start, rest)| {
            let target = available.get(start)?.as_deref()?;
            Some((start.to_owned(), target, rest.to_owned()))
        });
        let Some((start, target, rest)) = link else {
            let is_file = available.contains_key(&path);
            passed.insert(path);
            return if is_file { passed } else { BTreeSet::new() };
        };
        let Some(next) = beside(&start, target) else {
            return BTreeSet::new();
        };
        passed.insert(start);
        path = next + &rest;
    }
    BTreeSet::new()
}

/// The path that a link at `path` leads to, below the folder. `None`: to somewhere else.
fn beside(path: &str, target: &str) -> Option<String> {
    let inside = FOLDERS
        .iter()
        .find_map(|folder| target.strip_prefix(folder));
    let mut parts: Vec<&str> = match inside {
        Some(_) => Vec::new(),
        None if target.starts_with('/') => return None,
        None => path.split('/').collect(),
    };
    parts.pop();
    for part in inside.unwrap_or(target).split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_patterns() {
        let file = |path: &str| (path.to_owned(), None);
        let link = |path: &str, target: &str| (path.to_owned(), Some(target.to_owned()));
        let available = Available::from([
            file("a/one.bin"),
            file("a/two.bin"),
            link("a/newest.bin", "two.bin"),
            link("b", "a"),
            link("c/up.bin", "../b/newest.bin"),
            link("whole", "/usr/lib/firmware/a/one.bin"),
            link("outside", "/etc/alternatives/x"),
            link("gone", "nothing.bin"),
            link("ring", "ring"),
        ]);
        let cases: [(&str, &[&str]); 10] = [
            ("a/one.bin", &["a/one.bin"]),
            ("a/newest.bin", &["a/newest.bin", "a/two.bin"]),
            ("b/one.bin", &["a/one.bin", "b"]),
            ("c/up.bin", &["a/newest.bin", "a/two.bin", "b", "c/up.bin"]),
            ("whole", &["a/one.bin", "whole"]),
            ("a/*.bin", &["a/newest.bin", "a/one.bin", "a/two.bin"]),
            ("outside", &[]),
            ("gone", &[]),
            ("ring", &[]),
            ("x.bin", &[]),
        ];
        for (asked, expected) in cases {
            let found = found(asked, &available).expect("a pattern");
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{asked}");
        }
    }
}
