//! The bases in the cache: built ahead, listed, and removed when nobody uses them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::base;
use crate::base::{Base, Collected, Kept, StoredBase};
use crate::facts::debian::BaseKind;
use crate::lock::Lock;
use crate::registry;

use super::fetch::{cache, locked_base};
use super::{FetchOptions, Result, Session};

/// Which base is built.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// The kernel of the options below takes precedence.
    pub kind: BaseKind,
    /// The lock that pins its packages, and where those that it does not pin yet are pinned;
    /// `None`: the newest packages are taken.
    pub lock: Option<PathBuf>,
    pub fetch: FetchOptions,
}

/// Builds a base, unless the cache has it.
pub fn build(options: &BuildOptions, session: &Session<'_>) -> Result<Base> {
    let fetch = &options.fetch;
    let request = fetch.base(&options.kind, &session.environment)?;
    if let Some(file) = &options.lock {
        return locked_base(&request, file, session);
    }
    let mut lock = Lock::default();
    Ok(base::ensure(&request, &mut lock, session.progress())?)
}

/// The bases in the cache; `named`: the folder of another than the environment's.
pub fn list(named: Option<&Path>, session: &Session<'_>) -> Result<Vec<StoredBase>> {
    Ok(base::list(&cache(named, &session.environment)?)?)
}

/// What is removed from the cache.
#[derive(Debug, Clone)]
pub struct CollectOptions {
    /// How long something has been of no use before it goes.
    pub unused_for: Duration,
    /// Locks; what these name stays.
    pub locks: Vec<PathBuf>,
    /// The folder of the cache; `None`: the environment's.
    pub cache: Option<PathBuf>,
}

/// A month.
impl Default for CollectOptions {
    fn default() -> Self {
        Self {
            unused_for: Duration::from_secs(30 * 24 * 60 * 60),
            locks: Vec::new(),
            cache: None,
        }
    }
}

/// Removes bases, packages, programs and images that were not used for a while from the cache.
pub fn collect(options: &CollectOptions, session: &Session<'_>) -> Result<Collected> {
    let locks = options.locks.iter();
    let keep = locks
        .map(|file| Lock::load(file))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let cache = cache(options.cache.as_deref(), &session.environment)?;
    let kept = Kept::new(&keep, registry::reachable(&cache, &keep)?);
    let now = session.now();
    Ok(base::collect(&cache, &kept, options.unused_for, now)?)
}
