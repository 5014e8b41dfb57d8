//! Makes the image boot from a disk too: MBR code for a BIOS, a GPT with an EFI system partition
//! for UEFI.
//!
//! The MBR is a protective one (UEFI 2.10 §5.2.3), so that tools and firmware use the GPT. Its
//! second record is empty but marked active: some BIOSes do not boot from a disk without an active
//! partition.

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::formats::gpt;
use crate::formats::gpt::{Guid, Partition, Table};

use super::layout::{Layout, block};
use super::{Image, SYSTEM_AREA};

/// Space for the MBR's code; the fields that isohybrid(1) fills in follow it.
const CODE_MAX: usize = 432;
const RECORDS: usize = 446;
/// Sectors of 512 bytes, which MBR and GPT count in.
const DISK_SECTOR: u64 = gpt::SECTOR;
/// First sector of the partition that covers the volume's files: after the system area.
const DATA_START: u64 = SYSTEM_AREA / DISK_SECTOR;

/// The first sixteen sectors: zeros where the image does not boot.
pub(super) fn system_area(image: &Image, layout: &Layout) -> Result<Vec<u8>> {
    let mut area = vec![0; usize::try_from(SYSTEM_AREA)?];
    let Some(boot) = &image.boot else {
        return Ok(area);
    };
    if let Some(bios) = &boot.bios {
        ensure!(
            bios.mbr.len() <= CODE_MAX,
            "the MBR code has {} bytes, more than {CODE_MAX}",
            bios.mbr.len()
        );
        area[..bios.mbr.len()].copy_from_slice(&bios.mbr);
        let loader = image
            .tree
            .find(&bios.loader)
            .and_then(|node| layout.file_block(node))
            .with_context(|| format!("{} is not in the image", bios.loader))?;
        // The position of the boot loader, in disk sectors, as isohybrid(1) writes it for the code.
        let sector = u64::from(loader) * (super::SECTOR / DISK_SECTOR);
        area[CODE_MAX..CODE_MAX + 8].copy_from_slice(&sector.to_le_bytes());
        area[440..444].copy_from_slice(&boot.identity[..4]);
    }
    let last = layout.end / DISK_SECTOR - 1;
    let protective = mbr_record(0, 0xee, 1, u32::try_from(last).unwrap_or(u32::MAX));
    let active = mbr_record(0x80, 0, 0, 1);
    area[RECORDS..RECORDS + 16].copy_from_slice(&protective);
    area[RECORDS + 16..RECORDS + 32].copy_from_slice(&active);
    area[510..512].copy_from_slice(&[0x55, 0xaa]);
    let table = partition_table(image, layout).primary();
    let start = usize::try_from(DISK_SECTOR)?;
    area[start..start + table.len()].copy_from_slice(&table);
    Ok(area)
}

/// An MBR partition record. CHS addresses are those of "beyond" (UEFI 2.10 table 5.4).
fn mbr_record(flags: u8, kind: u8, first: u32, sectors: u32) -> [u8; 16] {
    let mut record = [0; 16];
    record[0] = flags;
    record[4] = kind;
    if kind != 0 {
        record[1..4].copy_from_slice(&[0, 2, 0]);
        record[5..8].copy_from_slice(&[0xff; 3]);
    }
    record[8..12].copy_from_slice(&first.to_le_bytes());
    record[12..16].copy_from_slice(&sectors.to_le_bytes());
    record
}

/// The GPT: the volume's files, then the EFI system partition.
pub(super) fn partition_table(image: &Image, layout: &Layout) -> Table {
    let identity = image.boot.as_ref().map_or([0; 32], |boot| boot.identity);
    let esp_length = image.boot.as_ref().map_or(0, |boot| boot.esp.len() as u64);
    let guid = |purpose: &str| {
        let mut hash = Sha256::new();
        hash.update(identity);
        hash.update(purpose);
        Guid::from_hash(&hash.finalize().into())
    };
    let esp = layout.esp / DISK_SECTOR;
    debug_assert_eq!(u64::from(block(layout.esp)) * 4, esp);
    Table {
        disk: guid("disk"),
        sectors: layout.end / DISK_SECTOR,
        partitions: vec![
            Partition {
                kind: gpt::BASIC_DATA,
                guid: guid("iso9660"),
                first: DATA_START,
                last: esp - 1,
                attributes: gpt::READ_ONLY | gpt::NO_AUTOMOUNT,
                name: "ISO9660",
            },
            Partition {
                kind: gpt::EFI_SYSTEM,
                guid: guid("esp"),
                first: esp,
                last: esp + esp_length / DISK_SECTOR - 1,
                attributes: 0,
                name: "EFI",
            },
        ],
    }
}
