//! What artifacts are made of beside the node: bases and live ISOs.

use std::path::Path;
use std::rc::Rc;

use crate::base::Base;
use crate::facts::kernel::KernelFlavor;
use crate::names::Arch;
use crate::node::Node;
use crate::node::boot_files::BootFiles;
use crate::pack::Format;
use crate::progress::Progress;
use crate::registry::{self, Access, CheckedBootFiles};

use super::super::args;
use super::super::artifacts::Wanted;
use super::super::base::{cache, locked, request};
use super::super::embed::Image;
use super::super::outcome::Failure;
use super::format::brings_live_iso;
use super::{Ground, Ready};

/// What makes bases differ.
type Kind = (Arch, KernelFlavor, Wanted);

/// The bases that nodes need, each made once.
pub struct Bases<'a> {
    source: &'a args::BaseSource,
    lock: &'a Path,
    progress: &'a dyn Progress,
    made: Vec<(Kind, Base)>,
    /// Those that nodes bring.
    brought: Vec<(BootFiles, Brought)>,
    /// The live ISO that the command line names, for all nodes.
    pub(super) given: Option<Rc<Image>>,
}

/// What a node brings, checked.
#[derive(Debug, Clone)]
enum Brought {
    Base(Box<Base>),
    LiveIso(Rc<Image>),
}

impl<'a> Bases<'a> {
    /// Bases from `source`, their packages pinned in `lock`.
    pub fn new(source: &'a args::BaseSource, lock: &'a Path, progress: &'a dyn Progress) -> Self {
        Self {
            source,
            lock,
            progress,
            made: Vec::new(),
            brought: Vec::new(),
            given: None,
        }
    }

    /// The base of `node`.
    pub fn of_node(&mut self, node: &Node) -> Result<Base, Failure> {
        self.with(node, Wanted::of(node, self.source)?)
    }

    /// The base of `node` with what is `wanted` in it.
    fn with(&mut self, node: &Node, wanted: Wanted) -> Result<Base, Failure> {
        if node.target.facts().brings_base {
            return match self.brought(node)? {
                Brought::Base(base) => {
                    wanted.laid_over(*base, self.source, self.lock, self.progress)
                }
                Brought::LiveIso(_) => Err(Failure::Usage(format!(
                    "{} is to start from a live ISO, of which an ISO is made and nothing else: for a PXE folder its `base:` has \
                     `kernel:`, `initrd:` and `rootfs:`",
                    node.hostname.value
                ))),
            };
        }
        let request = request(self.source, node.arch, node.kernel)?;
        let kind = (request.arch, request.kernel, wanted);
        if let Some((_, base)) = self.made.iter().find(|(made, _)| *made == kind) {
            return Ok(base.clone());
        }
        let base = locked(&request, self.lock, self.progress)?;
        let base = (kind.2).laid_over(base, self.source, self.lock, self.progress)?;
        self.made.push((kind, base.clone()));
        Ok(base)
    }

    /// What `node` brings.
    fn brought(&mut self, node: &Node) -> Result<Brought, Failure> {
        let facts = node.target.facts();
        let Some(files) = &node.base else {
            return Err(Failure::Usage(format!(
                "{} is a node of {}, and its spec does not say where kernel and initrd are: write \
                 `base: {{kernel: {{source: …}}, initrd: {{source: …}}}}`",
                node.hostname.value, facts.title
            )));
        };
        if let Some((_, brought)) = self.brought.iter().find(|(made, _)| made == files) {
            return Ok(brought.clone());
        }
        let access = Access {
            offline: self.source.offline,
            locked: self.source.locked,
            refresh: false,
            cache: cache(self.source.cache.as_deref())?,
        };
        let brought = match registry::boot_files(files, &access, self.progress)? {
            CheckedBootFiles::Network {
                kernel,
                initrd,
                root,
                id,
            } => Brought::Base(Box::new(Base::brought(
                node.arch,
                id,
                (kernel, initrd, root),
                facts.first_boot,
            ))),
            CheckedBootFiles::LiveIso(path) => Brought::LiveIso(pristine(&path)?),
        };
        self.brought.push((files.clone(), brought.clone()));
        Ok(brought)
    }

    /// The live ISO that is to be the node's.
    fn live_iso(&mut self, node: &Node) -> Result<Rc<Image>, Failure> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        if brings_live_iso(node)
            && let Brought::LiveIso(image) = self.brought(node)?
        {
            return Ok(image);
        }
        Err(Failure::Usage(
            "--format embed wants the live ISO: --base LIVE_ISO, or `base: {iso: {source: …}}` in the spec".to_owned(),
        ))
    }

    /// The base of `node`, with boot loaders: those of Debian where the node brings its own base,
    /// which has none.
    fn for_media(&mut self, node: &Node) -> Result<Base, Failure> {
        let base = self.of_node(node)?;
        if base.boot_loaders.is_some() {
            return Ok(base);
        }
        let request = request(self.source, node.arch, KernelFlavor::default())?;
        let debian = locked(&request, self.lock, self.progress)?;
        Ok(Base {
            boot_loaders: debian.boot_loaders,
            ..base
        })
    }

    /// What an artifact of `node` in this format is made of.
    pub fn of(&mut self, node: &Node, format: Format) -> Result<Ground, Failure> {
        match format {
            Format::Iso => Ok(Ground::Base(Box::new(self.for_media(node)?))),
            Format::Embed => self.live_iso(node).map(Ground::LiveIso),
            format if format.needs_base() => Ok(Ground::Base(Box::new(self.of_node(node)?))),
            _ => Ok(Ground::Nothing),
        }
    }

    /// The base that all nodes share, with the images of all.
    pub fn one_of(&mut self, ready: &[Ready<'_>]) -> Result<Base, Failure> {
        let mut all = Vec::new();
        for ready in ready {
            all.push(Wanted::of(ready.node, self.source)?);
        }
        // Images of one node are in the base of all, where those who do not want them leave them
        // alone.
        let mut images = Wanted::default();
        for wanted in &all {
            images.add(wanted);
        }
        for wanted in &mut all {
            wanted.add(&images);
        }
        let first = self.with(ready[0].node, all.remove(0))?;
        for (other, wanted) in ready[1..].iter().zip(all) {
            if self.with(other.node, wanted)?.id != first.id {
                return Err(Failure::Usage(format!(
                    "a PXE folder has one base, and {} needs another than {} (arch or kernel differ): write two folders \
                     with --node, or ISOs with --format iso",
                    other.node.hostname.value, ready[0].node.hostname.value
                )));
            }
        }
        Ok(first)
    }
}

/// The live ISO at `path`, to which nobody has given anything yet.
pub(super) fn pristine(path: &Path) -> Result<Rc<Image>, Failure> {
    let image = Image::open(path)?;
    image.check_pristine()?;
    Ok(Rc::new(image))
}
