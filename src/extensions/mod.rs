//! Images that are overlaid on a node's system: programs that not every node has.

pub mod build_info;
pub mod crio;
pub mod image_store;
pub mod images;
pub mod layers;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::cache::{self, Cache, Corrupt, Workspace};
use crate::extensions::image_store::ImageStore;
use crate::extensions::layers::Layers;
use crate::facts::cni::CNI_PLUGINS;
use crate::facts::kubernetes::tables::Component;
use crate::facts::layout::{EXTENSIONS_PATH, PROGRAMS_EXTENSION};
use crate::facts::runtimes::{extension_settings, image_store};
use crate::facts::systems::{Facts, Sysext, SysextArrival};
use crate::formats::cpio::Archive;
use crate::formats::squashfs::{Options, Writer};
use crate::formats::tree::{Content, Kind, Node, Tree};
use crate::formats::verity::{self, Verity};
use crate::names::Arch;
use crate::oci;
use crate::processors::on_all_processors;
use crate::progress::Progress;
use crate::text::hex;

/// Incremented whenever the same programs produce different bytes.
const VERSION: u32 = 4;

/// Incremented whenever the same programs of CRI-O produce different bytes.
const CRI_O_VERSION: u32 = 1;

/// As for the root image, but with smaller blocks: a program's pages are read here and there, and
/// each costs its block.
const OPTIONS: Options = Options {
    block_size: 256 << 10,
    fragment_size: 128 << 10,
    level: 9,
    threads: 1,
};

/// The files of an extension in the cache: its image, or the archive that holds it.
const IMAGE: &str = "image.squashfs";
const ARCHIVE: &str = "extension.cpio";

/// What the image is checked by on the node.
const VERITY: &str = "verity";

/// Programs that are taken if they exist; the base has its own.
const OPTIONAL: [&str; 1] = ["kubectl"];

/// An image that is overlaid on a node's system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// In a file name.
    pub name: &'static str,
    /// SHA-256 over what it is made of, in hexadecimal.
    pub id: String,
    /// The image (squashfs), or the archive that holds it, in the cache.
    pub file: PathBuf,
    pub form: ExtensionForm,
    /// What stage 0 checks an image by.
    pub verity: Option<Verity>,
}

/// How an extension reaches the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtensionForm {
    /// An image (squashfs) that stage 0 looks for beside the root image.
    Image,
    /// An uncompressed cpio archive that follows the initrd of another system; its length is
    /// a multiple of four.
    Initrd,
}

impl Extension {
    /// Where stage 0 looks for an image: below `/` in an initrd, below the volume's root on an ISO.
    /// Where an archive lies on an ISO.
    pub fn path(&self) -> String {
        match self.form {
            ExtensionForm::Image => format!("{EXTENSIONS_PATH}/{}.squashfs", self.name),
            ExtensionForm::Initrd => format!("boot/{}.cpio", self.name),
        }
    }
}

/// All programs of nodes with Kubernetes.
pub fn program_names() -> impl Iterator<Item = &'static str> {
    (Component::CONTROL_PLANE.into_iter())
        .chain(Component::NODE)
        .map(Component::as_str)
        .chain(OPTIONAL)
}

/// The programs that are, or should be, in `folder`.
pub fn programs_in(folder: &Path) -> Vec<(String, PathBuf)> {
    program_names()
        .map(|name| (name, folder.join(name)))
        .filter(|(name, path)| !OPTIONAL.contains(name) || path.exists())
        .map(|(name, path)| (name.to_owned(), path))
        .collect()
}

/// The CNI plugins that are, or should be, in `folder`.
pub fn plugins_in(folder: &Path) -> Vec<(String, PathBuf)> {
    CNI_PLUGINS
        .map(|name| (name.to_owned(), folder.join(name)))
        .into()
}

/// Programs by name and path.
#[derive(Debug, Clone, Copy)]
pub struct Programs<'a> {
    pub kubernetes: &'a [(String, PathBuf)],
    /// The CNI plugins, where the system has none.
    pub plugins: &'a [(String, PathBuf)],
    /// CRI-O's programs, where pods run in it.
    pub cri_o: &'a [(String, PathBuf)],
}

/// The image of `programs` and of the container image that their pods run in, laid out for
/// `system`. From the cache, or made there.
pub fn kubernetes(
    cache: &Cache,
    arch: Arch,
    system: &Facts,
    programs: Programs<'_>,
    progress: &dyn Progress,
) -> Result<Extension> {
    let Programs {
        kubernetes,
        plugins,
        cri_o,
    } = programs;
    let all = || kubernetes.iter().chain(plugins).chain(cri_o);
    for (_, path) in all() {
        check(path, arch)?;
    }
    let mut image = Vec::new();
    oci::write_node_image(arch, &mut image).context("writing the container image")?;

    let mut hash = Sha256::new();
    hash.update(format!("imgbuild kubernetes extension {VERSION} {arch}\n"));
    hash.update(layout(system));
    hash.update(hex(&Sha256::digest(&image)));
    let total = all()
        .filter_map(|(_, path)| Some(fs::metadata(path).ok()?.len()))
        .sum();
    progress.start("hashing the Kubernetes programs", Some(total));
    let paths: Vec<&PathBuf> = all().map(|(_, path)| path).collect();
    let digests = on_all_processors(paths, |path| digest(path, progress));
    let mut digests = digests.into_iter();
    let mut next = || digests.next().context("each program has a hash")?;
    for (name, _) in kubernetes {
        hash.update(format!("{name} {}\n", next()?));
    }
    for (name, _) in plugins {
        hash.update(format!("cni {name} {}\n", next()?));
    }
    for (name, _) in cri_o {
        hash.update(format!("CRI-O {CRI_O_VERSION} {name} {}\n", next()?));
    }
    progress.finish();
    let id = hex(&hash.finalize());

    let extension = Unmade {
        name: PROGRAMS_EXTENSION,
        id,
        arch,
        system,
    };
    extension.made(cache, progress, |work| {
        let mut writer = work.writer()?;
        let mut tree = Tree::new();
        let folders = [
            (system.paths.programs, kubernetes),
            (system.paths.cni_plugins.unwrap_or_default(), plugins),
            (system.paths.programs, cri_o),
        ];
        progress.start(
            "packing the Kubernetes programs",
            Some(all().count() as u64),
        );
        for (folder, programs) in folders {
            add_programs(folder, programs, (&mut tree, &mut writer), progress)?;
        }
        progress.finish();
        let images = system.paths.images;
        tree.insert(
            &format!("{images}/node.tar"),
            Node::file(0o644, image.clone()),
        );
        let list = oci::list_of(&image).context("listing the container image")?;
        tree.insert(
            &format!("{images}/node.list"),
            Node::file(0o644, list.into_bytes()),
        );
        if !cri_o.is_empty() {
            add_for_cri_o(
                work,
                system,
                arch,
                (&image, cri_o),
                (&mut tree, &mut writer),
            )?;
        }
        Ok((writer, tree))
    })
}

/// What CRI-O reads on a node that has its `programs`: its settings, and `archive`'s image in a
/// store.
fn add_for_cri_o(
    work: &Work,
    system: &Facts,
    arch: Arch,
    (archive, programs): (&[u8], &[(String, PathBuf)]),
    (tree, writer): (&mut Tree, &mut Writer),
) -> Result<()> {
    let path = work.scratch().join("node.tar");
    fs::write(&path, archive).context("writing the container image")?;
    let at = image_store(system.paths.images, PROGRAMS_EXTENSION);
    let mut store = ImageStore::new(at);
    let mut layers = Layers::default();
    for image in oci::read_images(&path, arch)? {
        let chain = image
            .chain_id()
            .context("computing the chain ID of the image's layer")?;
        let files = store.files_of(&chain);
        let size = layers.lay_out(&image, &files, tree, writer)?;
        store.add(&image, size.context("unpacking the container image")?);
    }
    store.write(tree);
    tree.insert(
        &extension_settings(system.paths.images, PROGRAMS_EXTENSION),
        Node::file(
            0o644,
            crio::settings(system.paths.programs, programs).into_bytes(),
        ),
    );
    Ok(())
}

fn add_programs(
    folder: &str,
    programs: &[(String, PathBuf)],
    (tree, writer): (&mut Tree, &mut Writer),
    progress: &dyn Progress,
) -> Result<()> {
    for (name, path) in programs {
        let mut program =
            File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let stored = writer
            .add(&mut program, false)
            .with_context(|| format!("packing {}", path.display()))?;
        let mut node = Node::file(0o755, Vec::new());
        node.kind = Kind::File(Content::Stored(stored));
        tree.insert(&format!("{folder}/{name}"), node);
        progress.advance(1);
    }
    Ok(())
}

/// What an extension's layout adds to its id; nothing for images that stage 0 overlays on Debian.
pub(super) fn layout(system: &Facts) -> String {
    match &system.sysext {
        Some(sysext) => format!(
            "{} {} {} {} {:?} {:?} {}\n",
            sysext.in_initrd,
            sysext.release,
            system.paths.programs,
            system.paths.images,
            system.paths.cni_plugins,
            system.selinux,
            handover(sysext).unwrap_or_default()
        ),
        None => String::new(),
    }
}

/// An extension of which everything is known except its bytes.
pub(super) struct Unmade<'a> {
    pub name: &'static str,
    pub id: String,
    pub arch: Arch,
    pub system: &'a Facts,
}

impl Unmade<'_> {
    /// The extension: from the cache, or made there with the files that `fill` adds.
    pub fn made(
        self,
        cache: &Cache,
        progress: &dyn Progress,
        fill: impl FnOnce(&Work) -> Result<(Writer, Tree)>,
    ) -> Result<Extension> {
        let _exclusive = cache.exclusive(&format!("extension-{}", self.id))?;
        let target = cache.folder("extensions")?.join(&self.id);
        if cache.has(&target)
            && let Err(error) = cache::check(&target)
        {
            let Some(corrupt) = Corrupt::find(&error) else {
                return Err(error);
            };
            progress.warn(&format!("{corrupt}; it is made again"));
            cache.discard(&target)?;
        }
        if !target.exists() {
            let work = Work::new(cache)?;
            let (writer, mut tree) = fill(&work)?;
            if let Some(sysext) = &self.system.sysext {
                let path = format!(
                    "/usr/lib/extension-release.d/extension-release.{}",
                    self.name
                );
                let text = format!("{}ARCHITECTURE={}\n", sysext.release, systemd(self.arch));
                tree.insert(&path, Node::file(0o644, text.into_bytes()));
            }
            if let Some(policy) = &self.system.selinux {
                tree.label(|path| policy.label(path));
            }
            writer.finish(&tree, 0)?;
            match &self.system.sysext {
                Some(sysext) => work.archive(self.name, sysext)?,
                None => work.hash_tree()?,
            }
            cache::seal(&work.folder)?;
            work.workspace.publish("extension", &target)?;
        }
        let (name, form) = match self.system.sysext {
            Some(_) => (ARCHIVE, ExtensionForm::Initrd),
            None => (IMAGE, ExtensionForm::Image),
        };
        let verity = match form {
            ExtensionForm::Image => {
                let path = target.join(VERITY);
                let reading = || format!("reading {}", path.display());
                let text = fs::read_to_string(&path).with_context(reading)?;
                Some(text.trim().parse().with_context(reading)?)
            }
            ExtensionForm::Initrd => None,
        };
        Ok(Extension {
            name: self.name,
            id: self.id,
            file: target.join(name),
            form,
            verity,
        })
    }
}

/// What systemd calls an architecture (os-release(5), `ARCHITECTURE=`).
fn systemd(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "x86-64",
        Arch::Arm64 => "arm64",
    }
}

/// Where an extension is made.
pub(super) struct Work {
    workspace: Workspace,
    folder: PathBuf,
}

impl Work {
    fn new(cache: &Cache) -> Result<Self> {
        let workspace = cache.workspace()?;
        let folder = workspace.path().join("extension");
        fs::create_dir(&folder).context("creating a folder for the extension")?;
        Ok(Self { workspace, folder })
    }

    /// A folder for what is not kept.
    pub fn scratch(&self) -> &Path {
        self.workspace.path()
    }

    /// Writes the image.
    pub fn writer(&self) -> Result<Writer> {
        let file = File::create(self.folder.join(IMAGE)).context("creating the extension")?;
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Writer::new(file, Options { threads, ..OPTIONS })
    }

    /// Appends the finished image's hash tree.
    fn hash_tree(&self) -> Result<()> {
        let verity = verity::append(&self.folder.join(IMAGE))?;
        fs::write(self.folder.join(VERITY), format!("{verity}\n"))
            .context("storing the extension's hash")
    }

    /// Puts the finished image, `name`, into an archive, with what takes it to the node.
    fn archive(&self, name: &str, sysext: &Sysext) -> Result<()> {
        let path = format!("{}/{name}.raw", sysext.in_initrd);
        let image = self.folder.join(IMAGE);
        let mut bytes = File::open(&image).context("opening the extension")?;
        let length = bytes.metadata().context("measuring the extension")?.len();
        let file = File::create(self.folder.join(ARCHIVE)).context("creating an archive")?;
        let mut archive = Archive::new(file);
        archive.file_with(&path, 0o644, length, |out| {
            io::copy(&mut bytes, out)
                .map(|_| ())
                .context("copying the extension into an archive")
        })?;
        if let Some(text) = handover(sysext) {
            let unit = format!("{UNITS}/{HANDOVER}");
            archive.file(&unit, 0o644, text.as_bytes())?;
            // Without its programs a node is not to start.
            let wanted = format!("{UNITS}/initrd.target.requires/{HANDOVER}");
            archive.symlink(&wanted, &format!("../{HANDOVER}"))?;
        }
        archive.finish()?;
        fs::remove_file(image).context("removing the extension's own file")
    }
}

/// The folder of an initrd's units.
const UNITS: &str = "usr/lib/systemd/system";

/// The unit of an initrd that moves images to where the system finds them.
const HANDOVER: &str = "imgbuild-extensions.service";

/// That unit's text; `None`: the system itself takes them.
fn handover(sysext: &Sysext) -> Option<String> {
    const TEXT: &str = include_str!("../../manifests/imgbuild-extensions.service");
    (sysext.arrival == SysextArrival::Moved)
        .then(|| TEXT.replace("{{folder}}", &format!("/{}", sysext.in_initrd)))
}

/// Refuses what cannot run on the node: not an ELF program, or one for another architecture (System
/// V ABI, chapter 4: `e_machine`).
fn check(path: &Path, arch: Arch) -> Result<()> {
    let mut head = [0; 20];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .with_context(|| format!("reading the program {}", path.display()))?;
    if !head.starts_with(b"\x7fELF") {
        bail!(
            "{} is not a Linux program (not an ELF file)",
            path.display()
        );
    }
    let machine = u16::from_le_bytes([head[18], head[19]]);
    if machine != oci::elf_machine(arch) {
        bail!("{} is not a program for {arch}", path.display());
    }
    Ok(())
}

fn digest(path: &Path, progress: &dyn Progress) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("reading {}", path.display()));
            }
        };
        hash.update(&buffer[..read]);
        progress.advance(read as u64);
    }
}
