//! What nodes fetch themselves: pinned in the lock, by which they know it again.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;

use super::artifact_store::{self, ArtifactStore, Beside};
use super::artifacts::programs_of;
use super::{Error, FetchOptions, Notice, Result, Session};
use crate::extensions;
use crate::lock::Lock;
use crate::lock::pins::Pins;
use crate::node::containers::{ImageSource, Programs};
use crate::node::images::ImageUse;
use crate::node::kubernetes::Images as Artifacts;
use crate::node::needed_images::{FETCHED_PROGRAMS, embedded_images, needed_images};
use crate::node::{Cluster, Node};

/// Pins what nodes of `cluster` fetch themselves, and hands the pins to the nodes. A program that
/// is not pinned cannot be checked on the node, so that is an error; an image that is not pinned is
/// pulled by its tag.
pub(super) fn pin(
    cluster: &mut Cluster,
    fetch: &FetchOptions,
    lock_file: &Path,
    session: &Session<'_>,
) -> Result<()> {
    pin_with(cluster, fetch, lock_file, session, false)
}

/// Holds the tables that the cluster was judged by against the lock, and pins those that are new.
fn pin_tables(
    cluster: &Cluster,
    fetch: &FetchOptions,
    lock_file: &Path,
    refresh: bool,
) -> Result<()> {
    if cluster.tables.is_empty() {
        return Ok(());
    }
    let mut lock = Lock::load(lock_file)?;
    let reading = || format!("reading {}", lock_file.display());
    let mut pins = Pins::from_lock(&lock).with_context(reading)?;
    for (name, digest) in &cluster.tables {
        match pins.table(name) {
            Some(pinned) if pinned != digest && !refresh => {
                return Err(Error::Request(format!(
                    "{name} is not the one that imgbuild.lock pins; `imgbuild update` pins this one"
                )));
            }
            None if fetch.locked => {
                return Err(Error::Request(format!(
                    "imgbuild.lock does not pin {name}, and `--locked` forbids changing it"
                )));
            }
            _ => pins.set_table(name, digest),
        }
    }
    pins.save(&mut lock);
    lock.save(lock_file)?;
    Ok(())
}

fn pin_with(
    cluster: &mut Cluster,
    fetch: &FetchOptions,
    lock_file: &Path,
    session: &Session<'_>,
    refresh: bool,
) -> Result<()> {
    pin_tables(cluster, fetch, lock_file, refresh)?;
    for node in &cluster.nodes {
        let Some(kubernetes) = &node.kubernetes else {
            continue;
        };
        let Artifacts::Pulled { site, .. } = &kubernetes.images else {
            continue;
        };
        let mut store = ArtifactStore::open(fetch, node.arch, lock_file, refresh, session)?;
        let version = kubernetes.version.value.to_string();
        let site = store.site(site, &version);
        for name in FETCHED_PROGRAMS {
            site.resolve(name, &mut store.pins)?;
        }
        for image in needed_images(kubernetes) {
            let name = artifact_store::name_of(&image)?;
            let text = image.to_string();
            if (fetch.offline || fetch.locked) && store.pins.image(&text).is_none() {
                session.notice(&Notice::ImageNotPinned(text));
                continue;
            }
            store.registries.resolve(&name, &mut store.pins)?;
        }
        store.save()?;
    }
    embed_what_is_had(cluster, fetch, lock_file, session, refresh)?;
    tell(cluster, lock_file)
}

/// Embeds what the nodes of `cluster` need beside their programs, where the spec leaves it open:
/// images of archives beside the programs, and those that the lock pins or registries have. What
/// cannot be had is told once.
fn embed_what_is_had(
    cluster: &mut Cluster,
    fetch: &FetchOptions,
    lock_file: &Path,
    session: &Session<'_>,
    refresh: bool,
) -> Result<()> {
    let mut told = BTreeSet::new();
    for arch in cluster
        .nodes
        .iter()
        .map(|node| node.arch)
        .collect::<BTreeSet<_>>()
    {
        let of_arch = cluster.nodes.iter_mut().filter(|node| node.arch == arch);
        let nodes: Vec<_> = of_arch
            .filter_map(|node| node.kubernetes.as_mut())
            .collect();
        let wished: BTreeSet<_> = nodes.iter().flat_map(|it| it.wished_images()).collect();
        if wished.is_empty() {
            continue;
        }
        let folders = nodes.iter().filter_map(|it| match programs_of(it, fetch) {
            Some((Programs::Folder(folder), _)) => Some(folder),
            _ => None,
        });
        let mut beside = Beside::default();
        for folder in folders.collect::<BTreeSet<_>>() {
            beside.read(&folder, arch)?;
        }
        let mut store = ArtifactStore::open(fetch, arch, lock_file, refresh, session)?;
        let mut had = BTreeSet::new();
        for image in wished {
            let name = artifact_store::name_of(&image)?;
            let text = name.to_string();
            let found = if beside.images.iter().any(|it| it.name == text) {
                Ok(())
            } else {
                session
                    .progress()
                    .start(&format!("looking up {name}"), None);
                store.registries.resolve(&name, &mut store.pins).map(drop)
            };
            match found {
                Ok(()) => {
                    had.insert(image);
                }
                // Not renewed, but pinned.
                Err(_) if store.pins.image(&text).is_some() => {
                    had.insert(image);
                }
                Err(why) if told.insert(image.clone()) => {
                    let is_default = nodes.iter().all(|it| it.core_dns.is_none());
                    let (why, name) = (format!("{why:#}{}", beside.told()), text);
                    session.notice(&if image.used_for == ImageUse::CoreDns && is_default {
                        Notice::NoDns { image: name, why }
                    } else {
                        Notice::ImageNotEmbedded { image: name, why }
                    });
                }
                Err(_) => {}
            }
        }
        store.save()?;
        for kubernetes in nodes {
            kubernetes.embed_what_is_had(&|image| had.contains(image));
        }
    }
    Ok(())
}

/// Hands nodes the lock's pins: of what they fetch, and of what is embedded in them.
pub(super) fn tell(cluster: &mut Cluster, lock_file: &Path) -> Result<()> {
    let is_pinned = |node: &Node| {
        let kubernetes = node.kubernetes.as_ref();
        kubernetes.is_some_and(|it| it.is_pulled() || !it.wished_images().is_empty())
    };
    if cluster.nodes.iter().any(is_pinned) {
        let pins = Pins::from_lock(&Lock::load(lock_file)?)
            .with_context(|| format!("reading {}", lock_file.display()))?;
        cluster.pin(&pins);
    }
    Ok(())
}

/// Updates the pins of what the nodes of `cluster` get from registries and sites.
pub(super) fn update(
    cluster: &mut Cluster,
    fetch: &FetchOptions,
    lock_file: &Path,
    session: &Session<'_>,
) -> Result<()> {
    pin_with(cluster, fetch, lock_file, session, true)?;
    for node in &cluster.nodes {
        let mut store = ArtifactStore::open(fetch, node.arch, lock_file, true, session)?;
        if let Some(kubernetes) = &node.kubernetes
            && let Artifacts::Embedded { .. } = &kubernetes.images
            && let Some((Programs::Site(site), version)) = programs_of(kubernetes, fetch)
        {
            let site = store.site(&site, &version);
            for name in extensions::program_names() {
                site.resolve(name, &mut store.pins)?;
            }
        }
        let wanted = embedded_images(node).unwrap_or_default();
        let mut names = Vec::new();
        for listed in &wanted.listed {
            if let ImageSource::Name(name) = listed {
                names.push(name.clone());
            }
        }
        // Images that came from archives have no pin, and need none.
        for needed in &wanted.needed {
            let text = needed.to_string();
            if store.pins.image(&text).is_some()
                && let Ok(name) = text.parse()
            {
                names.push(name);
            }
        }
        for name in names {
            store.registries.resolve(&name, &mut store.pins)?;
        }
        store.save()?;
    }
    Ok(())
}
