//! What a Go program records about what it was built from: the section `.go.buildinfo` of an ELF
//! file, which has a line for each module (Go, `debug/buildinfo`).
//!
//! Minimal: 64-bit little-endian files, of which only the headers and that one section are read.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The section's name.
const SECTION: &[u8] = b".go.buildinfo";

/// Bytes of a section header (`Elf64_Shdr`).
const HEADER: u64 = 64;

/// The largest table of names or list of modules, in bytes.
const SECTION_MAX: u64 = 1 << 20;

/// The minor version of `module` in the program at `path`: 36 of `v0.36.3`. `None` if the program
/// does not record it.
pub fn minor_of(path: &Path, module: &str) -> Option<u16> {
    let mut program = File::open(path).ok()?;
    let section = section(&mut program)?;
    let text = String::from_utf8_lossy(&section);
    // A module that replaces another one follows it.
    let (_, version) = text.rsplit_once(&format!("\t{module}\tv"))?;
    version.split('.').nth(1)?.parse().ok()
}

fn section(program: &mut File) -> Option<Vec<u8>> {
    let head = read(program, 0, HEADER)?;
    if !head.starts_with(b"\x7fELF\x02\x01") {
        return None;
    }
    let (table, count) = (number(&head, 0x28, 8)?, number(&head, 0x3c, 2)?);
    let headers = read(program, table, count * HEADER)?;
    let header = |index: u64| {
        let start = usize::try_from(index * HEADER).ok()?;
        headers.get(start..start + 64)
    };
    let names = contents(program, header(number(&head, 0x3e, 2)?)?)?;
    for index in 0..count {
        let header = header(index)?;
        let name = names.get(usize::try_from(number(header, 0, 4)?).ok()?..)?;
        if name.split(|byte| *byte == 0).next() == Some(SECTION) {
            return contents(program, header);
        }
    }
    None
}

fn contents(program: &mut File, header: &[u8]) -> Option<Vec<u8>> {
    read(program, number(header, 0x18, 8)?, number(header, 0x20, 8)?)
}

fn read(program: &mut File, at: u64, length: u64) -> Option<Vec<u8>> {
    if length > SECTION_MAX {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    program.seek(SeekFrom::Start(at)).ok()?;
    program.read_exact(&mut bytes).ok()?;
    Some(bytes)
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + length)?;
    Some((bytes.iter().rev()).fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF file of two sections: the names, and one by the name of `name`.
    fn program(name: &[u8], text: &[u8]) -> Vec<u8> {
        let names = [b"\0", name, b"\0"].concat();
        let mut elf = b"\x7fELF\x02\x01".to_vec();
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

    #[test]
    fn versions_of_modules() {
        let list = b"\xff Go buildinf:\x08\x02path\texample\ndep\tk8s.io/api\tv0.35.1\th1:x\ndep\tk8s.io/cri-api\tv0.36.3\th1:x\n";
        let replaced = b"dep\tk8s.io/cri-api\tv0.0.0\n=>\tk8s.io/cri-api\tv0.34.1\th1:x\n";
        let whole = program(SECTION, list);
        for (name, bytes, want) in [
            ("a list", whole.clone(), Some(36)),
            ("a replaced module", program(SECTION, replaced), Some(34)),
            ("another list", program(SECTION, b"dep\ta\tv1.2.3\n"), None),
            ("another section", program(b".go.buildinfx", list), None),
            ("half a file", whole[..whole.len() / 2].to_vec(), None),
            ("no program", b"#!/bin/sh\n".to_vec(), None),
            ("nothing", Vec::new(), None),
        ] {
            let mut file = tempfile::NamedTempFile::new().expect("a file");
            std::io::Write::write_all(&mut file, &bytes).expect("written");
            assert_eq!(minor_of(file.path(), "k8s.io/cri-api"), want, "{name}");
        }
    }
}
