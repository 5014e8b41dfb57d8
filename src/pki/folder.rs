//! The `keys/` folder on disk: private, locked while in use, each file written atomically.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read};
use std::mem::take;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use super::keeping::PendingKeys;
use super::staging;

/// The largest key or certificate that is read, in bytes.
pub(super) const FILE_MAX: u64 = 256 * 1024;

const LOCK: &str = ".lock";

/// Whether the folder may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Missing keys are made and kept. Only one build at a time.
    Write,
    /// Nothing on disk changes: missing keys are made in memory and discarded.
    Look,
}

/// An open key folder. Paths in it are relative to it: `etcd/ca.crt`.
#[derive(Debug)]
pub struct KeyFolder {
    root: PathBuf,
    access: Access,
    /// With [`Access::Look`], what would have been written.
    in_memory: BTreeMap<PathBuf, String>,
    /// With [`Access::Look`], what was read: a digest of each file, `None` if it does not exist.
    seen: RefCell<BTreeMap<PathBuf, Option<[u8; 32]>>>,
    /// Held as long as the folder is open.
    lock: Option<File>,
}

impl KeyFolder {
    /// Opens `root`, creating it (mode 0700, with a `.gitignore` that keeps it out of every
    /// repository) if `access` allows. Waits while another build uses it.
    ///
    /// Fails if the folder contains keys and users other than its owner can enter it.
    pub fn open(root: impl Into<PathBuf>, access: Access) -> Result<Self> {
        let root = root.into();
        let lock = match access {
            Access::Write => {
                make_private(&root)?;
                let lock = OpenOptions::new()
                    .create(true)
                    .truncate(false)
                    .write(true)
                    .mode(0o600)
                    .open(root.join(LOCK))
                    .with_context(|| format!("opening {}", root.join(LOCK).display()))?;
                lock.lock()
                    .with_context(|| format!("locking {}", root.display()))?;
                Some(lock)
            }
            Access::Look => match File::open(root.join(LOCK)) {
                Ok(lock) => {
                    lock.lock_shared()
                        .with_context(|| format!("locking {}", root.display()))?;
                    Some(lock)
                }
                // A folder that was never written to, or that the user may not even read: reading
                // its files will show.
                Err(_) => None,
            },
        };
        let folder = Self {
            root,
            access,
            in_memory: BTreeMap::new(),
            seen: RefCell::default(),
            lock,
        };
        folder.refuse_open_folder()?;
        if access == Access::Write {
            staging::remove_unfinished(&folder.root)?;
        }
        folder.finish_moves()?;
        Ok(folder)
    }

    /// The same folder for another thread, which sees what is on the disk and writes nothing there
    /// itself. This one must outlive it, since it holds the lock.
    pub(super) fn branch(&self) -> Self {
        Self {
            root: self.root.clone(),
            access: Access::Look,
            in_memory: BTreeMap::new(),
            seen: RefCell::default(),
            lock: None,
        }
    }

    /// Takes over what `branches` have read and what they hold in memory, and writes the latter if
    /// this folder is writable.
    pub(super) fn join(&mut self, branches: Vec<Self>) -> Result<()> {
        for branch in branches {
            self.in_memory.extend(branch.in_memory);
            self.seen.get_mut().extend(branch.seen.into_inner());
        }
        if self.access == Access::Look || self.in_memory.is_empty() {
            return Ok(());
        }
        staging::write_all(&self.root, &take(&mut self.in_memory))
    }

    /// The folder's path, as it was named.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether missing keys are kept.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Whether anything was not written because of [`Access::Look`].
    pub fn holds_back(&self) -> bool {
        !self.in_memory.is_empty()
    }

    /// The path of a file of the folder, for messages.
    pub fn path(&self, file: impl AsRef<Path>) -> PathBuf {
        self.root.join(file)
    }

    /// The text of `file`; `None` if it does not exist.
    pub fn read(&self, file: impl AsRef<Path>) -> Result<Option<String>> {
        let file = file.as_ref();
        if let Some(text) = self.in_memory.get(file) {
            return Ok(Some(text.clone()));
        }
        let text = self.read_from_disk(file)?;
        if self.access == Access::Look {
            let digest = text.as_ref().map(|text| Sha256::digest(text).into());
            self.seen.borrow_mut().insert(file.to_owned(), digest);
        }
        Ok(text)
    }

    fn read_from_disk(&self, file: &Path) -> Result<Option<String>> {
        let path = self.path(file);
        let reading = || format!("reading {}", path.display());
        let opened = match File::open(&path) {
            Ok(opened) => opened,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e).with_context(reading),
        };
        let mut text = String::new();
        opened
            .take(FILE_MAX + 1)
            .read_to_string(&mut text)
            .with_context(reading)?;
        if text.len() as u64 > FILE_MAX {
            bail!("{} is too large to be a key or certificate", path.display());
        }
        Ok(Some(text))
    }

    /// Writes `text` as `file`, readable only by the owner. The file is written atomically, even if
    /// the machine stops.
    pub fn write(&mut self, file: impl AsRef<Path>, text: &str) -> Result<()> {
        let file = file.as_ref();
        if self.access == Access::Look {
            self.in_memory.insert(file.to_owned(), text.to_owned());
            return Ok(());
        }
        staging::write(&self.root, &[(file, text)])
    }

    /// Begins to write what [`Access::Look`] has held back. The folder must not be used afterward.
    ///
    /// `None`, with nothing written: another build has changed what was read.
    pub fn keep(&mut self) -> Result<Option<PendingKeys>> {
        let held = take(&mut self.in_memory);
        let seen = self.seen.take();
        self.lock = None;
        *self = Self::open(&self.root, Access::Write)?;
        for (file, digest) in seen {
            let now = self.read_from_disk(&file)?;
            if now.map(|text| Sha256::digest(text).into()) != digest {
                return Ok(None);
            }
        }
        Ok(Some(PendingKeys::begin(
            self.root.clone(),
            held,
            self.lock.take(),
        )))
    }

    /// All files below the folder with this ending, relative to it and sorted. Links are not
    /// followed.
    pub fn files(&self, ending: &str) -> Result<Vec<PathBuf>> {
        files_below(&self.root, ending)
    }

    /// Refuses an open folder, as `ssh` does with its keys: a secret that others could have read is
    /// not a secret.
    fn refuse_open_folder(&self) -> Result<()> {
        let mode = match fs::metadata(&self.root) {
            Ok(metadata) => metadata.permissions().mode() & 0o777,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(e).with_context(|| format!("reading {}", self.root.display())),
        };
        if !open_to_others(mode) || self.files("key")?.is_empty() {
            return Ok(());
        }
        bail!(
            "{root} contains private keys but is open to other users (mode {mode:04o}): close it with `chmod 700 {root}`; \
             if someone may have read them, remove the folder instead and rebuild every node",
            root = self.root.display(),
        )
    }
}

/// Whether group or others have any permission in `mode`.
fn open_to_others(mode: u32) -> bool {
    const GROUP_AND_OTHERS: u32 = 0o077;
    mode & GROUP_AND_OTHERS != 0
}

/// Creates the folder if it is missing; closes it to other users if it contains no key yet (as in a
/// fresh checkout, created by git).
fn make_private(root: &Path) -> Result<()> {
    let making = || format!("creating the key folder {}", root.display());
    match DirBuilder::new().mode(0o700).create(root) {
        Ok(()) => {
            // Everything in it is secret, or derived from secrets.
            fs::write(root.join(".gitignore"), "*\n").with_context(making)
        }
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            let metadata = fs::metadata(root).with_context(making)?;
            if !metadata.is_dir() {
                bail!("{} must be the key folder, but is a file", root.display());
            }
            if files_below(root, "key")?.is_empty() && open_to_others(metadata.permissions().mode())
            {
                fs::set_permissions(root, Permissions::from_mode(0o700))
                    .with_context(|| format!("closing {} to other users", root.display()))?;
            }
            Ok(())
        }
        Err(e) => Err(e).with_context(making),
    }
}

fn files_below(root: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let reading = || format!("reading {}", folder.display());
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            Err(e) => return Err(e).with_context(reading),
        };
        for entry in entries {
            let entry = entry.with_context(reading)?;
            let path = entry.path();
            if staging::is_unfinished(&entry.file_name()) {
                // Left by a killed build; the next one removes it.
            } else if entry.file_type().with_context(reading)?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == ending)
                && !entry.file_name().as_encoded_bytes().starts_with(b".")
            {
                found.push(path.strip_prefix(root).unwrap_or(&path).to_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}
