//! The tables of ELF files. Minimal: 64-bit little-endian files, which is what kernels and programs
//! of amd64 and arm64 are.

use anyhow::{Context as _, Result, ensure};

/// Bytes of a section header (`Elf64_Shdr`).
pub const SECTION_HEADER: usize = 64;

/// `SHT_DYNAMIC`
const DYNAMIC: usize = 6;

/// `DT_NEEDED` and `DT_SONAME`
const NEEDED: usize = 1;
const SONAME: usize = 14;

/// What a program or library says of the libraries around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linked {
    /// The libraries that it needs, by their names.
    pub needed: Vec<String>,
    /// Its own name, if it is a library.
    pub name: Option<String>,
    /// The path of the program that loads it; `None`: a static program, or a library.
    pub loader: Option<String>,
}

impl Linked {
    /// Reads it from a file.
    pub fn parse(elf: &[u8]) -> Result<Self> {
        let mut linked = Self::default();
        for index in 0..section_count(elf)? {
            let header = header(elf, index)?;
            if section_name(elf, header)? == b".interp" {
                linked.loader = strings(section(elf, index)?).next().map(text);
            }
            if number(header, 4, 4)? != DYNAMIC {
                continue;
            }
            let names = section(elf, number(header, 0x28, 4)?)?;
            let name = |at: usize| -> Result<String> {
                let name = names
                    .get(at..)
                    .context("the name of a library is invalid")?;
                Ok(strings(name).next().map(text).unwrap_or_default())
            };
            for entry in section(elf, index)?.chunks_exact(16) {
                let value = number(entry, 8, 8)?;
                match number(entry, 0, 8)? {
                    NEEDED => linked.needed.push(name(value)?),
                    SONAME => linked.name = Some(name(value)?),
                    _ => {}
                }
            }
        }
        Ok(linked)
    }
}

/// The number of an ELF file's sections.
pub fn section_count(elf: &[u8]) -> Result<usize> {
    ensure!(
        elf.starts_with(b"\x7fELF\x02\x01"),
        "not a 64-bit little-endian ELF file"
    );
    number(elf, 0x3c, 2)
}

/// The name of the section with this header.
pub fn section_name<'e>(elf: &'e [u8], header: &[u8]) -> Result<&'e [u8]> {
    let names = section(elf, number(elf, 0x3e, 2)?)?;
    let name = number(header, 0, 4)?;
    let name = names.get(name..).context("a section's name is invalid")?;
    Ok(strings(name).next().unwrap_or(b""))
}

/// The header of section number `index`.
pub fn header(elf: &[u8], index: usize) -> Result<&[u8]> {
    let start = number(elf, 0x28, 8)?.saturating_add(index * SECTION_HEADER);
    elf.get(start..start.saturating_add(SECTION_HEADER))
        .context("the ELF file is truncated")
}

/// The contents of section number `index`.
pub fn section(elf: &[u8], index: usize) -> Result<&[u8]> {
    let header = header(elf, index)?;
    let start = number(header, 0x18, 8)?;
    let size = number(header, 0x20, 8)?;
    start
        .checked_add(size)
        .and_then(|end| elf.get(start..end))
        .context("a section lies beyond the end of the file")
}

/// The strings of a table, each without the NUL that ends it.
pub fn strings(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0)
}

/// A string of a table.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The little-endian number of `length` bytes at `at`.
fn number(bytes: &[u8], at: usize, length: usize) -> Result<usize> {
    let bytes = at
        .checked_add(length)
        .and_then(|end| bytes.get(at..end))
        .context("the ELF file is truncated")?;
    let value = bytes
        .iter()
        .rev()
        .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    usize::try_from(value).context("a number is too large")
}
