//! ISO 9660 images.

use std::fs;

use super::refused;

const SECTOR: usize = 2048;

/// A directory record: where its contents are, whether it is a directory, and its name.
fn record(block: u32, length: u32, is_directory: bool, name: &[u8]) -> Vec<u8> {
    let mut record = vec![0; 33];
    record[2..6].copy_from_slice(&block.to_le_bytes());
    record[10..14].copy_from_slice(&length.to_le_bytes());
    record[25] = u8::from(is_directory) << 1;
    record[32] = u8::try_from(name.len()).expect("short");
    record.extend(name);
    record.resize(record.len().next_multiple_of(2), 0);
    record[0] = u8::try_from(record.len()).expect("short");
    record
}

/// An image whose root directory has these records.
fn image(records: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut directory: Vec<u8> = Vec::new();
    for record in records {
        let left = SECTOR - directory.len() % SECTOR;
        if record.len() > left {
            directory.resize(directory.len() + left, 0);
        }
        directory.extend(record);
    }
    directory.resize(directory.len().next_multiple_of(SECTOR), 0);
    let mut image = vec![0; 18 * SECTOR];
    for (sector, kind) in [(16, 1), (17, 255)] {
        let descriptor = &mut image[sector * SECTOR..][..SECTOR];
        descriptor[0] = kind;
        descriptor[1..6].copy_from_slice(b"CD001");
        descriptor[128..130].copy_from_slice(&2048_u16.to_le_bytes());
        let length = u32::try_from(directory.len()).expect("small");
        descriptor[156..190].copy_from_slice(&record(18, length, true, &[0]));
    }
    image.extend(directory);
    image
}

#[test]
fn directories_of_very_many_names_and_of_themselves_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let many = image((0..300_000).map(|n| record(18, 0, false, format!("{n}").as_bytes())));
    fs::write(folder.join("a.iso"), many).expect("writes");
    let why = "more than 100000 entries";
    refused("many names", folder, &["inspect", "a.iso"], 2, why);
    refused("many names", folder, &["embed", "a.iso", "--show"], 2, why);
    let itself = image((0..50).map(|n| record(18, 2048, true, format!("D{n}").as_bytes())));
    fs::write(folder.join("b.iso"), itself).expect("writes");
    refused("itself", folder, &["inspect", "b.iso"], 2, "b.iso");
}
