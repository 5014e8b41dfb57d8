//! The kernel arguments, which are text in the boot loaders' own files, each with space for more.
//!
//! `/coreos/kargs.json` (since 2021-09) gives the default, the space in bytes and the position of
//! each copy. In older images, a header of 72 bytes before that of the embed area in the system
//! area does: `coreKarg`, the space, the offset of the default in the image and the offsets of up
//! to six copies, little-endian. Each copy consists of the arguments, a newline and padding (`#`).

use anyhow::Result;
use serde::Deserialize;

use super::{Area, bytes_at, described};
use crate::formats::iso9660::read::Iso;
use crate::formats::{damaged, u64_at};

const DESCRIPTION: &str = "coreos/kargs.json";
const HEADER_START: u64 = 32_672;
const HEADER_LENGTH: usize = 72;
const HEADER_MAGIC: &[u8] = b"coreKarg";
/// The position of the copies' offsets in the header.
const HEADER_COPIES: usize = 24;
/// The largest plausible space, in bytes: the kernel does not accept a longer line.
const SPACE_MAX: u64 = 2048;
/// The most copies; real images have two.
const COPIES_MAX: usize = 64;

/// The kernel arguments of a live ISO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelArguments {
    /// The image's defaults.
    pub default: String,
    pub current: String,
    /// Bytes of each copy.
    room: usize,
    copies: Vec<Place>,
}

/// The position of one copy and how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Offset in the image, in bytes.
    start: u64,
    pad: u8,
    end: u8,
}

const PAD: char = '#';
const END: char = '\n';

#[derive(Deserialize)]
struct Description {
    default: String,
    files: Vec<DescribedPlace>,
    size: u64,
}

#[derive(Deserialize)]
struct DescribedPlace {
    path: String,
    offset: u64,
    pad: Option<char>,
    end: Option<char>,
}

impl KernelArguments {
    /// Finds the arguments; `None` if the image does not describe them.
    pub(super) fn find(iso: &Iso) -> Result<Option<Self>> {
        match described::<Description>(iso, DESCRIPTION)? {
            Some(description) => Self::described(iso, description).map(Some),
            None => Self::by_header(iso),
        }
    }

    fn described(iso: &Iso, description: Description) -> Result<Self> {
        let mut copies = Vec::new();
        for file in description.files {
            let Some((start, length)) = iso.extent(&file.path)? else {
                return damaged(format!(
                    "`/{DESCRIPTION}` on the live ISO names `{}`, which does not exist",
                    file.path.escape_debug()
                ));
            };
            if file
                .offset
                .checked_add(description.size)
                .is_none_or(|end| end > length)
            {
                return damaged(format!(
                    "`/{DESCRIPTION}` on the live ISO: the kernel arguments extend beyond `{}`",
                    file.path.escape_debug()
                ));
            }
            let (pad, end) = (file.pad.unwrap_or(PAD), file.end.unwrap_or(END));
            let (Some(pad), Some(end)) = (ascii(pad), ascii(end)) else {
                return damaged(format!("`/{DESCRIPTION}` on the live ISO: not ASCII"));
            };
            copies.push(Place {
                start: start + file.offset,
                pad,
                end,
            });
        }
        Self::new(iso, &description.default, description.size, copies)
    }

    fn by_header(iso: &Iso) -> Result<Option<Self>> {
        let header = bytes_at(iso, HEADER_START, HEADER_LENGTH, "the system area")?;
        if !header.starts_with(HEADER_MAGIC) {
            return Ok(None);
        }
        let room = u64_at(&header, 8);
        let place = |start| Place {
            start,
            pad: b'#',
            end: b'\n',
        };
        let copies = (HEADER_COPIES..HEADER_LENGTH)
            .step_by(8)
            .map(|at| u64_at(&header, at))
            .take_while(|&start| start != 0)
            .map(place)
            .collect();
        let default = line(iso, checked(room)?, place(u64_at(&header, 16)))?;
        Self::new(iso, &default, room, copies).map(Some)
    }

    fn new(iso: &Iso, default: &str, room: u64, mut copies: Vec<Place>) -> Result<Self> {
        let room = checked(room)?;
        copies.sort_by_key(|copy| copy.start);
        if copies.len() > COPIES_MAX
            || copies
                .windows(2)
                .any(|pair| pair[1].start - pair[0].start < room as u64)
        {
            return damaged("the copies of the live ISO's kernel arguments overlap");
        }
        let mut lines = Vec::new();
        for copy in &copies {
            lines.push(line(iso, room, *copy)?);
        }
        let Some(current) = lines.first().cloned() else {
            return damaged("the live ISO lists no copy of its kernel arguments");
        };
        if lines.iter().any(|line| *line != current) {
            return damaged("the copies of the live ISO's kernel arguments differ");
        }
        let arguments = Self {
            default: default.trim().to_owned(),
            current,
            room,
            copies,
        };
        if arguments.default.len() > arguments.longest() {
            return damaged("the live ISO's default kernel arguments are longer than their space");
        }
        Ok(arguments)
    }

    /// The longest line that fits, in bytes.
    pub fn longest(&self) -> usize {
        // The end takes one byte; there are at least two (`checked`).
        self.room - 1
    }

    /// Whether a copy overlaps `area`.
    pub(super) fn touch(&self, area: Area) -> bool {
        let area_end = area.start + area.length as u64;
        self.copies
            .iter()
            .any(|copy| copy.start < area_end && area.start < copy.start + self.room as u64)
    }

    /// The bytes that make `line` the arguments: for each copy its offset, and all of its bytes.
    /// `line` must not be longer than [`KernelArguments::longest`].
    pub fn replaced_by(&self, line: &str) -> Vec<(u64, Vec<u8>)> {
        self.copies
            .iter()
            .map(|copy| {
                let mut bytes = line.as_bytes().to_vec();
                bytes.push(copy.end);
                bytes.resize(self.room, copy.pad);
                (copy.start, bytes)
            })
            .collect()
    }
}

fn ascii(character: char) -> Option<u8> {
    u8::try_from(character).ok().filter(u8::is_ascii)
}

/// The space as a length.
fn checked(room: u64) -> Result<usize> {
    match usize::try_from(room) {
        Ok(bytes) if (2..=SPACE_MAX).contains(&room) => Ok(bytes),
        _ => damaged(format!(
            "the live ISO's kernel arguments have an implausible space of {room} bytes"
        )),
    }
}

/// The arguments in one copy, without end and padding.
fn line(iso: &Iso, room: usize, copy: Place) -> Result<String> {
    let bytes = bytes_at(iso, copy.start, room, "the kernel arguments")?;
    let Ok(text) = String::from_utf8(bytes) else {
        return damaged("the live ISO's kernel arguments are not UTF-8");
    };
    Ok(text
        .trim_end_matches(char::from(copy.pad))
        .trim_end_matches(char::from(copy.end))
        .trim()
        .to_owned())
}
