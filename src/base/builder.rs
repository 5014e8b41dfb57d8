//! Builds a base in the cache.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::assemble::{Assembly, Unpacked};
use super::catalog;
use super::deb::{self, MemberKind};
use super::firmware::Firmwares;
use super::microcode;
use super::modules::Modules;
use super::stage0::{self, Stage0};
use super::state;
use crate::cache::{self, Cache};
use crate::facts::debian::BaseKind;
use crate::formats::{squashfs, verity};
use crate::lock::{LockedBase, LockedPackage};
use crate::names::Arch;
use crate::progress::Progress;

/// Bytes of a block of the root image: what is decompressed to read one page of a program. 1 MiB
/// would make the image 2 % smaller, 128 KiB 2 % larger.
const BLOCK_SIZE: u32 = 256 << 10;

/// Small files share blocks of this size, which is what reading one of them costs.
const FRAGMENT_SIZE: u32 = 128 << 10;

/// zstd's level for the root image. Level 15 takes eight times as long for 4 % less (607 MB of
/// files on two cores: 12 s and 55 s).
const LEVEL: i32 = 9;

/// Names of the files of a base, in its folder.
pub mod file {
    pub const KERNEL: &str = "kernel";
    pub const INITRD: &str = "initrd";
    pub const ROOT: &str = "root.squashfs";
    /// What the root image is checked by.
    pub const VERITY: &str = "verity";
    pub const SHIM: &str = "boot/shim.efi";
    pub const MOK_MANAGER: &str = "boot/mm.efi";
    pub const GRUB: &str = "boot/grub.efi";
    pub const ISOLINUX: &str = "boot/isolinux.bin";
    pub const LDLINUX: &str = "boot/ldlinux.c32";
    pub const MBR: &str = "boot/isohdpfx.bin";
}

/// Builds the base into the cache, as `bases/<id>`. All packages are in the cache.
pub fn build(
    cache: &Cache,
    kind: &BaseKind,
    id: &str,
    base: &LockedBase,
    progress: &dyn Progress,
) -> Result<()> {
    let work = cache.workspace()?;
    let folder = work.path().join("base");
    fs::create_dir_all(folder.join("boot")).context("creating a folder for the base")?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);

    let image = fs::File::create(folder.join(file::ROOT)).context("creating the root image")?;
    let mut image = squashfs::Writer::new(
        image,
        squashfs::Options {
            block_size: BLOCK_SIZE,
            fragment_size: FRAGMENT_SIZE,
            level: LEVEL,
            threads,
        },
    )?;
    let assembly = Assembly {
        cache,
        packages: &base.packages,
        folder: work.path(),
        firmware: &kind.firmware(),
    };
    let mut unpacked = assembly.unpack(&mut image, progress)?;

    progress.start("indexing kernel modules", None);
    let modules = modules(&unpacked, threads)?;
    progress.finish();
    let firmware = Firmwares {
        cache,
        kind,
        packages: &base.firmware,
        modules: &modules,
        stage0: &stage0::module_names(&modules)?,
    }
    .lay(&mut unpacked.tree, &mut image, progress)?;
    let front = if kind.has_microcode() {
        microcode::archive(cache, &base.firmware)?
    } else {
        Vec::new()
    };
    Stage0 {
        busybox: &unpacked.busybox,
        programs: &unpacked.stage0,
        release: &unpacked.kernel_release,
        modules: &modules,
        store: &unpacked.modules,
        firmware: &firmware,
        front: &front,
    }
    .write(&folder.join(file::INITRD))?;
    let module_folder = format!("/usr/lib/modules/{}", unpacked.kernel_release);
    for (name, bytes) in modules.indexes() {
        let node = crate::formats::tree::Node::file(0o644, bytes);
        unpacked
            .tree
            .insert(&format!("{module_folder}/{name}"), node);
    }

    state::declare(&mut unpacked.tree, base, id)?;
    progress.start("writing the root image", None);
    image.finish(&unpacked.tree, unpacked.time)?;
    let verity = verity::append(&folder.join(file::ROOT))?;
    fs::write(folder.join(file::VERITY), format!("{verity}\n"))
        .context("storing the root image's hash")?;
    progress.finish();
    fs::rename(&unpacked.kernel, folder.join(file::KERNEL)).context("storing the kernel")?;
    extract_boot_loaders(cache, kind.arch, &base.boot_loaders, &folder)?;
    catalog::describe(&folder, kind, &unpacked.kernel_release)?;
    cache::seal(&folder)?;
    work.publish("base", &cache.base(id))
}

fn modules(unpacked: &Unpacked, threads: usize) -> Result<Modules> {
    let folder = format!("/usr/lib/modules/{}", unpacked.kernel_release);
    let list = |name: &str| {
        unpacked
            .tree
            .bytes(&format!("{folder}/{name}"))
            .with_context(|| format!("the kernel's package does not contain {name}"))
    };
    let text = |name: &str| -> Result<String> { Ok(String::from_utf8(list(name)?.to_vec())?) };
    Modules::new(
        unpacked
            .modules
            .inspect(&unpacked.kernel_release, threads)?,
        &text("modules.order")?,
        &text("modules.builtin")?,
        &list("modules.builtin.modinfo")?,
    )
}

/// The files of the boot loaders' packages that a base keeps.
fn boot_loader_files(arch: Arch) -> &'static [(&'static str, &'static str)] {
    match arch {
        Arch::Amd64 => &[
            ("/usr/lib/shim/shimx64.efi.signed", file::SHIM),
            ("/usr/lib/shim/mmx64.efi.signed", file::MOK_MANAGER),
            (
                "/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed",
                file::GRUB,
            ),
            ("/usr/lib/ISOLINUX/isolinux.bin", file::ISOLINUX),
            ("/usr/lib/ISOLINUX/isohdpfx.bin", file::MBR),
            ("/usr/lib/syslinux/modules/bios/ldlinux.c32", file::LDLINUX),
        ],
        Arch::Arm64 => &[
            ("/usr/lib/shim/shimaa64.efi.signed", file::SHIM),
            ("/usr/lib/shim/mmaa64.efi.signed", file::MOK_MANAGER),
            (
                "/usr/lib/grub/arm64-efi-signed/gcdaa64.efi.signed",
                file::GRUB,
            ),
        ],
    }
}

fn extract_boot_loaders(
    cache: &Cache,
    arch: Arch,
    packages: &[LockedPackage],
    folder: &Path,
) -> Result<()> {
    let wanted = boot_loader_files(arch);
    for package in packages {
        deb::read(
            &cache.package(&package.sha256),
            package,
            |member, contents| {
                let Some((_, name)) = wanted.iter().find(|(path, _)| *path == member.path) else {
                    return Ok(());
                };
                ensure!(member.kind == MemberKind::File, "not a regular file");
                let mut file = fs::File::create(folder.join(name))?;
                io::copy(contents, &mut file)?;
                Ok(())
            },
        )?;
    }
    for (path, name) in wanted {
        if !folder.join(name).exists() {
            bail!("no boot loader package contains {path}");
        }
    }
    Ok(())
}
