//! GUID partition tables (UEFI 2.10 §5.3), for sectors of 512 bytes and 128 entries.

pub mod read;

use flate2::Crc;

/// Bytes.
pub(super) const SECTOR: u64 = 512;
/// Entries of a table, and bytes of one.
const ENTRIES: u32 = 128;
const ENTRY: u32 = 128;
/// Sectors of the entries.
const ENTRY_SECTORS: u64 = (ENTRIES * ENTRY) as u64 / SECTOR;
/// Bytes at the end of the disk: entries, then header.
pub(super) const BACKUP_LENGTH: u64 = (ENTRY_SECTORS + 1) * SECTOR;
const HEADER: u32 = 92;

/// Attribute bits: §5.3.3 table 5.8 and, for those of basic data partitions, Microsoft's.
pub(super) const READ_ONLY: u64 = 1 << 60;
pub(super) const NO_AUTOMOUNT: u64 = 1 << 63;

/// A GUID as it lies on the disk: its first three fields little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Guid([u8; 16]);

/// C12A7328-F81F-11D2-BA4B-00A0C93EC93B
pub(crate) const EFI_SYSTEM: Guid = Guid([
    0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b,
]);
/// EBD0A0A2-B9E5-4433-87C0-68B6B72699C7
pub(super) const BASIC_DATA: Guid = Guid([
    0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7,
]);

impl Guid {
    /// As they lie on the disk.
    pub(crate) fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// A GUID of version 8 (RFC 9562 §5.8: of the maker's own making) from a hash.
    pub(super) fn from_hash(hash: &[u8; 32]) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        // The version is the high half of the third field's high byte, which is stored second.
        bytes[7] = bytes[7] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }
}

/// A partition of whole sectors.
#[derive(Debug)]
pub(super) struct Partition {
    pub(super) kind: Guid,
    pub(super) guid: Guid,
    /// First and last sector, both in it.
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) attributes: u64,
    /// At most 36 UTF-16 units.
    pub(super) name: &'static str,
}

/// A whole table.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) disk: Guid,
    /// Sectors of the disk.
    pub(super) sectors: u64,
    pub(super) partitions: Vec<Partition>,
}

impl Table {
    /// Header and entries, to lie from sector 1 on.
    pub(super) fn primary(&self) -> Vec<u8> {
        let mut bytes = self.header(1, self.sectors - 1, 2);
        bytes.extend(self.entries());
        bytes
    }

    /// Entries and header, [`BACKUP_LENGTH`] bytes, to lie at the end of the disk.
    pub(super) fn backup(&self) -> Vec<u8> {
        let mut bytes = self.entries();
        bytes.extend(self.header(self.sectors - 1, 1, self.sectors - 1 - ENTRY_SECTORS));
        bytes
    }

    /// §5.3.2, padded to a sector.
    fn header(&self, here: u64, other: u64, entries_at: u64) -> Vec<u8> {
        let mut bytes = b"EFI PART".to_vec();
        bytes.extend(0x0001_0000_u32.to_le_bytes());
        bytes.extend(HEADER.to_le_bytes());
        bytes.extend([0; 8]); // own checksum, filled in below; reserved
        bytes.extend(here.to_le_bytes());
        bytes.extend(other.to_le_bytes());
        // First and last usable sector.
        bytes.extend((2 + ENTRY_SECTORS).to_le_bytes());
        bytes.extend((self.sectors - ENTRY_SECTORS - 2).to_le_bytes());
        bytes.extend(self.disk.0);
        bytes.extend(entries_at.to_le_bytes());
        bytes.extend(ENTRIES.to_le_bytes());
        bytes.extend(ENTRY.to_le_bytes());
        bytes.extend(crc32(&self.entries()).to_le_bytes());
        let checksum = crc32(&bytes);
        bytes[16..20].copy_from_slice(&checksum.to_le_bytes());
        bytes.resize(512, 0);
        bytes
    }

    /// §5.3.3
    fn entries(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for partition in &self.partitions {
            let end = bytes.len() + 128;
            bytes.extend(partition.kind.0);
            bytes.extend(partition.guid.0);
            bytes.extend(partition.first.to_le_bytes());
            bytes.extend(partition.last.to_le_bytes());
            bytes.extend(partition.attributes.to_le_bytes());
            bytes.extend(partition.name.encode_utf16().flat_map(u16::to_le_bytes));
            bytes.resize(end, 0);
        }
        bytes.resize(128 * 128, 0);
        bytes
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            disk: Guid::from_hash(&[0xff; 32]),
            sectors: 1000,
            partitions: vec![Partition {
                kind: EFI_SYSTEM,
                guid: Guid::from_hash(&[0; 32]),
                first: 40,
                last: 99,
                attributes: READ_ONLY,
                name: "EFI",
            }],
        }
    }

    #[test]
    fn headers_point_at_each_other() {
        let primary = table().primary();
        let backup = table().backup();
        assert_eq!(primary.len(), 33 * 512);
        assert_eq!(backup.len() as u64, BACKUP_LENGTH);
        let backup_header = &backup[32 * 512..];
        let number = |bytes: &[u8], at: usize| {
            u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
        };
        for (header, here, other, entries) in
            [(&primary[..], 1, 999, 2), (backup_header, 999, 1, 967)]
        {
            assert_eq!(&header[..8], b"EFI PART");
            assert_eq!(number(header, 24), here, "own sector");
            assert_eq!(number(header, 32), other, "the other header's sector");
            assert_eq!(number(header, 40), 34, "first usable sector");
            assert_eq!(number(header, 48), 966, "last usable sector");
            assert_eq!(number(header, 72), entries, "entries");
        }
        assert_eq!(primary[512..], backup[..32 * 512], "same entries");
    }

    #[test]
    fn guids_are_of_version_8() {
        let Guid(zeros) = Guid::from_hash(&[0; 32]);
        let Guid(ones) = Guid::from_hash(&[0xff; 32]);
        assert_eq!((zeros[7], zeros[8]), (0x80, 0x80));
        assert_eq!((ones[7], ones[8]), (0x8f, 0xbf));
    }
}
