//! Pod networks that come with manifests of their own, beside the rest of the spec.

use super::ClusterKeys;
use crate::check::{Beside, released_network, unled};
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::cni::{Cni, ReleasedCni};
use crate::facts::kubernetes::choices::{ProxyMode, Role};
use crate::manifests::installed;
use crate::plan::{Decider, kubernetes_addons};
use crate::spec::{self, KubernetesCni};

impl Decider<'_> {
    /// Checks the pod network of each node of `cluster` that is in one.
    pub(super) fn released_networks(&mut self, cluster: &spec::Cluster) {
        let kubeadm_settings = ClusterKeys::new(cluster).admits_by_token();
        let mut found: Vec<Diagnostic> = Vec::new();
        let nodes = cluster.nodes.iter().filter_map(|n| n.kubernetes.as_ref());
        for written in nodes.filter(|written| written.role.value != Role::Standalone) {
            let mut of_node = Vec::new();
            self.released_network(written, kubeadm_settings, &mut of_node);
            // The same setting of several nodes is said once.
            of_node.retain(|diagnostic| !found.contains(diagnostic));
            found.extend(of_node);
        }
        self.found.extend(found);
    }

    fn released_network(
        &self,
        written: &spec::Kubernetes,
        kubeadm_settings: bool,
        found: &mut Vec<Diagnostic>,
    ) {
        let proxy = written.proxy();
        let mode = proxy.mode();
        let settings = match written.cni() {
            KubernetesCni::Settings(settings) if settings.flannel.is_none() => settings,
            KubernetesCni::Word(word) if word.value == Cni::None => return,
            KubernetesCni::Word(_) | KubernetesCni::Settings(_) => {
                if mode.value == ProxyMode::None {
                    found.push(unled(mode));
                }
                return;
            }
        };
        // What could not be read or rendered was reported.
        let Some(first) = self.network_place(written) else {
            return;
        };
        let files = self.applied(written);
        if let Some(kind) = settings.kind {
            let beside = Beside {
                pod_networks: kubernetes_addons::networks(&written.pod_network()),
                proxy: mode,
                proxy_objects: mode.value != ProxyMode::None && proxy.daemon_set().value,
                kubeadm_settings,
            };
            let installed = installed(kind.value, &files);
            released_network(kind, installed.as_ref(), &beside, found);
            return;
        }
        let known = ReleasedCni::ALL.iter().copied();
        if let Some(kind) = known
            .into_iter()
            .find(|kind| installed(*kind, &files).is_some())
        {
            found.push(
                Diagnostic::warning(
                    codes::OTHER_NETWORK_INSTALLED,
                    first,
                    format!(
                        "these manifests install {}, but `kind` is not set",
                        kind.as_str()
                    ),
                )
                .help(format!(
                    "add `kind: {}`, for what it needs of the nodes",
                    kind.as_str()
                )),
            );
        }
    }
}
