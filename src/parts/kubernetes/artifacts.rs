//! Programs that the node fetches, and what pods need to run the node's programs.

use std::fmt::Write as _;

use crate::facts::kubernetes::tables::Component;
use crate::names::Arch;
use crate::node::fragment::{File, Fragment, Origin, Unit};
use crate::node::kubernetes::{Images, Kubernetes};
use crate::parts::names::{path, unit};
use crate::parts::template::fill;

/// The folder of fetched programs, by their hashes: it survives reboots if the node has persistent
/// storage.
const KEEP: &str = "/var/lib/imgbuild/programs";

const SCRIPT: &str = "/etc/kubernetes/imgbuild/fetch-programs";
const HASHES: &str = "/etc/kubernetes/imgbuild/programs";

/// Fetches the kubelet and kubectl. Nothing if the node has them.
pub fn programs(kubernetes: &Kubernetes, arch: Arch) -> Fragment {
    let Images::Pulled { site, known } = &kubernetes.images else {
        return Fragment::default();
    };
    let origin = Origin::new("programs", kubernetes.span);
    let hashes = (known.programs.iter()).fold(String::new(), |mut text, (name, hash)| {
        let _ = writeln!(text, "{hash} {name}"); // writing to a String does not fail
        text
    });
    let site = format!("{site}/v{}/bin/linux/{arch}", kubernetes.version.value);
    Fragment {
        files: vec![
            File::text(
                path(SCRIPT),
                include_str!("../../../manifests/fetch-programs.sh"),
                origin.clone(),
            ),
            File::text(path(HASHES), hashes, origin.clone()),
        ],
        units: vec![Unit::enabled(
            unit("imgbuild-programs.service"),
            fill(
                include_str!("../../../manifests/imgbuild-programs.service"),
                &[
                    ("script", SCRIPT),
                    ("site", &site.replace('%', "%%")),
                    ("programs", kubernetes.system.paths.programs),
                    ("keep", KEEP),
                    ("hashes", HASHES),
                ],
            ),
            origin,
        )],
        ..Fragment::default()
    }
}

/// The unit that provides the kubelet's programs, or the images of its pods; `None` if they are
/// built in.
pub fn unit_name(kubernetes: &Kubernetes) -> Option<&'static str> {
    if kubernetes.is_pulled() {
        Some("imgbuild-programs.service")
    } else {
        kubernetes.runtime.value.facts().images_unit
    }
}

/// The path by which a static pod runs `name`: the node's program, or the one in the pod's own
/// image.
pub fn program(kubernetes: &Kubernetes, component: Component) -> String {
    if kubernetes.is_pulled() {
        // In upstream's images it is on the PATH.
        component.to_string()
    } else {
        format!("{}/{component}", kubernetes.system.paths.programs)
    }
}

/// The mounts and volumes that a pod needs for the node's programs, as items of lists indented by
/// four spaces and by two; `more` are further folders of the node by name. Nothing if images
/// contain the programs.
pub fn volumes(kubernetes: &Kubernetes, more: &[(&str, &str)]) -> (String, String) {
    if kubernetes.is_pulled() {
        return (String::new(), String::new());
    }
    host_folders(&[&[("programs", kubernetes.system.paths.programs)], more].concat())
}

/// What lets a pod use the node's files where `SELinux` labels them, in a pod's `securityContext`;
/// nothing elsewhere. A label of their own would keep the files from the node's programs.
pub fn trusted(kubernetes: &Kubernetes) -> String {
    match &kubernetes.system.selinux {
        Some(policy) => format!("seLinuxOptions: {{type: {}}}", policy.trusted_pods),
        None => String::new(),
    }
}

/// The read-only mounts and volumes of folders of the node, by name, as items of lists indented by
/// four spaces and by two.
pub fn host_folders(folders: &[(&str, &str)]) -> (String, String) {
    let all = folders.iter();
    let mounts: Vec<String> = (all.clone())
        .map(|(name, at)| format!("- name: {name}\n      mountPath: {at}\n      readOnly: true"))
        .collect();
    let volumes: Vec<String> = all
        .map(|(name, at)| {
            format!("- name: {name}\n    hostPath:\n      path: {at}\n      type: Directory")
        })
        .collect();
    (mounts.join("\n    "), volumes.join("\n  "))
}
