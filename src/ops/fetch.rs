//! Where packages, programs and images come from, and what may be done to get them.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::base;
use crate::base::{Base, BaseRequest, Mirror};
use crate::cache::Cache;
use crate::facts::debian::BaseKind;
use crate::facts::kernel::KernelFlavor;
use crate::lock::Lock;
use crate::node::containers::Programs;
use crate::registry::{self, Access, Mirrors};

use super::{Environment, Result, Session};

/// Where what a node is made of comes from. By default all of it is as the spec, the lock and the
/// host have it, and the network may be used.
#[derive(Debug, Clone, Default)]
pub struct FetchOptions {
    /// The kernel of the base, over the spec's.
    pub kernel: Option<KernelFlavor>,
    /// The mirror of Debian's packages; `None`: the host's own.
    pub mirror: Option<Mirror>,
    /// The folder of downloads and finished bases; `None`: as the environment says.
    pub cache: Option<PathBuf>,
    /// Where Kubernetes' programs come from, over the spec's.
    pub programs: Option<Programs>,
    /// Where registries are looked for instead.
    pub registry_mirrors: Mirrors,
    /// Touches no network: what is missing in the cache is an error.
    pub offline: bool,
    /// Never changes the lock: what is missing there is an error.
    pub locked: bool,
    /// Accepts package indexes that have expired, or are older than the lock's.
    pub allow_old_indexes: bool,
}

impl FetchOptions {
    /// The cache that is named, or that of `environment`.
    pub fn cache(&self, environment: &Environment) -> Result<Cache> {
        cache(self.cache.as_deref(), environment)
    }

    /// How a base of this kind is asked for, if the options name no other kernel.
    pub(super) fn base(&self, kind: &BaseKind, environment: &Environment) -> Result<BaseRequest> {
        Ok(BaseRequest {
            kind: BaseKind {
                kernel: self.kernel.unwrap_or(kind.kernel),
                ..kind.clone()
            },
            mirror: self.mirror.clone(),
            offline: self.offline,
            locked: self.locked,
            allow_old_indexes: self.allow_old_indexes,
            cache: self.cache(environment)?,
        })
    }

    /// How registries and sites are asked. With `refresh` what the lock pins is pinned anew.
    pub(super) fn access(&self, refresh: bool, environment: &Environment) -> Result<Access> {
        Ok(Access {
            offline: self.offline,
            locked: self.locked,
            refresh,
            cache: self.cache(environment)?,
        })
    }

    /// The registries of images.
    pub(super) fn registries(
        &self,
        access: &Access,
        environment: &Environment,
    ) -> registry::Images {
        let credentials = registry::Credentials::from_host(|name| environment.variable(name));
        registry::Images::new(access.clone(), self.registry_mirrors.clone(), credentials)
    }
}

/// The cache that is named, or that of `environment`.
pub(super) fn cache(named: Option<&Path>, environment: &Environment) -> Result<Cache> {
    Ok(match named {
        // Programs that are started with other working folders are given its paths.
        Some(path) => Cache::new(
            std::path::absolute(path)
                .with_context(|| format!("resolving the path {}", path.display()))?,
        ),
        None => Cache::locate(|name| environment.variable(name))?,
    })
}

/// The base that `request` describes, its packages as `lock_file` pins them; those not pinned yet
/// are added to the lock.
pub(super) fn locked_base(
    request: &BaseRequest,
    lock_file: &Path,
    session: &Session<'_>,
) -> Result<Base> {
    let mut lock = Lock::load(lock_file)?;
    let before = lock.to_text();
    let base = base::ensure(request, &mut lock, session.progress())?;
    if lock.to_text() != before {
        lock.save(lock_file)?;
    }
    Ok(base)
}
