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
pub use config::{Laid, laid};
pub use initrd::{archives, entries};
pub use listing::{Thing, certificates, listing};
pub use live::{Area, CONFIG_PATH, DEST_PATH, Features, KEYFILES_PATH, KernelArguments, LiveIso};
pub use nested::configs;
pub(crate) use nested::{UNPACKED_MAX, contents};
pub use pxe::node as pxe_node;

/// Reads what is at `path`: one artifact, or those of each node in a folder for network boot, in
/// the order of their names.
pub fn artifacts(path: &Path) -> Result<Vec<Artifact>> {
    if path.is_dir() {
        let read = || pxe::nodes(path);
        return read().with_context(|| format!("reading {}", path.display()));
    }
    Ok(vec![artifact(path)?])
}
