//! Reads a folder to boot machines from over the network: for each node a payload, and an iPXE
//! script with the kernel arguments.

use std::fs::{self, File};
use std::path::Path;

use anyhow::{Context, Result};

use super::artifact::{Artifact, PAYLOAD, TEXT_MAX, artifact, read_limited};
use crate::formats::damaged;
use crate::pack::{Format, NODE_PAYLOAD, NODE_SCRIPT, NODES};

/// The most nodes of a folder.
const NODES_MAX: usize = 100_000;

/// The names of the nodes in the folder at `path`, sorted.
pub(super) fn nodes(path: &Path) -> Result<Vec<String>> {
    let names = names(path)?;
    if names.is_empty() {
        return damaged("not a PXE folder written by imgbuild: it contains no nodes");
    }
    Ok(names)
}

/// The names of the nodes, sorted.
fn names(path: &Path) -> Result<Vec<String>> {
    let folder = path.join(NODES);
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let describe = || format!("reading {}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(describe)? {
        let name = entry.with_context(describe)?.file_name();
        let name = name
            .to_str()
            .and_then(|name| name.strip_suffix(NODE_PAYLOAD));
        names.extend(name.map(str::to_owned));
        if names.len() > NODES_MAX {
            return damaged(format!("it contains more than {NODES_MAX} nodes"));
        }
    }
    names.sort();
    Ok(names)
}

/// The node `name` of the folder at `path`.
pub fn node(path: &Path, name: &str) -> Result<Artifact> {
    let nodes = path.join(NODES);
    let mut node = artifact(&nodes.join(format!("{name}{NODE_PAYLOAD}")))?;
    let script = nodes.join(format!("{name}{NODE_SCRIPT}"));
    let file = File::open(&script).with_context(|| format!("reading {}", script.display()))?;
    let text = read_limited(file, TEXT_MAX, "an iPXE script")?;
    let Some(arguments) = kernel_line(&String::from_utf8_lossy(&text)) else {
        return damaged(format!("{} does not boot a kernel", script.display()));
    };
    if node.format == PAYLOAD {
        node.format = Format::Pxe;
    }
    node.booted_with(arguments);
    Ok(node)
}

/// The kernel arguments in an iPXE script. Those that name initrds are for UEFI's boot stub.
fn kernel_line(script: &str) -> Option<Vec<String>> {
    let line = script
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("kernel "))?;
    let words = line.split_ascii_whitespace().skip(1);
    let arguments = words.filter(|word| !word.starts_with("initrd="));
    Some(arguments.map(str::to_owned).collect())
}
