//! Which format an artifact has, and where it goes.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::node::Node;
use crate::node::boot_files::BroughtSystem;
use crate::pack::Format;

use super::super::outcome::Failure;

/// The format given by name, or the one that the output's name implies.
pub(super) fn format(named: Option<&str>, output: &Path) -> Result<Format, Failure> {
    match named {
        Some(name) => name.parse().map_err(|why| Failure::Usage(format!("--format {name}: {why}"))),
        None => Format::from_path(output).ok_or_else(|| {
            let known: Vec<_> = Format::ALL.iter().map(|format| format.as_str()).collect();
            Failure::Usage(format!(
                "cannot tell the format from the name `{}`: end it in .ign, .iso, .cpio, .cpio.gz, .cpio.zst, .initrd, or `/` for a PXE \
                 folder, or give --format ({})",
                output.display(),
                known.join(", ")
            ))
        }),
    }
}

/// `format` on the targets of `nodes`: an ISO whose format is not named is the kind that the target
/// supports, and an ISO of a node whose base is a live ISO is a copy of that.
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
                "the target of {} is {}, which does not support the format {format}: {why}",
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

/// Where the artifacts go.
pub(super) enum Targets {
    /// One folder that holds all nodes.
    Folder(PathBuf),
    /// Standard output.
    Stream,
    /// One file per node.
    Files(Vec<PathBuf>),
}

pub(super) fn targets(
    output: &Path,
    format: Format,
    nodes: &[&Node],
    all: &str,
) -> Result<Targets, Failure> {
    let stream = output.as_os_str() == "-";
    if !format.is_stream() {
        if stream {
            return Err(Failure::Usage(format!(
                "the format {format} is a folder, which cannot be written to standard output"
            )));
        }
        return Ok(Targets::Folder(output.to_owned()));
    }
    let is_folder = output.is_dir() || output.as_os_str().as_encoded_bytes().ends_with(b"/");
    if is_folder {
        std::fs::create_dir_all(output)
            .with_context(|| format!("creating {}", output.display()))?;
        return Ok(Targets::Files(
            nodes
                .iter()
                .map(|node| output.join(format!("{}.{}", node.hostname.value, format.ending())))
                .collect(),
        ));
    }
    if nodes.len() != 1 {
        return Err(Failure::Usage(format!(
            "{} can hold only one node, but the spec has {}: write to a folder (`-o out/ --format {format}`) or choose one with \
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
