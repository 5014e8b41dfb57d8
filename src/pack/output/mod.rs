//! Writes output files and folders atomically: complete, or not at all.
//!
//! A file has no name at first (`O_TMPFILE`), so that a process that is killed at any moment leaves
//! nothing behind. Once it is complete and on the disk, it gets a name beside its target, and that
//! name then replaces the target (`rename(2)`). For folders, and where the file system does not
//! support files without names, the unfinished output has a name like `.node.iso.imgbuild-…`, is
//! locked while its process lives, and is removed by the next run if that process was killed.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

mod folder;
mod temporary;

pub use folder::{Kept, OutputFolder};
use temporary::{Sweep, Temporary};

/// Permission bits of a file that contains secrets, and of one that does not (minus the umask).
const SECRET_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o666;

/// One output file, or a pipe.
#[derive(Debug)]
pub struct Output {
    file: File,
    state: State,
}

#[derive(Debug)]
enum State {
    /// A pipe such as standard output, or a device that was named: written in place.
    Stream,
    /// A file without a name in the folder of the target.
    Unnamed { target: PathBuf },
    /// A file that already has its temporary name.
    Named {
        target: PathBuf,
        temporary: Temporary,
    },
}

impl Output {
    /// An output that becomes `path` on [`Output::commit`], and nothing before. `secret`: only its
    /// owner can read it.
    ///
    /// A symbolic link at `path` is kept; its target is replaced. A pipe or a character device is
    /// written in place.
    pub fn create(path: &Path, secret: bool) -> Result<Self> {
        Self::create_after(&mut Sweep::default(), path, secret)
    }

    /// As [`Output::create`] for each of `paths`.
    pub fn create_all(paths: &[impl AsRef<Path>], secret: bool) -> Result<Vec<Self>> {
        let mut sweep = Sweep::default();
        (paths.iter())
            .map(|path| Self::create_after(&mut sweep, path.as_ref(), secret))
            .collect()
    }

    fn create_after(sweep: &mut Sweep, path: &Path, secret: bool) -> Result<Self> {
        let mode = if secret { SECRET_MODE } else { PUBLIC_MODE };
        if let Some(file) = open_special(path)? {
            return Ok(Self {
                file,
                state: State::Stream,
            });
        }
        let target = resolve(path)?;
        sweep.remove_left(&target)?;
        match unnamed(folder_of(&target), mode)
            .with_context(|| format!("creating {}", path.display()))?
        {
            Some(file) => Ok(Self {
                file,
                state: State::Unnamed { target },
            }),
            None => Self::named(target, mode),
        }
    }

    /// An output that has its temporary name from the start.
    fn named(target: PathBuf, mode: u32) -> Result<Self> {
        let (temporary, file) = Temporary::create(&target, |name| {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(mode)
                .open(name)
        })?;
        let state = State::Named { target, temporary };
        Ok(Self { file, state })
    }

    /// A pipe, or what else is written in place.
    pub fn stream(file: &File) -> Result<Self> {
        let file = file.try_clone().context("opening the output")?;
        Ok(Self {
            file,
            state: State::Stream,
        })
    }

    /// The file to write to: a `File`, so that files are copied to it in the kernel.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Syncs the finished file to the disk and moves it to its path.
    pub fn commit(self) -> Result<()> {
        Self::commit_all(vec![self])
    }

    /// Syncs finished files to the disk, and then moves each to its path. All of them stay open
    /// until then.
    pub fn commit_all(outputs: Vec<Self>) -> Result<()> {
        sync_files(&outputs)?;
        let mut folders = BTreeSet::new();
        for Self { file, state } in outputs {
            let (target, temporary) = match state {
                State::Stream => continue,
                State::Unnamed { target } => {
                    let (temporary, ()) =
                        Temporary::create(&target, |name| link_unnamed(&file, name))?;
                    (target, temporary)
                }
                State::Named { target, temporary } => (target, temporary),
            };
            temporary.rename(&target)?;
            folders.insert(folder_of(&target).to_owned());
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    /// Whether what is written is visible immediately, and not only after [`commit`](Self::commit).
    pub fn is_seen_at_once(&self) -> bool {
        self.target().is_none()
    }

    /// The path that it is moved to; `None` if it is written in place.
    fn target(&self) -> Option<&Path> {
        match &self.state {
            State::Stream => None,
            State::Unnamed { target } | State::Named { target, .. } => Some(target),
        }
    }
}

/// Waits until the files are on the disk.
fn sync_files(outputs: &[Output]) -> Result<()> {
    // Each sync waits for the disk, so that many of them take longer than syncing the whole file
    // system.
    const MANY: usize = 16;
    let mut synced = BTreeSet::new();
    for output in outputs {
        let Some(target) = output.target() else {
            continue;
        };
        let synced = if outputs.len() < MANY {
            output.file.sync_all()
        } else {
            let system = output.file.metadata().map(|metadata| metadata.dev());
            match system.map(|system| synced.insert(system)) {
                Ok(true) => rustix::fs::syncfs(&output.file).map_err(io::Error::from),
                Ok(false) => Ok(()),
                Err(error) => Err(error),
            }
        };
        synced.with_context(|| format!("syncing {} to the disk", target.display()))?;
    }
    Ok(())
}

/// A file without a name in `folder`; `None` if the file system or the kernel does not support
/// that.
fn unnamed(folder: &Path, mode: u32) -> io::Result<Option<File>> {
    use rustix::io::Errno;
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::open(folder, flags, Mode::from_raw_mode(mode)) {
        Ok(descriptor) => Ok(Some(File::from(descriptor))),
        // The errors that open(2) lists for O_TMPFILE, and the one of file systems in user space.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Links a file that was opened with `O_TMPFILE` as `name` (see the example in open(2)).
fn link_unnamed(file: &File, name: &Path) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::linkat(CWD, descriptor, CWD, name, AtFlags::SYMLINK_FOLLOW)?;
    Ok(())
}

/// Opens `path` for writing if it is a pipe or a character device; `None` if it is a file or does
/// not exist.
fn open_special(path: &Path) -> Result<Option<File>> {
    let kind = match fs::metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error)
                .with_context(|| format!("reading the metadata of {}", path.display()));
        }
    };
    if kind.is_file() {
        return Ok(None);
    }
    ensure!(!kind.is_dir(), "{} is a folder", path.display());
    if kind.is_fifo() || kind.is_char_device() {
        let file = OpenOptions::new()
            .write(true)
            .open(path)
            .with_context(|| format!("opening {}", path.display()))?;
        return Ok(Some(file));
    }
    bail!(
        "{} is neither a file nor a pipe: write the artifact to a file and copy it",
        path.display()
    )
}

/// The path that a rename must replace: `path`, with symbolic links followed if it exists.
fn resolve(path: &Path) -> Result<PathBuf> {
    ensure!(
        path.file_name().is_some(),
        "{} is not a file name",
        path.display()
    );
    match fs::canonicalize(path) {
        Ok(resolved) => Ok(resolved),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => {
            Err(error).with_context(|| format!("reading the metadata of {}", path.display()))
        }
    }
}

/// The folder that holds `path`.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("syncing {} to the disk", folder.display()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("readable")
            .map(|entry| {
                entry
                    .expect("readable")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_committed_file_replaces_the_old_one_whole() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("node.iso");
        fs::write(&path, "old").expect("written");
        let mut output = Output::create(&path, true).expect("created");
        output.file().write_all(b"new").expect("written");
        assert_eq!(fs::read(&path).expect("readable"), b"old");
        output.commit().expect("committed");
        assert_eq!(fs::read(&path).expect("readable"), b"new");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(names(folder.path()), ["node.iso"]);
    }

    #[test]
    fn a_dropped_output_leaves_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("node.iso");
        let mut output = Output::create(&path, false).expect("created");
        output.file().write_all(b"half").expect("written");
        drop(output);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn file_systems_without_unnamed_files_do_as_well() {
        let folder = tempfile::tempdir().expect("folder");
        let target = folder.path().join("node.iso");
        fs::write(&target, "old").expect("written");
        let half = Output::named(target.clone(), SECRET_MODE).expect("created");
        assert_eq!(names(folder.path()).len(), 2);
        drop(half);
        assert_eq!(names(folder.path()), ["node.iso"]);
        let mut output = Output::named(target.clone(), SECRET_MODE).expect("created");
        output.file().write_all(b"new").expect("written");
        output.commit().expect("committed");
        assert_eq!(names(folder.path()), ["node.iso"]);
        assert_eq!(fs::read(&target).expect("readable"), b"new");
    }

    #[test]
    fn what_a_killed_run_left_is_swept_and_a_living_one_is_not() {
        let folder = tempfile::tempdir().expect("folder");
        let target = folder.path().join("node.iso");
        // A killed run's: there, but nobody holds its lock.
        fs::write(folder.path().join(".node.iso.imgbuild-1-0"), "").expect("written");
        // Another output's: not ours to sweep.
        fs::write(folder.path().join(".other.iso.imgbuild-1-0"), "").expect("written");
        let (living, _file) =
            Temporary::create(&target, |name| File::create_new(name)).expect("created");
        Sweep::default().remove_left(&target).expect("swept");
        let left = names(folder.path());
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(left.contains(&".other.iso.imgbuild-1-0".to_owned()));
        drop(living);
    }

    #[test]
    fn links_stay_and_devices_are_written_in_place() {
        let folder = tempfile::tempdir().expect("folder");
        let real = folder.path().join("real.iso");
        let link = folder.path().join("link.iso");
        fs::write(&real, "old").expect("written");
        std::os::unix::fs::symlink(&real, &link).expect("linked");
        let mut output = Output::create(&link, false).expect("created");
        output.file().write_all(b"new").expect("written");
        output.commit().expect("committed");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read(&real).expect("readable"), b"new");

        let null = Output::create(Path::new("/dev/null"), true).expect("created");
        null.commit().expect("committed");
        let kind = fs::metadata("/dev/null").expect("there").file_type();
        assert!(kind.is_char_device());
        assert!(Output::create(folder.path(), false).is_err());
    }
}
