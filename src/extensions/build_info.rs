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
