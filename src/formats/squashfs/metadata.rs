//! Metadata blocks: 8 KiB each before compression, with a header of two bytes.

use anyhow::{Context as _, Result};
use zstd::bulk::Compressor;

/// Bytes of a metadata block before compression (`SQUASHFS_METADATA_SIZE`).
const BLOCK: usize = 8192;

/// Set in a block's header where the block is stored uncompressed (`SQUASHFS_COMPRESSED_BIT`).
const STORED: u16 = 1 << 15;

/// A stream of metadata blocks.
pub struct MetadataWriter {
    /// Finished blocks.
    bytes: Vec<u8>,
    /// Where each finished block starts in `bytes`, and where the next one will start.
    starts: Vec<u64>,
    pending: Vec<u8>,
    compressor: Compressor<'static>,
}

/// A place in a stream of metadata blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Where the block starts, from the start of its table.
    pub block: u32,
    /// Offset in the block, uncompressed.
    pub offset: u16,
}

impl Place {
    /// As inode references are written.
    pub fn reference(self) -> u64 {
        u64::from(self.block) << 16 | u64::from(self.offset)
    }
}

/// A table that is found through a list of its blocks.
#[derive(Debug)]
pub struct Indexed {
    pub bytes: Vec<u8>,
    /// Where each block starts in `bytes`.
    pub blocks: Vec<u64>,
}

impl MetadataWriter {
    /// An empty stream.
    pub fn new(level: i32) -> Result<Self> {
        Ok(Self {
            bytes: Vec::new(),
            starts: vec![0],
            pending: Vec::new(),
            compressor: Compressor::new(level).context("starting zstd")?,
        })
    }

    /// Where the next byte goes.
    pub fn place(&self) -> Result<Place> {
        Ok(Place {
            block: u32::try_from(self.bytes.len()).context("the metadata exceeds 4 GiB")?,
            offset: u16::try_from(self.pending.len()).expect("less than a block is pending"),
        })
    }

    /// Appends `data`, which may lie across blocks.
    pub fn write(&mut self, mut data: &[u8]) -> Result<()> {
        while !data.is_empty() {
            let count = data.len().min(BLOCK - self.pending.len());
            self.pending.extend(&data[..count]);
            data = &data[count..];
            if self.pending.len() == BLOCK {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Ends the stream.
    pub fn finish(mut self) -> Result<Indexed> {
        if !self.pending.is_empty() {
            self.flush()?;
        }
        self.starts.pop();
        Ok(Indexed {
            bytes: self.bytes,
            blocks: self.starts,
        })
    }

    fn flush(&mut self) -> Result<()> {
        let packed = self
            .compressor
            .compress(&self.pending)
            .context("compressing metadata")?;
        let (flag, block) = if packed.len() < self.pending.len() {
            (0, &packed)
        } else {
            (STORED, &self.pending)
        };
        let length = u16::try_from(block.len()).expect("at most 8 KiB");
        self.bytes.extend((length | flag).to_le_bytes());
        self.bytes.extend(block);
        self.pending.clear();
        self.starts.push(self.bytes.len() as u64);
        Ok(())
    }
}

/// A whole table at once.
pub fn indexed(data: &[u8], level: i32) -> Result<Indexed> {
    let mut writer = MetadataWriter::new(level)?;
    writer.write(data)?;
    writer.finish()
}
