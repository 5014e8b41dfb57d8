//! A live ISO of Fedora CoreOS, to be copied with other settings.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::embed::{self, LiveSettings, Refused};
use crate::formats::iso9660::read::Iso;
use crate::pack::{self, Patch};
use crate::progress::Progress;
use crate::read::LiveIso;

use super::{Error, Result};

/// A live ISO and where it was read from.
#[derive(Debug)]
pub struct LiveImage {
    pub live: LiveIso,
    path: PathBuf,
}

impl LiveImage {
    /// Reads what the ISO at `path` holds and where.
    pub fn open(path: &Path) -> Result<Self> {
        let open = || -> anyhow::Result<_> {
            let file = File::open(path)?;
            if !Iso::is_one(&file) {
                return Err(Refused("not an ISO image".to_owned()).into());
            }
            LiveIso::open(Iso::open(file)?)?.map_err(|_| {
                let why = "not a Fedora CoreOS live ISO: it has no embed area for a config";
                Refused(why.to_owned()).into()
            })
        };
        let live = open()
            .with_context(|| format!("reading {}", path.display()))
            .map_err(Error::from_embedding)?;
        Ok(Self {
            live,
            path: path.to_owned(),
        })
    }

    /// Refuses an image in which something is embedded already.
    pub(super) fn check_pristine(&self) -> Result<()> {
        if self.live.is_pristine() {
            return Ok(());
        }
        let path = self.path.display();
        Err(Error::Request(format!(
            "{path} already has an embedded config, keyfiles or kernel arguments: `imgbuild embed {path} --show` lists them, \
             `imgbuild embed {path} --remove -o …` removes them, and `imgbuild embed … --force` replaces them"
        )))
    }

    /// What makes the image one with `settings`.
    pub(super) fn with(&self, settings: &LiveSettings) -> Result<Vec<Patch>> {
        embed::embedded(&self.live, settings).map_err(Error::from_embedding)
    }

    /// Writes the image with `patches`.
    pub(super) fn write(
        &self,
        out: &mut File,
        patches: Vec<Patch>,
        progress: &dyn Progress,
    ) -> anyhow::Result<()> {
        pack::patched(out, self.live.iso.image(), &self.path, patches, progress)
    }
}
