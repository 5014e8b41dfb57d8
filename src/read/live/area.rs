//! The embed area: a range of the image that the boot loader passes to the kernel as part of the
//! initrd, initially zeros.
//!
//! `/coreos/igninfo.json` (2023 and later) names a file and, if the area is only a part of it
//! (s390x), its offset and length. In older images it is the whole of `/images/ignition.img`, and a
//! header in the last 24 bytes of the system area describes it: `coreiso+`, the area's offset in
//! the image and its length, little-endian.

use anyhow::Result;
use serde::Deserialize;

use super::{bytes_at, described};
use crate::formats::iso9660::read::Iso;
use crate::formats::{damaged, u64_at};

/// The description of the area.
const DESCRIPTION: &str = "coreos/igninfo.json";
/// The area's file if nothing describes it.
const DEFAULT_FILE: &str = "images/ignition.img";
/// The header's position: the end of the system area of 32 KiB (ECMA-119 §6.2.1).
const HEADER_START: u64 = 32_768 - HEADER_LENGTH as u64;
const HEADER_LENGTH: usize = 24;
const HEADER_MAGIC: &[u8] = b"coreiso+";
/// The largest plausible area, in bytes; real ones have 256 KiB.
const AREA_MAX: u64 = 16 << 20;

/// A range of bytes of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Offset in the image, in bytes.
    pub start: u64,
    /// Length in bytes.
    pub length: usize,
}

#[derive(Deserialize)]
struct Description {
    file: String,
    offset: Option<u64>,
    length: Option<u64>,
}

impl Area {
    /// Finds the area; `None` if the image has none.
    pub(super) fn find(iso: &Iso) -> Result<Option<Self>> {
        if let Some(description) = described::<Description>(iso, DESCRIPTION)? {
            return Self::from_description(iso, &description).map(Some);
        }
        if let Some((start, length)) = iso.extent(DEFAULT_FILE)? {
            return Self::new(start, length).map(Some);
        }
        let header = bytes_at(iso, HEADER_START, HEADER_LENGTH, "the system area")?;
        if !header.starts_with(HEADER_MAGIC) {
            return Ok(None);
        }
        Self::new(u64_at(&header, 8), u64_at(&header, 16)).map(Some)
    }

    fn from_description(iso: &Iso, description: &Description) -> Result<Self> {
        let file = &description.file;
        let Some((start, whole)) = iso.extent(file)? else {
            return damaged(format!(
                "`/{DESCRIPTION}` on the live ISO names `{}`, which does not exist",
                file.escape_debug()
            ));
        };
        let offset = description.offset.unwrap_or(0);
        let length = match description.length {
            Some(length) => Some(length),
            None => whole.checked_sub(offset),
        };
        match length {
            Some(length) if offset.checked_add(length).is_some_and(|end| end <= whole) => {
                Self::new(start + offset, length)
            }
            _ => damaged(format!(
                "`/{DESCRIPTION}` on the live ISO: the embed area extends beyond `{}`",
                file.escape_debug()
            )),
        }
    }

    fn new(start: u64, length: u64) -> Result<Self> {
        match usize::try_from(length) {
            Ok(bytes) if length <= AREA_MAX && length > 0 => Ok(Self {
                start,
                length: bytes,
            }),
            _ => damaged(format!(
                "the live ISO's embed area has an implausible size of {length} bytes"
            )),
        }
    }
}
