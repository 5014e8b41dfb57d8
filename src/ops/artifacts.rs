//! Programs and images that lie over a node's base.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::artifact_store::ArtifactStore;
use super::{Error, FetchOptions, Result, Session};
use crate::base::Base;
use crate::diagnostic::{Diagnostic, codes};
use crate::extensions::{self, crio, images};
use crate::facts::runtimes::Runtime;
use crate::facts::systems::Target;
use crate::node::Node;
use crate::node::containers::Programs;
use crate::node::kubernetes::{Images as Artifacts, Kubernetes};
use crate::node::needed_images::{EmbeddedImages, embedded_images};
use crate::registry;

/// What is built into a node in addition to its base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeArtifacts {
    /// The system that they are laid out for.
    target: Target,
    /// Where its programs come from, and their version.
    programs: Option<(Programs, String)>,
    /// The folder of the CNI plugins, where the system has none.
    plugins: Option<PathBuf>,
    /// Whether pods run in CRI-O: its files in the folder of the programs are included then.
    cri_o: bool,
    images: Option<EmbeddedImages>,
}

impl NodeArtifacts {
    /// What `node` needs, according to the spec and the command line.
    pub fn of(node: &Node, fetch: &FetchOptions) -> Result<Self> {
        let programs = match &node.kubernetes {
            Some(kubernetes) => programs_of(kubernetes, fetch),
            None => None,
        };
        let plugins = match (&node.kubernetes, &programs) {
            (Some(kubernetes), Some((programs, _))) => plugins_of(node, kubernetes, programs)?,
            _ => None,
        };
        let cri_o = node.runtime() == Runtime::CriO;
        if let (Some(kubernetes), Some((programs, _)), true) = (&node.kubernetes, &programs, cri_o)
        {
            check_cri_o(kubernetes, programs)?;
        }
        Ok(Self {
            target: node.target,
            programs,
            plugins,
            cri_o,
            images: embedded_images(node),
        })
    }

    /// Adds the images of `other`, and what reads them, so that one base serves both.
    pub fn add(&mut self, other: &Self) {
        self.cri_o |= other.cri_o;
        let Some(more) = &other.images else {
            return;
        };
        let own = self.images.get_or_insert_default();
        for image in &more.listed {
            if !own.listed.contains(image) {
                own.listed.push(image.clone());
            }
        }
        for image in &more.needed {
            if !own.needed.contains(image) {
                own.needed.push(image.clone());
            }
        }
        own.needed.sort();
    }

    /// `base` with all of it.
    pub fn laid_over(
        &self,
        mut base: Base,
        fetch: &FetchOptions,
        lock_file: &Path,
        session: &Session<'_>,
    ) -> Result<Base> {
        if self.programs.is_none() && self.images.is_none() {
            return Ok(base);
        }
        let progress = session.progress();
        let arch = base.arch;
        let system = self.target.facts();
        let mut store = ArtifactStore::open(fetch, arch, lock_file, false, session)?;
        let mut folder = None;
        if let Some((programs, version)) = &self.programs {
            let mut cri_o = Vec::new();
            let programs = match programs {
                Programs::Folder(path) => {
                    folder = Some(path);
                    if self.cri_o {
                        // Nodes that need what is missing have said so.
                        cri_o = crio::programs_in(path).unwrap_or_default();
                    }
                    extensions::programs_in(path)
                }
                Programs::Site(site) => {
                    let names: Vec<&str> = extensions::program_names().collect();
                    store
                        .site(site, version)
                        .all(&names, &mut store.pins, progress)
                        .with_context(|| {
                            format!(
                                "taking Kubernetes' programs from {site} (--programs names a folder or another site)"
                            )
                        })?
                }
            };
            let plugins = self.plugins.as_deref().map(extensions::plugins_in);
            let programs = extensions::Programs {
                kubernetes: &programs,
                plugins: plugins.as_deref().unwrap_or_default(),
                cri_o: &cri_o,
            };
            let cache = &store.access.cache;
            let extension = extensions::kubernetes(cache, arch, system, programs, progress)?;
            base = base.with_extension(extension);
        }
        if let Some(wanted) = &self.images {
            let extension = loop {
                let images = store.images(wanted, folder.map(PathBuf::as_path), progress)?;
                let cache = &store.access.cache;
                let images = images::Images {
                    all: &images,
                    cri_o: self.cri_o,
                };
                match images::extension(cache, arch, system, images, progress) {
                    Ok(extension) => break extension,
                    Err(error) => store.discard_damaged(error, progress)?,
                }
            };
            base = base.with_extension(extension);
        }
        store.save()?;
        Ok(base)
    }
}

/// Where the programs that are embedded for `kubernetes` come from, upstream's site by default, and
/// their version. `None`: none are.
pub(super) fn programs_of(
    kubernetes: &Kubernetes,
    fetch: &FetchOptions,
) -> Option<(Programs, String)> {
    let Artifacts::Embedded { programs, .. } = &kubernetes.images else {
        return None;
    };
    let programs = fetch.programs.as_ref().or(programs.as_ref());
    let upstream = || Programs::Site(registry::DEFAULT_SITE.to_owned());
    Some((
        programs.cloned().unwrap_or_else(upstream),
        kubernetes.version.value.to_string(),
    ))
}

/// The folder of the CNI plugins that go with `programs`; `None`: the system has them, or
/// `kubernetes` needs none.
fn plugins_of(
    node: &Node,
    kubernetes: &Kubernetes,
    programs: &Programs,
) -> Result<Option<PathBuf>> {
    let Artifacts::Embedded { cni_plugins, .. } = &kubernetes.images else {
        return Ok(None);
    };
    if kubernetes.cni_plugins().is_none() {
        return Ok(None);
    }
    match (cni_plugins, programs) {
        (Some(folder), _) | (None, Programs::Folder(folder)) => Ok(Some(folder.clone())),
        (None, Programs::Site(site)) => Err(Error::Request(format!(
            "{} requires CNI plugins, which {} does not include and {site} does not serve: name their folder with \
             `artifacts: {{cni_plugins: …}}`",
            node.hostname.value,
            node.target.facts().title,
        ))),
    }
}

/// Refuses programs that lack some of CRI-O's, or have those of a release that does not match
/// Kubernetes.
fn check_cri_o(kubernetes: &Kubernetes, programs: &Programs) -> Result<()> {
    let wanted = kubernetes.version.value.minor;
    let (what, why) = match programs {
        Programs::Folder(folder) => {
            let shown = folder.display();
            match (crio::programs_in(folder), crio::minor_in(folder)) {
                (Err(missing), _) => (
                    "CRI-O programs are missing".to_owned(),
                    format!("{shown} lacks {}", missing.join(", ")),
                ),
                (Ok(_), Some(minor)) if minor != wanted => (
                    format!("CRI-O must match Kubernetes 1.{wanted}"),
                    format!("{shown} has CRI-O 1.{minor}"),
                ),
                (Ok(_), _) => return Ok(()),
            }
        }
        Programs::Site(site) => (
            "CRI-O programs are missing".to_owned(),
            format!("{site} does not serve them, nor does any other site: use a folder"),
        ),
    };
    let found = Diagnostic::error(codes::NO_CRI_O, kubernetes.runtime.span, what)
    .label(why)
    .help(format!(
        "unpack a release bundle of CRI-O 1.{wanted} (`cri-o.….tar.gz`) and put the programs of its `bin` into the folder of the \
         Kubernetes programs",
    ));
    Err(Error::Input(vec![found]))
}
