//! Compares two files, or ranges of them, byte by byte and in pieces.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

/// How many bytes are compared at once.
const PIECE: usize = 256 << 10;

/// The first difference between two files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Difference {
    /// They differ from this byte on, counted from 0.
    At(u64),
    /// The artifact ends after `found` of `built` bytes.
    CutShort(u64, u64),
    /// The artifact has this many extra bytes.
    Longer(u64),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(f, "differs from byte {at} on"),
            Self::CutShort(found, built) => {
                write!(f, "truncated: {found} of {built} bytes")
            }
            Self::Longer(more) => write!(f, "{more} extra bytes at the end"),
        }
    }
}

/// Opens a file for reading.
pub(super) fn open(path: &Path) -> Result<File> {
    File::open(path).with_context(|| format!("opening {}", path.display()))
}

/// The first difference between `found` and `built`.
pub(super) fn first_difference(found: &File, built: &File) -> Result<Option<Difference>> {
    let lengths = [found, built].map(|file| file.metadata().map(|metadata| metadata.len()));
    let [found_length, built_length] = lengths;
    let (found_length, built_length) = (found_length?, built_length?);
    let common = found_length.min(built_length);
    let at = first_between(found, built, 0..common)?;
    Ok(match at {
        Some(at) => Some(Difference::At(at)),
        None if found_length < built_length => {
            Some(Difference::CutShort(found_length, built_length))
        }
        None if found_length > built_length => {
            Some(Difference::Longer(found_length - built_length))
        }
        None => None,
    })
}

/// The first byte in `range` in which the files differ. Both must be that long.
pub(super) fn first_between(found: &File, built: &File, range: Range<u64>) -> Result<Option<u64>> {
    let mut position = range.start;
    let mut pieces = [vec![0; PIECE], vec![0; PIECE]];
    while position < range.end {
        let length = usize::try_from(range.end - position).map_or(PIECE, |left| left.min(PIECE));
        let [theirs, ours] = &mut pieces;
        let (theirs, ours) = (&mut theirs[..length], &mut ours[..length]);
        found.read_exact_at(theirs, position)?;
        built.read_exact_at(ours, position)?;
        if let Some(at) = unequal(theirs, ours) {
            return Ok(Some(position + at as u64));
        }
        position += length as u64;
    }
    Ok(None)
}

/// The first difference between `found` and `built`, read to their ends.
pub(super) fn of_streams(
    mut found: impl Read,
    mut built: impl Read,
) -> io::Result<Option<Difference>> {
    let mut position = 0;
    let mut pieces = [vec![0; PIECE], vec![0; PIECE]];
    loop {
        let [theirs, ours] = &mut pieces;
        let (found_length, built_length) = (fill(&mut found, theirs)?, fill(&mut built, ours)?);
        let common = found_length.min(built_length);
        if let Some(at) = unequal(&theirs[..common], &ours[..common]) {
            return Ok(Some(Difference::At(position + at as u64)));
        }
        position += common as u64;
        if found_length != built_length {
            let rest = |length: usize, stream: &mut dyn Read| -> io::Result<u64> {
                Ok((length - common) as u64 + io::copy(stream, &mut io::sink())?)
            };
            return Ok(Some(if found_length < built_length {
                Difference::CutShort(position, position + rest(built_length, &mut built)?)
            } else {
                Difference::Longer(rest(found_length, &mut found)?)
            }));
        }
        if common < PIECE {
            return Ok(None);
        }
    }
}

/// Reads until the piece is full or the stream ends.
fn fill(stream: &mut impl Read, piece: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < piece.len() {
        match stream.read(&mut piece[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

/// The first index at which two slices of the same length differ.
fn unequal(one: &[u8], other: &[u8]) -> Option<usize> {
    if one == other {
        return None;
    }
    one.iter().zip(other).position(|(a, b)| a != b)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_first_difference_is_found() {
        let whole: Vec<u8> = (0..PIECE as u64 * 2 + 5)
            .map(|n| n.to_le_bytes()[0])
            .collect();
        let changed = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        };
        let length = whole.len() as u64;
        for (name, found, expected) in [
            ("the same", whole.clone(), None),
            ("the first", changed(0), Some(Difference::At(0))),
            (
                "in the second piece",
                changed(PIECE + 7),
                Some(Difference::At(PIECE as u64 + 7)),
            ),
            (
                "the last",
                changed(whole.len() - 1),
                Some(Difference::At(length - 1)),
            ),
            (
                "cut",
                whole[..PIECE].to_vec(),
                Some(Difference::CutShort(PIECE as u64, length)),
            ),
            ("nothing", vec![], Some(Difference::CutShort(0, length))),
            (
                "more",
                [&whole[..], b"abc"].concat(),
                Some(Difference::Longer(3)),
            ),
        ] {
            let streamed = of_streams(&found[..], &whole[..]).expect(name);
            assert_eq!(streamed, expected, "{name}");
            let file = |bytes: &[u8]| {
                let mut file = tempfile::tempfile().expect("a file");
                file.write_all(bytes).expect("writes");
                file
            };
            let read = first_difference(&file(&found), &file(&whole)).expect(name);
            assert_eq!(read, expected, "{name}");
        }
    }
}
