//! What an entry of the cache held when it was stored: the SHA-256 of every piece of its files, in
//! a file of its own. A disk that changed a bit is noticed before anything of it ends in an
//! artifact.
//!
//! Pieces, so that one large file is hashed on all processors: a root image takes as long as the
//! disk does.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::processors::on_all_processors;
use crate::text::hex;

/// The name of the record in the entry's folder.
const RECORD: &str = "sha256";

/// Bytes of a piece.
const PIECE: u64 = 4 << 20;

/// A file of the cache that is not what was stored. It is a part of errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrupt {
    pub path: PathBuf,
    /// How it differs.
    pub why: String,
}

impl Corrupt {
    pub fn new(path: &Path, why: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            why: why.into(),
        }
    }

    /// The one that `error` is about.
    pub fn find(error: &anyhow::Error) -> Option<&Self> {
        error.chain().find_map(|error| error.downcast_ref())
    }
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is corrupt: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for Corrupt {}

/// A part of a file, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    /// Below the entry's folder.
    path: String,
    start: u64,
    length: u64,
}

/// Writes the record of everything in `folder`.
pub fn seal(folder: &Path) -> Result<()> {
    let sealing = || format!("recording the hashes of {}", folder.display());
    let files = files(folder).with_context(sealing)?;
    let pieces: Vec<Piece> = files
        .iter()
        .flat_map(|(path, &length)| pieces(path, length))
        .collect();
    let hashes = on_all_processors(&pieces, |piece| hash_of(folder, piece));
    let mut text = String::new();
    for (piece, hash) in pieces.iter().zip(hashes) {
        let hash = hash.with_context(sealing)?;
        // Writing to a String does not fail.
        let _ = writeln!(
            text,
            "{hash} {} {} {}",
            piece.start, piece.length, piece.path
        );
    }
    fs::write(folder.join(RECORD), text).with_context(sealing)
}

/// Compares everything in `folder` with its record. A difference is an error with [`Corrupt`].
pub fn check(folder: &Path) -> Result<()> {
    check_some(folder, |_| true)
}

/// Compares one file of `folder`, by its path below it, with the record.
pub fn check_file(folder: &Path, name: &str) -> Result<()> {
    check_some(folder, |path| path == name)
}

fn check_some(folder: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
    let record = folder.join(RECORD);
    let text = fs::read(&record).map_err(|error| failure(&record, error))?;
    let damaged = || Corrupt::new(&record, "it is not a list of hashes");
    let recorded = std::str::from_utf8(&text)
        .ok()
        .and_then(parsed)
        .ok_or_else(damaged)?;
    let reading = || format!("reading {}", folder.display());
    let files = files(folder).with_context(reading)?;
    let mut expected = BTreeMap::new();
    for (piece, hash) in recorded {
        if wanted(&piece.path) {
            expected
                .entry(piece.path.clone())
                .or_insert_with(Vec::new)
                .push((piece, hash));
        }
    }
    for (path, &length) in files.iter().filter(|(path, _)| wanted(path)) {
        let found: Vec<Piece> = pieces(path, length).collect();
        let known = expected.get(path).map_or(&[][..], Vec::as_slice);
        let known_length: u64 = known.iter().map(|(piece, _)| piece.length).sum();
        if known.is_empty() {
            return Err(Corrupt::new(&record, format!("it does not list {path}")).into());
        }
        if !found.iter().eq(known.iter().map(|(piece, _)| piece)) {
            let why = format!("it has {length} bytes, and was stored with {known_length}");
            return Err(Corrupt::new(&folder.join(path), why).into());
        }
    }
    if let Some(path) = expected.keys().find(|path| !files.contains_key(*path)) {
        return Err(Corrupt::new(&folder.join(path), "it is missing").into());
    }
    let all: Vec<(Piece, String)> = expected.into_values().flatten().collect();
    let compared = on_all_processors(&all, |(piece, hash)| {
        let path = folder.join(&piece.path);
        let found = hash_of(folder, piece).map_err(|error| failure(&path, error))?;
        if found != *hash {
            let end = piece.start + piece.length;
            let why = format!(
                "bytes {} to {end} are not those that were stored",
                piece.start
            );
            return Err(Corrupt::new(&path, why).into());
        }
        Ok(())
    });
    compared.into_iter().collect()
}

/// The SHA-256 of the file at `path`, in hexadecimal.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Refuses a file of the cache whose SHA-256 is not `expected` (in hexadecimal): an error with
/// [`Corrupt`].
pub fn check_hash(path: &Path, expected: &str) -> Result<()> {
    let found = sha256_of(path).map_err(|error| failure(path, error))?;
    if found != expected {
        let why = format!("its SHA-256 is {found} instead of {expected}");
        return Err(Corrupt::new(path, why).into());
    }
    Ok(())
}

/// What cannot be read because it is gone, or because its disk fails, is damage.
fn failure(path: &Path, error: io::Error) -> anyhow::Error {
    let io_error = rustix::io::Errno::IO.raw_os_error();
    let is_damage = matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof | io::ErrorKind::IsADirectory
    ) || error.raw_os_error() == Some(io_error);
    if is_damage {
        Corrupt::new(path, error.to_string()).into()
    } else {
        anyhow::Error::new(error).context(format!("reading {}", path.display()))
    }
}

/// The files below `folder` except for the record, with their lengths.
fn files(folder: &Path) -> io::Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    let mut left = vec![String::new()];
    while let Some(below) = left.pop() {
        for entry in fs::read_dir(folder.join(&below))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() {
                name
            } else {
                format!("{below}/{name}")
            };
            let data = entry.metadata()?;
            if data.is_dir() {
                left.push(path);
            } else if path != RECORD {
                found.insert(path, data.len());
            }
        }
    }
    Ok(found)
}

/// The pieces of a file; an empty file has an empty one.
fn pieces(path: &str, length: u64) -> impl Iterator<Item = Piece> {
    let count = length.div_ceil(PIECE).max(1);
    (0..count).map(move |number| Piece {
        path: path.to_owned(),
        start: number * PIECE,
        length: PIECE.min(length - number * PIECE),
    })
}

fn hash_of(folder: &Path, piece: &Piece) -> io::Result<String> {
    let file = File::open(folder.join(&piece.path))?;
    let length = usize::try_from(piece.length).map_err(io::Error::other)?;
    let mut bytes = vec![0; length.min(1 << 18)];
    let mut hash = Sha256::new();
    let mut done = 0;
    while done < length {
        let step = (length - done).min(bytes.len());
        file.read_exact_at(&mut bytes[..step], piece.start + done as u64)?;
        hash.update(&bytes[..step]);
        done += step;
    }
    Ok(hex(&hash.finalize()))
}

/// The lines of a record: pieces with their hashes. `None`: it is none.
fn parsed(text: &str) -> Option<Vec<(Piece, String)>> {
    let line = |line: &str| {
        let mut words = line.splitn(4, ' ');
        let hash = words.next().filter(|hash| hash.len() == 64)?;
        let (start, length) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let path = words.next()?.to_owned();
        Some((
            Piece {
                path,
                start,
                length,
            },
            hash.to_owned(),
        ))
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry with a file of several pieces, an empty one and one in a folder.
    fn entry() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("temporary folder");
        let big: Vec<u8> = (0..PIECE / 2 * 5 / 4).flat_map(u64::to_le_bytes).collect();
        fs::create_dir(folder.path().join("boot")).expect("mkdir");
        fs::write(folder.path().join("root.squashfs"), big).expect("write");
        fs::write(folder.path().join("empty"), "").expect("write");
        fs::write(folder.path().join("boot/grub.efi"), "MZ").expect("write");
        seal(folder.path()).expect("sealed");
        folder
    }

    #[test]
    fn every_damage_is_told_with_its_file() {
        type Damage = fn(&Path);
        fn flip(path: &Path, at: usize) {
            let mut bytes = fs::read(path).expect("read");
            bytes[at] ^= 1;
            fs::write(path, bytes).expect("write");
        }
        let cases: [(&str, Damage, &str); 11] = [
            (
                "a bit at the start",
                |f| flip(&f.join("root.squashfs"), 0),
                "root.squashfs",
            ),
            (
                "a bit in the last piece",
                |f| {
                    flip(
                        &f.join("root.squashfs"),
                        usize::try_from(PIECE + 1).expect("small"),
                    );
                },
                "root.squashfs",
            ),
            (
                "a shorter file",
                |f| {
                    File::options()
                        .write(true)
                        .open(f.join("root.squashfs"))
                        .expect("open")
                        .set_len(PIECE)
                        .expect("cut");
                },
                "root.squashfs",
            ),
            (
                "an empty file",
                |f| fs::write(f.join("boot/grub.efi"), "").expect("write"),
                "grub.efi",
            ),
            (
                "a longer file",
                |f| fs::write(f.join("empty"), "x").expect("write"),
                "empty",
            ),
            (
                "a missing file",
                |f| fs::remove_file(f.join("empty")).expect("remove"),
                "empty",
            ),
            (
                "another file",
                |f| fs::write(f.join("boot/more"), "").expect("write"),
                "more",
            ),
            (
                "no record",
                |f| fs::remove_file(f.join(RECORD)).expect("remove"),
                RECORD,
            ),
            (
                "an empty record",
                |f| fs::write(f.join(RECORD), "").expect("write"),
                RECORD,
            ),
            (
                "a bit in a hash of the record",
                |f| flip(&f.join(RECORD), 3),
                "boot/grub.efi",
            ),
            (
                "a record with other lines",
                |f| fs::write(f.join(RECORD), [0xff, 0]).expect("write"),
                RECORD,
            ),
        ];
        for (name, damage, file) in cases {
            let folder = entry();
            check(folder.path()).expect("whole");
            damage(folder.path());
            let error = check(folder.path()).expect_err(name);
            let found = Corrupt::find(&error).unwrap_or_else(|| panic!("{name}: {error:#}"));
            assert!(found.to_string().contains(file), "{name}: {found}");
        }
    }

    #[test]
    fn one_file_is_checked_alone() {
        let folder = entry();
        fs::write(folder.path().join("boot/grub.efi"), "mz").expect("write");
        check_file(folder.path(), "root.squashfs").expect("whole");
        assert!(check_file(folder.path(), "boot/grub.efi").is_err());
    }

    #[test]
    fn a_file_by_its_hash() {
        let folder = entry();
        let path = folder.path().join("boot/grub.efi");
        let hash = hex(&Sha256::digest("MZ"));
        check_hash(&path, &hash).expect("its own");
        for wrong in ["", "Mz", "MZ "] {
            fs::write(&path, wrong).expect("write");
            let error = check_hash(&path, &hash).expect_err(wrong);
            assert!(Corrupt::find(&error).is_some(), "{error:#}");
        }
        fs::remove_file(&path).expect("remove");
        assert!(Corrupt::find(&check_hash(&path, &hash).expect_err("gone")).is_some());
    }
}
