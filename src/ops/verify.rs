//! Whether an artifact is what its spec gives.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context;

use crate::diff::Side;
use crate::formats::Damaged;
use crate::node::{Cluster, Node};
use crate::pack::{self, Compression, Format};
use crate::read;
use crate::verify::{self, Verdict};

use super::artifact_writer::{ArtifactWriter, BuildInput};
use super::bases::Bases;
use super::compiled_node::CompiledNode;
use super::destination::{brings_live_iso, for_target};
use super::live_image::LiveImage;
use super::spec_file::{chosen, names};
use super::{Error, FetchOptions, Notice, Result, Session, SpecFile, pinning};

/// The magic of xz (xz file format §2.1.1.1), gzip (RFC 1952 §2.3.1) and zstd (RFC 8878 §3.1.1).
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// What is held against what.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// An artifact of any format, or a folder to boot machines from, whoever made it.
    pub artifact: PathBuf,
    /// The spec that it should come from.
    pub spec: SpecFile,
    /// The artifact's format; `None`: what it is.
    pub format: Option<Format>,
    /// Of a live ISO of Fedora CoreOS, the one that it was made of; `None`: only what is embedded
    /// is compared.
    pub live_iso: Option<PathBuf>,
    /// Of a cluster, the node with this host name; `None`: the artifact's own.
    pub node: Option<String>,
    pub fetch: FetchOptions,
}

impl VerifyOptions {
    /// Holds the artifact at `artifact` against the spec at `spec`.
    pub fn new(artifact: impl Into<PathBuf>, spec: impl Into<PathBuf>) -> Self {
        Self {
            artifact: artifact.into(),
            spec: SpecFile::new(spec),
            format: None,
            live_iso: None,
            node: None,
            fetch: FetchOptions::default(),
        }
    }
}

/// Builds the spec again, with the same keys, lock and base, and compares. Neither keys nor lock
/// change.
pub fn verify(options: &VerifyOptions, session: &mut Session<'_>) -> Result<Verdict> {
    let seen = look(&options.artifact)?;
    let fetch = FetchOptions {
        locked: true,
        ..options.fetch.clone()
    };
    let spec = &options.spec;
    let (mut cluster, lacks_keys) = spec.decide_as_is(session)?;
    if lacks_keys {
        session.notice(&Notice::KeysMissing(spec.keys.clone()));
    }
    pinning::pin(&mut cluster, &fetch, &spec.lock, session)?;
    let nodes = nodes(options, &seen, &cluster)?;
    let format = format(options, &seen, &nodes)?;
    let compiled = CompiledNode::all(&nodes, session)?;

    let workspace = fetch.cache(&session.environment)?.workspace()?;
    let built = workspace.path().join("built");
    let mut bases = Bases::new(&fetch, &spec.lock, session);
    build(options, format, &compiled, &mut bases, &built, session).map_err(|error| {
        error.while_doing(|| {
            format!(
                "building {} with the lock file as it is",
                spec.path.display()
            )
        })
    })?;
    let progress = session.progress();
    progress.start("comparing", None);
    let verdict = verify::compare(&options.artifact, &built)?;
    progress.finish();
    Ok(verdict)
}

/// What the artifact reveals about itself.
struct Seen {
    /// `None`: it cannot be read, so that its name decides.
    format: Option<Format>,
    /// The node's name; empty if there is none, or several.
    hostname: String,
}

fn look(path: &Path) -> Result<Seen> {
    let metadata = fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    if metadata.is_dir() {
        // The script that all machines boot, or, where that is gone, the mark of every folder of
        // ours.
        if !["boot.ipxe", ".imgbuild"]
            .iter()
            .any(|name| path.join(name).is_file())
        {
            return Err(Error::Request(format!(
                "{} is not a PXE folder: verify its files one by one",
                path.display()
            )));
        }
        return Ok(Seen {
            format: Some(Format::Pxe),
            hostname: String::new(),
        });
    }
    let artifact = match read::artifact(path) {
        Ok(artifact) => artifact,
        Err(error) if error.chain().any(<dyn std::error::Error>::is::<Damaged>) => {
            return Ok(Seen {
                format: None,
                hostname: String::new(),
            });
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Seen {
        format: Some(with_compression(artifact.format, path)?),
        // Damaged contents are reported when it is compared.
        hostname: Side::from_artifact(&artifact).unwrap_or_default().hostname,
    })
}

/// The format that the file at `path`, which is one of `format`, is written in.
fn with_compression(format: Format, path: &Path) -> anyhow::Result<Format> {
    if !matches!(format, Format::Payload(_) | Format::LivePayload) {
        return Ok(format);
    }
    let mut magic = Vec::new();
    File::open(path)
        .and_then(|file| file.take(XZ.len() as u64).read_to_end(&mut magic))
        .with_context(|| format!("reading {}", path.display()))?;
    Ok(if magic.starts_with(GZIP) {
        Format::Payload(Compression::Gzip)
    } else if magic.starts_with(ZSTD) {
        Format::Payload(Compression::Zstd)
    } else if magic.starts_with(XZ) && format == Format::LivePayload {
        // What `imgbuild embed --pxe` makes, and coreos-installer.
        Format::LivePayload
    } else {
        Format::Payload(Compression::None)
    })
}

/// The nodes that the artifact should hold.
fn nodes<'a>(options: &VerifyOptions, seen: &Seen, cluster: &'a Cluster) -> Result<Vec<&'a Node>> {
    let is_whole = seen.format == Some(Format::Pxe);
    if options.node.is_some() || is_whole || cluster.nodes.len() == 1 {
        return chosen(cluster, options.node.as_deref());
    }
    let mut named = cluster.nodes.iter();
    match named.find(|node| node.hostname.as_str() == seen.hostname) {
        Some(node) => Ok(vec![node]),
        None => Err(Error::Request(format!(
            "cannot tell which node {} is in {}: choose with --node ({})",
            options.artifact.display(),
            options.spec.path.display(),
            names(cluster)
        ))),
    }
}

fn format(options: &VerifyOptions, seen: &Seen, nodes: &[&Node]) -> Result<Format> {
    let path = &options.artifact;
    let (format, is_named) = match options.format.or(seen.format) {
        Some(Format::LivePayload) => return Ok(Format::LivePayload),
        Some(format) => (format, true),
        None => match Format::from_path(path) {
            Some(format) => (format, false),
            None => {
                return Err(Error::Request(format!(
                    "cannot tell the format of {} from its contents or name: give --format",
                    path.display()
                )));
            }
        },
    };
    if format.facts().is_folder != path.is_dir() {
        return Err(Error::Request(format!(
            "the format {format} does not match {}: a PXE tree is a folder, any other format a file",
            path.display()
        )));
    }
    if options.live_iso.is_some() && format != Format::LiveIso {
        return Err(Error::Request(
            "--base is valid only with a Fedora CoreOS live ISO".to_owned(),
        ));
    }
    for_target(format, is_named, nodes)
}

/// Builds what the artifact is compared with at `path`.
fn build(
    options: &VerifyOptions,
    format: Format,
    nodes: &[CompiledNode<'_>],
    bases: &mut Bases<'_>,
    path: &Path,
    session: &Session<'_>,
) -> Result<()> {
    if format == Format::Pxe {
        pack::pxe(path, &bases.of_tree(nodes)?, session.progress())?;
        return Ok(());
    }
    let node = &nodes[0];
    let mut out = File::create_new(path).with_context(|| format!("creating {}", path.display()))?;
    let input = match (format, &options.live_iso) {
        (Format::LiveIso, Some(base)) => BuildInput::LiveIso(Rc::new(LiveImage::open(base)?)),
        (Format::LiveIso, None) if !brings_live_iso(node.node) => {
            session.notice(&Notice::LiveSystemNotCompared);
            // What was embedded is replaced, and everything else stays.
            BuildInput::LiveIso(Rc::new(LiveImage::open(&options.artifact)?))
        }
        _ => bases.of(node.node, format)?,
    };
    ArtifactWriter::new(format, input, node)?
        .write(&mut out, session.progress())
        .with_context(|| format!("writing {}", path.display()))?;
    Ok(())
}
