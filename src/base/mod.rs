//! The base operating system of nodes: kernel, initrd and root image, built from Debian's packages
//! or taken from another system (an external base), and the extensions that are overlaid on it.
//! Nothing in a base is specific to one node.

mod apt;
mod assemble;
mod builder;
mod catalog;
mod deb;
mod declared;
mod elf;
mod firmware;
mod glob;
mod id;
mod microcode;
mod mirror;
mod modules;
mod stage0;
mod state;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::cache::{self, Cache, Corrupt};
use crate::extensions::Extension;
use crate::facts::debian::BaseKind;
use crate::facts::layout::{IMAGES_FOLDER, ROOT_IMAGE_PATH};
use crate::formats::verity::Verity;
use crate::lock::indexes::IndexDates;
use crate::lock::{Lock, LockedBase, LockedPackage};
use crate::names::Arch;
use crate::progress::Progress;
use crate::text::hex;
use apt::Apt;

pub use apt::request_hash;
pub use catalog::{Collected, Kept, StoredBase, collect, list};
pub use glob::Glob;
pub use mirror::Mirror;

/// The kernel argument with the base's id.
const BASE_ARGUMENT: &str = "imgbuild.base=";

/// The kernel argument with the SHA-256 of the list of images, by which stage 0 knows them.
const IMAGES_ARGUMENT: &str = "imgbuild.images=";

/// Which base is requested, and how it may be obtained.
#[derive(Debug, Clone)]
pub struct BaseRequest {
    pub kind: BaseKind,
    /// `None`: as the host's apt is configured.
    pub mirror: Option<Mirror>,
    /// Do not access the network: a file missing from the cache is an error.
    pub offline: bool,
    /// Do not change the lock: a pin missing from it is an error.
    pub locked: bool,
    /// Accept package indexes that have expired, or are older than the lock's: those of a snapshot
    /// of the archive.
    pub allow_old_indexes: bool,
    pub cache: Cache,
}

/// Returns the base that `request` describes: from the cache, or built there from packages that are
/// fetched as needed.
///
/// Packages that `lock` does not pin are resolved and pinned in it; the caller saves it.
pub fn ensure(request: &BaseRequest, lock: &mut Lock, progress: &dyn Progress) -> Result<Base> {
    let kind = &request.kind;
    if current_pins(kind, lock).is_none() {
        update(request, lock, progress)?;
    }
    let pinned = lock.base(kind).context("pinning packages")?;
    let id = id::id(kind, pinned);
    // If two runs need the same base, the second waits and finds it.
    let _exclusive = request.cache.exclusive(&format!("base-{id}"))?;
    let folder = request.cache.base(&id);
    let made = if folder.exists() {
        match cache::check(&folder) {
            Ok(()) => Ok(()),
            Err(error) => match Corrupt::find(&error) {
                Some(corrupt) => {
                    progress.warn(&format!("{corrupt}; the base is built again"));
                    request.cache.discard(&folder)?;
                    let building = format!("building the base again, since {corrupt}");
                    make(request, &id, pinned, progress).context(building)
                }
                None => Err(error),
            },
        }
    } else {
        make(request, &id, pinned, progress)
    };
    made?;
    catalog::touch(&request.cache, &id)?;
    Base::in_cache(&request.cache, kind.arch, id)
}

/// Builds the base into the cache, with the packages that have to be fetched for it. Packages in
/// the cache that are damaged are fetched again.
fn make(
    request: &BaseRequest,
    id: &str,
    pinned: &LockedBase,
    progress: &dyn Progress,
) -> Result<()> {
    let build = || -> Result<()> {
        fetch(request, pinned, progress)?;
        builder::build(&request.cache, &request.kind, id, pinned, progress)
    };
    let error = match build() {
        Err(error) if Corrupt::find(&error).is_some() => error,
        other => return other,
    };
    // The build stops at the first.
    let damaged = discard_damaged(request, pinned)?;
    if request.offline {
        return Err(error.context(format!(
            "{damaged} damaged packages have been removed from the cache, and `--offline` forbids fetching them again"
        )));
    }
    progress.warn(&format!("{error:#}; it is fetched again"));
    build()
}

/// Removes the packages of `base` that are not what the lock says, and returns their number.
fn discard_damaged(request: &BaseRequest, base: &LockedBase) -> Result<usize> {
    let mut damaged = 0;
    for package in base.all_packages() {
        let path = request.cache.package(&package.sha256);
        match cache::check_hash(&path, &package.sha256) {
            Ok(()) => {}
            Err(error) if Corrupt::find(&error).is_some() => {
                request.cache.discard(&path)?;
                damaged += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(damaged)
}

/// Whether [`ensure`] can have the base without what `request` forbids; the error says what is
/// missing. Changes nothing and reads no network.
pub fn check(request: &BaseRequest, lock: &Lock) -> Result<()> {
    let Some(pinned) = current_pins(&request.kind, lock) else {
        return may_pin(request);
    };
    let id = id::id(&request.kind, pinned);
    if request.cache.base(&id).exists() {
        return Ok(());
    }
    may_fetch(request, &missing(request, pinned))
}

/// What `lock` pins of the base, unless a version of imgbuild that wanted other packages did.
fn current_pins<'a>(kind: &BaseKind, lock: &'a Lock) -> Option<&'a LockedBase> {
    lock.base(kind)
        .filter(|base| apt::request_hash(kind).ok().as_ref() == Some(&base.request))
}

/// Refuses to pin what the lock lacks, where `request` forbids it.
fn may_pin(request: &BaseRequest) -> Result<()> {
    let kind = &request.kind;
    if request.locked {
        bail!(
            "imgbuild.lock does not pin the packages of the base for {kind} that this version of imgbuild requires, and \
             `--locked` forbids changing it"
        );
    }
    if request.offline {
        bail!(
            "imgbuild.lock does not pin the packages of the base for {kind} that this version of imgbuild requires, and `--offline` forbids contacting a mirror"
        );
    }
    Ok(())
}

/// Pins the current versions of a base's packages in `lock`, for `imgbuild update`.
pub fn update(request: &BaseRequest, lock: &mut Lock, progress: &dyn Progress) -> Result<()> {
    let kind = &request.kind;
    may_pin(request)?;
    let apt = Apt::new(&request.cache, kind, mirror(request)?)?;
    let mut dates = IndexDates::from_lock(lock)?;
    let base = apt.resolve(kind, &mut dates, request.allow_old_indexes, progress)?;
    lock.set_base(kind, base);
    dates.save(lock);
    Ok(())
}

fn mirror(request: &BaseRequest) -> Result<Mirror> {
    match &request.mirror {
        Some(mirror) => Ok(mirror.clone()),
        None => Mirror::from_host(),
    }
}

/// Fetches the packages that the cache lacks.
fn fetch(request: &BaseRequest, base: &LockedBase, progress: &dyn Progress) -> Result<()> {
    let missing = missing(request, base);
    may_fetch(request, &missing)?;
    if missing.is_empty() {
        return Ok(());
    }
    Apt::new(&request.cache, &request.kind, mirror(request)?)?.fetch(
        &request.cache,
        &missing,
        progress,
    )
}

/// The packages of `base` that the cache lacks.
fn missing<'a>(request: &BaseRequest, base: &'a LockedBase) -> Vec<&'a LockedPackage> {
    base.all_packages()
        .filter(|package| !request.cache.package(&package.sha256).exists())
        .collect()
}

/// Refuses to fetch what is `missing`, where `request` forbids it.
fn may_fetch(request: &BaseRequest, missing: &[&LockedPackage]) -> Result<()> {
    if let (Some(first), true) = (missing.first(), request.offline) {
        bail!(
            "{} packages are not in the cache, the first of them {}; `--offline` forbids fetching them",
            missing.len(),
            first.describe()
        );
    }
    Ok(())
}

/// A finished base in the cache. Its files never change.
#[derive(Debug, Clone)]
pub struct Base {
    /// SHA-256 over what the base is made of, in hexadecimal.
    pub id: String,
    pub arch: Arch,
    /// The kernel, as the distribution signed it.
    pub kernel: PathBuf,
    /// Stage 0: a compressed cpio archive that finds the root image and boots it.
    pub initrd: PathBuf,
    /// The root image (squashfs). Stage 0 looks for it as [`ROOT_IMAGE_PATH`] in its own file
    /// system, then on media. `None` for an external base, whose initrd holds the whole system.
    pub root: Option<PathBuf>,
    /// What stage 0 checks the root image by.
    pub verity: Option<Verity>,
    /// The root file system as a second initrd, after the first; of external bases that have it so.
    pub root_initrd: Option<PathBuf>,
    /// `None`: no bootable media can be made from it.
    pub boot_loaders: Option<BootLoaders>,
    /// The kernel command line that every node of this base needs.
    pub kernel_arguments: Vec<String>,
    /// Images that are overlaid on the root image on the node.
    pub extensions: Vec<Extension>,
}

impl Base {
    /// The same base with an image overlaid on it. Its id differs: a medium without the image does
    /// not belong to this base.
    #[must_use]
    pub fn with_extension(mut self, extension: Extension) -> Self {
        let id = hex(&Sha256::digest(format!(
            "{} {} {}",
            self.id, extension.name, extension.id
        )));
        for argument in &mut self.kernel_arguments {
            if argument.starts_with(BASE_ARGUMENT) {
                *argument = format!("{BASE_ARGUMENT}{id}");
            }
        }
        self.id = id;
        self.extensions.push(extension);
        self.name_images();
        self
    }

    /// The list of the images that stage 0 mounts: name below [`IMAGES_FOLDER`], number of blocks
    /// and hash at the root of their hash tree, one a line. Empty where there are none.
    pub fn images_list(&self) -> String {
        let name = |path: &str| path.trim_start_matches(IMAGES_FOLDER).to_owned();
        let root = [(name(ROOT_IMAGE_PATH), &self.verity)];
        let extensions =
            (self.extensions.iter()).map(|extension| (name(&extension.path()), &extension.verity));
        let images = root.into_iter().chain(extensions);
        images
            .filter_map(|(name, verity)| Some(format!("{name} {}\n", verity.as_ref()?)))
            .collect()
    }

    /// Lets the kernel command line say which list of images stage 0 accepts.
    fn name_images(&mut self) {
        let list = self.images_list();
        let arguments = &mut self.kernel_arguments;
        arguments.retain(|argument| !argument.starts_with(IMAGES_ARGUMENT));
        if !list.is_empty() {
            let hash = hex(&Sha256::digest(list));
            // After the base's id.
            let at = 1
                + (arguments.iter())
                    .position(|argument| argument.starts_with(BASE_ARGUMENT))
                    .unwrap_or(0);
            arguments.insert(at.min(arguments.len()), format!("{IMAGES_ARGUMENT}{hash}"));
        }
    }

    /// The id of the base in the cache; [`Base::id`] differs where extensions are overlaid on it.
    pub fn id_in_cache(&self) -> &str {
        let folder = self.kernel.parent().and_then(|folder| folder.file_name());
        folder
            .and_then(|name| name.to_str())
            .filter(|name| is_id(name))
            .unwrap_or(&self.id)
    }

    /// The kernel of the base with this id, where `cache` has it. Fails if it is damaged.
    pub fn kernel_in(cache: &Cache, id: &str) -> Result<Option<PathBuf>> {
        let folder = cache.base(id);
        let kernel = folder.join(builder::file::KERNEL);
        if !is_id(id) || !kernel.is_file() {
            return Ok(None);
        }
        cache::check_file(&folder, builder::file::KERNEL)
            .context("the next build of a node with this base makes it again")?;
        Ok(Some(kernel))
    }

    /// An external base: the `kernel`, the `initrd` and, where there is one, the initrd with the
    /// root file system of another system. `id` is a hash over all of them, in hexadecimal;
    /// `first_boot` are the kernel arguments that make its Ignition run.
    pub fn external(
        arch: Arch,
        id: String,
        (kernel, initrd, root_initrd): (PathBuf, PathBuf, Option<PathBuf>),
        first_boot: &[&str],
    ) -> Self {
        let consoles = ["console=tty0", serial_console(arch)];
        let arguments = first_boot.iter().chain(&consoles);
        Self {
            id,
            arch,
            kernel,
            initrd,
            root: None,
            verity: None,
            root_initrd,
            boot_loaders: None,
            kernel_arguments: arguments.map(|&argument| argument.to_owned()).collect(),
            extensions: Vec::new(),
        }
    }

    /// The base with this id, which is in the cache.
    fn in_cache(cache: &Cache, arch: Arch, id: String) -> Result<Self> {
        use builder::file;
        let folder = cache.base(&id);
        let verity = folder.join(file::VERITY);
        let reading = || format!("reading {}", verity.display());
        let text = std::fs::read_to_string(&verity).with_context(reading)?;
        let verity: Verity = text.trim().parse().with_context(reading)?;
        let isolinux = (arch == Arch::Amd64).then(|| Isolinux {
            loader: folder.join(file::ISOLINUX),
            ldlinux: folder.join(file::LDLINUX),
            mbr: folder.join(file::MBR),
        });
        let mut base = Self {
            arch,
            kernel: folder.join(file::KERNEL),
            initrd: folder.join(file::INITRD),
            root: Some(folder.join(file::ROOT)),
            verity: Some(verity),
            root_initrd: None,
            boot_loaders: Some(BootLoaders {
                shim: folder.join(file::SHIM),
                mok_manager: folder.join(file::MOK_MANAGER),
                grub: folder.join(file::GRUB),
                isolinux,
            }),
            kernel_arguments: vec![
                "ignition.firstboot".to_owned(),
                "ignition.platform.id=metal".to_owned(),
                format!("{BASE_ARGUMENT}{id}"),
                "console=tty0".to_owned(),
                serial_console(arch).to_owned(),
                // Debian's list without modules that have no policy here (selinux, smack, tomoyo,
                // loadpin, integrity's, ipe) and without bpf, for which systemd builds a program at
                // every start: seconds under emulation. The last `lsm=` on the line wins.
                "lsm=landlock,lockdown,yama,safesetid,apparmor".to_owned(),
            ],
            extensions: Vec::new(),
            id,
        };
        base.name_images();
        Ok(base)
    }
}

/// The kernel's argument for the first serial port.
fn serial_console(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "console=ttyS0,115200n8",
        Arch::Arm64 => "console=ttyAMA0",
    }
}

/// Whether `name` has the form of a base's id: a SHA-256 in hexadecimal.
fn is_id(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Boot loader files as the distribution ships them, extracted beside the base.
#[derive(Debug, Clone)]
pub struct BootLoaders {
    /// `shimx64.efi` or `shimaa64.efi`, signed.
    pub shim: PathBuf,
    /// `mmx64.efi`, shim's key manager, signed.
    pub mok_manager: PathBuf,
    /// `gcdx64.efi.signed`: GRUB built for removable media, signed.
    pub grub: PathBuf,
    /// None on architectures without a BIOS.
    pub isolinux: Option<Isolinux>,
}

/// SYSLINUX's boot loader for optical media and hybrid images.
#[derive(Debug, Clone)]
pub struct Isolinux {
    /// `isolinux.bin`
    pub loader: PathBuf,
    /// `ldlinux.c32`
    pub ldlinux: PathBuf,
    /// `isohdpfx.bin`: the MBR code for a hybrid image.
    pub mbr: PathBuf,
}
