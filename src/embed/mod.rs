//! Embeds a config, installer settings, NetworkManager keyfiles and kernel arguments in Fedora
//! CoreOS's live system, on its ISO or booted over the network, where the system itself looks for
//! them. The result is interchangeable with that of coreos-installer.
//!
//! Nothing here writes files: the changes to an image are a list of [`Patch`]es for
//! [`patched`](crate::pack::patched), and a payload is bytes.

mod arguments;
mod config;
mod console;
mod files;
mod installer;

use std::fmt;

use anyhow::Result;

use crate::pack::Patch;
use crate::read::{Features, LiveIso};

pub use arguments::Edits;
pub use config::check;
pub use files::Files;
pub use installer::Installer;

/// The request cannot be fulfilled: the input is invalid, the environment did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// [`Refused`] as the error of a function.
fn refused<T>(why: impl Into<String>) -> Result<T> {
    Err(Refused(why.into()).into())
}

/// What is embedded in a live system.
#[derive(Clone, Default)]
pub struct LiveSettings {
    /// The live system's Ignition config, of spec 3.
    pub config: Option<Vec<u8>>,
    /// What the installer does, once the live system runs.
    pub installer: Installer,
    /// Names and contents of NetworkManager keyfiles. They apply before Ignition runs, and an
    /// installed system gets them too.
    pub keyfiles: Vec<(String, Vec<u8>)>,
    /// Changes to the live system's kernel arguments; only on an ISO.
    pub arguments: Edits,
}

/// Shows no secret.
impl fmt::Debug for LiveSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveSettings")
            .field("keyfiles", &self.keyfiles.len())
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

impl LiveSettings {
    /// Whether nothing is given.
    pub fn is_empty(&self) -> bool {
        self.config.is_none()
            && self.installer.is_idle()
            && self.keyfiles.is_empty()
            && self.arguments.is_empty()
    }

    /// The files as a payload for network boot, to append to the live system's initrd. Which
    /// features that has is not known, and kernel arguments are its boot loader's.
    pub fn archive(&self) -> Result<Vec<u8>> {
        self.files(Features::ALL)?.archive()
    }

    /// The files for the live system's initrd. What a system with `features` would not read is
    /// [`Refused`].
    pub fn files(&self, features: Features) -> Result<Files> {
        let mut files = Files::default();
        if !self.keyfiles.is_empty() && !features.live_initrd_network {
            return refused(
                "this live image does not support NetworkManager keyfiles: use one of 2021-12 or later",
            );
        }
        for (name, contents) in &self.keyfiles {
            files.keyfile(name, contents)?;
        }
        let copy_network = !self.keyfiles.is_empty();
        let installer = self.installer.files(features, copy_network)?;
        if let Some(config) = config::with_files(self.config.as_deref(), installer)? {
            files.config(config);
        }
        Ok(files)
    }
}

/// The patches that make `live` an image with `settings` and nothing else: anything embedded before
/// is removed.
///
/// A config that does not fit is [`Refused`].
pub fn embedded(live: &LiveIso, settings: &LiveSettings) -> Result<Vec<Patch>> {
    let mut patches = vec![area(live, &settings.files(live.features)?)?];
    match &live.kernel_arguments {
        Some(arguments) => {
            let wanted = settings.arguments.applied_to(&arguments.default)?;
            if wanted.len() > arguments.longest() {
                return refused(format!(
                    "the kernel arguments have {} bytes, but the live ISO has space for {}: {} too many",
                    wanted.len(),
                    arguments.longest(),
                    wanted.len() - arguments.longest()
                ));
            }
            // Left untouched if nothing changes, as they may end differently than we would write
            // them.
            if wanted != arguments.current {
                patches.extend(replaced(live, &wanted));
            }
        }
        None if settings.arguments.is_empty() => {}
        None => {
            return refused(
                "this live image has no space for kernel arguments: use one of 2021 or later (s390x: 2023-07 or later)",
            );
        }
    }
    Ok(patches)
}

/// The patches that restore the image from before anything was embedded, byte for byte.
pub fn removed(live: &LiveIso) -> Vec<Patch> {
    let mut patches = Vec::new();
    if !live.files.is_empty() {
        patches.push(Patch {
            start: live.area.start,
            bytes: vec![0; live.area.length],
        });
    }
    if let Some(arguments) = &live.kernel_arguments
        && arguments.current != arguments.default
    {
        patches.extend(replaced(live, &arguments.default));
    }
    patches
}

fn replaced(live: &LiveIso, wanted: &str) -> Vec<Patch> {
    live.kernel_arguments
        .iter()
        .flat_map(|arguments| arguments.replaced_by(wanted))
        .map(|(start, bytes)| Patch { start, bytes })
        .collect()
}

/// The embed area with `files`, padded with zeros.
fn area(live: &LiveIso, files: &Files) -> Result<Patch> {
    let mut bytes = if files.is_empty() {
        Vec::new()
    } else {
        files.archive()?
    };
    let room = live.area.length;
    if bytes.len() > room {
        return refused(format!(
            "the embedded files have {} bytes, compressed, but the live ISO's embed area has {room}: {} too many. Let the config \
             fetch its large files from URLs, or use a small config that merges the full one from a URL (`ignition.config.merge`); \
             a payload for network boot (`imgbuild embed --pxe`) has no such limit",
            bytes.len(),
            bytes.len() - room
        ));
    }
    bytes.resize(room, 0);
    Ok(Patch {
        start: live.area.start,
        bytes,
    })
}
