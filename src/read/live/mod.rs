//! Live ISO images of Fedora CoreOS and RHEL CoreOS: where a config and kernel arguments are
//! embedded, and what is there.
//!
//! The layouts of all images since 2020 are supported. `/coreos/*.json` describe the newer ones,
//! headers in the system area the older ones; the submodules have the details. coreos-installer
//! writes to the same places.

mod area;
mod features;
mod kernel_arguments;

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use std::os::unix::fs::FileExt;

use anyhow::Result;
use serde::de::DeserializeOwned;

use super::archives;
use crate::formats::iso9660::read::Iso;
use crate::formats::{damaged, reading};

pub use area::Area;
pub use features::Features;
pub use kernel_arguments::KernelArguments;

/// The path at which Ignition looks for a live system's config in its initrd.
pub const CONFIG_PATH: &str = "config.ign";
/// The folder in which a live system looks for NetworkManager keyfiles, in its initrd, before
/// Ignition runs.
pub const KEYFILES_PATH: &str = "etc/coreos-firstboot-network";
/// The path at which imgbuild and coreos-installer put the config of an installed system in a live
/// one.
pub const DEST_PATH: &str = "/etc/coreos/dest.ign";

/// The largest file that describes an image, in bytes.
const DESCRIPTION_MAX: u64 = 1 << 20;
/// The largest total size of embedded files, in bytes: the area is far smaller, but what it
/// decompresses to may not be.
const FILES_MAX: u64 = 64 << 20;

/// A live ISO image.
#[derive(Debug)]
pub struct LiveIso {
    pub iso: Iso,
    /// The area for further files of its initrd.
    pub area: Area,
    /// The regular files in it, by path without a leading slash. Empty: none are embedded.
    pub files: BTreeMap<String, Vec<u8>>,
    /// `None`: the image does not support them.
    pub kernel_arguments: Option<KernelArguments>,
    pub features: Features,
}

impl LiveIso {
    /// Reads an ISO image; returns it unchanged if it is not a live image. If it claims to be one
    /// but is damaged, the error contains [`Damaged`](crate::formats::Damaged).
    pub fn open(iso: Iso) -> Result<std::result::Result<Self, Iso>> {
        let Some(area) = Area::find(&iso)? else {
            return Ok(Err(iso));
        };
        let bytes = bytes_at(&iso, area.start, area.length, "the embed area")?;
        let mut files = BTreeMap::new();
        if bytes.iter().any(|&byte| byte != 0) {
            let mut left = FILES_MAX;
            archives(Cursor::new(bytes), &mut |entry, contents| {
                let mut bytes = Vec::new();
                contents
                    .take(left + 1)
                    .read_to_end(&mut bytes)
                    .map_err(|e| reading(e, &entry.path))?;
                left = match left.checked_sub(bytes.len() as u64) {
                    Some(left) => left,
                    None => {
                        return damaged(format!(
                            "the embed area decompresses to more than {} MiB",
                            FILES_MAX >> 20
                        ));
                    }
                };
                files.insert(entry.path.clone(), bytes);
                Ok(())
            })?;
        }
        let kernel_arguments = KernelArguments::find(&iso)?;
        if kernel_arguments
            .as_ref()
            .is_some_and(|arguments| arguments.touch(area))
        {
            return damaged("the live ISO's embed area and its kernel arguments overlap");
        }
        Ok(Ok(Self {
            area,
            files,
            kernel_arguments,
            features: Features::find(&iso)?,
            iso,
        }))
    }

    /// Whether nothing is embedded and the kernel arguments are the image's defaults.
    pub fn is_pristine(&self) -> bool {
        self.files.is_empty()
            && self
                .kernel_arguments
                .as_ref()
                .is_none_or(|arguments| arguments.current == arguments.default)
    }
}

/// The JSON file at `path`, parsed; `None` if it does not exist.
fn described<T: DeserializeOwned>(iso: &Iso, path: &str) -> Result<Option<T>> {
    let Some(bytes) = iso.read(path, DESCRIPTION_MAX)? else {
        return Ok(None);
    };
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Some(value)),
        Err(why) => damaged(format!("`/{path}` on the live ISO: {why}")),
    }
}

/// `length` bytes of the image from `start` on.
fn bytes_at(iso: &Iso, start: u64, length: usize, what: &str) -> Result<Vec<u8>> {
    if start
        .checked_add(length as u64)
        .is_none_or(|end| end > iso.length())
    {
        return damaged(format!("{what} lies beyond the ISO image's end"));
    }
    let mut bytes = vec![0; length];
    iso.image()
        .read_exact_at(&mut bytes, start)
        .map_err(|e| reading(e, what))?;
    Ok(bytes)
}
