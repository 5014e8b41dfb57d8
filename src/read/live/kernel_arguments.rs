//! The kernel's arguments, which stand as text in the boot loaders' own files, each with room for
//! more.
//!
//! `/coreos/kargs.json` (since 2021-09) gives the default, the bytes of room and the place of each
//! copy. Before that a header of 72 bytes in front of the embed area's in the system area does:
//! `coreKarg`, the room, the offset of the default in the image and the offsets of up to six
//! copies, little-endian. Each copy is the arguments, an end (a newline) and padding (`#`).

use anyhow::Result;
use serde::Deserialize;

use super::{Area, bytes_at, described};
use crate::formats::damaged;
use crate::formats::iso9660::read::Iso;
use crate::formats::u64_at;

const DESCRIPTION: &str = "coreos/kargs.json";
const HEADER_START: u64 = 32_672;
const HEADER_LENGTH: usize = 72;
const HEADER_MAGIC: &[u8] = b"coreKarg";
/// Where in the header the copies' offsets begin.
const HEADER_COPIES: usize = 24;
/// The most room that is believed in, in bytes: the kernel itself takes no longer line.
const LARGEST: u64 = 2048;
/// The most copies; real images have two.
const COPIES_MAX: usize = 64;

/// The arguments of a live ISO's kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelArguments {
    /// What the image came with.
    pub default: String,
    pub current: String,
    /// Bytes of each copy.
    room: usize,
    copies: Vec<Place>,
}

/// Where one copy stands and how it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Bytes from the image's start.
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
    /// Finds the arguments; `None` where the image says nothing of them.
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
                    "`/{DESCRIPTION}` on the live ISO names `{}`, which is not there",
                    file.path.escape_debug()
                ));
            };
            if file
                .offset
                .checked_add(description.size)
                .is_none_or(|end| end > length)
            {
                return damaged(format!(
                    "`/{DESCRIPTION}` on the live ISO: the kernel's arguments end behind `{}`",
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
            return damaged("the places of the live ISO's kernel arguments overlap");
        }
        let mut lines = Vec::new();
        for copy in &copies {
            lines.push(line(iso, room, *copy)?);
        }
        let Some(current) = lines.first().cloned() else {
            return damaged("the live ISO says where no copy of its kernel arguments is");
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
            return damaged("the live ISO's own kernel arguments are longer than their place");
        }
        Ok(arguments)
    }

    /// The longest line that there is room for, in bytes.
    pub fn longest(&self) -> usize {
        // The end takes one; a place has at least two (`checked`).
        self.room - 1
    }

    /// Whether a copy has bytes of `area`.
    pub(super) fn touch(&self, area: Area) -> bool {
        let area_end = area.start + area.length as u64;
        self.copies
            .iter()
            .any(|copy| copy.start < area_end && area.start < copy.start + self.room as u64)
    }

    /// The bytes that make `line` the arguments: for each copy where it starts, and all of its
    /// bytes. `line` is no longer than [`KernelArguments::longest`].
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

/// The room as a length.
fn checked(room: u64) -> Result<usize> {
    match usize::try_from(room) {
        Ok(bytes) if (2..=LARGEST).contains(&room) => Ok(bytes),
        _ => damaged(format!(
            "the live ISO's kernel arguments are said to have room for {room} bytes"
        )),
    }
}

/// The arguments in one copy, without its end and padding.
fn line(iso: &Iso, room: usize, copy: Place) -> Result<String> {
    let bytes = bytes_at(iso, copy.start, room, "the kernel's arguments")?;
    let Ok(text) = String::from_utf8(bytes) else {
        return damaged("the live ISO's kernel arguments are not UTF-8");
    };
    Ok(text
        .trim_end_matches(char::from(copy.pad))
        .trim_end_matches(char::from(copy.end))
        .trim()
        .to_owned())
}
