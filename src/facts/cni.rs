//! The pod networks: one row of facts each, so that only the module that writes a network's files
//! needs to know which one it works with.

/// The network of a node's pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cni {
    /// The `bridge` plugin of the base.
    Bridge,
    /// flannel, from a manifest of imgbuild's.
    Flannel,
    /// The user's own manifests.
    Manifests,
    /// Whatever the user installs later.
    None,
}

/// Who assigns each node its share of the pod network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodShares {
    /// The build: the share is in the node's image, with routes to those of the other nodes.
    Build,
    /// The controller manager (`podCIDR` of a Node).
    Cluster,
    /// The controller manager, but the network may use other addresses.
    Optional,
}

/// An image of pods: its name with the registry, and its tag.
pub type PodImage = (&'static str, &'static str);

/// The facts about one pod network.
#[derive(Debug, PartialEq, Eq)]
pub struct CniFacts {
    /// Its name.
    pub name: &'static str,
    /// What it is, for users; `None`: `cni:` takes its settings, and not its name.
    pub about: Option<&'static str>,
    pub shares: PodShares,
    /// Whether it needs the [`CNI_PLUGINS`].
    pub uses_plugins: bool,
    /// The images of the pods that a manifest of imgbuild's starts.
    pub images: &'static [PodImage],
    /// Kernel modules that it needs with any settings.
    pub modules: &'static [&'static str],
    /// UDP ports on which nodes receive packets of the others' pods, with any settings.
    pub udp_ports: &'static [u16],
}

/// flannel: one release for all supported versions of Kubernetes, and for nodes with docker.
pub const FLANNEL_IMAGE: PodImage = ("ghcr.io/flannel-io/flannel", "v0.28.9");

/// Installs flannel's CNI plugin.
pub const FLANNEL_PLUGIN_IMAGE: PodImage =
    ("ghcr.io/flannel-io/flannel-cni-plugin", "v1.9.1-flannel3");

const BRIDGE: CniFacts = CniFacts {
    name: "bridge",
    about: Some("The CNI plugins of the base, with routes between the nodes of the file."),
    shares: PodShares::Build,
    uses_plugins: true,
    images: &[],
    modules: &[],
    udp_ports: &[],
};

const FLANNEL: CniFacts = CniFacts {
    name: "flannel",
    about: Some("flannel, over VXLAN."),
    shares: PodShares::Cluster,
    uses_plugins: true,
    images: &[FLANNEL_IMAGE, FLANNEL_PLUGIN_IMAGE],
    // They follow from its backend.
    modules: &[],
    udp_ports: &[],
};

const MANIFESTS: CniFacts = CniFacts {
    name: "manifests",
    about: None,
    shares: PodShares::Cluster,
    uses_plugins: true,
    images: &[],
    modules: &[],
    udp_ports: &[],
};

const NONE: CniFacts = CniFacts {
    name: "none",
    about: Some("None, or one that you install yourself."),
    shares: PodShares::Optional,
    uses_plugins: false,
    images: &[],
    modules: &[],
    udp_ports: &[],
};

impl Cni {
    /// All of them, in the order in which users read about them.
    pub const ALL: [Self; 4] = [Self::Bridge, Self::Flannel, Self::Manifests, Self::None];

    /// Returns the facts about it.
    pub fn facts(self) -> &'static CniFacts {
        match self {
            Self::Bridge => &BRIDGE,
            Self::Flannel => &FLANNEL,
            Self::Manifests => &MANIFESTS,
            Self::None => &NONE,
        }
    }

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        self.facts().name
    }
}

/// The CNI plugins that pods need on any network: the loopback device, and those for bridges and
/// the networks built on them.
pub const CNI_PLUGINS: [&str; 4] = ["bridge", "host-local", "loopback", "portmap"];
