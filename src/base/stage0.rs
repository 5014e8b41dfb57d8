//! The initrd: busybox, dmsetup, a script and the kernel modules required to reach the root image.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::declared;
use super::elf::Linked;
use super::firmware;
use super::modules::{ModuleStore, Modules, module_name};
use crate::formats::cpio::{ALIGNMENT, Archive};

/// zstd's level for the initrd: made once, decompressed at every boot, whose speed does not depend
/// on the level.
const LEVEL: i32 = 19;

/// Mount points and folders that scripts expect.
const FOLDERS: [&str; 11] = [
    "bin",
    "dev",
    "etc",
    "lib",
    "lib/modules",
    "mnt",
    "proc",
    "root",
    "run",
    "sys",
    "tmp",
];

/// The program that sets up dm-verity.
const DMSETUP: &str = "/usr/sbin/dmsetup";

/// The parts of stage 0.
#[derive(Debug, Clone, Copy)]
pub struct Stage0<'a> {
    /// `busybox`, static.
    pub busybox: &'a [u8],
    /// Other programs and their libraries, by the paths in their packages.
    pub programs: &'a BTreeMap<String, Vec<u8>>,
    /// The kernel's release: `6.12.1+deb13-amd64`.
    pub release: &'a str,
    pub modules: &'a Modules,
    pub store: &'a ModuleStore,
    /// Firmware that its modules ask for, by the path below the folder of firmware.
    pub firmware: &'a BTreeMap<String, firmware::File>,
    /// The archive that comes first, uncompressed, for the kernel itself. Empty: none.
    pub front: &'a [u8],
}

/// Names of the modules that stage 0 has of `modules`.
pub fn module_names(modules: &Modules) -> Result<BTreeSet<String>> {
    let listed = declared::stage0_modules()?.into_iter();
    let all = listed.flat_map(|name| modules.load_order(&name.replace('-', "_")));
    Ok(all.map(|module| module_name(&module.path)).collect())
}

/// A member of the archive.
enum Member {
    Folder,
    File {
        executable: bool,
        bytes: Vec<u8>,
    },
    Symlink(String),
    /// Character device: major and minor.
    Device(u32, u32),
}

impl Stage0<'_> {
    /// Writes the initrd to `path`.
    pub fn write(&self, path: &Path) -> Result<()> {
        let members = self.members()?;
        let mut archive = Archive::new(Vec::new());
        for (name, member) in &members {
            match member {
                Member::Folder => archive.directory(name),
                Member::File { executable, bytes } => {
                    archive.file(name, if *executable { 0o755 } else { 0o644 }, bytes)
                }
                Member::Symlink(target) => archive.symlink(name, target),
                Member::Device(major, minor) => {
                    archive.character_device(name, 0o600, (*major, *minor))
                }
            }?;
        }
        let archive = archive.finish()?;
        let writing = || format!("writing {}", path.display());
        let mut packed = zstd::bulk::compress(&archive, LEVEL).with_context(writing)?;
        // So that an archive can follow directly: the kernel requires uncompressed ones to be
        // aligned, and skips zeros before them.
        packed.resize(packed.len().next_multiple_of(ALIGNMENT), 0);
        let mut file = std::fs::File::create(path).with_context(writing)?;
        for part in [self.front, &packed] {
            file.write_all(part).with_context(writing)?;
        }
        Ok(())
    }

    fn members(&self) -> Result<BTreeMap<String, Member>> {
        let mut members: BTreeMap<String, Member> = FOLDERS
            .iter()
            .map(|name| ((*name).to_owned(), Member::Folder))
            .collect();
        let program = |bytes: &[u8]| Member::File {
            executable: true,
            bytes: bytes.to_vec(),
        };
        members.insert("bin/busybox".to_owned(), program(self.busybox));
        members.insert("bin/sh".to_owned(), Member::Symlink("busybox".to_owned()));
        members.insert("dev/console".to_owned(), Member::Device(5, 1));
        members.insert("init".to_owned(), program(declared::stage0_init()?));
        self.add_programs(&mut members)?;
        self.add_modules(&mut members)?;
        self.add_firmware(&mut members);
        Ok(members)
    }

    fn add_firmware(&self, members: &mut BTreeMap<String, Member>) {
        for (path, file) in self.firmware {
            let member = match file {
                firmware::File::Bytes(bytes) => Member::File {
                    executable: false,
                    bytes: bytes.clone(),
                },
                firmware::File::Symlink(target) => Member::Symlink(target.clone()),
            };
            members.insert(format!("lib/firmware/{path}"), member);
        }
    }

    /// Programs in `/bin`, libraries in `/lib` by the names under which they are looked for there
    /// (ld.so(8)), and the loader, which is a library too, where programs say that it is.
    fn add_programs(&self, members: &mut BTreeMap<String, Member>) -> Result<()> {
        let mut needed = BTreeMap::new();
        let mut names = BTreeSet::new();
        let mut loaders = BTreeSet::new();
        let mut all = Vec::new();
        for (path, bytes) in self.programs {
            let linked = Linked::parse(bytes).with_context(|| format!("reading {path}"))?;
            needed.extend(linked.needed.iter().map(|name| (name.clone(), path)));
            names.extend(linked.name.clone());
            loaders.extend(linked.loader.clone());
            all.push((path, linked, bytes));
        }
        if let Some((name, path)) = needed.iter().find(|(name, _)| !names.contains(*name)) {
            bail!("{path} needs {name}, which configs/base/stage0/programs does not list");
        }
        ensure!(
            self.programs.contains_key(DMSETUP),
            "no package contains {DMSETUP} (`dmsetup` does)"
        );
        for (path, linked, bytes) in all {
            let file_name = path.rsplit('/').next().unwrap_or(path);
            let is_at = |loader: &&String| loader.rsplit('/').next() == linked.name.as_deref();
            let target = match (&linked.name, loaders.iter().find(is_at)) {
                (Some(_), Some(loader)) => loader.trim_start_matches('/').to_owned(),
                (Some(name), None) => format!("lib/{name}"),
                (None, _) => format!("bin/{file_name}"),
            };
            let bytes = bytes.clone();
            let executable = true;
            members.insert(target, Member::File { executable, bytes });
        }
        Ok(())
    }

    /// The listed modules with their dependencies, decompressed, and the indexes that busybox's
    /// `modprobe` reads. A name that is built into this kernel, or that it lacks, is left out:
    /// flavors differ.
    fn add_modules(&self, members: &mut BTreeMap<String, Member>) -> Result<()> {
        let folder = format!("lib/modules/{}", self.release);
        let unpacked = |path: &str| {
            let end = path.rfind(".ko").map_or(path.len(), |at| at + 3);
            path[..end].to_owned()
        };
        let mut dependencies = BTreeMap::new();
        let mut aliases = String::new();
        for name in declared::stage0_modules()? {
            for module in self.modules.load_order(&name.replace('-', "_")) {
                let name = module_name(&module.path);
                let path = unpacked(&module.path);
                if dependencies.contains_key(&path) {
                    continue;
                }
                let mut line = format!("{path}:");
                for needed in self.modules.load_order(&name).iter().rev().skip(1) {
                    let _ = write!(line, " {}", unpacked(&needed.path));
                }
                for alias in &module.info.aliases {
                    let _ = writeln!(aliases, "alias {alias} {name}");
                }
                let stored = format!("/usr/lib/modules/{}/{}", self.release, module.path);
                let bytes = self.store.read(&stored)?;
                let member = Member::File {
                    executable: false,
                    bytes,
                };
                let full = format!("{folder}/{path}");
                members.insert(full, member);
                dependencies.insert(path, line);
            }
        }
        let mut text = String::new();
        for line in dependencies.values() {
            let _ = writeln!(text, "{line}");
        }
        members.insert(folder.clone(), Member::Folder);
        for (name, text) in [("modules.dep", text), ("modules.alias", aliases)] {
            let member = Member::File {
                executable: false,
                bytes: text.into_bytes(),
            };
            members.insert(format!("{folder}/{name}"), member);
        }
        Ok(())
    }
}
