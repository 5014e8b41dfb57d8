//! Finds, fetches and pins the programs and images of nodes.

use crate::node::needed_images::{
    EmbeddedImages, FETCHED_PROGRAMS, embedded_images, needed_images,
};

use crate::extensions;
use crate::extensions::crio;
use crate::extensions::images;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::base::Base;
use crate::cache::Cache;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::runtimes::Runtime;
use crate::facts::systems::Target;
use crate::lock::Lock;
use crate::lock::pins::Pins;
use crate::names::Arch;
use crate::node::containers::{ImageSource, Programs};
use crate::node::kubernetes::{Images as Artifacts, Kubernetes};
use crate::node::{Cluster, Node};
use crate::oci::{self, ImageName, StoredImage};
use crate::progress::Progress;
use crate::registry;
use crate::registry::{Access, Credentials, Mirrors};

use super::args::BaseSource;
use super::base::request;
use super::messages::Messages;
use super::outcome::Failure;

/// What is built into a node in addition to its base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The system that they are laid out for.
    target: Target,
    /// Where its programs come from, and their version.
    programs: Option<(Programs, String)>,
    /// The folder of the CNI plugins, where the system has none.
    plugins: Option<PathBuf>,
    /// Whether pods run in CRI-O: its files in the folder of the programs are included then.
    cri_o: bool,
    images: Option<EmbeddedImages>,
}

impl Wanted {
    /// What `node` needs, according to the spec and the command line.
    pub fn of(node: &Node, source: &BaseSource) -> Result<Self, Failure> {
        let programs = match &node.kubernetes {
            Some(kubernetes) => programs_of(node, kubernetes, source)?,
            None => None,
        };
        let plugins = match (&node.kubernetes, &programs) {
            (Some(kubernetes), Some((programs, _))) => plugins_of(node, kubernetes, programs)?,
            _ => None,
        };
        let cri_o = node.runtime() == Runtime::CriO;
        if let (Some(kubernetes), Some((programs, _)), true) = (&node.kubernetes, &programs, cri_o)
        {
            check_cri_o(kubernetes, programs)?;
        }
        Ok(Self {
            target: node.target,
            programs,
            plugins,
            cri_o,
            images: embedded_images(node),
        })
    }

    /// Adds the images of `other`, and what reads them, so that one base serves both.
    pub fn add(&mut self, other: &Self) {
        self.cri_o |= other.cri_o;
        let Some(more) = &other.images else {
            return;
        };
        let own = self.images.get_or_insert_default();
        for image in &more.listed {
            if !own.listed.contains(image) {
                own.listed.push(image.clone());
            }
        }
        for image in &more.needed {
            if !own.needed.contains(image) {
                own.needed.push(image.clone());
            }
        }
        own.needed.sort();
    }

    /// `base` with all of it.
    pub fn laid_over(
        &self,
        mut base: Base,
        source: &BaseSource,
        lock_file: &Path,
        progress: &dyn Progress,
    ) -> Result<Base, Failure> {
        if self.programs.is_none() && self.images.is_none() {
            return Ok(base);
        }
        let arch = base.arch;
        let system = self.target.facts();
        let mut store = Store::open(source, arch, lock_file, false)?;
        let mut folder = None;
        if let Some((programs, version)) = &self.programs {
            let mut cri_o = Vec::new();
            let programs = match programs {
                Programs::Folder(path) => {
                    folder = Some(path);
                    if self.cri_o {
                        // Nodes that need what is missing have said so.
                        cri_o = crio::programs_in(path).unwrap_or_default();
                    }
                    extensions::programs_in(path)
                }
                Programs::Site(site) => {
                    let names: Vec<&str> = extensions::program_names().collect();
                    store
                        .site(site, version)
                        .all(&names, &mut store.pins, progress)?
                }
            };
            let plugins = self.plugins.as_deref().map(extensions::plugins_in);
            let programs = extensions::Programs {
                kubernetes: &programs,
                plugins: plugins.as_deref().unwrap_or_default(),
                cri_o: &cri_o,
            };
            let cache = &store.access.cache;
            let extension = extensions::kubernetes(cache, arch, system, programs, progress)?;
            base = base.with_extension(extension);
        }
        if let Some(wanted) = &self.images {
            let images = store.images(wanted, folder.map(PathBuf::as_path), progress)?;
            let cache = &store.access.cache;
            let images = images::Images {
                all: &images,
                cri_o: self.cri_o,
            };
            let extension = images::extension(cache, arch, system, images, progress)?;
            base = base.with_extension(extension);
        }
        store.save()?;
        Ok(base)
    }
}

fn programs_of(
    node: &Node,
    kubernetes: &Kubernetes,
    source: &BaseSource,
) -> Result<Option<(Programs, String)>, Failure> {
    let Artifacts::Embedded { programs, .. } = &kubernetes.images else {
        return Ok(None);
    };
    let named = source.programs.as_ref().map(|named| match named.to_str() {
        Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
            Programs::Site(url.trim_end_matches('/').to_owned())
        }
        _ => Programs::Folder(named.clone()),
    });
    match named.or_else(|| programs.clone()) {
        Some(programs) => Ok(Some((programs, kubernetes.version.value.to_string()))),
        None => Err(Failure::Usage(format!(
            "{} embeds Kubernetes {}, but the location of its programs is not given: name their folder, or a site such as {}, with \
             `artifacts: {{programs: …}}` in the spec or with --programs",
            node.hostname.value,
            kubernetes.version.value,
            registry::DEFAULT_SITE,
        ))),
    }
}

/// The folder of the CNI plugins that go with `programs`; `None`: the system has them, or
/// `kubernetes` needs none.
fn plugins_of(
    node: &Node,
    kubernetes: &Kubernetes,
    programs: &Programs,
) -> Result<Option<PathBuf>, Failure> {
    let Artifacts::Embedded { cni_plugins, .. } = &kubernetes.images else {
        return Ok(None);
    };
    if kubernetes.cni_plugins().is_none() {
        return Ok(None);
    }
    match (cni_plugins, programs) {
        (Some(folder), _) | (None, Programs::Folder(folder)) => Ok(Some(folder.clone())),
        (None, Programs::Site(site)) => Err(Failure::Usage(format!(
            "{} requires CNI plugins, which {} does not include and {site} does not serve: name their folder with \
             `artifacts: {{cni_plugins: …}}`",
            node.hostname.value,
            node.target.facts().title,
        ))),
    }
}

/// Refuses programs that lack some of CRI-O's, or have those of a release that does not match
/// Kubernetes.
fn check_cri_o(kubernetes: &Kubernetes, programs: &Programs) -> Result<(), Failure> {
    let wanted = kubernetes.version.value.minor;
    let (what, why) = match programs {
        Programs::Folder(folder) => {
            let shown = folder.display();
            match (crio::programs_in(folder), crio::minor_in(folder)) {
                (Err(missing), _) => (
                    "CRI-O programs are missing".to_owned(),
                    format!("{shown} lacks {}", missing.join(", ")),
                ),
                (Ok(_), Some(minor)) if minor != wanted => (
                    format!("CRI-O must match Kubernetes 1.{wanted}"),
                    format!("{shown} has CRI-O 1.{minor}"),
                ),
                (Ok(_), _) => return Ok(()),
            }
        }
        Programs::Site(site) => (
            "CRI-O programs are missing".to_owned(),
            format!("{site} does not serve them, nor does any other site: use a folder"),
        ),
    };
    let found = Diagnostic::error(codes::NO_CRI_O, kubernetes.runtime.span, what)
    .label(why)
    .help(format!(
        "unpack a release bundle of CRI-O 1.{wanted} (`cri-o.….tar.gz`) and put the programs of its `bin` into the folder of the \
         Kubernetes programs",
    ));
    Err(Failure::Input(vec![found]))
}

/// Access to registries and sites, through the cache and the pins.
struct Store<'a> {
    access: Access,
    arch: Arch,
    registries: registry::Images,
    lock_file: &'a Path,
    lock: Lock,
    pins: Pins,
}

impl<'a> Store<'a> {
    fn open(
        source: &BaseSource,
        arch: Arch,
        lock_file: &'a Path,
        refresh: bool,
    ) -> Result<Self, Failure> {
        let cache: Cache =
            request(source, arch, crate::facts::kernel::KernelFlavor::default())?.cache;
        let access = Access {
            offline: source.offline,
            locked: source.locked,
            refresh,
            cache,
        };
        let mut mirrors = Vec::new();
        for text in &source.registry_mirror {
            mirrors.push(
                text.parse()
                    .map_err(|why| Failure::Usage(format!("--registry-mirror {text}: {why}")))?,
            );
        }
        let credentials = Credentials::from_host(|name| std::env::var_os(name));
        let lock = Lock::load(lock_file)?;
        let pins =
            Pins::from_lock(&lock).with_context(|| format!("reading {}", lock_file.display()))?;
        Ok(Self {
            registries: registry::Images::new(access.clone(), Mirrors::new(mirrors), credentials),
            access,
            arch,
            lock_file,
            lock,
            pins,
        })
    }

    fn site(&self, site: &str, version: &str) -> registry::Programs {
        registry::Programs {
            access: self.access.clone(),
            site: site.to_owned(),
            version: version.to_owned(),
            arch: self.arch,
        }
    }

    fn save(mut self) -> anyhow::Result<()> {
        let before = self.lock.to_text();
        self.pins.save(&mut self.lock);
        if self.lock.to_text() != before {
            self.lock.save(self.lock_file)?;
        }
        Ok(())
    }

    /// The images of `wanted`: those that are listed, and those that are needed, from archives in
    /// `folder` or the listed ones, else from their registries. One image a name.
    fn images(
        &mut self,
        wanted: &EmbeddedImages,
        folder: Option<&Path>,
        progress: &dyn Progress,
    ) -> anyhow::Result<Vec<StoredImage>> {
        let mut images: Vec<StoredImage> = Vec::new();
        for source in &wanted.listed {
            match source {
                ImageSource::Path(path) => {
                    for image in oci::read_images(path, self.arch)? {
                        add(&mut images, image)?;
                    }
                }
                ImageSource::Name(name) => {
                    let image = self.fetch(name, progress)?;
                    add(&mut images, image)?;
                }
            }
        }
        let mut beside = Vec::new();
        if let Some(folder) = folder.filter(|_| !wanted.needed.is_empty()) {
            let archives = oci::archives_in(folder)
                .with_context(|| format!("reading {}", folder.display()))?;
            for archive in archives {
                beside.extend(oci::read_images(&archive, self.arch)?);
            }
        }
        for needed in &wanted.needed {
            let name: ImageName = (needed.to_string().parse())
                .map_err(|why: crate::names::InvalidName| anyhow::anyhow!("{needed}: {}", why.0))?;
            let text = name.to_string();
            if images.iter().any(|image| image.name == text) {
                continue;
            }
            let image = match beside.iter().find(|image| image.name == text) {
                Some(image) => image.clone(),
                None => self.fetch(&name, progress).with_context(|| {
                    format!(
                        "embedding {name}, which the node needs and no archive under `artifacts.images` contains"
                    )
                })?,
            };
            add(&mut images, image)?;
        }
        Ok(images)
    }

    fn fetch(&mut self, name: &ImageName, progress: &dyn Progress) -> anyhow::Result<StoredImage> {
        let digest = self.registries.resolve(name, &mut self.pins)?;
        self.registries.fetch(name, &digest, self.arch, progress)
    }
}

/// Adds `image`, unless it is listed already. Two different images cannot have the same name.
fn add(images: &mut Vec<StoredImage>, image: StoredImage) -> anyhow::Result<()> {
    match images.iter().find(|other| other.name == image.name) {
        Some(other) if other.manifest == image.manifest => {}
        Some(other) => bail!(
            "two different images are named {}: {} and {}",
            image.name,
            other.digest(),
            image.digest()
        ),
        None => images.push(image),
    }
    Ok(())
}

/// Pins what nodes of `cluster` fetch themselves, and hands the pins to the nodes. A program that
/// is not pinned cannot be checked on the node, so that is an error; an image that is not pinned is
/// pulled by its tag.
pub fn pin(
    cluster: &mut Cluster,
    source: &BaseSource,
    lock_file: &Path,
    messages: Messages,
) -> Result<(), Failure> {
    pin_with(cluster, source, lock_file, messages, false)
}

fn pin_with(
    cluster: &mut Cluster,
    source: &BaseSource,
    lock_file: &Path,
    messages: Messages,
    refresh: bool,
) -> Result<(), Failure> {
    for node in &cluster.nodes {
        let Some(kubernetes) = &node.kubernetes else {
            continue;
        };
        let Artifacts::Pulled { site, .. } = &kubernetes.images else {
            continue;
        };
        let mut store = Store::open(source, node.arch, lock_file, refresh)?;
        let version = kubernetes.version.value.to_string();
        let site = store.site(site, &version);
        for name in FETCHED_PROGRAMS {
            site.resolve(name, &mut store.pins)?;
        }
        for image in needed_images(kubernetes) {
            let text = image.to_string();
            if (source.offline || source.locked) && store.pins.image(&text).is_none() {
                messages.warn(&format!(
                    "imgbuild.lock does not pin {text}, so the node pulls whatever its registry serves by that name"
                ));
                continue;
            }
            let name: ImageName = (text.parse())
                .map_err(|why: crate::names::InvalidName| anyhow::anyhow!("{text}: {}", why.0))?;
            store.registries.resolve(&name, &mut store.pins)?;
        }
        store.save()?;
    }
    tell(cluster, lock_file)
}

/// Hands nodes the lock's pins of what they fetch.
pub fn tell(cluster: &mut Cluster, lock_file: &Path) -> Result<(), Failure> {
    let pulls = |node: &Node| node.kubernetes.as_ref().is_some_and(Kubernetes::is_pulled);
    if cluster.nodes.iter().any(pulls) {
        let pins = Pins::from_lock(&Lock::load(lock_file)?)
            .with_context(|| format!("reading {}", lock_file.display()))?;
        cluster.pin(&pins);
    }
    Ok(())
}

/// Updates the pins of what the nodes of `cluster` get from registries and sites.
pub fn update(
    cluster: &mut Cluster,
    source: &BaseSource,
    lock_file: &Path,
    messages: Messages,
) -> Result<(), Failure> {
    pin_with(cluster, source, lock_file, messages, true)?;
    for node in &cluster.nodes {
        let mut store = Store::open(source, node.arch, lock_file, true)?;
        if let Some(kubernetes) = &node.kubernetes
            && let Artifacts::Embedded { .. } = &kubernetes.images
            && let Ok(Some((Programs::Site(site), version))) = programs_of(node, kubernetes, source)
        {
            let site = store.site(&site, &version);
            for name in extensions::program_names() {
                site.resolve(name, &mut store.pins)?;
            }
        }
        let wanted = embedded_images(node).unwrap_or_default();
        let mut names = Vec::new();
        for listed in &wanted.listed {
            if let ImageSource::Name(name) = listed {
                names.push(name.clone());
            }
        }
        // Images that came from archives have no pin, and need none.
        for needed in &wanted.needed {
            let text = needed.to_string();
            if store.pins.image(&text).is_some()
                && let Ok(name) = text.parse()
            {
                names.push(name);
            }
        }
        for name in names {
            store.registries.resolve(&name, &mut store.pins)?;
        }
        store.save()?;
    }
    Ok(())
}
