//! File formats, each with its writer beside its reader. Pure functions over `Read` and `Write`
//! that know nothing of nodes.
//!
//! Readers take damaged and hostile files: they allocate no more than was found, have limits, and
//! end with an error that holds [`Damaged`].

pub mod cpio;
pub mod fat;
pub mod gpt;
pub mod iso9660;
pub(crate) mod json;
pub mod squashfs;
pub mod subject_hash;
pub(crate) mod tar;
pub mod tree;
pub mod verity;

use std::fs::{self, File};
use std::io::{Read, Write};
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

/// The contents of the file at `path`, which may have `most` bytes; more, and anything else than a
/// file, is [`Damaged`].
pub(crate) fn whole(path: &Path, most: u64) -> Result<Vec<u8>> {
    let reading = || format!("reading {}", path.display());
    // Opening a pipe would wait for its other end.
    if !fs::metadata(path).with_context(reading)?.is_file() {
        return damaged(format!("{} is not a regular file", path.display()));
    }
    let file = File::open(path).with_context(reading)?;
    bounded(file, most).with_context(reading)
}

/// The text of the file at `path` like [`whole`]; `None` if there is none.
pub(crate) fn whole_text(path: &Path, most: u64) -> Result<Option<String>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        _ => {}
    }
    match String::from_utf8(whole(path, most)?) {
        Ok(text) => Ok(Some(text)),
        Err(_) => damaged(format!("{} is not UTF-8", path.display())),
    }
}

/// What `source` has until its end, which must come after at most `most` bytes.
pub(crate) fn bounded(source: impl Read, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return damaged(format!("it has more than {}", size(most)));
    }
    Ok(bytes)
}

/// A limit in words.
fn size(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{} KiB", bytes >> 10),
        mebibytes => format!("{mebibytes} MiB"),
    }
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
