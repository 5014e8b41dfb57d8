//! Hash trees of dm-verity (Linux `Documentation/admin-guide/device-mapper/verity.rst`): SHA-256
//! over blocks of 4 KiB, without salt and without a superblock, appended to the image that they are
//! of. Who knows the hash at the root can check each block when it is read.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};

/// Bytes of a block of data, and of one of hashes.
const BLOCK: usize = 4096;

/// What an image is checked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verity {
    /// Blocks of data, which the blocks of hashes follow.
    pub blocks: u64,
    /// The hash at the root of the tree.
    pub root: [u8; 32],
}

/// The number of blocks, and the hash in hexadecimal.
impl fmt::Display for Verity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.blocks)?;
        (self.root.iter()).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Verity {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (blocks, hash) = text.split_once(' ').context("no hash")?;
        let mut root = [0; 32];
        ensure!(hash.len() == 64 && hash.is_ascii(), "not a SHA-256 hash");
        for (index, byte) in root.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hash[2 * index..2 * index + 2], 16)?;
        }
        Ok(Self {
            blocks: blocks.parse()?,
            root,
        })
    }
}

/// Appends the hash tree of the image at `path`, whose length must be a multiple of 4 KiB.
pub fn append(path: &Path) -> Result<Verity> {
    let hashing = || format!("hashing {}", path.display());
    let mut file = File::open(path).with_context(hashing)?;
    let length = file.metadata().with_context(hashing)?.len();
    ensure!(
        length > 0 && length % BLOCK as u64 == 0,
        "{} is not made of whole blocks",
        path.display()
    );
    let blocks = length / BLOCK as u64;
    let mut hashes = Vec::new();
    let mut block = vec![0; BLOCK];
    for _ in 0..blocks {
        file.read_exact(&mut block).with_context(hashing)?;
        hashes.extend(Sha256::digest(&block));
    }
    // From the bottom to the block that is alone on its level; on the disk it comes first.
    let mut levels = Vec::new();
    while hashes.len() > 32 {
        hashes.resize(hashes.len().next_multiple_of(BLOCK), 0);
        let above = hashes.chunks(BLOCK).flat_map(Sha256::digest).collect();
        levels.push(std::mem::replace(&mut hashes, above));
    }
    let mut file = OpenOptions::new()
        .append(true)
        .open(path)
        .with_context(hashing)?;
    for level in levels.iter().rev() {
        file.write_all(level).with_context(hashing)?;
    }
    file.sync_all().with_context(hashing)?;
    let root = hashes.try_into().ok().context("one hash is left")?;
    Ok(Verity { blocks, root })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_back() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("image");
        std::fs::write(&path, vec![7; 3 * BLOCK]).expect("write");
        let verity = append(&path).expect("whole blocks");
        assert_eq!(verity.blocks, 3);
        assert_eq!(
            std::fs::metadata(&path).expect("there").len(),
            4 * BLOCK as u64
        );
        assert_eq!(
            verity.to_string().parse::<Verity>().expect("own text"),
            verity
        );
        for wrong in ["", "3", "3 00", "x 00", &verity.to_string()[1..]] {
            assert!(wrong.parse::<Verity>().is_err(), "{wrong}");
        }
        std::fs::write(&path, "x").expect("write");
        assert!(append(&path).is_err());
    }
}
