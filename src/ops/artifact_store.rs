//! Where programs and images are looked for, and pinned: registries, sites and folders, the cache
//! and the lock.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::cache::Corrupt;
use crate::lock::Lock;
use crate::lock::pins::Pins;
use crate::names::{Arch, InvalidName};
use crate::node::containers::ImageSource;
use crate::node::images::ImageRef;
use crate::node::needed_images::EmbeddedImages;
use crate::oci::{self, ImageName, StoredImage};
use crate::progress::Progress;
use crate::registry;
use crate::registry::Access;

use super::{FetchOptions, Result, Session};

/// Access to registries and sites, through the cache and the pins.
pub(super) struct ArtifactStore<'a> {
    pub(super) access: Access,
    arch: Arch,
    pub(super) registries: registry::Images,
    lock_file: &'a Path,
    lock: Lock,
    pub(super) pins: Pins,
    /// Files of the cache that were found damaged.
    discarded: BTreeSet<PathBuf>,
}

impl<'a> ArtifactStore<'a> {
    /// The store as `fetch` has it, for machines of `arch`, with the pins in `lock_file`. With
    /// `refresh` what is pinned is pinned anew.
    pub(super) fn open(
        fetch: &FetchOptions,
        arch: Arch,
        lock_file: &'a Path,
        refresh: bool,
        session: &Session<'_>,
    ) -> Result<Self> {
        let access = fetch.access(refresh, &session.environment)?;
        let lock = Lock::load(lock_file)?;
        let pins =
            Pins::from_lock(&lock).with_context(|| format!("reading {}", lock_file.display()))?;
        Ok(Self {
            registries: fetch.registries(&access, &session.environment),
            access,
            arch,
            lock_file,
            lock,
            pins,
            discarded: BTreeSet::new(),
        })
    }

    /// The programs of `version` on `site`.
    pub(super) fn site(&self, site: &str, version: &str) -> registry::Programs {
        registry::Programs {
            access: self.access.clone(),
            site: site.to_owned(),
            version: version.to_owned(),
            arch: self.arch,
        }
    }

    /// Removes the file of the cache that `error` says is damaged, so that it is fetched again;
    /// returns any other error. A file that is damaged twice is left to its disk.
    pub(super) fn discard_damaged(
        &mut self,
        error: anyhow::Error,
        progress: &dyn Progress,
    ) -> anyhow::Result<()> {
        match Corrupt::find(&error) {
            Some(corrupt) if self.discarded.insert(corrupt.path.clone()) => {
                self.access.discard_damaged(error, progress)
            }
            _ => Err(error),
        }
    }

    /// Saves the pins, where there are others than before.
    pub(super) fn save(mut self) -> anyhow::Result<()> {
        let before = self.lock.to_text();
        self.pins.save(&mut self.lock);
        if self.lock.to_text() != before {
            self.lock.save(self.lock_file)?;
        }
        Ok(())
    }

    /// The images of `wanted`: those that are listed, and those that are needed, from archives in
    /// `folder` or the listed ones, else from their registries. One image a name.
    pub(super) fn images(
        &mut self,
        wanted: &EmbeddedImages,
        folder: Option<&Path>,
        progress: &dyn Progress,
    ) -> anyhow::Result<Vec<StoredImage>> {
        let mut images: Vec<StoredImage> = Vec::new();
        for source in &wanted.listed {
            match source {
                ImageSource::Path(path) => {
                    for image in oci::read_images(path, self.arch)? {
                        add(&mut images, image)?;
                    }
                }
                ImageSource::Name(name) => {
                    let image = self.fetch(name, progress)?;
                    add(&mut images, image)?;
                }
            }
        }
        let mut beside = Beside::default();
        if let Some(folder) = folder.filter(|_| !wanted.needed.is_empty()) {
            beside.read(folder, self.arch)?;
        }
        for needed in &wanted.needed {
            let name = name_of(needed)?;
            let text = name.to_string();
            if images.iter().any(|image| image.name == text) {
                continue;
            }
            let image = match beside.images.iter().find(|image| image.name == text) {
                Some(image) => image.clone(),
                None => self.fetch(&name, progress).with_context(|| {
                    format!(
                        "embedding {name}, which the node needs and no archive under `artifacts.images` contains{}",
                        beside.told()
                    )
                })?,
            };
            add(&mut images, image)?;
        }
        Ok(images)
    }

    fn fetch(&mut self, name: &ImageName, progress: &dyn Progress) -> anyhow::Result<StoredImage> {
        let digest = self.registries.resolve(name, &mut self.pins)?;
        self.registries.fetch(name, &digest, self.arch, progress)
    }
}

/// The name of `image`.
pub(super) fn name_of(image: &ImageRef) -> anyhow::Result<ImageName> {
    let text = image.to_string();
    let name = text.parse();
    name.map_err(|why: InvalidName| anyhow::anyhow!("{text}: {}", why.0))
}

/// The images of the archives beside programs.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) images: Vec<StoredImage>,
    /// Why archives could not be read: they may be of other things.
    unread: Vec<String>,
}

impl Beside {
    /// Adds the images for `arch` of the archives in `folder`.
    pub(super) fn read(&mut self, folder: &Path, arch: Arch) -> anyhow::Result<()> {
        let archives =
            oci::archives_in(folder).with_context(|| format!("reading {}", folder.display()))?;
        for archive in archives {
            match oci::read_images(&archive, arch) {
                Ok(images) => self.images.extend(images),
                Err(why) => self.unread.push(format!("{why:#}")),
            }
        }
        Ok(())
    }

    /// What could not be read, to add to a message that an image was not found.
    pub(super) fn told(&self) -> String {
        let unread = self.unread.iter();
        unread.fold(String::new(), |text, why| format!("{text}; {why}"))
    }
}

/// Adds `image`, unless it is listed already. Two different images cannot have the same name.
fn add(images: &mut Vec<StoredImage>, image: StoredImage) -> anyhow::Result<()> {
    match images.iter().find(|other| other.name == image.name) {
        Some(other) if other.manifest == image.manifest => {}
        Some(other) => bail!(
            "two different images are named {}: {} and {}",
            image.name,
            other.digest(),
            image.digest()
        ),
        None => images.push(image),
    }
    Ok(())
}
