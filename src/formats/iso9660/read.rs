//! Reads files of an ISO 9660 image (ECMA-119) by path.
//!
//! Names are those of Rock Ridge if the image has them, else Joliet's, else the standard's own,
//! which are not case-sensitive. This is not a general ISO reader: no symbolic links, no names in
//! Rock Ridge continuation areas, no interleaved files.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};

use crate::formats::{damaged, reading};

/// Bytes of a sector (§6.1.2), and the only size of logical blocks in use.
const SECTOR_SIZE: u16 = 2048;
const SECTOR: u64 = SECTOR_SIZE as u64;
/// Where volume descriptors start (§6.2.1).
const DESCRIPTORS: u64 = 16;
/// The most descriptors that are read; real images have three or four.
const DESCRIPTORS_MAX: u64 = 64;
/// The longest directory that is read, in bytes: about a hundred thousand names.
const DIRECTORY_MAX: u64 = 16 << 20;
/// The maximum depth of directories and number of entries that are listed.
const DEPTH_MAX: usize = 16;
const ENTRIES_MAX: usize = 100_000;
/// The most bytes of the paths of all files.
const PATHS_MAX: usize = 32 << 20;
const FLAG_DIRECTORY: u8 = 1 << 1;
const FLAG_MULTI_EXTENT: u8 = 1 << 7;
/// Bytes of a directory record before its identifier (§9.1).
const RECORD_HEAD: usize = 33;

/// Which names are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// Rock Ridge's, with this many bytes before the first field of each system use area (SUSP
    /// §5.3).
    RockRidge(usize),
    Joliet,
    Plain,
}

/// A range of bytes of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Section {
    /// Offset in the image, in bytes.
    start: u64,
    length: u64,
}

/// A file or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    name: String,
    directory: bool,
    sections: Vec<Section>,
}

/// An ISO 9660 image.
#[derive(Debug)]
pub struct Iso {
    file: File,
    length: u64,
    names: Names,
    root: Section,
    /// The volume's name, without padding.
    pub volume_id: String,
}

impl Iso {
    /// Whether `file` is an ISO 9660 image, judged by its magic number.
    pub fn is_one(file: &File) -> bool {
        let mut magic = [0; 5];
        let at = DESCRIPTORS * SECTOR + 1;
        file.read_exact_at(&mut magic, at).is_ok() && &magic == b"CD001"
    }

    /// Reads the volume descriptors.
    pub fn open(file: File) -> Result<Self> {
        let length = file.metadata().context("reading a file's size")?.len();
        let mut primary = None;
        let mut joliet = None;
        for sector in DESCRIPTORS..DESCRIPTORS + DESCRIPTORS_MAX {
            let mut descriptor = [0; SECTOR_SIZE as usize];
            file.read_exact_at(&mut descriptor, sector * SECTOR)
                .map_err(|e| reading(e, "the ISO image"))?;
            if &descriptor[1..6] != b"CD001" {
                return damaged("the ISO image has no volume descriptor set terminator");
            }
            match descriptor[0] {
                1 if primary.is_none() => primary = Some(descriptor),
                // Joliet is recognized by the escape sequences of UCS-2 (its §4.2).
                2 if matches!(&descriptor[88..91], b"%/@" | b"%/C" | b"%/E") => {
                    joliet = Some(descriptor);
                }
                255 => break,
                _ => {}
            }
        }
        let Some(primary) = primary else {
            return damaged("the ISO image has no primary volume descriptor");
        };
        if u16_at(&primary, 128) != SECTOR_SIZE {
            return damaged("the ISO image's logical blocks do not have 2048 bytes");
        }
        let mut iso = Self {
            file,
            length,
            names: Names::Plain,
            root: root_of(&primary),
            volume_id: String::from_utf8_lossy(&primary[40..72])
                .trim_end_matches([' ', '\0'])
                .to_owned(),
        };
        if let Some(skip) = iso.rock_ridge()? {
            iso.names = Names::RockRidge(skip);
        } else if let Some(joliet) = joliet {
            iso.names = Names::Joliet;
            iso.root = root_of(&joliet);
        }
        Ok(iso)
    }

    /// The contents of the file at `path`, which has no leading slash; `None` if it does not exist.
    /// More than `limit` bytes are an error.
    pub fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>> {
        let Some(mut contents) = self.file(path)? else {
            return Ok(None);
        };
        if contents.length() > limit {
            return damaged(format!(
                "`{path}` on the ISO image is too large: {} bytes",
                contents.length()
            ));
        }
        let mut bytes = Vec::new();
        contents
            .read_to_end(&mut bytes)
            .map_err(|e| reading(e, path))?;
        Ok(Some(bytes))
    }

    /// The file at `path`, to be read; `None` if it does not exist.
    pub fn file(&self, path: &str) -> Result<Option<Contents<'_>>> {
        Ok(match self.find(path)? {
            Some(found) if !found.directory => Some(Contents {
                file: &self.file,
                sections: found.sections,
            }),
            _ => None,
        })
    }

    /// The position of the file at `path`: its offset in the image and its length in bytes. `None`
    /// if it does not exist, or is not contiguous.
    pub fn extent(&self, path: &str) -> Result<Option<(u64, u64)>> {
        Ok(match self.find(path)? {
            Some(found) if !found.directory => match found.sections[..] {
                [section] => Some((section.start, section.length)),
                _ => None,
            },
            _ => None,
        })
    }

    /// Whether names are the standard's own, which are all in upper case.
    pub fn has_plain_names(&self) -> bool {
        self.names == Names::Plain
    }

    /// The length of the whole image in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The image itself.
    pub fn image(&self) -> &File {
        &self.file
    }

    /// The names in the directory at `path` (empty: the root) in the image's order; none if it does
    /// not exist.
    pub fn list(&self, path: &str) -> Result<Vec<String>> {
        Ok(match self.find(path)? {
            Some(found) if found.directory => {
                let entries = self.directory(&found)?;
                entries.into_iter().map(|entry| entry.name).collect()
            }
            _ => Vec::new(),
        })
    }

    /// The paths of all files, without a leading slash, each directory in the image's order.
    pub fn files(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let root = Found {
            name: String::new(),
            directory: true,
            sections: vec![self.root],
        };
        let mut left = (ENTRIES_MAX, PATHS_MAX);
        self.add_files(&root, "", DEPTH_MAX, &mut left, &mut found)?;
        Ok(found)
    }

    fn add_files(
        &self,
        directory: &Found,
        path: &str,
        depth: usize,
        left: &mut (usize, usize),
        found: &mut Vec<String>,
    ) -> Result<()> {
        const WHY: &str = "the ISO image has too many or too deeply nested directories and files";
        let entries = self.directory(directory)?;
        // A limit against directories that contain themselves.
        match left.0.checked_sub(entries.len()) {
            Some(rest) if depth > 0 => left.0 = rest,
            _ => return damaged(WHY),
        }
        for entry in entries {
            let path = format!("{path}{}", entry.name);
            match left.1.checked_sub(path.len()) {
                Some(rest) => left.1 = rest,
                None => return damaged(WHY),
            }
            if entry.directory {
                self.add_files(&entry, &format!("{path}/"), depth - 1, left, found)?;
            } else {
                found.push(path);
            }
        }
        Ok(())
    }

    fn find(&self, path: &str) -> Result<Option<Found>> {
        let mut found = Found {
            name: String::new(),
            directory: true,
            sections: vec![self.root],
        };
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if !found.directory {
                return Ok(None);
            }
            let mut entries = self.directory(&found)?.into_iter();
            let same = |name: &str| match self.names {
                Names::Plain => name.eq_ignore_ascii_case(part),
                _ => name == part,
            };
            match entries.find(|entry| same(&entry.name)) {
                Some(entry) => found = entry,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }

    /// The contents of a directory, without the records for itself and its parent.
    fn directory(&self, directory: &Found) -> Result<Vec<Found>> {
        let mut entries: Vec<Found> = Vec::new();
        let mut continues = false;
        self.records(directory.sections[0], &mut |record| {
            let identifier = record.identifier;
            if matches!(identifier, [0 | 1]) {
                return Ok(true);
            }
            if entries.len() == ENTRIES_MAX {
                return damaged(format!(
                    "a directory of the ISO image has more than {ENTRIES_MAX} entries"
                ));
            }
            let section = self.section(record.block, record.length)?;
            match entries.last_mut() {
                Some(last) if continues => last.sections.push(section),
                _ => entries.push(Found {
                    name: self.name(&record),
                    directory: record.flags & FLAG_DIRECTORY != 0,
                    sections: vec![section],
                }),
            }
            continues = record.flags & FLAG_MULTI_EXTENT != 0;
            Ok(true)
        })?;
        Ok(entries)
    }

    /// Whether the image has Rock Ridge, according to its root, and if so how many bytes to skip in
    /// each record.
    fn rock_ridge(&self) -> Result<Option<usize>> {
        let mut skip = None;
        self.records(self.root, &mut |record| {
            // SUSP §5.3: "SP", length, version, check bytes, bytes to skip.
            if let [b'S', b'P', 7, 1, 0xbe, 0xef, bytes, ..] = record.system_use {
                skip = Some(usize::from(*bytes));
            }
            // Only the first record matters.
            Ok(false)
        })?;
        Ok(skip)
    }

    /// Visits the records of a directory until `visit` stops it.
    fn records(
        &self,
        section: Section,
        visit: &mut dyn FnMut(Record<'_>) -> Result<bool>,
    ) -> Result<()> {
        const WHAT: &str = "a directory of the ISO image";
        if section.length > DIRECTORY_MAX {
            return damaged(format!("{WHAT} has {} bytes", section.length));
        }
        let mut sector = [0; SECTOR_SIZE as usize];
        for at in (0..section.length).step_by(usize::from(SECTOR_SIZE)) {
            self.file
                .read_exact_at(&mut sector, section.start + at)
                .map_err(|e| reading(e, WHAT))?;
            let mut rest = &sector[..];
            // A length of zero: no other record fits into the sector (§6.8.1.1).
            while let Some(&length @ 1..) = rest.first() {
                let length = usize::from(length);
                let Some((record, after)) = rest.split_at_checked(length) else {
                    return damaged(format!(
                        "{WHAT} is damaged: a record crosses the end of a sector"
                    ));
                };
                let Some(record) = Record::new(record) else {
                    return damaged(format!("{WHAT} is damaged: a record is too short"));
                };
                if !visit(record)? {
                    return Ok(());
                }
                rest = after;
            }
        }
        Ok(())
    }

    fn section(&self, block: u64, length: u64) -> Result<Section> {
        let start = block * SECTOR;
        if start + length > self.length {
            return damaged("the ISO image is truncated: a file lies beyond its end");
        }
        Ok(Section { start, length })
    }

    fn name(&self, record: &Record<'_>) -> String {
        match self.names {
            Names::RockRidge(skip) => {
                rock_ridge_name(record.system_use.get(skip..).unwrap_or_default())
                    .unwrap_or_else(|| plain_name(&String::from_utf8_lossy(record.identifier)))
            }
            Names::Joliet => {
                let units = record
                    .identifier
                    .chunks_exact(2)
                    .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
                let name: String = char::decode_utf16(units)
                    .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .collect();
                plain_name(&name)
            }
            Names::Plain => plain_name(&String::from_utf8_lossy(record.identifier)),
        }
    }
}

/// A directory record (§9.1).
struct Record<'a> {
    block: u64,
    length: u64,
    flags: u8,
    identifier: &'a [u8],
    system_use: &'a [u8],
}

impl<'a> Record<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        let identifier_length = usize::from(*bytes.get(32)?);
        let end = RECORD_HEAD + identifier_length;
        let identifier = bytes.get(RECORD_HEAD..end)?;
        // Padded to an even length (§9.1.12).
        let system_use = bytes.get(end.next_multiple_of(2)..).unwrap_or_default();
        Some(Self {
            // Contents follow an extended attribute record.
            block: u64::from(u32_at(bytes, 2)) + u64::from(bytes[1]),
            length: u64::from(u32_at(bytes, 10)),
            flags: bytes[25],
            identifier,
            system_use,
        })
    }
}

/// The name in a system use area: fields `NM` (RRIP §4.1.4).
fn rock_ridge_name(mut area: &[u8]) -> Option<String> {
    let mut name = Vec::new();
    while let [a, b, length, _version, ..] = *area {
        let length = usize::from(length);
        if length < 4 {
            break;
        }
        let (field, after) = area.split_at_checked(length)?;
        if (a, b) == (b'N', b'M') {
            name.extend_from_slice(field.get(5..)?);
        }
        area = after;
    }
    (!name.is_empty()).then(|| String::from_utf8_lossy(&name).into_owned())
}

/// An identifier without its version (`;1`) and without the dot that ends a name without an
/// extension (§7.5.1).
fn plain_name(identifier: &str) -> String {
    let name = identifier.split(';').next().unwrap_or_default();
    name.strip_suffix('.').unwrap_or(name).to_owned()
}

/// The directory record of the root in a volume descriptor (§8.4.18).
fn root_of(descriptor: &[u8]) -> Section {
    let record = &descriptor[156..190];
    Section {
        start: (u64::from(u32_at(record, 2)) + u64::from(record[1])) * SECTOR,
        length: u64::from(u32_at(record, 10)),
    }
}

/// The little-endian number at `at`; `bytes` must have at least `at + 4` bytes.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// The contents of a file of an image.
#[derive(Debug)]
pub struct Contents<'a> {
    file: &'a File,
    /// The sections not read yet.
    sections: Vec<Section>,
}

impl Contents<'_> {
    /// Bytes left.
    pub fn length(&self) -> u64 {
        self.sections.iter().map(|section| section.length).sum()
    }
}

impl Read for Contents<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(section) = self.sections.iter_mut().find(|section| section.length > 0) else {
            return Ok(0);
        };
        let wanted =
            usize::try_from(section.length).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.file.read_at(&mut buffer[..wanted], section.start)?;
        if count == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        section.start += count as u64;
        section.length -= count as u64;
        Ok(count)
    }
}
