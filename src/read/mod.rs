//! Reads artifacts: the Ignition config, and whatever else distinguishes one node from another.
//!
//! Each format has a reader: [`Iso`](crate::formats::iso9660::read::Iso) reads files of an ISO 9660
//! image by path, [`archives`] those of an initrd's chain of cpio archives. All of them handle
//! damaged and hostile files: they allocate no more than was found, have limits, and fail with an
//! error that contains [`Damaged`](crate::formats::Damaged).

mod artifact;
mod config;
mod initrd;
mod listing;
mod live;
mod nested;
mod pxe;

use std::path::Path;

use anyhow::{Context as _, Result};

pub use artifact::{Artifact, artifact};
pub(crate) use config::laid_beside;
pub use config::{Laid, laid};
pub use initrd::{archives, entries, names_in_front};
pub(crate) use listing::listing_beside;
pub use listing::{Thing, certificates, listing};
pub use live::{Area, CONFIG_PATH, DEST_PATH, Features, KEYFILES_PATH, KernelArguments, LiveIso};
pub(crate) use nested::{Budget, configs, contents};
pub use pxe::node as pxe_node;

/// Reads what is at `path`: one artifact, or those of each node in a folder for network boot, in
/// the order of their names. One after the other, so that not all are in memory at once.
pub fn artifacts(path: &Path) -> Result<impl Iterator<Item = Result<Artifact>>> {
    let nodes = if path.is_dir() {
        pxe::nodes(path)
            .with_context(|| format!("reading {}", path.display()))?
            .into_iter()
            .map(Some)
            .collect()
    } else {
        vec![None]
    };
    Ok(nodes.into_iter().map(move |node| match node {
        Some(name) => pxe_node(path, &name).with_context(|| format!("reading {}", path.display())),
        None => artifact(path),
    }))
}
