//! What artifacts contain besides the node: bases and live ISOs.

use std::path::Path;
use std::rc::Rc;

use crate::base::{self, Base};
use crate::facts::debian::BaseKind;
use crate::facts::systems::Target;
use crate::lock::Lock;
use crate::node::Node;
use crate::node::boot_files::BootFiles;
use crate::pack::{Format, Ground, MachinesOfBase};
use crate::registry::{self, CheckedBootFiles};

use super::artifact_writer::BuildInput;
use super::artifacts::NodeArtifacts;
use super::compiled_node::CompiledNode;
use super::destination::brings_live_iso;
use super::fetch::locked_base;
use super::live_image::LiveImage;
use super::{Environment, Error, FetchOptions, Result, Session};

/// What makes bases differ.
type Kind = (BaseKind, NodeArtifacts);

/// The bases that nodes need, each made once.
pub struct Bases<'a> {
    fetch: &'a FetchOptions,
    lock: &'a Path,
    session: &'a Session<'a>,
    made: Vec<(Kind, Base)>,
    /// Those that nodes name themselves.
    external: Vec<(BootFiles, External)>,
    /// The live ISO that the options name, for all nodes.
    pub(super) given: Option<Rc<LiveImage>>,
}

/// A system that imgbuild does not build, checked.
#[derive(Debug, Clone)]
enum External {
    Base(Box<Base>),
    LiveIso(Rc<LiveImage>),
}

impl<'a> Bases<'a> {
    /// Bases from where `fetch` says, their packages pinned in `lock`.
    pub fn new(fetch: &'a FetchOptions, lock: &'a Path, session: &'a Session<'a>) -> Self {
        Self {
            fetch,
            lock,
            session,
            made: Vec::new(),
            external: Vec::new(),
            given: None,
        }
    }

    /// The base of `node`.
    pub fn of_node(&mut self, node: &Node) -> Result<Base> {
        self.with(node, NodeArtifacts::of(node, self.fetch)?)
    }

    /// The base of `node` with what is `wanted` in it.
    fn with(&mut self, node: &Node, wanted: NodeArtifacts) -> Result<Base> {
        let Some(kind) = node.base_kind() else {
            return match self.external(node)? {
                External::Base(base) => {
                    wanted.laid_over(*base, self.fetch, self.lock, self.session)
                }
                External::LiveIso(_) => Err(Error::Request(format!(
                    "the base of {} is a live ISO, from which only an ISO can be built: for a PXE folder, give `kernel:`, `initrd:` \
                     and `rootfs:` in its `base:`",
                    node.hostname.value
                ))),
            };
        };
        let request = (self.fetch).base(&kind, &self.session.environment)?;
        let kind = (request.kind.clone(), wanted);
        if let Some((_, base)) = self.made.iter().find(|(made, _)| *made == kind) {
            return Ok(base.clone());
        }
        let base = locked_base(&request, self.lock, self.session)?;
        let base = (kind.1).laid_over(base, self.fetch, self.lock, self.session)?;
        self.made.push((kind, base.clone()));
        Ok(base)
    }

    /// The system that `node` names itself.
    fn external(&mut self, node: &Node) -> Result<External> {
        let facts = node.target.facts();
        let Some(files) = &node.base else {
            return Err(Error::Request(format!(
                "the target of {} is {}, and its spec does not say where the kernel and initrd are: write \
                 `base: {{kernel: {{source: …}}, initrd: {{source: …}}}}`",
                node.hostname.value, facts.title
            )));
        };
        if let Some((_, external)) = self.external.iter().find(|(made, _)| made == files) {
            return Ok(external.clone());
        }
        let access = self.fetch.access(false, &self.session.environment)?;
        let external = match registry::boot_files(files, &access, self.session.progress())? {
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
    fn live_iso(&mut self, node: &Node) -> Result<Rc<LiveImage>> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        if brings_live_iso(node)
            && let External::LiveIso(image) = self.external(node)?
        {
            return Ok(image);
        }
        Err(Error::Request(
            "--format embed requires the live ISO: give --base LIVE_ISO, or `base: {iso: {source: …}}` in the spec".to_owned(),
        ))
    }

    /// The base of `node`, with boot loaders: Debian's where the node has an external base, which
    /// has none.
    fn for_media(&mut self, node: &Node) -> Result<Base> {
        let base = self.of_node(node)?;
        if base.boot_loaders.is_some() {
            return Ok(base);
        }
        let kind = BaseKind {
            arch: node.arch,
            ..BaseKind::default()
        };
        let request = (self.fetch).base(&kind, &self.session.environment)?;
        let debian = locked_base(&request, self.lock, self.session)?;
        Ok(Base {
            boot_loaders: debian.boot_loaders,
            ..base
        })
    }

    /// What an artifact of `node` in this format is built from.
    pub fn of(&mut self, node: &Node, format: Format) -> Result<BuildInput> {
        Ok(match format.facts().ground {
            Ground::Nothing => BuildInput::Nothing,
            Ground::Base => BuildInput::Base(Box::new(self.of_node(node)?)),
            Ground::BaseWithBootLoaders => BuildInput::Base(Box::new(self.for_media(node)?)),
            Ground::LiveIso => BuildInput::LiveIso(self.live_iso(node)?),
        })
    }

    /// The machines of a folder for network boot, by the base that they boot. Images of one node
    /// are in the bases of all that have the same system, where those who do not want them leave
    /// them alone.
    pub fn of_tree<'n>(
        &mut self,
        nodes: &'n [CompiledNode<'_>],
    ) -> Result<Vec<MachinesOfBase<'n>>> {
        let mut all = Vec::new();
        for compiled in nodes {
            all.push((
                system(compiled.node),
                NodeArtifacts::of(compiled.node, self.fetch)?,
            ));
        }
        let mut images: Vec<(System<'_>, NodeArtifacts)> = Vec::new();
        for (system, wanted) in &all {
            let known = images.iter().position(|(other, _)| other == system);
            let index = known.unwrap_or_else(|| {
                images.push((system.clone(), NodeArtifacts::default()));
                images.len() - 1
            });
            images[index].1.add(wanted);
        }
        let mut groups: Vec<MachinesOfBase<'n>> = Vec::new();
        for (compiled, (system, mut wanted)) in nodes.iter().zip(all) {
            for (_, images) in images.iter().filter(|(other, _)| *other == system) {
                wanted.add(images);
            }
            let base = self.with(compiled.node, wanted)?;
            let machine = compiled.machine();
            match groups.iter_mut().find(|group| group.base.id == base.id) {
                Some(group) => group.machines.push(machine),
                None => groups.push(MachinesOfBase {
                    base,
                    machines: vec![machine],
                }),
            }
        }
        Ok(groups)
    }
}

/// What decides which system's files a node boots.
type System<'a> = (Target, Option<BaseKind>, Option<&'a BootFiles>);

fn system(node: &Node) -> System<'_> {
    (node.target, node.base_kind(), node.base.as_ref())
}

/// Whether the bases of `nodes` can be had: what `fetch` forbids is an error before anything is
/// made. Other systems' files are judged when they are read.
pub fn check(
    nodes: &[&Node],
    fetch: &FetchOptions,
    lock: &Path,
    environment: &Environment,
) -> Result<()> {
    if !fetch.offline && !fetch.locked {
        return Ok(());
    }
    let mut kinds: Vec<_> = nodes.iter().filter_map(|node| node.base_kind()).collect();
    kinds.dedup();
    let lock = Lock::load(lock)?;
    for kind in kinds {
        base::check(&fetch.base(&kind, environment)?, &lock)?;
    }
    Ok(())
}

/// The live ISO at `path`, refused if something is embedded in it already.
pub(super) fn pristine(path: &Path) -> Result<Rc<LiveImage>> {
    let image = LiveImage::open(path)?;
    image.check_pristine()?;
    Ok(Rc::new(image))
}
