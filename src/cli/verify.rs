//! `imgbuild verify`: whether an artifact is what its spec builds.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context;

use crate::cache::Workspace;
use crate::diagnostic::Sources;
use crate::diff::Side;
use crate::formats::Damaged;
use crate::node::{Cluster, Node};
use crate::pack::{self, Compression, Format};
use crate::progress::Progress;
use crate::read;
use crate::read::{Features, Kind};
use crate::verify::{self, Verdict};

use super::args::Verify;
use super::artifacts;
use super::base::cache;
use super::build::{Bases, Ground, Making, Ready, brings_live_iso, for_target};
use super::embed::{self, Image};
use super::messages::Messages;
use super::outcome::Failure;
use super::spec_file::{SpecFile, chosen, names};

/// The magic of xz (xz file format §2.1.1.1), gzip (RFC 1952 §2.3.1) and zstd (RFC 8878 §3.1.1).
const XZ: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const GZIP: &[u8] = &[0x1f, 0x8b];
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// Builds the spec again and compares. Neither keys nor lock change.
pub fn run(
    wanted: &Verify,
    sources: &mut Sources,
    messages: Messages,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let seen = look(wanted)?;
    let mut source = wanted.source.clone();
    source.base.locked = true;
    let spec = SpecFile::new(&wanted.spec, source.keys.as_deref());
    let (mut cluster, lacks_keys) = spec.decide_as_is(sources, messages)?;
    if lacks_keys {
        messages.warn(&format!(
            "{} lacks keys that the spec needs, so the artifact was made with other keys",
            spec.keys.display()
        ));
    }
    artifacts::pin(&mut cluster, &source.base, &spec.lock, messages)?;
    let nodes = nodes(wanted, &seen, &cluster)?;
    let shape = shape(wanted, &seen, &nodes)?;
    let ready = Ready::compile(&nodes, sources, messages)?;

    let workspace = cache(source.base.cache.as_deref())?.workspace()?;
    let mut bases = Bases::new(&source.base, &spec.lock, progress);
    let unchanged = |failure| match failure {
        Failure::Environment(error) => Failure::Environment(error.context(format!(
            "building {} with the lock file as it is",
            wanted.spec.display()
        ))),
        other => other,
    };
    let built = build(
        wanted, shape, &ready, &mut bases, &workspace, messages, progress,
    )
    .map_err(unchanged)?;
    progress.start("comparing", None);
    let verdict = verify::compare(&wanted.artifact, &built)?;
    progress.finish();
    tell(wanted, &verdict)
}

/// What the artifact reveals about itself.
struct Seen {
    /// `None`: it cannot be read, so that its name decides.
    shape: Option<Shape>,
    /// The node's name; empty if there is none, or several.
    hostname: String,
}

/// What is built to compare with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Format(Format),
    /// What `imgbuild embed --pxe` makes, and coreos-installer.
    LivePayload,
}

fn look(wanted: &Verify) -> Result<Seen, Failure> {
    let path = &wanted.artifact;
    let metadata = fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    if metadata.is_dir() {
        // The script that all machines boot, or, where that is gone, the mark of every folder of
        // ours.
        if !["boot.ipxe", ".imgbuild"]
            .iter()
            .any(|name| path.join(name).is_file())
        {
            return Err(Failure::Usage(format!(
                "{} is not a PXE folder: verify its files one by one",
                path.display()
            )));
        }
        return Ok(Seen {
            shape: Some(Shape::Format(Format::Pxe)),
            hostname: String::new(),
        });
    }
    let artifact = match read::artifact(path) {
        Ok(artifact) => artifact,
        Err(error) if error.chain().any(<dyn std::error::Error>::is::<Damaged>) => {
            return Ok(Seen {
                shape: None,
                hostname: String::new(),
            });
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Seen {
        shape: Some(shape_of(artifact.kind, path)?),
        // Damaged contents are reported when it is compared.
        hostname: Side::from_artifact(&artifact).unwrap_or_default().hostname,
    })
}

fn shape_of(kind: Kind, path: &Path) -> anyhow::Result<Shape> {
    let mut magic = Vec::new();
    File::open(path)
        .and_then(|file| file.take(XZ.len() as u64).read_to_end(&mut magic))
        .with_context(|| format!("reading {}", path.display()))?;
    let compression = if magic.starts_with(GZIP) {
        Compression::Gzip
    } else if magic.starts_with(ZSTD) {
        Compression::Zstd
    } else {
        Compression::None
    };
    Ok(match kind {
        Kind::Ignition => Shape::Format(Format::Ignition),
        Kind::Iso => Shape::Format(Format::Iso),
        Kind::ConfigIso => Shape::Format(Format::ConfigIso),
        Kind::ConfigDrive => Shape::Format(Format::ConfigDrive),
        Kind::Initrd => Shape::Format(Format::Initrd),
        Kind::LiveIso => Shape::Format(Format::Embed),
        Kind::LivePayload if magic.starts_with(XZ) => Shape::LivePayload,
        Kind::LivePayload | Kind::Payload | Kind::PxeNode => {
            Shape::Format(Format::Payload(compression))
        }
    })
}

/// The nodes that the artifact should hold.
fn nodes<'a>(wanted: &Verify, seen: &Seen, cluster: &'a Cluster) -> Result<Vec<&'a Node>, Failure> {
    let is_whole = seen.shape == Some(Shape::Format(Format::Pxe));
    if wanted.node.is_some() || is_whole || cluster.nodes.len() == 1 {
        return chosen(cluster, wanted.node.as_deref());
    }
    let mut named = cluster.nodes.iter();
    match named.find(|node| node.hostname.as_str() == seen.hostname) {
        Some(node) => Ok(vec![node]),
        None => Err(Failure::Usage(format!(
            "cannot tell which node {} is in {}: choose with --node ({})",
            wanted.artifact.display(),
            wanted.spec.display(),
            names(cluster)
        ))),
    }
}

fn shape(wanted: &Verify, seen: &Seen, nodes: &[&Node]) -> Result<Shape, Failure> {
    let path = &wanted.artifact;
    let (format, is_named) = match (&wanted.format, seen.shape) {
        (Some(name), _) => {
            let parsed = name
                .parse::<Format>()
                .map_err(|why| Failure::Usage(format!("--format {name}: {why}")));
            (parsed?, true)
        }
        (None, Some(Shape::LivePayload)) => return Ok(Shape::LivePayload),
        (None, Some(Shape::Format(format))) => (format, true),
        (None, None) => match Format::from_path(path) {
            Some(format) => (format, false),
            None => {
                return Err(Failure::Usage(format!(
                    "cannot tell the format of {} from its contents or name: give --format",
                    path.display()
                )));
            }
        },
    };
    if (format == Format::Pxe) != path.is_dir() {
        return Err(Failure::Usage(format!(
            "the format {format} does not match {}: a PXE tree is a folder, any other format a file",
            path.display()
        )));
    }
    if wanted.base.is_some() && format != Format::Embed {
        return Err(Failure::Usage(
            "--base is valid only with a Fedora CoreOS live ISO".to_owned(),
        ));
    }
    Ok(Shape::Format(for_target(format, is_named, nodes)?))
}

/// Builds what the artifact is compared with, and returns its path.
fn build(
    wanted: &Verify,
    shape: Shape,
    ready: &[Ready<'_>],
    bases: &mut Bases<'_>,
    workspace: &Workspace,
    messages: Messages,
    progress: &dyn Progress,
) -> Result<PathBuf, Failure> {
    let path = workspace.path().join("built");
    if shape == Shape::Format(Format::Pxe) {
        let base = bases.one_of(ready)?;
        let machines: Vec<_> = ready.iter().map(Ready::machine).collect();
        pack::pxe(&path, &base, &machines, progress)?;
        return Ok(path);
    }
    let node = &ready[0];
    let mut out =
        File::create_new(&path).with_context(|| format!("creating {}", path.display()))?;
    match shape {
        Shape::LivePayload => {
            let archive = || node.wishes().files(Features::ALL)?.archive();
            let bytes = archive().map_err(embed::failure)?;
            out.write_all(&bytes)
                .with_context(|| format!("writing {}", path.display()))?;
        }
        Shape::Format(format) => {
            let ground = match (format, &wanted.base) {
                (Format::Embed, Some(base)) => Ground::LiveIso(Rc::new(Image::open(base)?)),
                (Format::Embed, None) if !brings_live_iso(node.node) => {
                    messages.note("without --base the live system itself is not compared");
                    // What was embedded is replaced, and everything else stays.
                    Ground::LiveIso(Rc::new(Image::open(&wanted.artifact)?))
                }
                _ => bases.of(node.node, format)?,
            };
            Making::new(format, ground, node)?
                .write(&mut out, progress)
                .with_context(|| format!("writing {}", path.display()))?;
        }
    }
    Ok(path)
}

/// Prints the verdict; a difference is a failure.
fn tell(wanted: &Verify, verdict: &Verdict) -> Result<(), Failure> {
    let artifact = wanted.artifact.display();
    let spec = wanted.spec.display();
    let mut text = String::new();
    let lines = match verdict {
        Verdict::Same => {
            // Writing to a String does not fail, here and below.
            let _ = writeln!(text, "{artifact}: identical to what {spec} builds");
            &[][..]
        }
        Verdict::Equal(how) => {
            let _ = writeln!(
                text,
                "{artifact}: equivalent to what {spec} builds, in different bytes"
            );
            how
        }
        Verdict::Differs(lines) => {
            let _ = writeln!(
                text,
                "{artifact}: from what {spec} builds to what it contains"
            );
            lines
        }
    };
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
    std::io::stdout()
        .lock()
        .write_all(text.as_bytes())
        .context("writing to standard output")?;
    match verdict {
        Verdict::Same => Ok(()),
        Verdict::Equal(_) if !wanted.exact => Ok(()),
        _ => Err(Failure::Differs(format!(
            "{artifact} differs from what {spec} builds"
        ))),
    }
}
