//! The project's own part of a base: the files below `configs/base/`, which are compiled into the
//! program.

use anyhow::{Context as _, Result, ensure};

use super::glob::Glob;
use crate::facts::debian::BaseKind;

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

/// `configs/base/packages`, and what a base of this kind has in addition.
pub fn packages(kind: BaseKind) -> Result<PackageList> {
    let mut list = PackageList {
        wanted: Vec::new(),
        left_out: Vec::new(),
    };
    let more = kind.shares_address.then_some("packages-shared-address");
    for file in ["packages"].into_iter().chain(more) {
        for word in lines(file)? {
            match word.strip_prefix('-') {
                Some(name) => list.left_out.push(Glob::new(name)?),
                None => list.wanted.push(word.to_owned()),
            }
        }
    }
    Ok(list)
}

/// `configs/base/remove`: what is left out of the root image.
pub fn removals() -> Result<Vec<Glob>> {
    lines("remove")?.map(Glob::new).collect()
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
        for kind in BaseKind::all() {
            assert!(!packages(kind).expect("packages").wanted.is_empty());
        }
        assert!(stage0_init().expect("init").starts_with(b"#!/bin/busybox"));
        stage0_modules().expect("modules");
        stage0_programs().expect("programs");
        removals().expect("remove");
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
}
