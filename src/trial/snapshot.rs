//! Booted machines in a file, from which the next test starts: their memory and devices, their own
//! disks, and what they were booted from.
//!
//! A tar archive: `snapshot.json`, then for each machine its files and its state, each compressed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::console_log::ConsoleLog;
use super::guest::{Guest, Way};
use super::sparse;
use crate::pack::output::Output;
use crate::qemu::{Machine, Medium, Switch};

const INDEX: &str = "snapshot.json";

/// The largest index that is read, in bytes.
const INDEX_MAX: u64 = 1 << 20;

/// The version of the format.
const VERSION: u32 = 1;

/// Memory compresses well at any level, and the lowest one takes the least time.
const LEVEL: i32 = 1;

/// What a snapshot is of: it can be loaded only into the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The SHA-256 of what the machines boot from.
    pub artifact: String,
    /// The machines, and the emulator that ran them.
    pub machines: String,
}

impl Identity {
    /// Of `machines` that boot from an artifact of this SHA-256, in QEMU of this version.
    pub fn new(artifact: String, machines: &[Machine], version: (u32, u32)) -> Self {
        let machines: Vec<String> = machines.iter().map(description).collect();
        Self {
            artifact,
            machines: format!("QEMU {}.{}; {}", version.0, version.1, machines.join("; ")),
        }
    }
}

/// All that the emulator's devices depend on, but for where files are.
fn description(machine: &Machine) -> String {
    let medium = match machine.medium {
        Medium::Cd(_) => "CD",
        Medium::UsbStick(_) => "USB stick",
        Medium::Kernel { .. } => "kernel",
        Medium::Pxe { .. } => "PXE",
    };
    let Machine {
        name,
        arch,
        memory,
        cpus,
        accel,
        firmware,
        disks,
        network,
        ..
    } = machine;
    format!(
        "{name}: {arch}, {memory} MiB, {cpus} processors, {}, {firmware:?}, {medium}, {disks:?}, {}, {} in {}",
        accel.as_str(),
        machine.mac(),
        network.guest,
        network.subnet
    )
}

#[derive(Debug, Serialize, Deserialize)]
struct Index {
    version: u32,
    identity: Identity,
    /// Seconds since 1970.
    saved: u64,
    machines: Vec<SavedMachine>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedMachine {
    name: String,
    /// Names of its own files, in the order in which they are stored.
    files: Vec<String>,
}

/// Stops all of `guests`, saves them as the file at `path` and lets them go on.
pub(super) fn save(path: &Path, identity: &Identity, guests: &mut [Guest]) -> Result<()> {
    for guest in &mut *guests {
        // A connection would not outlive the emulator's network.
        guest.disconnect();
        guest.running().pause()?;
    }
    let mut pieces = Vec::new();
    let mut machines = Vec::new();
    for guest in &mut *guests {
        let name = guest.name().to_owned();
        let state = compressed(path, |output| guest.running().save_state(output))
            .with_context(|| format!("saving the state of {name}"))?;
        let mut files = Vec::new();
        for file in guest.running().own_files()? {
            let called = file.file_name().and_then(|name| name.to_str());
            let called = called.context("a file of the machine has no name")?;
            files.push(called.to_owned());
            let opened = File::open(&file);
            let mut opened = opened.with_context(|| format!("opening {}", file.display()))?;
            let piece = compressed(path, |output| sparse::write(&mut opened, output))
                .with_context(|| format!("saving {}", file.display()))?;
            pieces.push((format!("{name}/{called}.zst"), piece));
        }
        pieces.push((format!("{name}/state.zst"), state));
        machines.push(SavedMachine { name, files });
    }
    let saved = SystemTime::now().duration_since(UNIX_EPOCH);
    let index = Index {
        version: VERSION,
        identity: identity.clone(),
        saved: saved.unwrap_or_default().as_secs(),
        machines,
    };
    write(path, &index, pieces).with_context(|| format!("writing {}", path.display()))?;
    for guest in guests {
        guest.running().resume()?;
    }
    Ok(())
}

/// An unnamed file beside `path` with what `write` wrote, compressed.
fn compressed(
    path: &Path,
    write: impl FnOnce(&mut zstd::Encoder<'static, File>) -> Result<()>,
) -> Result<File> {
    let folder = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let file = tempfile::tempfile_in(folder)
        .with_context(|| format!("creating a temporary file in {}", folder.display()))?;
    let mut output = zstd::Encoder::new(file, LEVEL).context("compressing")?;
    write(&mut output)?;
    let mut file = output.finish().context("compressing")?;
    file.seek(SeekFrom::Start(0)).context("compressing")?;
    Ok(file)
}

fn write(path: &Path, index: &Index, pieces: Vec<(String, File)>) -> Result<()> {
    // The machines' memory has their keys.
    let mut output = Output::create(path, true)?;
    let mut archive = tar::Builder::new(output.file());
    let text = serde_json::to_vec_pretty(index)?;
    append(&mut archive, INDEX, text.len() as u64, &text[..])?;
    for (name, piece) in pieces {
        let length = piece.metadata()?.len();
        append(&mut archive, &name, length, piece)?;
    }
    archive.finish()?;
    drop(archive);
    output.commit()
}

fn append(
    archive: &mut tar::Builder<impl Write>,
    name: &str,
    length: u64,
    bytes: impl Read,
) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o600);
    Ok(archive.append_data(&mut header, name, bytes)?)
}

/// A snapshot that was read as far as its index.
pub struct Snapshot {
    path: PathBuf,
    index: Index,
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Snapshot").field(&self.path).finish()
    }
}

impl Snapshot {
    /// Opens the snapshot at `path`; an error where the file is none.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let mut archive = tar::Archive::new(file);
        let mut entries = archive.entries()?;
        let first = entries.next().context("it is empty")??;
        ensure!(
            first.path()?.as_ref() == Path::new(INDEX),
            "it does not begin with {INDEX}"
        );
        let index: Index = serde_json::from_reader(first.take(INDEX_MAX))?;
        ensure!(
            index.version == VERSION,
            "its version is {} instead of {VERSION}",
            index.version
        );
        Ok(Self {
            path: path.to_owned(),
            index,
        })
    }

    /// Why machines of this identity cannot start from it.
    pub fn difference(&self, identity: &Identity) -> Option<String> {
        let Identity { artifact, machines } = &self.index.identity;
        if *artifact != identity.artifact {
            Some("it is of another artifact".to_owned())
        } else if *machines != identity.machines {
            Some(format!("it is of other machines ({machines})"))
        } else {
            None
        }
    }

    /// How long ago it was saved.
    pub fn age(&self) -> Duration {
        let saved = UNIX_EPOCH + Duration::from_secs(self.index.saved);
        saved.elapsed().unwrap_or_default()
    }

    /// Starts the machines, whose consoles are `consoles`, where they were. They run together, once
    /// all are loaded.
    pub(super) fn restore(
        &self,
        machines: &[Machine],
        consoles: &[ConsoleLog],
        switch: Option<&Switch>,
        way: &Way,
    ) -> Result<Vec<Guest>> {
        let restored = self.try_to_restore(machines, consoles, switch, way);
        restored.with_context(|| {
            let path = self.path.display();
            format!("starting from {path} (remove it to boot the machines)")
        })
    }

    fn try_to_restore(
        &self,
        machines: &[Machine],
        consoles: &[ConsoleLog],
        switch: Option<&Switch>,
        way: &Way,
    ) -> Result<Vec<Guest>> {
        let file = File::open(&self.path)?;
        let mut archive = tar::Archive::new(file);
        let mut entries = archive.entries()?;
        entries.next().context("it is empty")??;
        let mut guests = Vec::new();
        for ((saved, machine), console) in self.index.machines.iter().zip(machines).zip(consoles) {
            ensure!(
                saved.name == machine.name,
                "its machines are in another order"
            );
            let (machine, console) = (machine.clone(), console.clone());
            let unpack = |folder: &Path| {
                for name in &saved.files {
                    let path = folder.join(plain(name)?);
                    let entry = entries.next().context("it is truncated")??;
                    sparse::read(&mut zstd::Decoder::new(entry)?, &path)?;
                }
                Ok(())
            };
            let mut guest = Guest::start_paused(machine, switch, console, way.clone(), unpack)?;
            let state = entries.next().context("it is truncated")??;
            let mut state = zstd::Decoder::new(state)?;
            guest
                .running()
                .load_state(&mut state)
                .with_context(|| format!("loading the state of {}", saved.name))?;
            guests.push(guest);
        }
        ensure!(guests.len() == machines.len(), "it lacks machines");
        for guest in &mut guests {
            guest.running().resume()?;
        }
        Ok(guests)
    }
}

/// A name that stays in its folder.
fn plain(name: &str) -> Result<&str> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(_)), None) => Ok(name),
        _ => bail!("`{name}` is not the name of a file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_knows_what_it_is_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.snapshot");
        let identity = |artifact: &str, machines: &str| Identity {
            artifact: artifact.to_owned(),
            machines: machines.to_owned(),
        };
        let index = Index {
            version: VERSION,
            identity: identity("a", "m"),
            saved: 1,
            machines: Vec::new(),
        };
        write(&path, &index, Vec::new()).unwrap();
        let snapshot = Snapshot::open(&path).unwrap();
        for (now, expected) in [
            (identity("a", "m"), None),
            (identity("b", "m"), Some("it is of another artifact")),
            (identity("a", "n"), Some("it is of other machines (m)")),
        ] {
            assert_eq!(snapshot.difference(&now).as_deref(), expected);
        }
        for bytes in [&b"anything"[..], b"", &[0; 1024]] {
            std::fs::write(&path, bytes).unwrap();
            assert!(Snapshot::open(&path).is_err());
        }
    }

    #[test]
    fn names_stay_in_their_folder() {
        assert!(plain("disk0.raw").is_ok());
        for name in ["../a", "/a", "a/b", "..", ".", ""] {
            assert!(plain(name).is_err(), "{name}");
        }
    }
}
