//! Reads tar archives of strangers: the members, with the names that precede them in headers of
//! their own (GNU tar's long names, POSIX.1-2017 "pax Extended Header").
//!
//! The crate `tar` reads such headers whole, however long they say they are, and has no limits.

use std::io::Read;

use anyhow::Result;
use tar::{Entries, Entry, EntryType};

use super::{bounded, damaged};

/// The longest path with its NUL (`PATH_MAX` of the kernel).
const PATH_MAX: u64 = 4096;
/// The most folders in a path: deeper than any program makes, and no danger to whoever walks
/// through them.
pub(crate) const DEPTH_MAX: usize = 256;
/// The longest extended header, in bytes: attributes have at most 64 KiB each.
const EXTENDED_MAX: u64 = 1 << 20;

/// How many members may still come, and how many bytes of their names: those of all layers of all
/// images of a node.
#[derive(Debug)]
pub(crate) struct Limits {
    members: usize,
    names: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 200_000,
            names: 32 << 20,
        }
    }
}

/// A key and its value.
type ExtendedRecord = (String, Vec<u8>);

/// A member of an archive, whose contents can be read from `entry`.
pub(crate) struct Member<'a, R: Read> {
    pub path: Vec<u8>,
    /// The target of a link.
    pub link: Option<Vec<u8>>,
    /// Records of its extended header: keys and values.
    pub extended: Vec<ExtendedRecord>,
    pub entry: Entry<'a, R>,
}

impl<R: Read> Member<'_, R> {
    /// Owner and group.
    pub fn owner(&self) -> Result<(u64, u64)> {
        let header = self.entry.header();
        let number = |key| match extended(&self.extended, key) {
            Some(value) => Some(std::str::from_utf8(value).ok()?.parse().ok()?),
            None => None,
        };
        Ok((
            number("uid").map_or_else(|| header.uid(), Ok)?,
            number("gid").map_or_else(|| header.gid(), Ok)?,
        ))
    }
}

/// The members of an archive.
pub(crate) struct Members<'a, R: Read> {
    entries: Entries<'a, R>,
    limits: &'a mut Limits,
}

impl<'a, R: Read> Members<'a, R> {
    pub fn new(entries: Entries<'a, R>, limits: &'a mut Limits) -> Self {
        Self {
            entries: entries.raw(true),
            limits,
        }
    }

    /// The next member; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Member<'a, R>>> {
        let (mut path, mut link, mut records) = (None, None, Vec::new());
        while let Some(entry) = self.entries.next() {
            let mut entry = entry?;
            match entry.header().entry_type() {
                EntryType::GNULongName => path = Some(name(&mut entry)?),
                EntryType::GNULongLink => link = Some(name(&mut entry)?),
                EntryType::XHeader => {
                    records = parse_records(&bounded(&mut entry, EXTENDED_MAX)?)?;
                }
                // It has no members of its own, and nothing that matters here.
                EntryType::XGlobalHeader => {}
                _ => {
                    let of = |key| extended(&records, key).map(<[u8]>::to_vec);
                    let header = entry.header();
                    let path = of("path")
                        .or(path)
                        .unwrap_or_else(|| header.path_bytes().into_owned());
                    let link = of("linkpath")
                        .or(link)
                        .or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
                    if of("size").is_some_and(|size| size != entry.size().to_string().as_bytes()) {
                        return damaged("it has a file of more than 8 GiB");
                    }
                    self.count(&path, link.as_deref())?;
                    let extended = records;
                    return Ok(Some(Member {
                        path,
                        link,
                        extended,
                        entry,
                    }));
                }
            }
        }
        Ok(None)
    }

    fn count(&mut self, path: &[u8], link: Option<&[u8]>) -> Result<()> {
        let bytes = path.len() + link.map_or(0, <[u8]>::len);
        let folders = path.split(|&byte| byte == b'/').count();
        if path.len() as u64 >= PATH_MAX || folders > DEPTH_MAX {
            let start = String::from_utf8_lossy(&path[..path.len().min(40)]).into_owned();
            return damaged(format!(
                "a path has {} bytes and {folders} parts, more than {PATH_MAX} or {DEPTH_MAX}: `{}…`",
                path.len(),
                start.escape_debug()
            ));
        }
        let members = self.limits.members.checked_sub(1);
        let (Some(members), Some(names)) = (members, self.limits.names.checked_sub(bytes)) else {
            let all = Limits::default();
            return damaged(format!(
                "there are more than {} files, or {} MiB of file names",
                all.members,
                all.names >> 20
            ));
        };
        *self.limits = Limits { members, names };
        Ok(())
    }
}

/// A name in a member of its own, which ends with a NUL.
fn name(entry: &mut Entry<'_, impl Read>) -> Result<Vec<u8>> {
    let mut name = bounded(entry, 16 * PATH_MAX)?;
    if let Some(end) = name.iter().position(|&byte| byte == 0) {
        name.truncate(end);
    }
    Ok(name)
}

/// The value of a record; of several with one key the last counts.
fn extended<'r>(records: &'r [ExtendedRecord], wanted: &str) -> Option<&'r [u8]> {
    let mut records = records.iter().rev();
    records
        .find(|(key, _)| key == wanted)
        .map(|(_, value)| value.as_slice())
}

/// The records of an extended header: `LENGTH KEY=VALUE` and a line feed each, where the length is
/// that of the whole record.
fn parse_records(mut header: &[u8]) -> Result<Vec<ExtendedRecord>> {
    let mut records = Vec::new();
    while !header.is_empty() {
        let Some((record, rest)) = split_record(header) else {
            return damaged("an extended header of its tar archive is damaged");
        };
        records.push(record);
        header = rest;
    }
    Ok(records)
}

fn split_record(header: &[u8]) -> Option<(ExtendedRecord, &[u8])> {
    let space = header.iter().take(20).position(|&byte| byte == b' ')?;
    let length: usize = std::str::from_utf8(&header[..space]).ok()?.parse().ok()?;
    let (record, rest) = header.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&byte| byte == b'=')?;
    let key = String::from_utf8_lossy(&record[..equals]).into_owned();
    Some(((key, record[equals + 1..].to_vec()), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An archive of one empty file with the name `path`, as GNU tar or as pax writes it.
    fn archive(path: &str, is_pax: bool) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        if is_pax {
            let records = [("path", path.as_bytes()), ("SCHILY.xattr.a", b"b\nc=d")];
            tar.append_pax_extensions(records).expect("writes");
            header.set_path("short").expect("fits");
            header.set_cksum();
            tar.append(&header, &[][..]).expect("writes");
        } else {
            tar.append_data(&mut header, path, &[][..]).expect("writes");
        }
        tar.into_inner().expect("writes")
    }

    fn read(archive: &[u8]) -> Result<Vec<(String, Vec<ExtendedRecord>)>> {
        let mut archive = tar::Archive::new(archive);
        let mut limits = Limits::default();
        let mut members = Members::new(archive.entries()?, &mut limits);
        let mut found = Vec::new();
        while let Some(member) = members.next()? {
            let path = String::from_utf8_lossy(&member.path).into_owned();
            found.push((path, member.extended));
        }
        Ok(found)
    }

    #[test]
    fn long_names_are_read_in_both_forms() {
        let long = "folder/".repeat(100) + "file";
        let found = read(&archive(&long, false)).expect("reads");
        assert_eq!(found, [(long.clone(), Vec::new())]);
        let found = read(&archive(&long, true)).expect("reads");
        let records = vec![
            ("path".to_owned(), long.clone().into_bytes()),
            ("SCHILY.xattr.a".to_owned(), b"b\nc=d".to_vec()),
        ];
        assert_eq!(found, [(long, records)]);
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_refused() {
        for (name, path) in [
            ("deep", "a/".repeat(DEPTH_MAX) + "b"),
            ("long", "a".repeat(5000)),
            ("very deep", "a/".repeat(20_000)),
        ] {
            for is_pax in [false, true] {
                let said = read(&archive(&path, is_pax)).expect_err(name).to_string();
                assert!(said.contains("a path has"), "{name}: {said}");
            }
        }
    }
}
