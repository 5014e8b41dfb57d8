//! Reads partition tables (GPT, UEFI 2.10 §5.3).

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use crate::formats::gpt::EFI_SYSTEM;
use crate::formats::u64_at;

/// Bytes of a sector of a disk.
const SECTOR: u64 = 512;
/// Bytes of an entry, and how many are read: the usual size of a table.
const ENTRY: u64 = 128;
const ENTRIES: u64 = 128;

/// The EFI system partition of `image`, in bytes; `None` if it has none.
pub(crate) fn efi_system_partition(image: &File) -> Option<Range<u64>> {
    let mut header = [0; 92];
    image.read_exact_at(&mut header, SECTOR).ok()?;
    if !header.starts_with(b"EFI PART") {
        return None;
    }
    let table = u64_at(&header, 72).checked_mul(SECTOR)?;
    for index in 0..ENTRIES {
        let mut entry = [0; 48];
        let at = table.checked_add(index * ENTRY)?;
        image.read_exact_at(&mut entry, at).ok()?;
        if entry[..16] == EFI_SYSTEM.bytes() {
            let first = u64_at(&entry, 32).checked_mul(SECTOR)?;
            // The last sector is inclusive.
            let end = u64_at(&entry, 40).checked_add(1)?.checked_mul(SECTOR)?;
            return Some(first..end);
        }
    }
    None
}
