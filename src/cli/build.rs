//! The main job: from a spec to artifacts.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::base::Base;
use crate::diagnostic::{Diagnostic, Sources};
use crate::embed::{Edits, Wishes};
use crate::ignition;
use crate::names::{Arch, MacAddr};
use crate::pack::output::Output;
use crate::pack::{self, Format, Machine, Patch, Payload};
use crate::pki;
use crate::plan::{BootFiles, InterfaceMatch, KernelFlavour, Node};
use crate::progress::Progress;
use crate::registry::{self, Access};
use crate::target::Target;

use super::args;
use super::artifacts::{self, Wanted};
use super::base::{cache, locked, request};
use super::embed::Image;
use super::findings::{has_errors, sort_by_place};
use super::messages::Messages;
use super::outcome::Failure;
use super::processors::on_all_processors;
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
        for compiled in on_all_processors(nodes, |node| Self::of(node)) {
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

    /// The node as a live system of Fedora CoreOS takes it: its config and its kernel arguments.
    pub fn wishes(&self) -> Wishes {
        Wishes {
            config: Some(self.payload.config.clone()),
            keyfiles: keyfiles(&self.payload.network),
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
    let paths = &node.target.facts().paths;
    Payload {
        config_path: paths.config,
        config: ignition::to_json(config),
        network: match paths.network {
            Some(_) => network,
            None => Vec::new(),
        },
    }
}

/// Those network files that `NetworkManager` reads.
fn keyfiles(network: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let is_keyfile = |name: &str| name.ends_with(".nmconnection");
    network
        .iter()
        .filter(|(name, _)| is_keyfile(name))
        .cloned()
        .collect()
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
    let live = live_iso(build, named)?;
    let file = SpecFile::new(spec, build.source.keys.as_deref());
    let mut cluster = file.decide(pki::Access::Write, sources, messages)?;
    artifacts::pin(&mut cluster, &build.source.base, &file.lock, messages)?;
    let nodes = chosen(&cluster, build.node.as_deref())?;
    let format = for_target(named, build.format.is_some(), &nodes)?;
    let targets = targets(output, format, &nodes, &names(&cluster))?;
    if live.is_some() {
        warn_of_others(&nodes, messages);
    }
    let ready = Ready::compile(&nodes, sources, messages)?;

    let mut bases = Bases::new(&build.source.base, &file.lock, progress);
    match targets {
        Targets::Folder(path) => {
            let base = bases.one_of(&ready)?;
            let machines: Vec<_> = ready.iter().map(Ready::machine).collect();
            pack::pxe(&path, &base, &machines, progress)?;
            messages.note(&format!("wrote {}", path.display()));
        }
        Targets::Stream => {
            let making = Making::new(format, live.as_ref(), &ready[0], &mut bases)?;
            let mut out = Output::stdout()?;
            making.write(out.file(), progress)?;
            out.commit()?;
        }
        Targets::Files(paths) => {
            let work: Vec<_> = ready.iter().zip(paths).collect();
            for work in work.chunks(AT_ONCE) {
                let mut outputs = Vec::with_capacity(work.len());
                for (ready, path) in work {
                    let making = Making::new(format, live.as_ref(), ready, &mut bases)?;
                    let mut out = Output::create(path, true)?;
                    making
                        .write(out.file(), progress)
                        .with_context(|| format!("writing {}", path.display()))?;
                    outputs.push(out);
                }
                Output::commit_all(outputs)?;
                for (_, path) in work {
                    messages.note(&format!("wrote {}", path.display()));
                }
            }
        }
    }
    Ok(())
}

/// The live ISO that goes with the format `embed`.
fn live_iso(build: &args::Build, format: Format) -> Result<Option<Image>, Failure> {
    match (&build.base, format == Format::Embed) {
        (Some(path), true) => {
            let image = Image::open(path)?;
            image.check_pristine()?;
            Ok(Some(image))
        }
        (None, true) => Err(Failure::Usage(
            "--format embed wants the live ISO: --base LIVE_ISO".to_owned(),
        )),
        (Some(_), false) => Err(Failure::Usage(
            "--base goes with --format embed alone".to_owned(),
        )),
        (None, false) => Ok(None),
    }
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

/// `format` on the targets of `nodes`: an ISO whose format nobody names is the one that the target has.
pub fn for_target(format: Format, is_named: bool, nodes: &[&Node]) -> Result<Format, Failure> {
    let mut format = format;
    for node in nodes {
        let facts = node.target.facts();
        if format == Format::Iso && !is_named {
            format = facts.iso.parse().map_err(Failure::Usage)?;
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

/// An artifact in one file, all that it needs at hand.
pub struct Making<'a> {
    format: Format,
    ready: &'a Ready<'a>,
    base: Option<Base>,
    /// A live ISO, and what makes a copy of it the node's.
    live: Option<(&'a Image, Vec<Patch>)>,
}

impl<'a> Making<'a> {
    /// The node `ready` in `format`; `live` goes with [`Format::Embed`].
    pub fn new(
        format: Format,
        live: Option<&'a Image>,
        ready: &'a Ready<'a>,
        bases: &mut Bases<'_>,
    ) -> Result<Self, Failure> {
        let live = match live {
            Some(image) => Some((image, image.with(&ready.wishes())?)),
            None => None,
        };
        Ok(Self {
            format,
            ready,
            base: bases.of(ready, format)?,
            live,
        })
    }

    /// Writes it.
    pub fn write(self, out: &mut std::fs::File, progress: &dyn Progress) -> anyhow::Result<()> {
        let format = self.format;
        let machine = self.ready.machine();
        if let Some((image, patches)) = self.live {
            return image.write(out, patches, progress);
        }
        match (format, &self.base) {
            (Format::Ignition, _) => out
                .write_all(&self.ready.config())
                .context("writing the Ignition config"),
            (Format::Payload(compression), _) => pack::payload(out, machine.payload, compression),
            (Format::ConfigIso, _) => pack::config_iso(out, &self.ready.config(), progress),
            (Format::ConfigDrive, _) => pack::config_drive(out, &self.ready.config(), progress),
            (Format::Iso, Some(base)) => pack::iso(out, base, &machine, progress),
            (Format::Initrd, Some(base)) => pack::initrd(out, base, Some(&machine), progress),
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
    brought: Vec<(BootFiles, Base)>,
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
        }
    }

    /// The base of `node`.
    pub fn of_node(&mut self, node: &Node) -> Result<Base, Failure> {
        self.with(node, Wanted::of(node, self.source)?)
    }

    /// The base of `node` with what is `wanted` in it.
    fn with(&mut self, node: &Node, wanted: Wanted) -> Result<Base, Failure> {
        if node.target.facts().brings_base {
            let base = self.brought(node)?;
            return wanted.laid_over(base, self.source, self.lock, self.progress);
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

    /// Kernel and initrd that `node` brings.
    fn brought(&mut self, node: &Node) -> Result<Base, Failure> {
        let facts = node.target.facts();
        let Some(files) = &node.base else {
            return Err(Failure::Usage(format!(
                "{} is a node of {}, and its spec does not say where kernel and initrd are: write \
                 `base: {{kernel: {{source: …}}, initrd: {{source: …}}}}`",
                node.hostname.value, facts.title
            )));
        };
        if let Some((_, base)) = self.brought.iter().find(|(made, _)| made == files) {
            return Ok(base.clone());
        }
        let access = Access {
            offline: self.source.offline,
            locked: self.source.locked,
            refresh: false,
            cache: cache(self.source.cache.as_deref())?,
        };
        let checked = registry::boot_files(files, &access, self.progress)?;
        let paths = (checked.kernel, checked.initrd);
        let base = Base::brought(node.arch, checked.id, paths, facts.first_boot);
        self.brought.push((files.clone(), base.clone()));
        Ok(base)
    }

    /// The base of `node`, with boot loaders: those of Debian where the node brings its own base, which has none.
    pub fn for_media(&mut self, node: &Node) -> Result<Base, Failure> {
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

    fn of(&mut self, ready: &Ready<'_>, format: Format) -> Result<Option<Base>, Failure> {
        if format == Format::Iso {
            self.for_media(ready.node).map(Some)
        } else if format.needs_base() {
            self.of_node(ready.node).map(Some)
        } else {
            Ok(None)
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
