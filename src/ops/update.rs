//! The lock, made anew.

use crate::base;
use crate::facts::debian::BaseKind;
use crate::lock::Lock;
use crate::node::Node;
use crate::pki::Access;

use super::{FetchOptions, Result, Session, SpecFile, pinning};

/// Pins the newest packages of every base that the nodes of `spec` need, and what they get from
/// registries and sites, in the spec's lock.
pub fn update(spec: &SpecFile, fetch: &FetchOptions, session: &mut Session<'_>) -> Result<()> {
    let mut cluster = spec.decide(Access::Look, session)?;
    let nodes = cluster.nodes.iter();
    // Media of other systems have the boot loaders of a base.
    let of_media = |node: &Node| BaseKind::new(node.arch, node.kernel);
    let mut kinds: Vec<_> = nodes
        .map(|node| node.base_kind().unwrap_or_else(|| of_media(node)))
        .collect();
    kinds.dedup();
    let mut lock = Lock::load(&spec.lock)?;
    for kind in kinds {
        let request = fetch.base(&kind, &session.environment)?;
        base::update(&request, &mut lock, session.progress())?;
    }
    lock.save(&spec.lock)?;
    pinning::update(&mut cluster, fetch, &spec.lock, session)
}
