//! Container runtimes, and the version of containerd's configuration.

use std::collections::BTreeSet;

use super::Decider;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::facts::kubernetes::choices::Role;
use crate::facts::systems::{ContainerdConfig, Target};
use crate::node::containers::{ContainerRuntime, RUNC, RuntimeKind};
use crate::spec;

impl Decider<'_> {
    /// Returns the runtimes in addition to runc.
    pub(super) fn runtimes(&mut self, written: &spec::Containerd) -> Vec<ContainerRuntime> {
        let mut runtimes = Vec::new();
        for (name, runtime) in &written.runtimes {
            if name.as_str() == RUNC {
                self.no_runtime(
                    name.span,
                    "every node already has the runtime `runc`",
                    "choose another name, and set `default_runtime:` to it",
                );
            }
            for (key, value) in [
                ("shim_path", &runtime.shim_path),
                ("config", &runtime.config),
            ] {
                if let (Some(value), Some(binary)) = (value, &runtime.binary) {
                    self.found.push(
                        Diagnostic::error(
                            codes::BAD_CONTAINER_RUNTIME,
                            value.span,
                            format!("`{key}` applies to shims only"),
                        )
                        .related(binary.span, "containerd's runc shim runs this program")
                        .help("remove it"),
                    );
                }
            }
            let kind = match (&runtime.binary, &runtime.shim) {
                (Some(binary), _) => RuntimeKind::Program(binary.value.clone()),
                (None, Some(shim)) => RuntimeKind::Shim {
                    name: shim.as_str().to_owned(),
                    program: runtime.shim_path.as_ref().map(|path| path.value.clone()),
                    settings: runtime.config.as_ref().map(|path| path.value.clone()),
                },
                (None, None) => continue, // reported when it was read
            };
            runtimes.push(ContainerRuntime {
                name: name.as_str().to_owned(),
                kind,
            });
        }
        runtimes
    }

    /// Returns the runtime of pods that select none.
    pub(super) fn default_runtime(&mut self, written: &spec::Containerd) -> Option<String> {
        let wanted = written.default_runtime.as_ref()?;
        let mut names = written.runtimes.iter().map(|(name, _)| name.as_str());
        if wanted.as_str() != RUNC && !names.any(|name| name == wanted.as_str()) {
            self.found.push(
                Diagnostic::error(
                    codes::UNKNOWN_CONTAINER_RUNTIME,
                    wanted.span,
                    format!("runtime `{}` is not defined", wanted.as_str()),
                )
                .help("define it under `runtimes:`"),
            );
        }
        Some(wanted.as_str().to_owned())
    }

    /// Returns the configuration version that the spec sets, or the one that the target's
    /// containerd reads.
    pub(super) fn containerd_config(
        &mut self,
        written: &spec::Containerd,
        target: Target,
    ) -> ContainerdConfig {
        let known = target.facts().containerd.config_versions;
        let own = known.first().copied().unwrap_or(ContainerdConfig::V2);
        let Some(wanted) = written.config_version else {
            return own;
        };
        if known.contains(&wanted.value) {
            return wanted.value;
        }
        let names: Vec<_> = known.iter().map(|version| version.as_str()).collect();
        self.found.push(
            Diagnostic::error(
                codes::NOT_FOR_TARGET,
                wanted.span,
                format!(
                    "containerd on target `{target}` does not support configuration version {}",
                    wanted.value.as_str()
                ),
            )
            .label(format!("supported versions: {}", names.join(", ")))
            .help("remove it"),
        );
        own
    }

    /// Reports runtimes of nodes that run no pods, and returns the names of all that nodes of a
    /// cluster have: the API gets a `RuntimeClass` for each.
    pub(super) fn runtime_classes(&mut self, cluster: &spec::Cluster) -> Vec<String> {
        let mut classes = BTreeSet::new();
        for node in &cluster.nodes {
            let Some(containerd) = &node.containerd else {
                continue;
            };
            let names = containerd.runtimes.iter().map(|(name, _)| name);
            match &node.kubernetes {
                Some(kubernetes) if kubernetes.role.value != Role::Standalone => {
                    classes.extend(names.map(|name| name.as_str().to_owned()));
                }
                Some(_) => {
                    // There is no API server to read the runtime class from.
                    let is_default = |name: &&str| {
                        (containerd.default_runtime.as_ref())
                            .is_some_and(|default| default.as_str() == *name)
                    };
                    for name in names.filter(|name| !is_default(&name.as_str())) {
                        self.no_runtime(
                            name.span,
                            "pods of a standalone kubelet cannot select a runtime",
                            "set `default_runtime:` to it, or remove it",
                        );
                    }
                }
                None => {
                    let default = containerd.default_runtime.as_ref().map(|name| name.span);
                    for span in names.map(|name| name.span).chain(default) {
                        self.no_runtime(span, "no pods run on this node", "add `kubernetes:`");
                    }
                }
            }
        }
        classes.into_iter().collect()
    }

    fn no_runtime(&mut self, at: Span, why: &str, help: &str) {
        let message = "invalid container runtime";
        self.found.push(
            Diagnostic::error(codes::BAD_CONTAINER_RUNTIME, at, message)
                .label(why)
                .help(help),
        );
    }
}
