//! The key settings on which the nodes of a cluster must agree, and which nodes join by token.

use anyhow::{Context, Result};

use super::Draft;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::node::Node;
use crate::node::kubernetes::Role;
use crate::pki::{BootstrapToken, KeyAlgorithm, Keys};
use crate::plan::Decider;
use crate::spec::{self, KubernetesJoin, KubernetesKeyAlgorithm, TokenSetting};

/// The key settings in a node's spec.
#[derive(Debug)]
pub(super) struct Written {
    algorithm: Option<Located<KubernetesKeyAlgorithm>>,
    join: Located<KubernetesJoin>,
    token: Option<Located<TokenSetting>>,
}

impl Written {
    pub(super) fn new(written: &spec::Kubernetes) -> Self {
        Self {
            algorithm: written.key_algorithm,
            join: written.join(),
            token: written.bootstrap_token.clone(),
        }
    }

    pub(super) fn joins_by_token(&self) -> bool {
        self.join.value == KubernetesJoin::Token
    }
}

/// Returns the algorithm for new private keys of the cluster.
pub(crate) fn key_algorithm(drafts: &[Option<Draft>]) -> KeyAlgorithm {
    let mut written = drafts.iter().flatten().filter_map(|d| d.keys.algorithm);
    let algorithm: Located<KubernetesKeyAlgorithm> =
        (written.next()).unwrap_or_else(|| spec::Kubernetes::default_of("key_algorithm"));
    match algorithm.value {
        KubernetesKeyAlgorithm::EcdsaP256 => KeyAlgorithm::EcdsaP256,
        KubernetesKeyAlgorithm::Rsa2048 => KeyAlgorithm::Rsa2048,
    }
}

/// Prepares `keys` for the cluster by setting the algorithm of new keys. Returns the bootstrap
/// token, which is created if it is wanted and does not exist yet.
pub(crate) fn prepare(drafts: &[Option<Draft>], keys: &mut Keys) -> Result<Option<BootstrapToken>> {
    let written = || drafts.iter().flatten().map(|draft| &draft.keys);
    keys.set_algorithm(key_algorithm(drafts));
    match written().find_map(|w| w.token.as_ref()) {
        Some(Located {
            value: TokenSetting::Given(token),
            ..
        }) => Ok(Some(token.clone())),
        Some(_) => keys.bootstrap_token().map(Some),
        None if written().any(Written::joins_by_token) => keys.bootstrap_token().map(Some),
        None => Ok(None),
    }
}

/// Finishes the Kubernetes of each node from its draft, with the keys from `keys`.
///
/// `token`: the result of [`prepare`].
pub(crate) fn with_keys<'a>(
    drafts: impl Iterator<Item = (&'a mut Node, Option<Draft>)>,
    keys: &mut Keys,
    token: Option<&BootstrapToken>,
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
    pub(super) fn check_keys(&mut self, drafts: &[Option<Draft>]) {
        let drafts: Vec<&Draft> = drafts.iter().flatten().collect();
        let has_plane = drafts.iter().any(|draft| draft.role.has_control_plane());
        let is_given = drafts.iter().any(|draft| {
            let token = draft.keys.token.as_ref();
            token.is_some_and(|token| matches!(token.value, TokenSetting::Given(_)))
        });
        for draft in &drafts {
            if !draft.keys.joins_by_token() {
                continue;
            }
            let join = draft.keys.join;
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
        let algorithms = drafts.iter().filter_map(|draft| draft.keys.algorithm);
        self.agree("key_algorithm", algorithms);
        let tokens = drafts.iter().filter_map(|draft| draft.keys.token.clone());
        self.agree("bootstrap_token", tokens);
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
