//! File formats, each with its writer beside its reader. Pure functions over `Read` and `Write`
//! that know nothing of nodes.
//!
//! Readers take damaged and hostile files: they allocate no more than was found, have limits, and
//! end with an error that holds [`Damaged`].

pub mod cpio;
pub mod fat;
pub mod gpt;
pub mod iso9660;
pub mod squashfs;
pub mod subject_hash;
pub mod tree;
pub mod verity;

use std::fs::File;
use std::io::{Read as _, Write};
use std::path::Path;
use std::{fmt, io};

use anyhow::{Context as _, Result, ensure};

/// Large files start at a multiple of this many bytes, the block size of file systems that can
/// share blocks.
pub(crate) const BLOCK: u64 = 4096;

/// How much is copied between two reports of progress, in bytes.
pub(crate) const COPY_STEP: u64 = 32 << 20;

/// Opens `path` and returns the file with its length in bytes.
pub(crate) fn open(path: &Path) -> Result<(File, u64)> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let metadata = file
        .metadata()
        .with_context(|| format!("reading the size of {}", path.display()))?;
    ensure!(metadata.is_file(), "{} is not a file", path.display());
    Ok((file, metadata.len()))
}

/// Copies exactly `length` bytes of `source`, in the kernel where `out` is a `File`, and tells
/// `copied` how many each step took.
pub(crate) fn copy<W: Write>(
    source: &File,
    path: &Path,
    length: u64,
    out: &mut W,
    copied: &mut dyn FnMut(u64),
) -> Result<()> {
    let mut left = length;
    while left > 0 {
        let step = left.min(COPY_STEP);
        let count = io::copy(&mut source.take(step), out)
            .with_context(|| format!("copying {}", path.display()))?;
        ensure!(
            count == step,
            "{} was truncated while being read",
            path.display()
        );
        copied(step);
        left -= step;
    }
    Ok(())
}

/// Writes `count` zero bytes.
pub(crate) fn zeros<W: Write>(out: &mut W, count: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(0).take(count), out)?;
    Ok(())
}

/// The file is not what it should be: truncated, damaged, or of another format.
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

/// An error of reading: an early end of file and errors of decompressors are damage, the rest are
/// errors of the system.
pub(crate) fn reading(error: io::Error, what: &str) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => Damaged(format!("{what} is truncated")).into(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other
            if error.raw_os_error().is_none() =>
        {
            Damaged(format!("{what} is damaged: {error}")).into()
        }
        _ => anyhow::Error::new(error).context(format!("reading {what}")),
    }
}

/// A little-endian number of eight bytes, as in the headers in the system area.
pub(crate) fn u64_at(header: &[u8], at: usize) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&header[at..at + 8]);
    u64::from_le_bytes(bytes)
}
