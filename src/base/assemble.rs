//! From packages to the tree of the root image, without running any of their code.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::deb::{self, Member, MemberKind};
use super::declared;
use super::glob::Glob;
use super::modules::ModuleStore;
use crate::cache::Cache;
use crate::facts::firmware::Firmware;
use crate::formats::bounded;
use crate::formats::squashfs::Writer;
use crate::formats::tree::{Content, Kind, Node, Tree};
use crate::lock::LockedPackage;
use crate::progress::Progress;

/// What is unpacked, from where and to where.
#[derive(Debug)]
pub struct Assembly<'a> {
    pub cache: &'a Cache,
    pub packages: &'a [LockedPackage],
    /// Folder that the kernel and the modules' temporary store are written to.
    pub folder: &'a Path,
    /// Whose drivers are kept.
    pub firmware: &'a Firmware,
}

/// The packages' files, unchanged.
#[derive(Debug)]
pub struct Unpacked {
    pub tree: Tree,
    pub modules: ModuleStore,
    /// The newest time of any file, used for everything that has no time of its own.
    pub time: u32,
    pub kernel: PathBuf,
    /// `busybox`, static, whether or not the tree keeps it.
    pub busybox: Vec<u8>,
    /// Stage 0's other programs and their libraries, by their paths.
    pub stage0: BTreeMap<String, Vec<u8>>,
    /// `6.12.1+deb13-amd64`
    pub kernel_release: String,
}

/// Files that the declared state is made from, or that are small and likely to be replaced: their
/// bytes stay in memory.
const IN_MEMORY: [&str; 11] = [
    "/etc/",
    "/usr/lib/modules/",
    "/usr/lib/os-release",
    "/usr/lib/systemd/system-preset/",
    "/usr/lib/systemd/system/",
    "/usr/lib/sysusers.d/",
    "/usr/share/base-files/",
    "/usr/share/base-passwd/",
    "/usr/share/ca-certificates/",
    "/usr/share/libc-bin/",
    "/usr/share/pam",
];

/// The largest file that is in memory as a whole, in bytes.
const IN_MEMORY_MAX: u64 = 64 << 20;

/// The program that stage 0 runs.
const BUSYBOX: &str = "/usr/bin/busybox";

/// Folders that are links into `/usr`, as base-files has them.
const MERGED: [&str; 4] = ["/bin", "/lib", "/lib64", "/sbin"];

/// Endings of compressed files, which do not shrink any further.
const COMPRESSED: [&str; 4] = [".gz", ".xz", ".zst", ".png"];

impl Assembly<'_> {
    /// Unpacks all packages; contents go to `image` at once.
    pub fn unpack(&self, image: &mut Writer, progress: &dyn Progress) -> Result<Unpacked> {
        let removals = declared::removals(self.firmware)?;
        let mut unpacking = Unpacking {
            tree: Tree::new(),
            modules: ModuleStore::new(self.folder)?,
            time: 0,
            kernel: None,
            for_stage0: declared::stage0_programs()?,
            stage0: BTreeMap::new(),
            kernel_path: self.folder.join("kernel"),
            removals: &removals,
            folders: HashMap::new(),
            replaced: declared::root_files().map(|(path, _)| path).collect(),
            image,
        };
        progress.start(
            "unpacking packages",
            Some(self.packages.iter().map(|package| package.size).sum()),
        );
        for package in self.packages {
            let path = self.cache.package(&package.sha256);
            deb::read(&path, package, |member, contents| {
                unpacking.take(member, contents)
            })?;
            progress.advance(package.size);
        }
        progress.finish();
        let Some(kernel_release) = unpacking.kernel else {
            bail!("no package contains a kernel (`/boot/vmlinuz-*`)");
        };
        let busybox = unpacking
            .stage0
            .remove(BUSYBOX)
            .with_context(|| format!("no package contains {BUSYBOX} (`busybox-static` does)"))?;
        Ok(Unpacked {
            tree: unpacking.tree,
            modules: unpacking.modules,
            time: unpacking.time,
            kernel: unpacking.kernel_path,
            busybox,
            stage0: unpacking.stage0,
            kernel_release,
        })
    }
}

struct Unpacking<'a> {
    tree: Tree,
    modules: ModuleStore,
    time: u32,
    kernel: Option<String>,
    /// What stage 0 takes, and what it has.
    for_stage0: Vec<Glob>,
    stage0: BTreeMap<String, Vec<u8>>,
    kernel_path: PathBuf,
    removals: &'a [Glob],
    /// Folders, and whether they are left out.
    folders: HashMap<String, bool>,
    /// Files of packages that declared files replace.
    replaced: HashSet<&'static str>,
    image: &'a mut Writer,
}

impl Unpacking<'_> {
    fn take(&mut self, mut member: Member, contents: &mut dyn Read) -> Result<()> {
        self.time = self.time.max(member.mtime);
        if let Some(release) = member.path.strip_prefix("/boot/vmlinuz-") {
            ensure!(self.kernel.is_none(), "more than one kernel");
            self.kernel = Some(release.to_owned());
            let mut file = File::create(&self.kernel_path).context("writing the kernel")?;
            io::copy(contents, &mut file).context("writing the kernel")?;
            return Ok(());
        }
        let Some(path) = merged(&member.path, matches!(member.kind, MemberKind::Directory)) else {
            return Ok(());
        };
        member.path = path;
        let is_for_stage0 = member.path == BUSYBOX
            || (self.for_stage0.iter()).any(|glob| glob.matches(&member.path));
        if is_for_stage0 && member.kind == MemberKind::File {
            let bytes = bounded(contents, IN_MEMORY_MAX)?;
            let path = member.path.clone();
            self.take_merged(member, &mut &bytes[..])?;
            self.stage0.insert(path, bytes);
            return Ok(());
        }
        self.take_merged(member, contents)
    }

    fn take_merged(&mut self, member: Member, contents: &mut dyn Read) -> Result<()> {
        if self.is_left_out(&member.path) || self.replaced.contains(member.path.as_str()) {
            return Ok(());
        }
        let Member {
            path,
            mode,
            uid,
            gid,
            mtime,
            ..
        } = member;
        let kind = match member.kind {
            MemberKind::Directory => {
                // The first package that has a folder determines its mode and owner, as with dpkg.
                if matches!(
                    self.tree.get(&path),
                    Some(Node {
                        kind: Kind::Directory,
                        mtime: Some(_),
                        ..
                    })
                ) {
                    return Ok(());
                }
                Kind::Directory
            }
            MemberKind::Symlink(target) => Kind::Symlink(target),
            MemberKind::HardLink(target) => {
                let target = merged(&target, false).context("a hard link to a merged folder")?;
                let Some(node) = self.tree.get(&target).cloned() else {
                    bail!("a hard link to {target}, which is left out");
                };
                ensure!(
                    matches!(node.kind, Kind::File(_)),
                    "a hard link to {target}, which is not a file"
                );
                // It is the same file: mode and owner as well.
                self.tree.insert(&path, node);
                return Ok(());
            }
            MemberKind::File => Kind::File(self.contents(&path, contents)?),
        };
        let node = Node {
            kind,
            mode,
            uid,
            gid,
            mtime: Some(mtime),
            capability: None,
            label: None,
        };
        self.tree.insert(&path, node);
        Ok(())
    }

    fn contents(&mut self, path: &str, contents: &mut dyn Read) -> Result<Content> {
        if ModuleStore::is_module(path) {
            let bytes = bounded(contents, IN_MEMORY_MAX)?;
            self.modules.add(path, &bytes)?;
            let packed = COMPRESSED.iter().any(|ending| path.ends_with(ending));
            return Ok(Content::Stored(self.image.add(&mut &bytes[..], packed)?));
        }
        if IN_MEMORY.iter().any(|start| path.starts_with(start)) {
            let bytes = bounded(contents, IN_MEMORY_MAX)?;
            return Ok(Content::Bytes(bytes.into()));
        }
        let packed = COMPRESSED.iter().any(|ending| path.ends_with(ending));
        Ok(Content::Stored(self.image.add(contents, packed)?))
    }

    /// Whether a pattern matches the path or a folder that it is in.
    fn is_left_out(&mut self, path: &str) -> bool {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        if !folder.is_empty() && self.is_left_out_folder(folder) {
            return true;
        }
        self.removals.iter().any(|glob| glob.matches(path))
    }

    fn is_left_out_folder(&mut self, folder: &str) -> bool {
        if let Some(known) = self.folders.get(folder) {
            return *known;
        }
        let left_out = self.is_left_out(folder);
        self.folders.insert(folder.to_owned(), left_out);
        left_out
    }
}

/// The path with `/bin` and the like followed into `/usr`. `None`: the folder itself, which the
/// image has as a link.
fn merged(path: &str, directory: bool) -> Option<String> {
    for folder in MERGED {
        if let Some(rest) = path.strip_prefix(folder) {
            if rest.starts_with('/') {
                return Some(format!("/usr{path}"));
            }
            if rest.is_empty() && directory {
                return None;
            }
        }
    }
    Some(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merged_folders() {
        let cases = [
            ("/bin/sh", false, Some("/usr/bin/sh")),
            ("/lib64/ld.so", false, Some("/usr/lib64/ld.so")),
            ("/lib/modules", true, Some("/usr/lib/modules")),
            ("/lib", true, None),
            ("/lib", false, Some("/lib")),
            ("/library", true, Some("/library")),
            ("/usr/bin", true, Some("/usr/bin")),
        ];
        for (path, directory, expected) in cases {
            assert_eq!(merged(path, directory).as_deref(), expected, "{path}");
        }
    }
}
