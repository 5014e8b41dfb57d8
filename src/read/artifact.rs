//! Extracts from an artifact of any format what distinguishes one node from another.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Cursor, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};

use super::live::{self, LiveIso};
use super::{archives, names_in_front};
use crate::facts::firmware::MICROCODE;
use crate::facts::layout::{EXTENSIONS_PATH, ROOT_IMAGE_PATH};
use crate::facts::systems::{TABLE, Target};
use crate::formats::iso9660::read::Iso;
use crate::formats::{Damaged, damaged, reading};
use crate::pack::{
    BASE_ID_PATH, BOOT_RECORD_MAX, BOOT_RECORD_PATH, BootRecord, CONFIG_JSON, Compression, Format,
    NETWORK_PATH, PAYLOAD_PATH, USER_DATA, boot_menu,
};

/// The largest config that is read, in bytes. It may contain a snapshot of etcd.
const CONFIG_MAX: u64 = 96 << 20;
/// The largest payload of an ISO that is read, in bytes.
const PAYLOAD_MAX: u64 = CONFIG_MAX + (4 << 20);
/// The largest hand-written file that is read: networkd files, boot loader settings.
pub(super) const TEXT_MAX: u64 = 1 << 20;
/// The most networkd files, and bytes of all of them.
const NETWORK_FILES_MAX: usize = 10_000;
const NETWORK_BYTES_MAX: u64 = 16 << 20;
/// A payload; see [`Artifact::format`].
pub(super) const PAYLOAD: Format = Format::Payload(Compression::None);

/// The config of a live system in which none is embedded.
const NO_CONFIG: &[u8] = b"{}";

/// A node, read back.
#[derive(Clone)]
pub struct Artifact {
    /// Its format. The compression of a payload is not reported: payloads that differ only in it
    /// are equal here.
    pub format: Format,
    /// The system that it is for, according to where the config lies; `None`: a config alone does
    /// not tell.
    pub target: Option<Target>,
    /// The Ignition config, JSON of any version; an empty object if a live system has none.
    pub config: Vec<u8>,
    /// networkd files for Ignition's own downloads, or a live system's NetworkManager keyfiles, by
    /// name.
    pub network: BTreeMap<String, Vec<u8>>,
    /// The whole kernel command line; of an ISO or an initrd.
    pub kernel_arguments: Option<Vec<String>>,
    /// The base's id from the kernel command line, of an ISO or an initrd. For a live ISO, the name
    /// of its volume.
    pub base: Option<String>,
    /// Extensions of the base, by name without ending.
    pub extensions: Vec<String>,
    /// Whose processors' microcode the initrd begins with: `Intel`.
    pub microcode: Vec<&'static str>,
}

/// Shows no secret.
impl fmt::Debug for Artifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Artifact")
            .field("format", &self.format)
            .field("config_bytes", &self.config.len())
            .finish_non_exhaustive()
    }
}

/// Reads the artifact at `path`; its kind is detected from its bytes, not its name. If it is
/// damaged, or of no known kind, the error contains [`Damaged`].
pub fn artifact(path: &Path) -> Result<Artifact> {
    let read = || {
        let file = File::open(path)?;
        if Iso::is_one(&file) {
            return iso(Iso::open(file)?);
        }
        let mut first = [0; 64];
        let length = file.read_at(&mut first, 0)?;
        match first[..length].iter().find(|b| !b.is_ascii_whitespace()) {
            Some(b'{') => ignition(file),
            Some(_) => initrd(file),
            None => damaged("it is empty"),
        }
    };
    read().with_context(|| format!("reading {}", path.display()))
}

fn empty(format: Format) -> Artifact {
    Artifact {
        format,
        target: None,
        config: Vec::new(),
        network: BTreeMap::new(),
        kernel_arguments: None,
        base: None,
        extensions: Vec::new(),
        microcode: Vec::new(),
    }
}

fn ignition(file: File) -> Result<Artifact> {
    let config = read_limited(file, CONFIG_MAX, "the Ignition config")?;
    Ok(Artifact {
        config,
        ..empty(Format::Ignition)
    })
}

fn iso(iso: Iso) -> Result<Artifact> {
    let Some(payload) = iso.read(PAYLOAD_PATH, PAYLOAD_MAX)? else {
        for (path, format) in [
            (CONFIG_JSON, Format::ConfigIso),
            (USER_DATA, Format::ConfigDrive),
        ] {
            if let Some(config) = iso.read(path, CONFIG_MAX)? {
                return Ok(Artifact {
                    config,
                    ..empty(format)
                });
            }
        }
        return match LiveIso::open(iso)? {
            Ok(live) => Ok(live_iso(live)),
            Err(_) => damaged(
                "the ISO image was not written by imgbuild and is not a Fedora CoreOS live image: it contains no config",
            ),
        };
    };
    let mut artifact = empty(Format::Iso);
    let mut found = false;
    archives(Cursor::new(payload), &mut |entry, contents| {
        found |= artifact.take(entry, contents)?;
        Ok(())
    })?;
    if !found {
        return damaged("the ISO image's payload contains no config");
    }
    let text = |path| -> Result<Option<String>> {
        let bytes = iso.read(path, TEXT_MAX)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    };
    artifact.base = text(BASE_ID_PATH)?.map(|id| id.trim().to_owned());
    artifact.kernel_arguments = text("boot/grub/grub.cfg")?.and_then(|menu| kernel_line(&menu));
    if let Some(initrd) = iso.file(boot_menu::INITRD)? {
        for name in names_in_front(initrd)? {
            artifact.microcode.extend(maker(&name));
        }
    }
    artifact.extensions = iso
        .list(EXTENSIONS_PATH)?
        .iter()
        .map(|name| name.trim_end_matches(".squashfs").to_owned())
        .collect();
    // Beside the payload: the extensions that follow the initrd.
    for name in iso.list("boot")? {
        let stem = name.strip_suffix(".cpio");
        artifact.extensions.extend(
            stem.filter(|_| !PAYLOAD_PATH.ends_with(&name))
                .map(str::to_owned),
        );
    }
    artifact.extensions.sort();
    Ok(artifact)
}

/// Whose microcode the file of an initrd is.
fn maker(path: &str) -> Option<&'static str> {
    let known = MICROCODE.iter().find(|(known, _)| *known == path);
    known.map(|(_, maker)| *maker)
}

fn live_iso(mut live: LiveIso) -> Artifact {
    let mut artifact = empty(Format::LiveIso);
    artifact.target = Some(Target::FedoraCoreos);
    artifact.config = live
        .files
        .remove(live::CONFIG_PATH)
        .unwrap_or_else(|| NO_CONFIG.to_vec());
    for (path, contents) in live.files {
        if let Some(name) = in_folder(&path, live::KEYFILES_PATH) {
            artifact.network.insert(name.to_owned(), contents);
        }
    }
    artifact.base = Some(live.iso.volume_id);
    artifact.kernel_arguments = live.kernel_arguments.map(|arguments| {
        let words = arguments.current.split_ascii_whitespace();
        words.map(str::to_owned).collect()
    });
    artifact
}

fn initrd(file: File) -> Result<Artifact> {
    let mut artifact = empty(PAYLOAD);
    let mut found = false;
    archives(file, &mut |entry, contents| {
        found |= artifact.take(entry, contents)?;
        Ok(())
    })?;
    if !found {
        // One that contains only network settings is an artifact of a live system too.
        if artifact.format != Format::LivePayload {
            return damaged("it contains no config");
        }
        artifact.config = NO_CONFIG.to_vec();
    }
    artifact.extensions.sort();
    Ok(artifact)
}

impl Artifact {
    /// Takes what matters from an initrd's file; returns whether it was the config.
    fn take(
        &mut self,
        entry: &crate::formats::cpio::read::Entry,
        contents: &mut dyn Read,
    ) -> Result<bool> {
        let row = TABLE.iter().find(|facts| facts.paths.config == entry.path);
        if let Some(facts) = row {
            self.config = read_limited(contents, CONFIG_MAX, "the config")?;
            self.target = Some(facts.target);
            if entry.path == live::CONFIG_PATH {
                self.is_live();
            }
            return Ok(true);
        }
        if let Some(maker) = maker(&entry.path) {
            if !self.microcode.contains(&maker) {
                self.microcode.push(maker);
            }
        } else if entry.path == BOOT_RECORD_PATH {
            let text = read_limited(contents, BOOT_RECORD_MAX, "the boot record")?;
            let record = BootRecord::from_json(&text).map_err(|e| Damaged(format!("{e:#}")))?;
            let arguments = record.kernel_arguments.split_ascii_whitespace();
            self.booted_with(arguments.map(str::to_owned).collect());
        } else if entry.path == ROOT_IMAGE_PATH {
            self.format = Format::Initrd;
        } else if let Some(name) = in_folder(&entry.path, live::KEYFILES_PATH) {
            self.is_live();
            self.add_network(name, contents)?;
        } else if let Some(name) = in_folder(&entry.path, NETWORK_PATH) {
            self.add_network(name, contents)?;
        } else if let Some(name) = in_folder(&entry.path, EXTENSIONS_PATH) {
            self.add_extension(name.trim_end_matches(".squashfs"));
        } else if let Some(name) = (TABLE.iter())
            .filter_map(|facts| facts.sysext.as_ref())
            .find_map(|sysext| in_folder(&entry.path, sysext.in_initrd))
        {
            self.add_extension(name.trim_end_matches(".raw"));
        }
        Ok(false)
    }

    /// Records that an initrd's archive is for a live system. On an ISO it is the node's payload,
    /// like any other.
    fn is_live(&mut self) {
        if self.format == PAYLOAD {
            self.format = Format::LivePayload;
        }
    }

    fn add_extension(&mut self, name: &str) {
        if !self.extensions.iter().any(|known| known == name)
            && self.extensions.len() < NETWORK_FILES_MAX
        {
            self.extensions.push(name.to_owned());
        }
    }

    /// Takes the kernel arguments, and the id of the base from them.
    pub(super) fn booted_with(&mut self, arguments: Vec<String>) {
        let mut last_first = arguments.iter().rev();
        let base = last_first.find_map(|argument| argument.strip_prefix("imgbuild.base="));
        self.base = base.map(str::to_owned);
        self.kernel_arguments = Some(arguments);
    }

    fn add_network(&mut self, name: &str, contents: &mut dyn Read) -> Result<()> {
        if self.network.len() >= NETWORK_FILES_MAX {
            return damaged(format!(
                "it contains more than {NETWORK_FILES_MAX} network files"
            ));
        }
        let text = read_limited(contents, TEXT_MAX, "a network file")?;
        self.network.insert(name.to_owned(), text);
        let bytes: usize = self.network.values().map(Vec::len).sum();
        if bytes as u64 > NETWORK_BYTES_MAX {
            return damaged(format!(
                "its network files have more than {} MiB",
                NETWORK_BYTES_MAX >> 20
            ));
        }
        Ok(())
    }
}

/// The name of `path`, if it is directly in `folder`.
fn in_folder<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    path.strip_prefix(folder)?
        .strip_prefix('/')
        .filter(|name| !name.contains('/'))
}

/// Reads to the end, which must come after at most `limit` bytes.
pub(super) fn read_limited(source: impl Read, limit: u64, what: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| reading(e, what))?;
    if bytes.len() as u64 > limit {
        return Err(Damaged(format!("{what} is larger than {} MiB", limit >> 20)).into());
    }
    Ok(bytes)
}

/// The kernel's arguments in GRUB's menu: what follows the kernel's path, each in single quotes.
fn kernel_line(menu: &str) -> Option<Vec<String>> {
    let line = menu
        .lines()
        .find_map(|line| line.trim_start().strip_prefix("linux "))?;
    let words = line.split_ascii_whitespace().skip(1);
    Some(words.map(|word| word.replace('\'', "")).collect())
}
