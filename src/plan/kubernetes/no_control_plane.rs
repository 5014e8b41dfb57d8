//! A file that has no control plane: its nodes join one that others made.

use super::Draft;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::kubernetes::choices::Role;
use crate::plan::Decider;
use crate::spec;

impl Decider<'_> {
    /// Reports settings of the control plane in a file that has none, and leaves the DNS to those
    /// who made the cluster.
    pub(super) fn without_control_plane(
        &mut self,
        cluster: &spec::Cluster,
        drafts: &mut [Option<Draft>],
    ) {
        if (drafts.iter().flatten()).any(|draft| draft.role.has_control_plane()) {
            return;
        }
        for (node, draft) in cluster.nodes.iter().zip(&mut *drafts) {
            let is_open = (node.kubernetes.as_ref()).is_some_and(|it| it.dns.is_none());
            if let Some(draft) = draft.as_mut().filter(|_| is_open) {
                (draft.settings.core_dns, draft.settings.default_dns) = (None, None);
            }
        }
        for written in cluster
            .nodes
            .iter()
            .filter_map(|node| node.kubernetes.as_ref())
        {
            let kubelet =
                (written.kubelet.as_ref()).filter(|_| written.role.value == Role::Standalone);
            let label = kubelet.and_then(|kubelet| Some(kubelet.labels.first()?.0.span));
            let taint = kubelet.and_then(|kubelet| Some(kubelet.taints.first()?.span));
            for (key, span) in [("labels", label), ("taints", taint)] {
                if let Some(span) = span {
                    self.found.push(
                        Diagnostic::error(
                            codes::NO_SUCH_ROLE,
                            span,
                            format!("a standalone kubelet has no API server to store its {key}"),
                        )
                        .help("remove them"),
                    );
                }
            }
            for (key, span) in [
                (
                    "extra_sans",
                    written.extra_sans.first().map(|name| name.span),
                ),
                ("audit", written.audit.as_ref().map(|audit| audit.span)),
                ("encryption", written.encryption.as_ref().map(|e| e.span)),
                (
                    "external_etcd",
                    written.external_etcd.as_ref().map(|e| e.span),
                ),
            ] {
                if let Some(span) = span {
                    self.found.push(
                        Diagnostic::error(
                            codes::NO_SUCH_ROLE,
                            span,
                            format!(
                                "`{key}` applies to control planes, and no node in this file is one"
                            ),
                        )
                        .help("remove it, or add a node with `role: control-plane`"),
                    );
                }
            }
        }
    }
}
