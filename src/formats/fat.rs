//! The EFI system partition: a small FAT16 file system in memory.

use std::io::{Cursor, Write};

use anyhow::{Context, Result, ensure};
use fatfs::{FatType, FileSystem, FormatVolumeOptions, FsOptions, format_volume};

/// Bytes of a sector and of a cluster. Clusters this small make FAT16 (4,085 clusters and more;
/// Microsoft's FAT specification 1.03 p. 14) for the size of a boot loader, and firmware reads
/// FAT16 more reliably than FAT12.
const CLUSTER: u64 = 512;
/// The fewest and the most clusters, slightly within the limits of FAT16.
const CLUSTERS_MIN: u64 = 4_200;
const CLUSTERS_MAX: u64 = 65_500;
const ROOT_ENTRIES: u16 = 512;
/// Sectors that are not clusters: boot sector, root directory and two tables of 65,500 entries of
/// two bytes.
const OVERHEAD: u64 = 1 + ROOT_ENTRIES as u64 * 32 / 512 + 2 * (2 * CLUSTERS_MAX).div_ceil(512);

/// A file system with `files` (path and contents), of a length that is a multiple of `granule`
/// bytes. No time stamps: every date is 1980-01-01, the first that FAT has.
pub(crate) fn file_system(
    files: &[(&str, &[u8])],
    volume_id: u32,
    granule: u64,
) -> Result<Vec<u8>> {
    let contents: u64 = files
        .iter()
        // A directory or two for each file, and long names.
        .map(|(_, bytes)| (bytes.len() as u64).div_ceil(CLUSTER) + 4)
        .sum();
    ensure!(
        contents <= CLUSTERS_MAX,
        "the boot loaders are too large for the EFI system partition"
    );
    let sectors = contents.max(CLUSTERS_MIN) + OVERHEAD;
    let length = (sectors * CLUSTER).next_multiple_of(granule);
    let mut image = vec![0; usize::try_from(length)?];
    write(&mut image, files, volume_id).context("writing the EFI system partition")?;
    Ok(image)
}

fn write(image: &mut [u8], files: &[(&str, &[u8])], volume_id: u32) -> Result<()> {
    let options = FormatVolumeOptions::new()
        .fat_type(FatType::Fat16)
        .bytes_per_sector(512)
        .bytes_per_cluster(u32::try_from(CLUSTER)?)
        .max_root_dir_entries(ROOT_ENTRIES)
        .total_sectors(u32::try_from(image.len() / 512)?)
        .volume_id(volume_id)
        .volume_label(*b"IMGBUILD   ");
    format_volume(Cursor::new(&mut *image), options)?;
    let system = FileSystem::new(Cursor::new(image), FsOptions::new())?;
    for (path, contents) in files {
        let mut directory = system.root_dir();
        let (parents, name) = path.rsplit_once('/').unwrap_or(("", path));
        for parent in parents.split('/').filter(|parent| !parent.is_empty()) {
            directory = directory.create_dir(parent)?;
        }
        let mut file = directory.create_file(name)?;
        file.truncate()?;
        file.write_all(contents)?;
        file.flush()?;
    }
    system.unmount()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_fat16() {
        let loader = vec![7; 3 << 20];
        let files: [(&str, &[u8]); 2] = [
            ("EFI/BOOT/BOOTX64.EFI", &loader),
            ("boot/grub/grub.cfg", b"menuentry"),
        ];
        let image = file_system(&files, 0x1234_5678, 4096).expect("made");
        assert_eq!(image.len() % 4096, 0);
        assert_eq!(&image[54..62], b"FAT16   ");
        assert_eq!(image[39..43], 0x1234_5678_u32.to_le_bytes());
        assert_eq!(image, file_system(&files, 0x1234_5678, 4096).expect("made"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let huge = vec![0; 40 << 20];
        assert!(file_system(&[("a", &huge)], 0, 4096).is_err());
    }
}
