//! Live ISO images of Fedora CoreOS and RHEL CoreOS: where they take a config and kernel arguments,
//! and what they have there.
//!
//! The layouts of all images since 2020 are read. `/coreos/*.json` describe the newer ones, headers
//! in the system area the older ones; the modules beside this one say more. The peer that writes
//! into the same places is coreos-installer.

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

/// Where Ignition looks for a live system's config in its initrd.
pub const CONFIG_PATH: &str = "config.ign";
/// Where a live system looks for keyfiles of NetworkManager, in its initrd, before Ignition runs.
pub const KEYFILES_PATH: &str = "etc/coreos-firstboot-network";
/// Where imgbuild and coreos-installer put the config of an installed system in a live one.
pub const DEST_PATH: &str = "/etc/coreos/dest.ign";

/// The most bytes of a file that describes an image.
const DESCRIPTION_MAX: u64 = 1 << 20;
/// The most bytes of all files that a live system is given: the area is far smaller, what it
/// unpacks to may not be.
const FILES_MAX: u64 = 96 << 20;

/// A live ISO image.
#[derive(Debug)]
pub struct LiveIso {
    pub iso: Iso,
    /// Where its initrd takes further files.
    pub area: Area,
    /// The regular files that are there, by path without a leading slash. Empty: none were
    /// embedded.
    pub files: BTreeMap<String, Vec<u8>>,
    /// `None`: the image takes none.
    pub kernel_arguments: Option<KernelArguments>,
    pub features: Features,
}

impl LiveIso {
    /// Looks at an ISO image; gives it back where it is none of these. One that says that it is,
    /// and is damaged, is an error that holds [`Damaged`](crate::formats::Damaged).
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
                    None => return damaged("the embed area unpacks to more than any config has"),
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

    /// Whether nothing was embedded and the kernel's arguments are those that the image came with.
    pub fn is_pristine(&self) -> bool {
        self.files.is_empty()
            && self
                .kernel_arguments
                .as_ref()
                .is_none_or(|arguments| arguments.current == arguments.default)
    }
}

/// What the JSON file at `path` says; `None` where there is none.
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
        return damaged(format!("{what} lies behind the ISO image's end"));
    }
    let mut bytes = vec![0; length];
    iso.image()
        .read_exact_at(&mut bytes, start)
        .map_err(|e| reading(e, what))?;
    Ok(bytes)
}
