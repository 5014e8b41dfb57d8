//! Images that are laid over the root image on the node: programs that not every node has.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use super::cache::Cache;
use super::squashfs::{Options, Writer};
use super::tree::{Content, Kind, Node, Tree};
use super::{EXTENSIONS_PATH, hex};
use crate::names::Arch;
use crate::oci;
use crate::plan::{IMAGE_ARCHIVES, PROGRAMS};
use crate::progress::Progress;

/// Counts up whenever the same programs give other bytes.
const VERSION: u32 = 2;

/// As the root image's, but smaller blocks: a program's pages are read here and there, and each costs its block.
pub(super) const OPTIONS: Options = Options {
    block_size: 256 << 10,
    fragment_size: 128 << 10,
    level: 9,
    threads: 1,
};

/// What a control plane cannot do without.
const CONTROL_PLANE: [&str; 3] = [
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
];

/// What every node has.
const NODE: [&str; 2] = ["kubelet", "kube-proxy"];

/// What is taken where it is there; the base has one of its own.
const OPTIONAL: [&str; 1] = ["kubectl"];

/// An image that stage 0 lays over the root image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// In a file name.
    pub name: &'static str,
    /// SHA-256 over what it is made of, in hexadecimal.
    pub id: String,
    /// The image (squashfs), in the cache.
    pub file: PathBuf,
}

impl Extension {
    /// Where stage 0 looks for it: below `/` in an initrd, below the volume's root on an ISO.
    pub fn path(&self) -> String {
        format!("{EXTENSIONS_PATH}/{}.squashfs", self.name)
    }
}

/// All programs that nodes with Kubernetes have.
pub fn program_names() -> impl Iterator<Item = &'static str> {
    CONTROL_PLANE.into_iter().chain(NODE).chain(OPTIONAL)
}

/// The programs that are in `folder`, or should be.
pub fn programs_in(folder: &Path) -> Vec<(String, PathBuf)> {
    program_names()
        .map(|name| (name, folder.join(name)))
        .filter(|(name, path)| !OPTIONAL.contains(name) || path.exists())
        .map(|(name, path)| (name.to_owned(), path))
        .collect()
}

/// The image of `programs` (names and paths) and of the container image that their pods run in. From the cache, or made there.
pub fn kubernetes(
    cache: &Cache,
    arch: Arch,
    programs: &[(String, PathBuf)],
    progress: &dyn Progress,
) -> Result<Extension> {
    for (_, path) in programs {
        check(path, arch)?;
    }
    let mut image = Vec::new();
    oci::write_node_image(arch, &mut image).context("making the container image")?;

    let mut hash = Sha256::new();
    hash.update(format!("imgbuild kubernetes extension {VERSION} {arch}\n"));
    hash.update(hex(&Sha256::digest(&image)));
    let total = programs
        .iter()
        .filter_map(|(_, path)| Some(fs::metadata(path).ok()?.len()))
        .sum();
    progress.start("hashing the programs of Kubernetes", Some(total));
    for (name, path) in programs {
        let digest = digest(path, progress)?;
        hash.update(format!("{name} {digest}\n"));
    }
    progress.finish();
    let id = hex(&hash.finalize());

    let _exclusive = cache.exclusive(&format!("extension-{id}"))?;
    let target = cache.folder("extensions")?.join(&id);
    if !target.exists() {
        build(cache, &target, programs, &image, progress)?;
    }
    Ok(Extension {
        name: "kubernetes",
        id,
        file: target.join("image.squashfs"),
    })
}

fn build(
    cache: &Cache,
    target: &Path,
    programs: &[(String, PathBuf)],
    image: &[u8],
    progress: &dyn Progress,
) -> Result<()> {
    let work = cache.workspace()?;
    let folder = work.path().join("extension");
    fs::create_dir(&folder).context("making a folder for the extension")?;
    let file = File::create(folder.join("image.squashfs")).context("making the extension")?;
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut writer = Writer::new(file, Options { threads, ..OPTIONS })?;
    let mut tree = Tree::new();
    for at in ["/opt", "/opt/kubernetes", PROGRAMS, IMAGE_ARCHIVES] {
        tree.insert(at, Node::directory(0o755));
    }
    progress.start(
        "packing the programs of Kubernetes",
        Some(programs.len() as u64),
    );
    for (name, path) in programs {
        let mut program =
            File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let stored = writer
            .add(&mut program, false)
            .with_context(|| format!("packing {}", path.display()))?;
        let mut node = Node::file(0o755, Vec::new());
        node.kind = Kind::File(Content::Stored(stored));
        tree.insert(&format!("{PROGRAMS}/{name}"), node);
        progress.advance(1);
    }
    tree.insert(
        &format!("{IMAGE_ARCHIVES}/node.tar"),
        Node::file(0o644, image.to_vec()),
    );
    let list = oci::list_of(image).context("listing the container image")?;
    tree.insert(
        &format!("{IMAGE_ARCHIVES}/node.list"),
        Node::file(0o644, list.into_bytes()),
    );
    writer.finish(&tree, 0)?;
    progress.finish();
    work.publish("extension", target)
}

/// Refuses what cannot run on the node: not an ELF program, or one for another machine (System V ABI, chapter 4: `e_machine`).
fn check(path: &Path, arch: Arch) -> Result<()> {
    let mut head = [0; 20];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .with_context(|| format!("reading the program {}", path.display()))?;
    if !head.starts_with(b"\x7fELF") {
        bail!(
            "{} is not a program for Linux (no ELF file)",
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
