//! Programs made by Go, as far as they tell what they were built of.

/// `head` of an ELF file (64-bit, little-endian) with two sections after it: the names, and one by
/// the name of `name`, which holds `text`.
pub fn with_section(head: &[u8], name: &[u8], text: &[u8]) -> Vec<u8> {
    let names = [b"\0", name, b"\0"].concat();
    let mut elf = head.to_vec();
    elf.resize(64, 0);
    let mut headers = Vec::new();
    for (name, bytes) in [(0u32, &names[..]), (1, text)] {
        let mut header = name.to_le_bytes().to_vec();
        header.resize(0x18, 0);
        header.extend((elf.len() as u64).to_le_bytes());
        header.extend((bytes.len() as u64).to_le_bytes());
        header.resize(64, 0);
        headers.extend(header);
        elf.extend(bytes);
    }
    let table = elf.len() as u64;
    elf[0x28..0x30].copy_from_slice(&table.to_le_bytes());
    elf[0x3c..0x3e].copy_from_slice(&2u16.to_le_bytes());
    elf.extend(headers);
    elf
}
