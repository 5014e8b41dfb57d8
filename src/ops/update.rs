//! The lock, made anew.

use crate::base;
use crate::lock::Lock;
use crate::pki::Access;

use super::{FetchOptions, Result, Session, SpecFile, pinning};

/// Pins the newest packages of every base that the nodes of `spec` need, and what they get from
/// registries and sites, in the spec's lock.
pub fn update(spec: &SpecFile, fetch: &FetchOptions, session: &mut Session<'_>) -> Result<()> {
    let mut cluster = spec.decide(Access::Look, session)?;
    let nodes = cluster.nodes.iter();
    let mut kinds: Vec<_> = nodes.map(|node| (node.arch, node.kernel)).collect();
    kinds.dedup();
    let mut lock = Lock::load(&spec.lock)?;
    for (arch, kernel) in kinds {
        let request = fetch.base(arch, kernel, &session.environment)?;
        base::update(&request, &mut lock, session.progress())?;
    }
    lock.save(&spec.lock)?;
    pinning::update(&mut cluster, fetch, &spec.lock, session)
}
