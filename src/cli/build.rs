//! The main job: from a spec to artifacts.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context;

use crate::base::Base;
use crate::diagnostic::{Diagnostic, Sources};
use crate::embed::{Edits, Wishes};
use crate::ignition;
use crate::names::{Arch, MacAddr};
use crate::pack::output::Output;
use crate::pack::{self, Format, Machine, Patch, Payload};
use crate::pki;
use crate::plan::{BootFiles, BroughtSystem, InterfaceMatch, KernelFlavour, Node};
use crate::processors::on_all_processors;
use crate::progress::Progress;
use crate::registry::{self, Access, CheckedBootFiles};
use crate::target::{LinkManager, Target};

use super::args;
use super::artifacts::{self, Wanted};
use super::base::{cache, locked, request};
use super::embed::Image;
use super::findings::{has_errors, sort_by_place};
use super::messages::Messages;
use super::outcome::Failure;
use super::spec_file::{SpecFile, chosen, names};

/// A node whose config is made: all that the packers need beside the base.
#[derive(Debug)]
pub struct Ready<'a> {
    pub node: &'a Node,
    payload: Payload,
    kernel_arguments: Vec<String>,
    macs: Vec<MacAddr>,
}

impl<'a> Ready<'a> {
    /// Compiles each of `nodes`; the mistakes of all of them in one list. Warnings are said at once.
    pub fn compile(
        nodes: &[&'a Node],
        sources: &Sources,
        messages: Messages,
    ) -> Result<Vec<Self>, Failure> {
        let mut ready = Vec::with_capacity(nodes.len());
        let mut diagnostics = Vec::new();
        for compiled in on_all_processors(nodes.iter().copied(), Self::of) {
            match compiled {
                Ok((node, warnings)) => {
                    diagnostics.extend(warnings);
                    ready.push(node);
                }
                Err(found) => diagnostics.extend(found),
            }
        }
        sort_by_place(&mut diagnostics);
        if has_errors(&diagnostics) {
            return Err(Failure::Input(diagnostics));
        }
        messages.diagnostics(sources, &diagnostics);
        Ok(ready)
    }

    /// With what is doubtful.
    fn of(node: &'a Node) -> Result<(Self, Vec<Diagnostic>), Vec<Diagnostic>> {
        let compiled = ignition::compile(node)?;
        let ready = Self {
            node,
            payload: payload(node, &compiled.config, compiled.network),
            kernel_arguments: kernel_arguments(node),
            macs: macs(node),
        };
        Ok((ready, compiled.warnings))
    }

    /// The node's config for people.
    fn config(&self) -> Vec<u8> {
        ignition::indented(&self.payload.config)
    }

    /// The node as the packers see it.
    pub fn machine(&self) -> Machine<'_> {
        Machine {
            hostname: &self.node.hostname.value,
            payload: &self.payload,
            kernel_arguments: &self.kernel_arguments,
            macs: &self.macs,
        }
    }

    /// The node as a live system of Fedora CoreOS takes it: its config, its keyfiles and its kernel arguments.
    pub fn wishes(&self) -> Wishes {
        let keyfiles = match self.node.target.facts().links {
            LinkManager::NetworkManager => self.payload.network.clone(),
            LinkManager::Networkd => Vec::new(),
        };
        Wishes {
            config: Some(self.payload.config.clone()),
            keyfiles,
            arguments: Edits {
                append: self.kernel_arguments.clone(),
                ..Edits::default()
            },
            ..Wishes::default()
        }
    }

    /// The kernel's whole command line on `base`.
    pub fn command_line(&self, base: &Base) -> anyhow::Result<String> {
        pack::command_line(base, &self.machine())
    }
}

/// What the node's initrd has of it.
fn payload(node: &Node, config: &ignition::Config, network: Vec<(String, Vec<u8>)>) -> Payload {
    let facts = node.target.facts();
    let payload = Payload {
        config_path: facts.paths.config,
        config: ignition::to_json(config),
        ..Payload::default()
    };
    match facts.paths.network {
        None => payload,
        Some(network_folder) => Payload {
            network,
            network_folder,
            network_mode: facts.links.mode(),
            ..payload
        },
    }
}

/// The node's own kernel arguments.
fn kernel_arguments(node: &Node) -> Vec<String> {
    node.kernel_arguments
        .iter()
        .map(|argument| argument.value.clone())
        .collect()
}

/// The cards that the spec names by address.
fn macs(node: &Node) -> Vec<MacAddr> {
    node.network
        .interfaces
        .iter()
        .filter_map(|interface| match interface.matching {
            InterfaceMatch::Mac { mac, .. } => Some(mac),
            InterfaceMatch::Name(_) | InterfaceMatch::AnyEthernet => None,
        })
        .collect()
}

/// How many outputs are finished together: a process may have 1,024 files open.
const AT_ONCE: usize = 256;

/// Runs `imgbuild SPEC -o OUTPUT`.
pub fn run(
    build: &args::Build,
    sources: &mut Sources,
    messages: Messages,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let (Some(spec), Some(output)) = (&build.spec, &build.output) else {
        return Err(Failure::Usage(
            "a spec and `--output` are needed; see `imgbuild --help`".to_owned(),
        ));
    };
    let named = format(build.format.as_deref(), output)?;
    let given = given_live_iso(build, named)?;
    let file = SpecFile::new(spec, build.source.keys.as_deref());
    let mut cluster = file.decide(pki::Access::Write, sources, messages)?;
    artifacts::pin(&mut cluster, &build.source.base, &file.lock, messages)?;
    let nodes = chosen(&cluster, build.node.as_deref())?;
    let format = for_target(named, build.format.is_some(), &nodes)?;
    let targets = targets(output, format, &nodes, &names(&cluster))?;
    if format == Format::Embed {
        warn_of_others(&nodes, messages);
    }
    let ready = Ready::compile(&nodes, sources, messages)?;

    let mut bases = Bases::new(&build.source.base, &file.lock, progress);
    bases.given = given;
    match targets {
        Targets::Folder(path) => {
            let base = bases.one_of(&ready)?;
            let machines: Vec<_> = ready.iter().map(Ready::machine).collect();
            pack::pxe(&path, &base, &machines, progress)?;
            messages.note(&format!("wrote {}", path.display()));
        }
        Targets::Stream => {
            let ground = bases.of(ready[0].node, format)?;
            let making = Making::new(format, ground, &ready[0])?;
            let mut out = Output::stdout()?;
            making.write(out.file(), progress)?;
            out.commit()?;
        }
        Targets::Files(paths) => {
            for (ready, paths) in ready.chunks(AT_ONCE).zip(paths.chunks(AT_ONCE)) {
                let mut outputs = Output::create_all(paths, true)?;
                for ((ready, path), out) in ready.iter().zip(paths).zip(&mut outputs) {
                    let ground = bases.of(ready.node, format)?;
                    Making::new(format, ground, ready)?
                        .write(out.file(), progress)
                        .with_context(|| format!("writing {}", path.display()))?;
                }
                Output::commit_all(outputs)?;
                for path in paths {
                    messages.note(&format!("wrote {}", path.display()));
                }
            }
        }
    }
    Ok(())
}

/// The live ISO that the command line names for the format `embed`.
fn given_live_iso(build: &args::Build, format: Format) -> Result<Option<Rc<Image>>, Failure> {
    match &build.base {
        Some(path) if format == Format::Embed => pristine(path).map(Some),
        Some(_) => Err(Failure::Usage(
            "--base goes with --format embed alone".to_owned(),
        )),
        None => Ok(None),
    }
}

/// The live ISO at `path`, to which nobody has given anything yet.
fn pristine(path: &Path) -> Result<Rc<Image>, Failure> {
    let image = Image::open(path)?;
    image.check_pristine()?;
    Ok(Rc::new(image))
}

/// Says of nodes of other systems that a live system of Fedora CoreOS is not theirs.
pub fn warn_of_others(nodes: &[&Node], messages: Messages) {
    for node in nodes {
        if node.target != Target::FedoraCoreos {
            messages.warn(&format!(
                "{} is a node of {}: Fedora CoreOS has other programs, paths and network settings",
                node.hostname.value,
                node.target.facts().title
            ));
        }
    }
}

/// `format` on the targets of `nodes`: an ISO whose format nobody names is the one that the target has, and an ISO of a node that
/// brings a live ISO is a copy of that.
pub fn for_target(format: Format, is_named: bool, nodes: &[&Node]) -> Result<Format, Failure> {
    let mut format = format;
    for node in nodes {
        let facts = node.target.facts();
        if format == Format::Iso && !is_named {
            format = facts.iso.parse().map_err(Failure::Usage)?;
        }
        if format == Format::Iso && brings_live_iso(node) {
            format = Format::Embed;
        }
        if let Some(why) = facts.why_not_format(format.as_str()) {
            return Err(Failure::Usage(format!(
                "{} is a node of {}, which has no format {format}: {why}",
                node.hostname.value, facts.title
            )));
        }
    }
    Ok(format)
}

/// Whether the node's base is a live ISO.
pub fn brings_live_iso(node: &Node) -> bool {
    let system = node.base.as_ref().map(|base| &base.system);
    matches!(system, Some(BroughtSystem::LiveIso(_)))
}

/// The format that is asked for by name, or that the output's name tells.
fn format(named: Option<&str>, output: &Path) -> Result<Format, Failure> {
    match named {
        Some(name) => name.parse().map_err(|why| Failure::Usage(format!("--format {name}: {why}"))),
        None => Format::from_path(output).ok_or_else(|| {
            let known: Vec<_> = Format::ALL.iter().map(|format| format.as_str()).collect();
            Failure::Usage(format!(
                "the name `{}` tells no format: end it in .ign, .iso, .cpio, .cpio.gz, .cpio.zst, .initrd, or `/` for a PXE \
                 folder, or give --format ({})",
                output.display(),
                known.join(", ")
            ))
        }),
    }
}

/// Where the artifacts go.
enum Targets {
    /// One folder that holds all nodes.
    Folder(PathBuf),
    /// Standard output.
    Stream,
    /// One file a node.
    Files(Vec<PathBuf>),
}

fn targets(output: &Path, format: Format, nodes: &[&Node], all: &str) -> Result<Targets, Failure> {
    let stream = output.as_os_str() == "-";
    if !format.is_stream() {
        if stream {
            return Err(Failure::Usage(format!(
                "the format {format} is a folder, which standard output cannot take"
            )));
        }
        return Ok(Targets::Folder(output.to_owned()));
    }
    let is_folder = output.is_dir() || output.as_os_str().as_encoded_bytes().ends_with(b"/");
    if is_folder {
        std::fs::create_dir_all(output).with_context(|| format!("making {}", output.display()))?;
        return Ok(Targets::Files(
            nodes
                .iter()
                .map(|node| output.join(format!("{}.{}", node.hostname.value, format.ending())))
                .collect(),
        ));
    }
    if nodes.len() != 1 {
        return Err(Failure::Usage(format!(
            "{} can hold one node and the spec has {}: write to a folder (`-o out/ --format {format}`) or choose one with \
             --node ({all})",
            if stream {
                "standard output".to_owned()
            } else {
                output.display().to_string()
            },
            nodes.len()
        )));
    }
    Ok(if stream {
        Targets::Stream
    } else {
        Targets::Files(vec![output.to_owned()])
    })
}

/// What an artifact is made of beside the node.
#[derive(Debug)]
pub enum Ground {
    /// Nothing: it is the node's config alone.
    Nothing,
    Base(Box<Base>),
    LiveIso(Rc<Image>),
}

/// An artifact in one file, all that it needs at hand.
pub struct Making<'a> {
    format: Format,
    ready: &'a Ready<'a>,
    ground: Ground,
    /// What makes a copy of a live ISO the node's.
    patches: Vec<Patch>,
}

impl<'a> Making<'a> {
    /// The node `ready` in `format`, on the ground that goes with that.
    pub fn new(format: Format, ground: Ground, ready: &'a Ready<'a>) -> Result<Self, Failure> {
        let patches = match &ground {
            Ground::LiveIso(image) => image.with(&ready.wishes())?,
            Ground::Nothing | Ground::Base(_) => Vec::new(),
        };
        Ok(Self {
            format,
            ready,
            ground,
            patches,
        })
    }

    /// Writes it.
    pub fn write(self, out: &mut std::fs::File, progress: &dyn Progress) -> anyhow::Result<()> {
        let format = self.format;
        let machine = self.ready.machine();
        match (format, &self.ground) {
            (Format::Ignition, _) => out
                .write_all(&self.ready.config())
                .context("writing the Ignition config"),
            (Format::Payload(compression), _) => pack::payload(out, machine.payload, compression),
            (Format::ConfigIso, _) => pack::config_iso(out, &self.ready.config(), progress),
            (Format::ConfigDrive, _) => pack::config_drive(out, &self.ready.config(), progress),
            (Format::Iso, Ground::Base(base)) => pack::iso(out, base, &machine, progress),
            (Format::Initrd, Ground::Base(base)) => {
                pack::initrd(out, base, Some(&machine), progress)
            }
            (Format::Embed, Ground::LiveIso(image)) => image.write(out, self.patches, progress),
            (Format::Iso | Format::Initrd | Format::Pxe | Format::Embed, _) => {
                anyhow::bail!("the format {format} does not go into one file without a base")
            }
        }
    }
}

/// What makes bases differ.
type Kind = (Arch, KernelFlavour, Wanted);

/// The bases that nodes need, each made once.
pub struct Bases<'a> {
    source: &'a args::BaseSource,
    lock: &'a Path,
    progress: &'a dyn Progress,
    made: Vec<(Kind, Base)>,
    /// Those that nodes bring.
    brought: Vec<(BootFiles, Brought)>,
    /// The live ISO that the command line names, for all nodes.
    given: Option<Rc<Image>>,
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

    /// The base of `node`, with boot loaders: those of Debian where the node brings its own base, which has none.
    fn for_media(&mut self, node: &Node) -> Result<Base, Failure> {
        let base = self.of_node(node)?;
        if base.boot_loaders.is_some() {
            return Ok(base);
        }
        let request = request(self.source, node.arch, KernelFlavour::default())?;
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
        // Images of one node are in the base of all, where those who do not want them leave them alone.
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
