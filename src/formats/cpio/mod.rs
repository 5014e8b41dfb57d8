//! Writes cpio archives in the "new ASCII" format (newc), which the kernel unpacks from an initrd:
//! the base's stage 0, and what the packers add to it.
//!
//! Format: kernel Documentation/driver-api/early-userspace/buffer-format.rst. The same entries
//! produce the same bytes: inodes count from 1, owner is root, time stamps are zero.

pub mod read;

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::{Context, Result, bail, ensure};

/// The magic number of newc without checksums.
const MAGIC: &str = "070701";
/// Bytes of a header: the magic number and 13 fields of eight hexadecimal digits.
const HEADER: u64 = 6 + 13 * 8;
/// Headers and contents start at a multiple of this.
pub const ALIGNMENT: usize = 4;
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
const SYMLINK: u32 = 0o120_777;
const CHARACTER_DEVICE: u32 = 0o020_000;
/// Name of the entry that ends an archive.
const TRAILER: &str = "TRAILER!!!";

/// An archive being written. Parent directories are written once, before their contents, with mode
/// 0755.
#[derive(Debug)]
pub struct Archive<W> {
    out: W,
    /// Bytes written so far, from the archive's start.
    position: u64,
    next_inode: u32,
    directories: BTreeSet<String>,
}

impl<W: Write> Archive<W> {
    /// Starts an archive. `out` must be at a multiple of [`ALIGNMENT`].
    pub fn new(out: W) -> Self {
        Self {
            out,
            position: 0,
            next_inode: 1,
            directories: BTreeSet::new(),
        }
    }

    /// Writes a file. `path` has no leading slash; `mode` are its permission bits.
    pub fn file(&mut self, path: &str, mode: u32, contents: &[u8]) -> Result<()> {
        self.file_header(path, mode, contents.len() as u64)?;
        self.write(contents, path)?;
        self.pad(path)
    }

    /// Writes a file of `length` bytes, which `contents` writes to its argument.
    pub fn file_with(
        &mut self,
        path: &str,
        mode: u32,
        length: u64,
        contents: impl FnOnce(&mut W) -> Result<()>,
    ) -> Result<()> {
        self.file_header(path, mode, length)?;
        contents(&mut self.out)?;
        self.position += length;
        self.pad(path)
    }

    /// Writes a directory (mode 0755), unless it exists already as a parent.
    pub fn directory(&mut self, path: &str) -> Result<()> {
        check_path(path)?;
        self.parents(path)?;
        self.new_directory(path)
    }

    /// Writes a symbolic link.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<()> {
        let length = u32::try_from(target.len()).with_context(|| format!("linking {path}"))?;
        self.entry(path, SYMLINK, length, (0, 0))?;
        self.write(target.as_bytes(), path)?;
        self.pad(path)
    }

    /// Writes a character device.
    pub fn character_device(&mut self, path: &str, mode: u32, number: (u32, u32)) -> Result<()> {
        self.entry(path, CHARACTER_DEVICE | mode, 0, number)
    }

    /// Finishes the archive and returns the writer, at a multiple of [`ALIGNMENT`].
    pub fn finish(mut self) -> Result<W> {
        let trailer = header(TRAILER, 0, 0, 1, 0, (0, 0));
        self.write(&trailer, TRAILER)?;
        Ok(self.out)
    }

    fn file_header(&mut self, path: &str, mode: u32, length: u64) -> Result<()> {
        let Ok(length) = u32::try_from(length) else {
            bail!("{path} has {length} bytes; files in a cpio archive must be smaller than 4 GiB");
        };
        self.entry(path, REGULAR | mode, length, (0, 0))
    }

    /// Writes the header of anything but a directory, after its parents.
    fn entry(&mut self, path: &str, mode: u32, length: u32, device: (u32, u32)) -> Result<()> {
        check_path(path)?;
        self.parents(path)?;
        let header = header(path, self.inode(), mode, 1, length, device);
        self.write(&header, path)
    }

    fn parents(&mut self, path: &str) -> Result<()> {
        path.match_indices('/')
            .try_for_each(|(at, _)| self.new_directory(&path[..at]))
    }

    fn new_directory(&mut self, path: &str) -> Result<()> {
        if !self.directories.insert(path.to_owned()) {
            return Ok(());
        }
        let header = header(path, self.inode(), DIRECTORY | 0o755, 2, 0, (0, 0));
        self.write(&header, path)
    }

    fn inode(&mut self) -> u32 {
        let inode = self.next_inode;
        self.next_inode += 1;
        inode
    }

    fn write(&mut self, bytes: &[u8], path: &str) -> Result<()> {
        self.out
            .write_all(bytes)
            .with_context(|| format!("writing {path} into a cpio archive"))?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    fn pad(&mut self, path: &str) -> Result<()> {
        let missing = self.position.next_multiple_of(ALIGNMENT as u64) - self.position;
        self.write(&[0; 3][..usize::try_from(missing).unwrap_or(0)], path)
    }
}

/// The offset of the contents of `path` in an archive whose first file it is.
pub fn first_contents(path: &str) -> u64 {
    let entry = |name: &str| (HEADER + name.len() as u64 + 1).next_multiple_of(ALIGNMENT as u64);
    path.match_indices('/')
        .map(|(at, _)| entry(&path[..at]))
        .sum::<u64>()
        + entry(path)
}

/// Refuses names that would be unpacked elsewhere.
fn check_path(path: &str) -> Result<()> {
    ensure!(
        path.split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..")
            && !path.contains('\0')
            && path != TRAILER,
        "`{}` is not a valid path in a cpio archive",
        path.escape_debug()
    );
    Ok(())
}

/// An entry's header with its name, padded.
fn header(
    name: &str,
    inode: u32,
    mode: u32,
    links: u32,
    length: u32,
    (major, minor): (u32, u32),
) -> Vec<u8> {
    // Names are far shorter than 4 GiB; with the NUL that ends them.
    let name_size = u32::try_from(name.len() + 1).unwrap_or(u32::MAX);
    let (owner, group, time, device, checksum) = (0, 0, 0, 0, 0);
    let fields = [
        inode, mode, owner, group, links, time, length, device, device, major, minor, name_size,
        checksum,
    ];
    let mut bytes = MAGIC.as_bytes().to_vec();
    for field in fields {
        bytes.extend_from_slice(format!("{field:08X}").as_bytes());
    }
    bytes.extend_from_slice(name.as_bytes());
    bytes.push(0);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_archive_byte_for_byte() {
        let mut archive = Archive::new(Vec::new());
        archive.file("d/a", 0o600, b"hello").expect("fits");
        let bytes = archive.finish().expect("fits");
        let zero = "00000000";
        let expected = [
            // Directory `d`: inode 1, mode 040755, two links, no contents, name of two bytes.
            &format!(
                "07070100000001000041ED{zero}{zero}00000002{zero}{zero}{zero}{zero}{zero}{zero}00000002{zero}d\0"
            ),
            // File `d/a`: inode 2, mode 0100600, one link, five bytes, name of four bytes, padded
            // to 116.
            &format!(
                "0707010000000200008180{zero}{zero}00000001{zero}00000005{zero}{zero}{zero}{zero}00000004{zero}d/a\0\0\0"
            ),
            "hello\0\0\0",
            &format!(
                "070701{zero}{zero}{zero}{zero}00000001{zero}{zero}{zero}{zero}{zero}{zero}0000000B{zero}TRAILER!!!\0\0\0\0"
            ),
        ]
        .concat();
        assert_eq!(String::from_utf8_lossy(&bytes), expected);
        assert_eq!(bytes.len() % 4, 0);
    }

    #[test]
    fn parents_are_written_once() {
        let mut archive = Archive::new(Vec::new());
        archive.file("a/b/c", 0o644, b"").expect("fits");
        archive.file("a/b/d", 0o644, b"").expect("fits");
        let bytes = archive.finish().expect("fits");
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("000041ED").count(), 2);
        assert_eq!(text.matches("000081A4").count(), 2);
    }

    #[test]
    fn every_kind_of_member() {
        let mut archive = Archive::new(Vec::new());
        archive.directory("dev").expect("fits");
        archive.directory("dev").expect("fits");
        archive
            .character_device("dev/console", 0o600, (5, 1))
            .expect("fits");
        archive.symlink("bin/sh", "busybox").expect("fits");
        let bytes = archive.finish().expect("fits");
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("000041ED").count(), 2, "dev and bin");
        // Mode, owner, group, links, time, length, the device that holds it, its own numbers.
        let zero = "00000000";
        let console =
            format!("00002180{zero}{zero}00000001{zero}{zero}{zero}{zero}0000000500000001");
        assert!(text.contains(&console), "{text}");
        assert!(text.contains("bin/sh\0\0\0\0busybox\0"), "{text}");
    }

    #[test]
    fn the_first_contents_are_where_they_are_said_to_be() {
        for path in ["a", "d/a", "imgbuild/root.squashfs", "a/bc/def/ghij"] {
            let mut archive = Archive::new(Vec::new());
            archive.file(path, 0o644, b"marker").expect("fits");
            let bytes = archive.finish().expect("fits");
            let at = usize::try_from(first_contents(path)).expect("small");
            assert_eq!(&bytes[at..at + 6], b"marker", "{path}");
        }
    }

    #[test]
    fn bad_paths_are_refused() {
        for path in ["", "/a", "a/", "a//b", "../a", "a/./b", "a\0b", TRAILER] {
            let mut archive = Archive::new(Vec::new());
            assert!(archive.file(path, 0o644, b"").is_err(), "{path:?}");
        }
    }

    #[test]
    fn a_file_of_4_gib_is_refused() {
        let mut archive = Archive::new(std::io::sink());
        let error = archive
            .file_header("big", 0o644, 1 << 32)
            .expect_err("too large");
        assert!(error.to_string().contains("smaller than 4 GiB"), "{error}");
        archive
            .file_header("big", 0o644, (1 << 32) - 1)
            .expect("fits");
    }
}
