//! Which format an artifact has, and where it goes.

use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::node::Node;
use crate::node::boot_files::BroughtSystem;
use crate::pack::Format;
use crate::pack::output::Output;

use super::protected::Protected;
use super::{Error, Result};

/// Where an output goes.
#[derive(Debug)]
pub enum Destination {
    /// A file or a folder, which gets its name once it is complete.
    Path(PathBuf),
    /// A pipe, such as standard output.
    Stream(File),
}

impl Destination {
    /// An output for it, which only its owner can read where it is a file.
    pub(super) fn create(&self) -> anyhow::Result<Output> {
        match self {
            Self::Path(path) => Output::create(path, true),
            Self::Stream(file) => Output::stream(file),
        }
    }

    /// Writes `bytes` to it, whole or not at all where it is a file, and never over one that is
    /// `protected`.
    pub fn write(&self, bytes: &[u8], protected: &Protected) -> Result<()> {
        if let Some(path) = self.path() {
            protected.refuse(path)?;
        }
        let mut out = self.create()?;
        out.file()
            .write_all(bytes)
            .with_context(|| format!("writing {self}"))?;
        Ok(out.commit()?)
    }

    /// The file, where it is one.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            Self::Stream(_) => None,
        }
    }
}

impl<P: Into<PathBuf>> From<P> for Destination {
    fn from(path: P) -> Self {
        Self::Path(path.into())
    }
}

/// As the command line names it.
impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Stream(_) => f.write_str("-"),
        }
    }
}

/// The format given by name, or the one that the output's name implies.
pub(super) fn format(named: Option<Format>, output: &Destination) -> Result<Format> {
    let told = || output.path().and_then(Format::from_path);
    named.or_else(told).ok_or_else(|| {
        let known: Vec<_> = Format::offered().map(Format::as_str).collect();
        let endings: Vec<_> = Format::endings().collect();
        Error::Request(format!(
            "cannot tell the format from the name `{output}`: end it in {}, or `/` for a PXE folder, or give --format ({})",
            endings.join(", "),
            known.join(", ")
        ))
    })
}

/// `format` on the targets of `nodes`: an ISO whose format is not named is the kind that the target
/// supports, and an ISO of a node whose base is a live ISO is a copy of that.
pub(super) fn for_target(format: Format, is_named: bool, nodes: &[&Node]) -> Result<Format> {
    let mut format = format;
    for node in nodes {
        let facts = node.target.facts();
        if format == Format::Iso && !is_named {
            format = facts.iso.parse().map_err(Error::Request)?;
        }
        if format == Format::Iso && brings_live_iso(node) {
            format = Format::LiveIso;
        }
        if let Some(why) = facts.why_not_format(format.as_str()) {
            return Err(Error::Request(format!(
                "the target of {} is {}, which does not support the format {format}: {why}",
                node.hostname.value, facts.title
            )));
        }
    }
    Ok(format)
}

/// Whether the node's base is a live ISO.
pub(super) fn brings_live_iso(node: &Node) -> bool {
    let system = node.base.as_ref().map(|base| &base.system);
    matches!(system, Some(BroughtSystem::LiveIso(_)))
}

/// Where the artifacts go.
pub(super) enum Targets<'a> {
    /// One folder that holds all nodes.
    Folder(&'a Path),
    /// A pipe.
    Stream(&'a File),
    /// One file per node.
    Files(Vec<PathBuf>),
}

impl Targets<'_> {
    /// Refuses what would replace something `protected`.
    pub(super) fn check(&self, protected: &Protected) -> Result<()> {
        match self {
            Self::Folder(path) => protected.refuse(path),
            Self::Stream(_) => Ok(()),
            Self::Files(paths) => paths.iter().try_for_each(|path| protected.refuse(path)),
        }
    }
}

pub(super) fn targets<'a>(
    output: &'a Destination,
    format: Format,
    nodes: &[&Node],
    all: &str,
) -> Result<Targets<'a>> {
    let path = match output {
        Destination::Path(path) => path,
        Destination::Stream(_) if format.facts().is_folder => {
            return Err(Error::Request(format!(
                "the format {format} is a folder, which cannot be written to standard output"
            )));
        }
        Destination::Stream(file) => {
            check_single(nodes, "standard output", format, all)?;
            return Ok(Targets::Stream(file));
        }
    };
    if format.facts().is_folder {
        return Ok(Targets::Folder(path));
    }
    let is_folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
    if is_folder {
        std::fs::create_dir_all(path).with_context(|| format!("creating {}", path.display()))?;
        let of_node = |node: &&Node| {
            let ending = format.facts().ending;
            path.join(format!("{}.{ending}", node.hostname.value))
        };
        return Ok(Targets::Files(nodes.iter().map(of_node).collect()));
    }
    check_single(nodes, &path.display().to_string(), format, all)?;
    Ok(Targets::Files(vec![path.clone()]))
}

/// Refuses several nodes in what can hold one.
fn check_single(nodes: &[&Node], output: &str, format: Format, all: &str) -> Result<()> {
    if nodes.len() == 1 {
        return Ok(());
    }
    Err(Error::Request(format!(
        "{output} can hold only one node, but the spec has {}: write to a folder (`-o out/ --format {format}`) or choose one with \
         --node ({all})",
        nodes.len()
    )))
}
