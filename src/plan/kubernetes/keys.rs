//! The key settings on which the nodes of a cluster must agree, and which nodes join by token.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};

use super::Draft;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::kubernetes::choices::{Join, Role};
use crate::facts::systems::Target;
use crate::node::Node;
use crate::pki::{ClusterToken, KeyAlgorithm, Keys};
use crate::plan::Decider;
use crate::spec::{self, TokenSetting};

/// The key settings that the nodes of a cluster share.
#[derive(Debug)]
pub(crate) struct ClusterKeys {
    /// The algorithm for new private keys.
    pub algorithm: KeyAlgorithm,
    /// `None`: nodes do not join by token.
    token: Option<TokenSetting>,
    /// How long a generated token is valid; `None`: without end.
    lifetime: Option<Duration>,
}

impl ClusterKeys {
    /// Decides them from what the nodes of `cluster` set.
    pub(crate) fn new(cluster: &spec::Cluster) -> Self {
        let algorithm: Located<KeyAlgorithm> = (written(cluster))
            .find_map(|it| it.key_algorithm)
            .unwrap_or_else(|| spec::Kubernetes::default_of("key_algorithm"));
        let token = written(cluster).find_map(|it| it.bootstrap_token.as_ref());
        let joins = written(cluster).any(|it| it.join().value == Join::Token);
        Self {
            algorithm: algorithm.value,
            token: (token.map(|token| token.value.clone()))
                .or(joins.then_some(TokenSetting::Generate)),
            lifetime: written(cluster)
                .find_map(|it| it.bootstrap_token_ttl)
                .map(|ttl| ttl.duration()),
        }
    }

    /// Returns whether nodes without a certificate can join the cluster.
    pub(crate) fn admits_by_token(&self) -> bool {
        self.token.is_some()
    }

    /// Prepares `keys` for the cluster by setting the algorithm of new keys. Returns the bootstrap
    /// token, which is created if it is wanted and does not exist yet.
    pub(crate) fn prepare(&self, keys: &mut Keys) -> Result<Option<ClusterToken>> {
        keys.set_algorithm(self.algorithm);
        match &self.token {
            Some(TokenSetting::Given(token)) => Ok(Some(token.clone().into())),
            Some(TokenSetting::Generate) => keys.bootstrap_token(self.lifetime).map(Some),
            None => Ok(None),
        }
    }
}

/// Returns what the spec says of Kubernetes, node by node.
fn written(cluster: &spec::Cluster) -> impl Iterator<Item = &spec::Kubernetes> {
    cluster.nodes.iter().filter_map(|n| n.kubernetes.as_ref())
}

/// Gives each node its Kubernetes, with the keys from `keys`.
///
/// `token`: the result of [`ClusterKeys::prepare`].
pub(crate) fn with_keys<'a>(
    drafts: impl Iterator<Item = (&'a mut Node, Option<Draft>)>,
    keys: &mut Keys,
    token: Option<&ClusterToken>,
) -> Result<()> {
    let finish = |(node, draft): (&mut Node, Draft), keys: &mut Keys| {
        let name = node.hostname.as_str();
        let decided = draft
            .with_keys(keys, token)
            .with_context(|| format!("preparing the Kubernetes keys of {name}"))?;
        node.kubernetes = Some(decided);
        Ok(())
    };
    let drafts = drafts.filter_map(|(node, draft)| Some((node, draft?)));
    // Control planes share keys, such as the administrator's.
    let (planes, others): (Vec<_>, Vec<_>) =
        drafts.partition(|(_, draft)| draft.role.has_control_plane());
    for plane in planes {
        finish(plane, keys)?;
    }
    if others.iter().any(|(_, draft)| draft.needs_keys()) {
        // Shared by all of them.
        keys.kubernetes_authority_certificate()
            .context("preparing the Kubernetes keys")?;
    }
    keys.on_all_processors(others, finish)?;
    Ok(())
}

impl Decider<'_> {
    /// Reports nodes that cannot join by token, and nodes with different key settings.
    pub(super) fn check_keys(&mut self, cluster: &spec::Cluster, drafts: &[Option<Draft>]) {
        let has_plane = (drafts.iter().flatten()).any(|draft| draft.role.has_control_plane());
        let is_given = written(cluster).any(|written| {
            let token = written.bootstrap_token.as_ref();
            token.is_some_and(|token| matches!(token.value, TokenSetting::Given(_)))
        });
        for (node, draft) in cluster.nodes.iter().zip(drafts) {
            let (Some(written), Some(draft)) = (&node.kubernetes, draft) else {
                continue;
            };
            let join = written.join();
            if join.value != Join::Token {
                continue;
            }
            let name = &draft.node_name;
            if draft.role != Role::Worker {
                self.found.push(
                    Diagnostic::error(
                        codes::TOKEN_FOR_NON_WORKER,
                        join.span,
                        format!(
                            "`{name}` has role `{}` and cannot join with a token",
                            draft.role.as_str()
                        ),
                    )
                    .help("only workers can; remove `join: token`"),
                );
            } else if !has_plane && !is_given {
                self.found.push(
                    Diagnostic::error(
                        codes::TOKEN_UNKNOWN_TO_CLUSTER,
                        join.span,
                        format!("`{name}` has no token that its cluster accepts"),
                    )
                    .help(
                        "create one with `kubeadm token create` and set it as `bootstrap_token:`",
                    ),
                );
            }
        }
        let algorithms = written(cluster).filter_map(|it| it.key_algorithm);
        self.agree("key_algorithm", algorithms);
        let tokens = written(cluster).filter_map(|it| it.bootstrap_token.clone());
        self.agree("bootstrap_token", tokens);
        let lifetimes = written(cluster).filter_map(|it| it.bootstrap_token_ttl);
        self.agree("bootstrap_token_ttl", lifetimes);
        self.lifetimes(cluster, is_given);
    }

    /// Reports lifetimes of tokens that imgbuild does not make, and warns of workers that would
    /// need an expired one.
    fn lifetimes(&mut self, cluster: &spec::Cluster, is_given: bool) {
        let mut told = BTreeSet::new();
        for node in &cluster.nodes {
            let Some((kubernetes, ttl)) = (node.kubernetes.as_ref())
                .and_then(|written| Some((written, written.bootstrap_token_ttl?)))
            else {
                continue;
            };
            // Once for settings that nodes share.
            if is_given && told.insert(ttl.span) {
                self.found.push(
                    Diagnostic::error(
                        codes::LIFETIME_OF_GIVEN_TOKEN,
                        ttl.span,
                        "only a generated token can be given a lifetime",
                    )
                    .help("use `bootstrap_token: generate`, or remove this"),
                );
            }
            let joins = kubernetes.join();
            let is_in_memory = node.target().value == Target::Debian
                && node.storage_device.is_none()
                && node.storage.is_none();
            if joins.value == Join::Token && is_in_memory {
                self.found.push(
                    Diagnostic::warning(
                        codes::TOKEN_EXPIRES,
                        joins.span,
                        "this worker cannot join again once its token has expired",
                    )
                    .label("its certificate is in memory, and gone after a restart")
                    .help("add `storage_device:`, a disk to keep it on"),
                );
            }
        }
    }

    fn agree<T: PartialEq>(&mut self, what: &str, mut values: impl Iterator<Item = Located<T>>) {
        let Some(first) = values.next() else { return };
        for other in values.filter(|other| other.value != first.value) {
            self.found.push(
                Diagnostic::error(
                    codes::KUBE_DISAGREEMENT,
                    other.span,
                    format!("two nodes of one cluster have different values of `{what}`"),
                )
                .related(first.span, "the other node")
                .help("set it once, at the top level next to `nodes:`"),
            );
        }
    }
}
