//! Boot catalog: how a BIOS and UEFI firmware boot from a CD ("El Torito" Bootable CD-ROM Format
//! Specification 1.0; UEFI 2.10 §13.3.2.1 for platform 0xEF).

use anyhow::{Context, Result, bail, ensure};

use super::layout::{Layout, block};
use super::tree::Content;
use super::{Boot, Image, SYSTEM_AREA, fill_sector, volume};

/// Boot record volume descriptor (ECMA-119 §8.2).
const BOOT_RECORD: u8 = 0;
const SYSTEM_ID: &[u8] = b"EL TORITO SPECIFICATION";
const PLATFORM_BIOS: u8 = 0;
const PLATFORM_EFI: u8 = 0xef;
const BOOTABLE: u8 = 0x88;
const NO_EMULATION: u8 = 0;
const FINAL_SECTION: u8 = 0x91;
/// Virtual sectors, which catalogs count in.
const VIRTUAL_SECTOR: u64 = 512;
/// The part of the boot loader that a BIOS loads, which loads the rest itself: one sector, in
/// virtual sectors.
const BIOS_LOAD: u16 = 4;

/// The descriptor that points to the catalog.
pub(super) fn boot_record(layout: &Layout) -> Vec<u8> {
    let mut bytes = volume::start(BOOT_RECORD);
    bytes.extend(SYSTEM_ID);
    bytes.resize(0x47, 0);
    bytes.extend(layout.catalog.to_le_bytes());
    fill_sector(&mut bytes);
    bytes
}

/// The catalog: BIOS first, as its firmware expects, then UEFI in a separate section; only UEFI if
/// there is no BIOS.
pub(super) fn catalog(image: &Image, boot: &Boot, layout: &Layout) -> Result<Vec<u8>> {
    // A count that is too large for the field is written as 0: up to the end of the medium (UEFI
    // 2.10 §13.3.2.1).
    let esp_sectors = u16::try_from(boot.esp.len() as u64 / VIRTUAL_SECTOR).unwrap_or(0);
    let efi = entry(esp_sectors, block(layout.esp));
    let mut bytes = Vec::new();
    if let Some(bios) = &boot.bios {
        let loader = image
            .tree
            .find(&bios.loader)
            .and_then(|node| layout.file_block(node))
            .with_context(|| format!("{} is not in the image", bios.loader))?;
        bytes.extend(validation(PLATFORM_BIOS));
        bytes.extend(entry(BIOS_LOAD, loader));
        let mut header = [0; 32];
        header[0] = FINAL_SECTION;
        header[1] = PLATFORM_EFI;
        header[2..4].copy_from_slice(&1_u16.to_le_bytes());
        bytes.extend(header);
    } else {
        bytes.extend(validation(PLATFORM_EFI));
    }
    bytes.extend(efi);
    fill_sector(&mut bytes);
    Ok(bytes)
}

/// Validation entry (§2.1): its 16-bit words add up to zero.
fn validation(platform: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes[1] = platform;
    bytes[0x1e] = 0x55;
    bytes[0x1f] = 0xaa;
    let sum = bytes.chunks_exact(2).fold(0_u16, |sum, pair| {
        sum.wrapping_add(u16::from_le_bytes([pair[0], pair[1]]))
    });
    bytes[0x1c..0x1e].copy_from_slice(&sum.wrapping_neg().to_le_bytes());
    bytes
}

/// Default or section entry (§2.2, §2.4).
fn entry(sectors: u16, block: u32) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = BOOTABLE;
    bytes[1] = NO_EMULATION;
    bytes[6..8].copy_from_slice(&sectors.to_le_bytes());
    bytes[8..12].copy_from_slice(&block.to_le_bytes());
    bytes
}

/// Writes the boot information table into the BIOS boot loader: it tells the loader its position
/// (the `-boot-info-table` of mkisofs(8)).
pub(super) fn patch_loader(image: &mut Image, layout: &Layout) -> Result<()> {
    const TABLE: usize = 8;
    const CHECKED_FROM: usize = 64;
    let Some(path) = image
        .boot
        .as_ref()
        .and_then(|boot| boot.bios.as_ref())
        .map(|bios| bios.loader.clone())
    else {
        return Ok(());
    };
    let describe = || format!("{path} is not in the image");
    let node = image.tree.find(&path).with_context(describe)?;
    let start = layout.file_block(node).with_context(describe)?;
    let Some(Content::Bytes(loader)) = image.tree.content_mut(node) else {
        bail!("{path} must be given as bytes to be patched");
    };
    ensure!(
        loader.len() > CHECKED_FROM,
        "{path} is too short to be a boot loader"
    );
    let length = u32::try_from(loader.len())?;
    let checksum = loader[CHECKED_FROM..].chunks(4).fold(0_u32, |sum, chunk| {
        let mut word = [0; 4];
        word[..chunk.len()].copy_from_slice(chunk);
        sum.wrapping_add(u32::from_le_bytes(word))
    });
    let primary_descriptor = block(SYSTEM_AREA);
    loader[TABLE..CHECKED_FROM].fill(0);
    for (index, field) in [primary_descriptor, start, length, checksum]
        .into_iter()
        .enumerate()
    {
        let at = TABLE + 4 * index;
        loader[at..at + 4].copy_from_slice(&field.to_le_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validation_entries_add_up_to_zero() {
        for platform in [PLATFORM_BIOS, PLATFORM_EFI] {
            let bytes = validation(platform);
            let sum = bytes.chunks_exact(2).fold(0_u16, |sum, pair| {
                sum.wrapping_add(u16::from_le_bytes([pair[0], pair[1]]))
            });
            assert_eq!(sum, 0);
            assert_eq!(bytes[1], platform);
            assert_eq!(bytes[0x1e..], [0x55, 0xaa]);
        }
    }
}
