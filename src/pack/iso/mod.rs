//! Writes ISO 9660 images (ECMA-119), forward only: the layout is computed first, from names and lengths.
//!
//! Every image has a Joliet tree beside the primary one; Rock Ridge names and modes, El Torito boot entries and the MBR and GPT
//! of a hybrid image are options. The same tree and options give the same bytes: dates are fixed, nothing is random.
//!
//! This is not a general ISO writer: no symbolic links, no path longer than eight levels, no directory of more than 4 GiB.

use std::io::Write;

use anyhow::{Context, Result, ensure};

use crate::progress::Progress;

use super::zeros;

mod directory;
mod el_torito;
mod hybrid;
mod joliet;
mod layout;
mod primary;
mod rock_ridge;
mod tree;
mod volume;

pub use tree::{Content, Tree};

use layout::Layout;

/// Bytes of a sector and logical block (ECMA-119 §6.1.2, §6.2.2).
pub const SECTOR: u64 = SECTOR_SIZE as u64;
const SECTOR_SIZE: u16 = 2048;
/// The system area (§6.2.1), which the standard leaves to the system: MBR and GPT of a hybrid image.
const SYSTEM_AREA: u64 = 16 * SECTOR;
/// The partitions of a hybrid image start and end at multiples of this many bytes: partition tools grumble at less than that
/// of the first partition's start, which is the end of the system area.
pub const ESP_ALIGNMENT: u64 = SYSTEM_AREA;

/// Fills `bytes` up to a whole number of sectors.
fn fill_sector(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(usize::from(SECTOR_SIZE)), 0);
}

/// What to write.
#[derive(Debug)]
pub struct Image {
    /// Up to 32 characters; Joliet shows the first 16.
    pub volume_id: String,
    pub tree: Tree,
    /// POSIX names and modes beside the upper-case names of the standard.
    pub rock_ridge: bool,
    pub boot: Option<Boot>,
}

/// How a machine starts from the image.
#[derive(Debug)]
pub struct Boot {
    pub bios: Option<Bios>,
    /// The EFI system partition, a FAT file system whose length is a multiple of [`ESP_ALIGNMENT`].
    pub esp: Vec<u8>,
    /// What the GUIDs of the partition table are made of.
    pub identity: [u8; 32],
}

/// Start by a BIOS, from a CD or from a disk.
#[derive(Debug)]
pub struct Bios {
    /// Path in the tree of a boot image that takes a boot information table (`isolinux.bin`). It is [`Content::Bytes`].
    pub loader: String,
    /// MBR code that starts that loader from a disk: `isohdpfx.bin`, at most 432 bytes.
    pub mbr: Vec<u8>,
}

/// Writes `image` to `out`.
pub fn write<W: Write>(image: &mut Image, out: &mut W, progress: &dyn Progress) -> Result<()> {
    ensure!(
        !image.volume_id.is_empty()
            && image.volume_id.len() <= 32
            && image.volume_id.bytes().all(|b| (0x20..0x7f).contains(&b)),
        "`{}` cannot be a volume's name: it has 1 to 32 ASCII characters",
        image.volume_id.escape_debug()
    );
    let layout = Layout::new(image)?;
    el_torito::patch_loader(image, &layout)?;
    progress.start("packing the ISO image", Some(layout.end));

    let mut position = 0;
    let head = head(image, &layout)?;
    out.write_all(&head).context("writing the ISO image")?;
    position += head.len() as u64;
    progress.advance(position);
    for file in &layout.files {
        pad(out, &mut position, file.start)?;
        match image.tree.content(file.node) {
            Some(Content::File { path, file, length }) => {
                super::copy(file, path, *length, out, progress)?;
            }
            Some(Content::Bytes(bytes)) => {
                out.write_all(bytes).context("writing the ISO image")?;
                progress.advance(file.length);
            }
            None => {}
        }
        position += file.length;
    }
    if let Some(boot) = &image.boot {
        pad(out, &mut position, layout.esp)?;
        out.write_all(&boot.esp).context("writing the ISO image")?;
        position += boot.esp.len() as u64;
        let table = hybrid::partition_table(image, &layout).backup();
        pad(out, &mut position, layout.end - table.len() as u64)?;
        out.write_all(&table).context("writing the ISO image")?;
        position += table.len() as u64;
    }
    pad(out, &mut position, layout.end)?;
    progress.finish();
    Ok(())
}

/// All that lies before the files: system area, volume descriptors, boot catalog, path tables, directories.
fn head(image: &Image, layout: &Layout) -> Result<Vec<u8>> {
    let mut head = hybrid::system_area(image, layout)?;
    head.extend(volume::primary(image, layout)?);
    if image.boot.is_some() {
        // El Torito §2.0: the boot record lies at sector 17.
        head.extend(el_torito::boot_record(layout));
    }
    head.extend(volume::joliet(image, layout)?);
    head.extend(volume::terminator());
    if let Some(boot) = &image.boot {
        head.extend(el_torito::catalog(image, boot, layout)?);
    }
    for hierarchy in [&layout.primary, &layout.joliet] {
        head.extend(hierarchy.encode(&image.tree, &layout.extents())?);
    }
    Ok(head)
}

/// Writes zeros up to `end`.
fn pad<W: Write>(out: &mut W, position: &mut u64, end: u64) -> Result<()> {
    zeros(out, end - *position).context("writing the ISO image")?;
    *position = end;
    Ok(())
}
