//! Reads cpio archives of the kinds that the kernel accepts in an initrd: newc, with or without
//! checksums (which it does not check either).
//!
//! Format: kernel Documentation/driver-api/early-userspace/buffer-format.rst.

use std::io::{self, Read};

use anyhow::Result;

use crate::formats::{damaged, reading};

/// Fields of a header after its magic number, of eight hexadecimal digits each.
const FIELDS: usize = 13;
/// The longest name including its NUL (`PATH_MAX` of the kernel).
const NAME_MAX: u32 = 4096;
const TRAILER: &str = "TRAILER!!!";
const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// A source of bytes that reads forward and can skip.
pub(crate) trait Source: Read {
    /// Skips `count` bytes; `UnexpectedEof` if there are fewer.
    fn skip(&mut self, count: u64) -> io::Result<()>;
}

/// A file in an archive, of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Without a leading slash.
    pub path: String,
    /// What it is, in the bits of `S_IFMT` (inode(7)).
    pub kind: u32,
    /// Permission bits.
    pub mode: u32,
    /// Numeric ids of user and group.
    pub owner: (u32, u32),
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Length in bytes; the contents of a symbolic link are its target.
    pub length: u64,
}

impl Entry {
    pub fn is_regular(&self) -> bool {
        self.kind == REGULAR
    }
}

/// Reads one archive, whose first byte has been read already, and passes each file to `visit`,
/// which may read its contents.
pub(crate) fn archive(
    source: &mut dyn Source,
    visit: &mut dyn FnMut(&Entry, &mut dyn Read) -> Result<()>,
) -> Result<()> {
    const WHAT: &str = "the cpio archive";
    let mut first = true;
    loop {
        let mut header = [b'0'; 6 + FIELDS * 8];
        source
            .read_exact(&mut header[usize::from(first)..])
            .map_err(|e| reading(e, WHAT))?;
        first = false;
        let fields = fields(&header)?;
        let [
            _,
            mode,
            user,
            group,
            _,
            _,
            length,
            _,
            _,
            major,
            minor,
            name_size,
            _checksum,
        ] = fields;
        if name_size == 0 || name_size > NAME_MAX {
            return damaged(format!("{WHAT} is damaged: a name of {name_size} bytes"));
        }
        let mut name = vec![0; name_size as usize];
        source.read_exact(&mut name).map_err(|e| reading(e, WHAT))?;
        // The header with its name is padded to a multiple of four, and so are contents.
        let pad = |length: u64| length.next_multiple_of(4) - length;
        source
            .skip(pad(header.len() as u64 + u64::from(name_size)))
            .map_err(|e| reading(e, WHAT))?;
        let end = name.iter().position(|&b| b == 0).unwrap_or(name.len());
        let name = String::from_utf8_lossy(&name[..end]);
        if name == TRAILER {
            return Ok(());
        }
        let length = u64::from(length);
        let entry = Entry {
            path: name
                .trim_start_matches("./")
                .trim_start_matches('/')
                .to_owned(),
            kind: mode & FILE_TYPE,
            mode: mode & 0o7777,
            owner: (user, group),
            device: (major, minor),
            length,
        };
        let mut contents = Read::take(&mut *source, length);
        visit(&entry, &mut contents)?;
        let left = contents.limit();
        source
            .skip(left + pad(length))
            .map_err(|e| reading(e, WHAT))?;
    }
}

/// The numbers of a header.
fn fields(header: &[u8]) -> Result<[u32; FIELDS]> {
    let (magic, digits) = header.split_at(6);
    if !matches!(magic, b"070701" | b"070702") {
        return damaged(
            "the cpio archive is damaged: a header does not begin with the magic number",
        );
    }
    let mut fields = [0; FIELDS];
    for (field, digits) in fields.iter_mut().zip(digits.chunks(8)) {
        let value = std::str::from_utf8(digits)
            .ok()
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        match value {
            Some(value) => *field = value,
            None => {
                return damaged("the cpio archive is damaged: a header is not hexadecimal");
            }
        }
    }
    Ok(fields)
}
