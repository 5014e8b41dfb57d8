//! Reads back what was made: the Ignition config, and what else tells one node from another, out of
//! our own artifacts.
//!
//! Readers of formats, each for itself: [`Iso`] gives files of an ISO 9660 image by path,
//! [`archives`] those of an initrd's chain of cpio archives. All take damaged and hostile files:
//! they allocate no more than was found, have limits, and end with an error that holds [`Damaged`].

mod artifact;
mod config;
mod cpio;
mod gpt;
mod initrd;
mod iso9660;
mod listing;
mod live;
mod nested;
mod pxe;

use std::fmt;
use std::io;

pub use artifact::{Artifact, Kind, artifact, artifacts};
pub use config::{Laid, laid};
pub use cpio::Entry;
pub(crate) use gpt::efi_system_partition;
pub use initrd::{archives, entries};
pub use iso9660::{Contents, Iso};
pub use listing::{Thing, certificates, listing};
pub use live::{Area, CONFIG_PATH, DEST_PATH, Features, KEYFILES_PATH, KernelArguments, LiveIso};
pub use nested::configs;
pub(crate) use nested::{UNPACKED_MAX, contents};
pub use pxe::node as pxe_node;

/// The file is not what it should be: cut short, or never of this format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged(pub String);

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Damaged {}

/// [`Damaged`] as the error of a function.
pub(crate) fn damaged<T>(why: impl Into<String>) -> anyhow::Result<T> {
    Err(Damaged(why.into()).into())
}

/// An error of reading: the file's own end and what decompressors complain of are damage, the rest
/// is the system's.
pub(crate) fn reading(error: io::Error, what: &str) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Damaged(format!("{what} is cut short")).into(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other
            if error.raw_os_error().is_none() =>
        {
            Damaged(format!("{what} is damaged: {error}")).into()
        }
        _ => anyhow::Error::new(error).context(format!("reading {what}")),
    }
}
