//! What a cluster has on request beside its components, from manifests of imgbuild's: one row of
//! facts each.

use super::cni::PodImage;

/// An add-on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddOn {
    /// Volumes on the disk of the node that a pod runs on (rancher/local-path-provisioner).
    LocalPath,
    /// What nodes and pods use, for `kubectl top` and autoscalers (kubernetes-sigs/metrics-server).
    Metrics,
}

/// The facts about one add-on.
#[derive(Debug, PartialEq, Eq)]
pub struct AddOnFacts {
    /// Its name, which its manifest has too.
    pub name: &'static str,
    /// The images of its pods, in the order of `{{image}}` and `{{helper}}` in its manifest.
    pub images: &'static [PodImage],
}

const LOCAL_PATH: AddOnFacts = AddOnFacts {
    name: "local-path",
    images: &[
        ("docker.io/rancher/local-path-provisioner", "v0.0.37"),
        // Creates and removes the folder of a volume, on its node.
        ("docker.io/library/busybox", "1.37.0"),
    ],
};

const METRICS: AddOnFacts = AddOnFacts {
    name: "metrics-server",
    images: &[("registry.k8s.io/metrics-server/metrics-server", "v0.8.1")],
};

impl AddOn {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::LocalPath, Self::Metrics];

    /// Returns the facts about it.
    pub fn facts(self) -> &'static AddOnFacts {
        match self {
            Self::LocalPath => &LOCAL_PATH,
            Self::Metrics => &METRICS,
        }
    }
}
