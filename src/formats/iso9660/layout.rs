//! The layout of an image, computed before a byte is written.

use std::collections::HashMap;

use anyhow::{Result, ensure};

use crate::formats::{BLOCK, gpt};

use super::directory::{Extent, Hierarchy, Names};
use super::tree::{Content, Node};
use super::{ESP_ALIGNMENT, Image, SECTOR, SYSTEM_AREA};

/// The position of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct File {
    pub(super) node: Node,
    /// Bytes from the image's start, a multiple of [`SECTOR`].
    pub(super) start: u64,
    /// Bytes.
    pub(super) length: u64,
}

/// The positions in an image, in bytes unless stated otherwise.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) primary: Hierarchy,
    pub(super) joliet: Hierarchy,
    /// Block of the boot catalog; meaningless if the image does not boot.
    pub(super) catalog: u32,
    /// In the order of the medium.
    pub(super) files: Vec<File>,
    /// Start of the EFI system partition; meaningless if the image does not boot.
    pub(super) esp: u64,
    /// Length of the image.
    pub(super) end: u64,
}

impl Layout {
    pub(super) fn new(image: &Image) -> Result<Self> {
        let boot = u32::from(image.boot.is_some());
        // Descriptors: primary, boot record, Joliet, terminator. Then the boot catalog.
        let catalog = blocks(SYSTEM_AREA)? + 3 + boot;
        let names = Names::Primary {
            rock_ridge: image.rock_ridge,
        };
        let (primary, next) = Hierarchy::new(&image.tree, names, catalog + boot)?;
        let (joliet, next) = Hierarchy::new(&image.tree, Names::Joliet, next)?;

        let mut end = u64::from(next) * SECTOR;
        let mut files = Vec::new();
        for node in image.tree.nodes() {
            let Some(content) = image.tree.content(node) else {
                continue;
            };
            let start = match content {
                Content::Bytes(_) => end.next_multiple_of(SECTOR),
                Content::File { .. } => end.next_multiple_of(BLOCK),
            };
            let length = content.length();
            files.push(File {
                node,
                start,
                length,
            });
            end = start + length;
        }
        let mut esp = 0;
        if let Some(boot) = &image.boot {
            ensure!(
                (boot.esp.len() as u64).is_multiple_of(ESP_ALIGNMENT),
                "the length of the EFI system partition is not a multiple of {ESP_ALIGNMENT}"
            );
            esp = end.next_multiple_of(ESP_ALIGNMENT);
            end = esp + boot.esp.len() as u64 + gpt::BACKUP_LENGTH;
        }
        end = end.next_multiple_of(BLOCK);
        // Block numbers have 32 bits: 8 TiB.
        blocks(end)?;
        Ok(Self {
            primary,
            joliet,
            catalog,
            files,
            esp,
            end,
        })
    }

    /// The positions of the files, by node.
    pub(super) fn extents(&self) -> HashMap<Node, Extent> {
        self.files
            .iter()
            .map(|file| {
                let extent = Extent {
                    block: block(file.start),
                    length: file.length,
                };
                (file.node, extent)
            })
            .collect()
    }

    /// The first block of `node`'s file.
    pub(super) fn file_block(&self, node: Node) -> Option<u32> {
        self.files
            .iter()
            .find(|file| file.node == node)
            .map(|file| block(file.start))
    }

    /// The number of blocks of the image.
    pub(super) fn blocks(&self) -> u32 {
        block(self.end)
    }
}

/// The block at `position`, which lies in the image, whose blocks [`Layout::new`] found to have
/// 32-bit numbers.
pub(super) fn block(position: u64) -> u32 {
    u32::try_from(position / SECTOR).unwrap_or(u32::MAX)
}

fn blocks(position: u64) -> Result<u32> {
    Ok(u32::try_from(position / SECTOR)?)
}
