//! The main job: from a spec to artifacts.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context;
use sha2::{Digest as _, Sha256};

use crate::diagnostic::{Diagnostic, codes};
use crate::facts::layout::MORE_EXTENSIONS;
use crate::facts::systems::{SysextArrival, Target};
use crate::names::Hostname;
use crate::node::fragment::Contents;
use crate::node::{Cluster, Node};
use crate::pack::output::{Kept, Output};
use crate::pack::{self, Format, Ground};
use crate::parts;
use crate::pki::{Access, PendingKeys};
use crate::secrets::has_secret;

use super::artifact_writer::ArtifactWriter;
use super::bases::{self, Bases, pristine};
use super::compiled_node::CompiledNode;
use super::destination::{Targets, for_target, format, targets};
use super::live_image::LiveImage;
use super::protected::Protected;
use super::spec_file::{chosen, names};
use super::{Destination, Error, FetchOptions, Notice, Result, Session, SpecFile, pinning};

/// How many outputs are finished together: a process may have 1,024 files open.
const AT_ONCE: usize = 256;

/// What is built, and from what.
#[derive(Debug)]
pub struct BuildOptions {
    pub spec: SpecFile,
    /// A file, or a folder for the nodes of a cluster.
    pub output: Destination,
    /// `None`: as the output's name says.
    pub format: Option<Format>,
    /// The live ISO of Fedora CoreOS that [`Format::LiveIso`] makes copies of, where the spec names
    /// none.
    pub live_iso: Option<PathBuf>,
    /// Of a cluster, only the node with this host name.
    pub node: Option<String>,
    pub fetch: FetchOptions,
}

impl BuildOptions {
    /// Builds the spec at `spec` to `output`, whose name says the format: a file such as
    /// `node.iso` or `node.ign`, a folder for a cluster.
    pub fn new(spec: impl Into<PathBuf>, output: impl Into<Destination>) -> Self {
        Self {
            spec: SpecFile::new(spec),
            output: output.into(),
            format: None,
            live_iso: None,
            node: None,
            fetch: FetchOptions::default(),
        }
    }
}

/// An artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Its file, or its folder; `None`: it went to a pipe.
    pub path: Option<PathBuf>,
    pub format: Format,
    /// The nodes in it: one, or in a folder to boot machines from all.
    pub nodes: Vec<Hostname>,
}

impl Built {
    /// The length of its file in bytes.
    pub fn bytes(&self) -> anyhow::Result<u64> {
        let path = self.file()?;
        let metadata = std::fs::metadata(path);
        Ok(metadata
            .with_context(|| format!("reading {}", path.display()))?
            .len())
    }

    /// The SHA-256 of its file, in hexadecimal. Reads the file.
    pub fn sha256(&self) -> anyhow::Result<String> {
        let path = self.file()?;
        let describe = || format!("reading {}", path.display());
        let mut file = File::open(path).with_context(describe)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let count = file.read(&mut buffer).with_context(describe)?;
            if count == 0 {
                return Ok(crate::text::hex(&hash.finalize()));
            }
            hash.update(&buffer[..count]);
        }
    }

    fn file(&self) -> anyhow::Result<&Path> {
        let file = self
            .path
            .as_deref()
            .filter(|_| !self.format.facts().is_folder);
        file.with_context(|| format!("the artifact ({}) is not a single file", self.format))
    }
}

/// Builds the nodes of a spec: an artifact for each, or one folder for all.
///
/// What the cluster's key folder lacks is made and kept there, and what the lock does not pin yet
/// is pinned. An output gets its name once it is complete and its keys are on the disk; where
/// anything fails there is none.
pub fn build(options: &BuildOptions, session: &mut Session<'_>) -> Result<Vec<Built>> {
    let named = format(options.format, &options.output)?;
    let given = given_live_iso(options, named)?;
    let spec = &options.spec;
    // Before keys are made, and again once all that belongs to the spec is known.
    if let Some(path) = options.output.path() {
        Protected::spec(spec, session).refuse(path)?;
    }
    let environment = session.environment.clone();
    let check = |cluster: &Cluster| {
        let nodes = chosen(cluster, options.node.as_deref())?;
        let format = for_target(named, options.format.is_some(), &nodes)?;
        match format.facts().ground {
            Ground::Nothing | Ground::LiveIso => Ok(()),
            Ground::Base | Ground::BaseWithBootLoaders => {
                bases::check(&nodes, &options.fetch, &spec.lock, &environment)
            }
        }
    };
    let (mut cluster, keeping) = spec.decide_ahead(Access::Write, &check, session)?;
    pinning::pin(&mut cluster, &options.fetch, &spec.lock, session)?;
    let nodes = chosen(&cluster, options.node.as_deref())?;
    let format = for_target(named, options.format.is_some(), &nodes)?;
    let targets = targets(&options.output, format, &nodes, &names(&cluster))?;
    targets.check(&Protected::spec(spec, session))?;
    warn_of_keys_in_the_clear(&nodes, format, session);
    if format == Format::LiveIso {
        warn_of_others(&nodes, session);
    }
    if matches!(format.facts().ground, Ground::Nothing | Ground::LiveIso) {
        notice_extensions_apart(&nodes, session);
    }
    let nodes = CompiledNode::all(&nodes, session)?;
    let mut bases = Bases::new(&options.fetch, &spec.lock, session);
    bases.given = given;
    let outputs = Outputs {
        format,
        nodes: &nodes,
        session,
    };
    outputs.write(&targets, bases, keeping)
}

/// The Ignition config of each node of a spec, as [`Format::Ignition`] has it, in the order of the
/// spec. The key folder stays as it is: keys that it lacks are made for these configs alone.
pub fn compile(spec: &SpecFile, session: &mut Session<'_>) -> Result<Vec<(Hostname, Vec<u8>)>> {
    let (cluster, _) = spec.decide_as_is(session)?;
    let nodes: Vec<&Node> = cluster.nodes.iter().collect();
    let compiled = CompiledNode::all(&nodes, session)?;
    let config = |node: &CompiledNode<'_>| (node.node.hostname.value.clone(), node.config());
    Ok(compiled.iter().map(config).collect())
}

/// The nodes, ready to be written.
struct Outputs<'a> {
    format: Format,
    nodes: &'a [CompiledNode<'a>],
    session: &'a Session<'a>,
}

impl Outputs<'_> {
    /// Writes them where they go. Nothing is seen before its keys are on the disk.
    fn write(
        &self,
        targets: &Targets<'_>,
        mut bases: Bases<'_>,
        mut keeping: PendingKeys,
    ) -> Result<Vec<Built>> {
        let format = self.format;
        match targets {
            Targets::Folder(path) => {
                let machines = bases.of_tree(self.nodes)?;
                keeping.finish()?;
                let kept = pack::pxe(path, &machines, self.session.progress())?;
                for Kept { path, new } in kept {
                    self.session.notice(&Notice::KeptChanged { path, new });
                }
                self.session.notice(&Notice::Wrote(path.to_path_buf()));
                Ok(vec![self.built(Some(path), self.nodes)])
            }
            Targets::Stream(file) => {
                let node = &self.nodes[0];
                let input = bases.of(node.node, format)?;
                let writer = ArtifactWriter::new(format, input, node)?;
                let mut out = Output::stream(file)?;
                keeping.finish()?;
                writer.write(out.file(), self.session.progress())?;
                out.commit()?;
                Ok(vec![self.built(None, self.nodes)])
            }
            Targets::Files(paths) => {
                for (nodes, paths) in self.nodes.chunks(AT_ONCE).zip(paths.chunks(AT_ONCE)) {
                    self.write_files(nodes, paths, &mut bases, &mut keeping)?;
                }
                let files = self.nodes.chunks(1).zip(paths);
                Ok(files
                    .map(|(node, path)| self.built(Some(path), node))
                    .collect())
            }
        }
    }

    /// Writes a file for each of `nodes`.
    fn write_files(
        &self,
        nodes: &[CompiledNode<'_>],
        paths: &[PathBuf],
        bases: &mut Bases<'_>,
        keeping: &mut PendingKeys,
    ) -> Result<()> {
        let mut outputs = Output::create_all(paths, true)?;
        if outputs.iter().any(Output::is_seen_at_once) {
            keeping.finish()?;
        }
        for ((node, path), out) in nodes.iter().zip(paths).zip(&mut outputs) {
            let input = bases.of(node.node, self.format)?;
            ArtifactWriter::new(self.format, input, node)?
                .write(out.file(), self.session.progress())
                .with_context(|| format!("writing {}", path.display()))?;
        }
        keeping.finish()?;
        Output::commit_all(outputs)?;
        for path in paths {
            self.session.notice(&Notice::Wrote(path.clone()));
        }
        Ok(())
    }

    fn built(&self, path: Option<&Path>, nodes: &[CompiledNode<'_>]) -> Built {
        let names = nodes.iter().map(|node| node.node.hostname.value.clone());
        Built {
            path: path.map(Path::to_owned),
            format: self.format,
            nodes: names.collect(),
        }
    }
}

/// The live ISO that the options name for the format `embed`.
fn given_live_iso(options: &BuildOptions, format: Format) -> Result<Option<Rc<LiveImage>>> {
    match &options.live_iso {
        Some(path) if format == Format::LiveIso => pristine(path).map(Some),
        Some(_) => Err(Error::Request(
            "--base is valid only with --format embed".to_owned(),
        )),
        None => Ok(None),
    }
}

/// Warns of private keys in what machines fetch when they boot: neither TFTP nor iPXE's HTTP hides
/// them.
pub(super) fn warn_of_keys_in_the_clear(nodes: &[&Node], format: Format, session: &Session<'_>) {
    if !format.is_fetched_at_boot() {
        return;
    }
    let with_keys: Vec<_> = nodes.iter().filter(|node| has_keys(node)).collect();
    let Some(first) = with_keys.first() else {
        return;
    };
    let others = match with_keys.len() - 1 {
        0 => String::new(),
        1 => " and of another node".to_owned(),
        more => format!(" and of {more} other nodes"),
    };
    let name = &first.hostname;
    let warning = Diagnostic::warning(
        codes::KEYS_IN_THE_CLEAR,
        name.span,
        format!(
            "private keys of {}{others} are sent over the network unencrypted when they boot",
            name.value
        ),
    )
    .help(
        "serve this output on a network that you trust, or over HTTPS with an iPXE that trusts \
         your server; an ISO or a disk has keys that nobody else sees (`imgbuild help network-boot`)",
    );
    session.reporter.warnings(&[warning], &session.sources);
}

/// Whether what is written for `node` has private keys or tokens.
fn has_keys(node: &Node) -> bool {
    let of_user = node.user_sections.files.iter();
    let parts = parts::all(node);
    let files = parts.iter().flat_map(|part| &part.files).chain(of_user);
    files
        .flat_map(|file| file.contents.iter().chain(&file.append))
        .any(|contents| matches!(contents, Contents::Inline(bytes) if has_secret(bytes)))
}

/// Warns of nodes whose programs an output without a base leaves out, and whose configs do not
/// bring them.
fn notice_extensions_apart(nodes: &[&Node], session: &Session<'_>) {
    for node in nodes {
        let sysext = node.target.facts().sysext.as_ref();
        if sysext.is_none_or(|sysext| sysext.arrival != SysextArrival::Moved) {
            continue;
        }
        let is_brought = |path: &str| {
            let mut files = node.user_sections.files.iter();
            files.any(|file| file.path.as_str() == path)
        };
        let paths: Vec<_> = (parts::extensions(node).into_iter())
            .map(|name| format!("{MORE_EXTENSIONS}/{name}.raw"))
            .filter(|path| !is_brought(path))
            .collect();
        if !paths.is_empty() {
            session.notice(&Notice::ExtensionsApart {
                hostname: node.hostname.value.clone(),
                paths,
            });
        }
    }
}

/// Warns that nodes of other targets are put into a live system of Fedora CoreOS.
pub(super) fn warn_of_others(nodes: &[&Node], session: &Session<'_>) {
    for node in nodes {
        if node.target != Target::FedoraCoreos {
            session.notice(&Notice::OtherSystem {
                hostname: node.hostname.value.clone(),
                system: node.target.facts().title,
            });
        }
    }
}
