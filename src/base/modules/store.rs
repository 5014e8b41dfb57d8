//! The modules' files between unpacking and indexing: on disk, since they are too many for memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, anyhow, bail};

use super::{Module, ModuleInfo, module_name};
use crate::formats::bounded;

/// The largest module, in bytes: a limit against bombs. The largest of Debian has about 20 MiB.
const MODULE_MAX: u64 = 64 << 20;

/// Files of kernel modules, appended to one temporary file.
#[derive(Debug)]
pub struct ModuleStore {
    file: File,
    end: u64,
    /// Absolute path, offset and length.
    members: BTreeMap<String, (u64, usize)>,
}

impl ModuleStore {
    /// A store in `folder`.
    pub fn new(folder: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder).context("creating a temporary file")?;
        Ok(Self {
            file,
            end: 0,
            members: BTreeMap::new(),
        })
    }

    /// Whether `path` is that of a kernel module.
    pub fn is_module(path: &str) -> bool {
        path.starts_with("/usr/lib/modules/")
            && [".ko", ".ko.xz", ".ko.zst", ".ko.gz"]
                .iter()
                .any(|ending| path.ends_with(ending))
    }

    /// Keeps a module's file.
    pub fn add(&mut self, path: &str, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .context("writing a temporary file")?;
        self.members
            .insert(path.to_owned(), (self.end, bytes.len()));
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// The module at `path`, decompressed.
    pub fn read(&self, path: &str) -> Result<Vec<u8>> {
        let (offset, length) = *self
            .members
            .get(path)
            .with_context(|| format!("{path} is not a stored module"))?;
        let mut packed = vec![0; length];
        self.file
            .read_exact_at(&mut packed, offset)
            .context("reading a temporary file")?;
        let ending = path.rsplit('.').next().unwrap_or("");
        match ending {
            "ko" => return Ok(packed),
            "xz" => bounded(liblzma::read::XzDecoder::new(&packed[..]), MODULE_MAX),
            "zst" => bounded(zstd::Decoder::new(&packed[..])?, MODULE_MAX),
            "gz" => bounded(flate2::read::GzDecoder::new(&packed[..]), MODULE_MAX),
            _ => bail!("unsupported compression of {path}"),
        }
        .with_context(|| format!("decompressing {path}"))
    }

    /// The metadata of all modules of the kernel `release`, by name. Uses `threads` threads.
    pub fn inspect(&self, release: &str, threads: usize) -> Result<BTreeMap<String, Module>> {
        let folder = format!("/usr/lib/modules/{release}/");
        let paths: Vec<&String> = self.members.keys().collect();
        let next = AtomicUsize::new(0);
        let inspect = || -> Result<Vec<(String, Module)>> {
            let mut found = Vec::new();
            while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                let info = ModuleInfo::parse(&self.read(path)?)
                    .with_context(|| format!("reading {path}"))?;
                let below = path
                    .strip_prefix(&folder)
                    .with_context(|| format!("{path} does not belong to the kernel {release}"))?;
                let module = Module {
                    path: below.to_owned(),
                    info,
                };
                found.push((module_name(below), module));
            }
            Ok(found)
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(inspect)).collect();
            let mut modules = BTreeMap::new();
            for worker in workers {
                let found = worker
                    .join()
                    .map_err(|_| anyhow!("a thread reading modules panicked"))??;
                modules.extend(found);
            }
            Ok(modules)
        })
    }
}
