//! Contents of files, compressed on all cores and written in the order in which they came.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Write as _};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, anyhow};
use zstd::bulk::Compressor;

use super::Options;

/// A file's contents in the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(usize);

/// Set in a block's size where the block is stored uncompressed (`SQUASHFS_COMPRESSED_BIT_BLOCK`).
const STORED: u32 = 1 << 24;

/// Where the contents of one file are.
#[derive(Debug, Clone, Default)]
pub struct StoredFile {
    pub size: u64,
    /// Where the first block starts; 0 if there is none.
    pub start: u64,
    /// Size of each block on disk, with [`STORED`].
    pub blocks: Vec<u32>,
    /// Number of the shared block, and offset in it.
    pub fragment: Option<(u32, u32)>,
}

/// A block that small files share.
#[derive(Debug, Clone, Copy)]
pub struct FragmentEntry {
    start: u64,
    size: u32,
}

impl FragmentEntry {
    /// `struct squashfs_fragment_entry`
    pub fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.start.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.size.to_le_bytes());
        bytes
    }
}

impl StoredFile {
    /// What lives in this place of the `files` table.
    pub fn of(files: &[StoredFile], id: FileId) -> &StoredFile {
        &files[id.0]
    }
}

/// All contents, written.
#[derive(Debug)]
pub struct Stored {
    pub file: File,
    /// By [`FileId`].
    pub files: Vec<StoredFile>,
    pub fragments: Vec<FragmentEntry>,
    /// Where the data ends.
    pub end: u64,
}

/// A block for a worker to compress.
struct Job {
    bytes: Vec<u8>,
    reply: SyncSender<Result<(Vec<u8>, bool)>>,
}

/// A block on its way, in the order of writing.
struct Pending {
    destination: Destination,
    block: Waiting,
}

enum Waiting {
    /// Stored uncompressed.
    Raw(Vec<u8>),
    Compressing(Receiver<Result<(Vec<u8>, bool)>>),
}

#[derive(Debug, Clone, Copy)]
enum Destination {
    File(FileId),
    Fragment,
}

/// Stores contents and returns their ids.
pub struct DataWriter {
    file: File,
    position: u64,
    files: Vec<StoredFile>,
    fragments: Vec<FragmentEntry>,
    /// Small files that are collected until they fill a block.
    fragment: Vec<u8>,
    /// Number of the block that `fragment` becomes.
    next_fragment: u32,
    pending: VecDeque<Pending>,
    jobs: Option<SyncSender<Job>>,
    workers: Vec<JoinHandle<()>>,
    options: Options,
}

impl std::fmt::Debug for DataWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataWriter")
            .field("position", &self.position)
            .field("files", &self.files.len())
            .finish_non_exhaustive()
    }
}

impl DataWriter {
    /// Writes to `file`, which is at `position`.
    pub fn new(file: File, position: u64, options: Options) -> Self {
        let (jobs, queue) = sync_channel::<Job>(options.threads);
        let queue = Arc::new(Mutex::new(queue));
        let workers = (0..options.threads.max(1))
            .map(|_| {
                let queue = Arc::clone(&queue);
                std::thread::spawn(move || compress_jobs(&queue, options.level))
            })
            .collect();
        Self {
            file,
            position,
            files: Vec::new(),
            fragments: Vec::new(),
            fragment: Vec::new(),
            next_fragment: 0,
            pending: VecDeque::new(),
            jobs: Some(jobs),
            workers,
            options,
        }
    }

    /// Stores what is read from `contents`.
    pub fn add(&mut self, contents: &mut dyn Read, compressed: bool) -> Result<FileId> {
        let id = FileId(self.files.len());
        self.files.push(StoredFile::default());
        let block_size = self.options.block_size as usize;
        let fragment_size = self.options.fragment_size as usize;
        loop {
            let mut block = Vec::new();
            (&mut *contents)
                .take(u64::from(self.options.block_size))
                .read_to_end(&mut block)?;
            let file = &mut self.files[id.0];
            let first = file.size == 0;
            file.size += block.len() as u64;
            if block.is_empty() {
                break;
            }
            let last = block.len() < block_size;
            if first && last && !compressed && block.len() < fragment_size {
                if self.fragment.len() + block.len() > fragment_size {
                    self.flush_fragment()?;
                }
                let offset = u32::try_from(self.fragment.len()).expect("less than a block");
                self.files[id.0].fragment = Some((self.next_fragment, offset));
                self.fragment.extend(&block);
            } else if compressed {
                self.enqueue(Destination::File(id), Waiting::Raw(block))?;
            } else {
                let waiting = self.compress(block)?;
                self.enqueue(Destination::File(id), waiting)?;
            }
            if last {
                break;
            }
        }
        Ok(id)
    }

    /// Waits for all blocks to be written.
    pub fn finish(mut self) -> Result<Stored> {
        self.flush_fragment()?;
        while self.write_next()? {}
        drop(self.jobs.take());
        for worker in self.workers.drain(..) {
            worker
                .join()
                .map_err(|_| anyhow!("a compressing thread panicked"))?;
        }
        Ok(Stored {
            file: self.file,
            files: self.files,
            fragments: self.fragments,
            end: self.position,
        })
    }

    fn flush_fragment(&mut self) -> Result<()> {
        if self.fragment.is_empty() {
            return Ok(());
        }
        let block = std::mem::take(&mut self.fragment);
        self.next_fragment += 1;
        let waiting = self.compress(block)?;
        self.enqueue(Destination::Fragment, waiting)
    }

    fn compress(&mut self, bytes: Vec<u8>) -> Result<Waiting> {
        let (reply, receiver) = sync_channel(1);
        self.jobs
            .as_ref()
            .and_then(|jobs| jobs.send(Job { bytes, reply }).ok())
            .context("the compressing threads have ended")?;
        Ok(Waiting::Compressing(receiver))
    }

    /// Limits the number of blocks in flight, so that memory stays bounded.
    fn enqueue(&mut self, destination: Destination, block: Waiting) -> Result<()> {
        self.pending.push_back(Pending { destination, block });
        while self.pending.len() > 4 * self.options.threads.max(1) {
            self.write_next()?;
        }
        Ok(())
    }

    /// Writes the oldest block. Returns false if there was none.
    fn write_next(&mut self) -> Result<bool> {
        let Some(Pending { destination, block }) = self.pending.pop_front() else {
            return Ok(false);
        };
        let (bytes, compressed) = match block {
            Waiting::Raw(bytes) => (bytes, false),
            Waiting::Compressing(receiver) => receiver
                .recv()
                .context("a compressing thread has ended")??,
        };
        self.file
            .write_all(&bytes)
            .context("writing the image's data")?;
        let start = self.position;
        self.position += bytes.len() as u64;
        let length = u32::try_from(bytes.len()).expect("at most 1 MiB");
        let size = if compressed { length } else { length | STORED };
        match destination {
            Destination::Fragment => self.fragments.push(FragmentEntry { start, size }),
            Destination::File(id) => {
                let file = &mut self.files[id.0];
                if file.blocks.is_empty() {
                    file.start = start;
                }
                file.blocks.push(size);
            }
        }
        Ok(true)
    }
}

/// Compresses until there are no more jobs. Blocks that do not become smaller are returned
/// uncompressed.
fn compress_jobs(queue: &Mutex<Receiver<Job>>, level: i32) {
    let mut compressor = Compressor::new(level);
    loop {
        let job = match queue.lock() {
            Ok(queue) => queue.recv(),
            Err(_) => return,
        };
        let Ok(job) = job else { return };
        let result = match &mut compressor {
            Ok(compressor) => compressor
                .compress(&job.bytes)
                .map(|packed| {
                    if packed.len() < job.bytes.len() {
                        (packed, true)
                    } else {
                        (job.bytes, false)
                    }
                })
                .context("compressing a block"),
            Err(error) => Err(anyhow!("starting zstd: {error}")),
        };
        // If the writer failed, nobody waits for the result.
        let _ = job.reply.send(result);
    }
}
