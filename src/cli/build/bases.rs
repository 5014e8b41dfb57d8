//! What artifacts contain besides the node: bases and live ISOs.

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
    /// External bases: those that specs name.
    external: Vec<(BootFiles, External)>,
    /// The live ISO that the command line names, for all nodes.
    pub(super) given: Option<Rc<Image>>,
}

/// The external base of a node, checked.
#[derive(Debug, Clone)]
enum External {
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
            external: Vec::new(),
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
            return match self.external(node)? {
                External::Base(base) => {
                    wanted.laid_over(*base, self.source, self.lock, self.progress)
                }
                External::LiveIso(_) => Err(Failure::Usage(format!(
                    "the base of {} is a live ISO, from which only an ISO can be built: for a PXE folder, give `kernel:`, `initrd:` \
                     and `rootfs:` in its `base:`",
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

    /// The external base of `node`.
    fn external(&mut self, node: &Node) -> Result<External, Failure> {
        let facts = node.target.facts();
        let Some(files) = &node.base else {
            return Err(Failure::Usage(format!(
                "the target of {} is {}, and its spec does not say where the kernel and initrd are: write \
                 `base: {{kernel: {{source: …}}, initrd: {{source: …}}}}`",
                node.hostname.value, facts.title
            )));
        };
        if let Some((_, external)) = self.external.iter().find(|(made, _)| made == files) {
            return Ok(external.clone());
        }
        let access = Access {
            offline: self.source.offline,
            locked: self.source.locked,
            refresh: false,
            cache: cache(self.source.cache.as_deref())?,
        };
        let external = match registry::boot_files(files, &access, self.progress)? {
            CheckedBootFiles::Network {
                kernel,
                initrd,
                root,
                id,
            } => External::Base(Box::new(Base::external(
                node.arch,
                id,
                (kernel, initrd, root),
                facts.first_boot,
            ))),
            CheckedBootFiles::LiveIso(path) => External::LiveIso(pristine(&path)?),
        };
        self.external.push((files.clone(), external.clone()));
        Ok(external)
    }

    /// The live ISO that the node is built from.
    fn live_iso(&mut self, node: &Node) -> Result<Rc<Image>, Failure> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        if brings_live_iso(node)
            && let External::LiveIso(image) = self.external(node)?
        {
            return Ok(image);
        }
        Err(Failure::Usage(
            "--format embed requires the live ISO: give --base LIVE_ISO, or `base: {iso: {source: …}}` in the spec".to_owned(),
        ))
    }

    /// The base of `node`, with boot loaders: Debian's where the node has an external base, which
    /// has none.
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

    /// What an artifact of `node` in this format is built from.
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
                    "a PXE folder has one base, but {} and {} need different ones (arch or kernel differ): write two folders with \
                     --node, or ISOs with --format iso",
                    other.node.hostname.value, ready[0].node.hostname.value
                )));
            }
        }
        Ok(first)
    }
}

/// The live ISO at `path`, refused if something is embedded in it already.
pub(super) fn pristine(path: &Path) -> Result<Rc<Image>, Failure> {
    let image = Image::open(path)?;
    image.check_pristine()?;
    Ok(Rc::new(image))
}
