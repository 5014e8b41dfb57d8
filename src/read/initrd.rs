//! Reads initrds: a chain of cpio archives, each raw or compressed by itself, with zeros in
//! between.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

use anyhow::{Context, Result};

use crate::formats::cpio::read;
use crate::formats::cpio::read::{Entry, Source};
use crate::formats::{damaged, reading};

/// The most that all compressed parts of a chain may decompress to, in bytes: a limit against
/// bombs.
const UNPACKED_MAX: u64 = 2 << 30;
/// The most files of a chain, and bytes of all their names: an initrd of a whole system has some
/// thousands.
const FILES_MAX: usize = 200_000;
const NAMES_MAX: usize = 16 << 20;
/// The most zeros between two archives. Boot loaders pad to a page, or to a few MiB.
const ZEROS_MAX: usize = 64 << 20;
/// Largest window of a zstd frame, as a power of two: the kernel's own limit
/// (`lib/decompress_unzstd.c`, `ZSTD_WINDOWSIZE_MAX`).
const ZSTD_WINDOW: u32 = 23;
/// Memory for an xz stream, in bytes: the largest dictionary of xz's presets is 64 MiB.
const XZ_MEMORY: u64 = 72 << 20;

/// Passes every regular file of the chain in `input` to `visit`, like [`entries`].
pub fn archives<R: Read + Seek>(
    input: R,
    visit: &mut dyn FnMut(&Entry, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    entries(input, &mut |entry, contents| {
        if entry.is_regular() {
            visit(entry, contents)
        } else {
            Ok(())
        }
    })
}

/// Passes every file of the chain in `input`, of any kind, to `visit`, in order; of several files
/// with one name the kernel keeps the last.
///
/// Contents that `visit` does not read are skipped without reading if they are not compressed.
pub fn entries<R: Read + Seek>(
    mut input: R,
    visit: &mut dyn FnMut(&Entry, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    let length = input
        .seek(SeekFrom::End(0))
        .context("finding the end of an initrd")?;
    input.rewind().context("rewinding an initrd")?;
    let mut raw = Raw {
        file: BufReader::with_capacity(64 << 10, input),
        left: length,
    };
    let mut unpacked_left = UNPACKED_MAX;
    let mut found = false;
    let (mut files, mut names) = (0, 0);
    let visit = &mut |entry: &Entry, contents: &mut dyn Read| {
        files += 1;
        names += entry.path.len();
        if files > FILES_MAX || names > NAMES_MAX {
            return damaged(format!(
                "it has more than {FILES_MAX} files, or {} MiB of file names",
                NAMES_MAX >> 20
            ));
        }
        visit(entry, contents)
    };
    while let Some(first) = next(&mut raw, "the chain of archives")? {
        found = true;
        match first {
            b'0' => {
                raw.consume(1);
                read::archive(&mut raw, visit)?;
            }
            0x1f => unpacked(
                flate2::bufread::GzDecoder::new(&mut raw),
                &mut unpacked_left,
                visit,
            )?,
            0x28 => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(&mut raw)
                    .map_err(|e| reading(e, "a compressed archive"))?
                    .single_frame();
                decoder
                    .window_log_max(ZSTD_WINDOW)
                    .map_err(|e| reading(e, "a compressed archive"))?;
                unpacked(decoder, &mut unpacked_left, visit)?;
            }
            0xfd => {
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, 0)
                    .context("starting the decompression of an xz stream")?;
                unpacked(
                    liblzma::bufread::XzDecoder::new_stream(&mut raw, stream),
                    &mut unpacked_left,
                    visit,
                )?;
            }
            _ => {
                return damaged(
                    "it contains data that is neither a cpio archive nor a compressed one",
                );
            }
        }
    }
    if !found {
        return damaged("it is empty");
    }
    Ok(())
}

/// The names of the files in the first archive of `input`, unless it is compressed.
pub fn names_in_front(mut input: impl Read) -> Result<Vec<String>> {
    const WHAT: &str = "the first archive";
    let mut first = [0];
    input.read_exact(&mut first).map_err(|e| reading(e, WHAT))?;
    let mut names = Vec::new();
    if first == *b"0" {
        let mut stream = Unpacked(BufReader::with_capacity(64 << 10, input.take(u64::MAX)));
        read::archive(&mut stream, &mut |entry, _| {
            if names.len() == FILES_MAX {
                return damaged(format!("it has more than {FILES_MAX} files"));
            }
            names.push(entry.path.clone());
            Ok(())
        })?;
    }
    Ok(names)
}

/// The first byte after zeros; `None` at the end.
fn next(source: &mut impl BufRead, what: &str) -> Result<Option<u8>> {
    let mut zeros = 0;
    loop {
        let buffer = source.fill_buf().map_err(|e| reading(e, what))?;
        if buffer.is_empty() {
            return Ok(None);
        }
        if let Some(at) = buffer.iter().position(|&b| b != 0) {
            let byte = buffer[at];
            source.consume(at);
            return Ok(Some(byte));
        }
        let count = buffer.len();
        source.consume(count);
        zeros += count;
        if zeros > ZEROS_MAX {
            return damaged(format!(
                "{what} has more than {} MiB of zeros in a row",
                ZEROS_MAX >> 20
            ));
        }
    }
}

/// Reads the archives in one compressed part to its end, where its checksums are checked.
fn unpacked<R: Read>(
    decoder: R,
    left: &mut u64,
    visit: &mut dyn FnMut(&Entry, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    const WHAT: &str = "a compressed archive";
    let mut stream = Unpacked(BufReader::with_capacity(64 << 10, decoder.take(*left)));
    let outcome = loop {
        match next(&mut stream.0, WHAT) {
            Ok(Some(b'0')) => {
                stream.0.consume(1);
                if let Err(error) = read::archive(&mut stream, visit) {
                    break Err(error);
                }
            }
            Ok(Some(_)) => break damaged("a compressed part is not a cpio archive"),
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    *left = stream.0.get_ref().limit();
    if *left == 0 {
        // The apparent end was the limit.
        return damaged(format!(
            "its compressed parts decompress to more than {} GiB",
            UNPACKED_MAX >> 30
        ));
    }
    outcome
}

/// The file itself.
struct Raw<R> {
    file: BufReader<R>,
    /// Bytes left.
    left: u64,
}

impl<R: Read> Read for Raw<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

impl<R: Read> BufRead for Raw<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.file.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.file.consume(count);
        self.left = self.left.saturating_sub(count as u64);
    }
}

impl<R: Read + Seek> Source for Raw<R> {
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let Some(left) = self.left.checked_sub(count) else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        // A file's length fits into an i64.
        self.file
            .seek_relative(i64::try_from(count).map_err(io::Error::other)?)?;
        self.left = left;
        Ok(())
    }
}

/// The output of a decompressor, up to a limit.
struct Unpacked<R>(BufReader<io::Take<R>>);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Source for Unpacked<R> {
    fn skip(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut Read::take(&mut self.0, count), &mut io::sink())?;
        if skipped < count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}
