//! The labels that a policy of `SELinux` has for what imgbuild puts into images, and for its pods.
//!
//! Ignition labels what it writes itself, by the policy of the system. Images that are laid over
//! /usr bring their labels along: without any, their files have the type `unlabeled_t`, which
//! services may not run.

/// What imgbuild has to know of a system's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Types of folders with all that is in them; the last one that matches counts.
    folders: &'static [(&'static str, &'static str)],
    /// Types of programs by name, wherever they are.
    programs: &'static [(&'static str, &'static str)],
    /// The type of pods that use the node's files, which have labels of their own.
    pub trusted_pods: &'static str,
}

/// Fedora's policy `targeted`.
///
/// Folders: `corecommands.fc`, `files.fc` and `libraries.fc` of fedora-selinux/selinux-policy.
/// Programs: `container.fc` of containers/container-selinux 2.250, which has them for /usr/bin and
/// /usr/local/bin. What the kubelet creates in /var/lib gets the type `container_var_lib_t` only in
/// the domain `kubelet_t` (`container.te`), which its program's type leads to. Otherwise it would
/// be `var_lib_t`, which pods may not read.
pub const FEDORA: Policy = Policy {
    folders: &[
        ("/", "root_t"),
        ("/usr", "usr_t"),
        ("/usr/lib", "lib_t"),
        ("/usr/libexec", "bin_t"),
    ],
    programs: &[("kubelet", "kubelet_exec_t")],
    trusted_pods: "spc_t",
};

impl Policy {
    /// Returns the context of what is at `path`.
    pub fn label(&self, path: &str) -> String {
        let name = path.rsplit('/').next().unwrap_or_default();
        let program = self.programs.iter().find(|(program, _)| *program == name);
        let folder = (self.folders.iter().rev()).find(|(folder, _)| is_within(path, folder));
        let kind = program.or(folder).map_or("usr_t", |(_, kind)| kind);
        format!("system_u:object_r:{kind}:s0")
    }
}

/// Whether `path` is `folder`, or something in it.
fn is_within(path: &str, folder: &str) -> bool {
    (path.strip_prefix(folder)).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_their_labels() {
        for (path, kind) in [
            ("/", "root_t"),
            ("/usr", "usr_t"),
            ("/usr/lib", "lib_t"),
            ("/usr/lib/extension-release.d", "lib_t"),
            ("/usr/libexec/cni/bridge", "bin_t"),
            ("/usr/lib/kubernetes", "lib_t"),
            ("/usr/libexec/kubernetes/bin/kube-proxy", "bin_t"),
            ("/usr/libexec/kubernetes/bin/kubelet", "kubelet_exec_t"),
            ("/usr/lib/kubernetes/images/node.tar", "lib_t"),
        ] {
            let label = format!("system_u:object_r:{kind}:s0");
            assert_eq!(FEDORA.label(path), label, "{path}");
        }
    }
}
