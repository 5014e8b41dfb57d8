//! What nodes fetch themselves: pinned in the lock, by which they know it again.

use std::path::Path;

use anyhow::Context as _;

use super::artifact_store::ArtifactStore;
use super::artifacts::programs_of;
use super::{FetchOptions, Notice, Result, Session};
use crate::extensions;
use crate::lock::Lock;
use crate::lock::pins::Pins;
use crate::node::containers::{ImageSource, Programs};
use crate::node::kubernetes::{Images as Artifacts, Kubernetes};
use crate::node::needed_images::{FETCHED_PROGRAMS, embedded_images, needed_images};
use crate::node::{Cluster, Node};
use crate::oci::ImageName;

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

fn pin_with(
    cluster: &mut Cluster,
    fetch: &FetchOptions,
    lock_file: &Path,
    session: &Session<'_>,
    refresh: bool,
) -> Result<()> {
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
            let text = image.to_string();
            if (fetch.offline || fetch.locked) && store.pins.image(&text).is_none() {
                session.notice(&Notice::ImageNotPinned(text));
                continue;
            }
            let name: ImageName = (text.parse())
                .map_err(|why: crate::names::InvalidName| anyhow::anyhow!("{text}: {}", why.0))?;
            store.registries.resolve(&name, &mut store.pins)?;
        }
        store.save()?;
    }
    tell(cluster, lock_file)
}

/// Hands nodes the lock's pins of what they fetch.
pub(super) fn tell(cluster: &mut Cluster, lock_file: &Path) -> Result<()> {
    let pulls = |node: &Node| node.kubernetes.as_ref().is_some_and(Kubernetes::is_pulled);
    if cluster.nodes.iter().any(pulls) {
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
            && let Ok(Some((Programs::Site(site), version))) = programs_of(node, kubernetes, fetch)
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
