//! Volume descriptors (ECMA-119 §8).

use anyhow::Result;

use super::directory::{Hierarchy, root_record};
use super::layout::Layout;
use super::{Image, SECTOR_SIZE, fill_sector, joliet};
use super::{both_u16, both_u32};

/// Types of descriptors (§8.1.1).
const PRIMARY: u8 = 1;
const SUPPLEMENTARY: u8 = 2;
const TERMINATOR: u8 = 255;
/// Who made the volume (§8.4.22).
const APPLICATION: &str = "IMGBUILD";

/// The primary volume descriptor (§8.4).
pub(super) fn primary(image: &Image, layout: &Layout) -> Result<Vec<u8>> {
    let text = |text: &str, width| fill(text.as_bytes(), b" ", width);
    descriptor(
        PRIMARY,
        &[0; 32],
        &text,
        &image.volume_id,
        layout,
        &layout.primary,
    )
}

/// The supplementary volume descriptor of the Joliet tree (§8.5).
pub(super) fn joliet(image: &Image, layout: &Layout) -> Result<Vec<u8>> {
    let escape = fill(joliet::ESCAPE_SEQUENCE, &[0], 32);
    let text = |text: &str, width| fill(&joliet::ucs2(text), &joliet::ucs2(" "), width);
    descriptor(
        SUPPLEMENTARY,
        &escape,
        &text,
        &image.volume_id,
        layout,
        &layout.joliet,
    )
}

/// The volume descriptor set terminator (§8.3).
pub(super) fn terminator() -> Vec<u8> {
    let mut bytes = start(TERMINATOR);
    fill_sector(&mut bytes);
    bytes
}

/// The fields that all descriptors begin with (§8.1).
pub(super) fn start(kind: u8) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(b"CD001");
    bytes.push(1);
    bytes
}

/// Field by field as §8.4 has them; the byte positions there count from 1.
fn descriptor(
    kind: u8,
    escape_sequences: &[u8],
    text: &dyn Fn(&str, usize) -> Vec<u8>,
    volume_id: &str,
    layout: &Layout,
    hierarchy: &Hierarchy,
) -> Result<Vec<u8>> {
    let mut bytes = start(kind);
    bytes.push(0); // volume flags
    bytes.extend(text("", 32)); // system identifier
    bytes.extend(text(volume_id, 32));
    bytes.extend([0; 8]);
    bytes.extend(both_u32(layout.blocks()));
    bytes.extend(escape_sequences);
    bytes.extend(both_u16(1)); // volumes in the set
    bytes.extend(both_u16(1)); // this one's number
    bytes.extend(both_u16(SECTOR_SIZE));
    bytes.extend(both_u32(hierarchy.path_table_length));
    bytes.extend(hierarchy.path_tables[0].to_le_bytes());
    bytes.extend([0; 4]); // no second type L path table
    bytes.extend(hierarchy.path_tables[1].to_be_bytes());
    bytes.extend([0; 4]); // no second type M path table
    bytes.extend(root_record(hierarchy.root())?);
    bytes.extend(text("", 128)); // volume set
    bytes.extend(text("", 128)); // publisher
    bytes.extend(text("", 128)); // data preparer
    bytes.extend(text(APPLICATION, 128));
    for _ in 0..3 {
        bytes.extend(text("", 37)); // copyright, abstract and bibliographic files
    }
    for _ in 0..4 {
        // Creation, modification, expiration, effective: not specified (§8.4.26.1: digits zero,
        // offset the number zero).
        bytes.extend([b'0'; 16]);
        bytes.push(0);
    }
    bytes.push(1); // file structure version
    fill_sector(&mut bytes);
    Ok(bytes)
}

/// `bytes` cut or filled up to `width` with copies of `filler`.
fn fill(bytes: &[u8], filler: &[u8], width: usize) -> Vec<u8> {
    bytes
        .iter()
        .chain(filler.iter().cycle())
        .copied()
        .take(width)
        .collect()
}
