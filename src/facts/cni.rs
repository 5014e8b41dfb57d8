//! The pod networks: one row of facts each, so that only the module that writes a network's files
//! needs to know which one it works with.

use crate::words::words;

/// The network of a node's pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cni {
    /// The `bridge` plugin of the base.
    Bridge,
    /// flannel, from a manifest of imgbuild's.
    Flannel,
    /// A known one, from its own manifests, which the user brings.
    Released(ReleasedCni),
    /// Another one, from the user's own manifests.
    Manifests,
    /// Whatever the user installs later.
    None,
}

words! {
    /// A pod network that its own manifests install.
    pub enum ReleasedCni {
        /// Calico: routes by BGP, IP in IP or VXLAN, with policies.
        Calico = "calico",
        /// flannel's network with Calico's policies.
        Canal = "canal",
        /// Cilium: eBPF programs, over VXLAN or Geneve or with routes.
        Cilium = "cilium",
        /// Weave Net: a mesh over VXLAN.
        Weave = "weave",
        /// kube-router: routes by BGP and IP in IP, with policies.
        KubeRouter = "kube-router",
    }
}

/// What nodes send each other for their pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeTraffic {
    /// First and last port.
    Tcp(u16, u16),
    /// First and last port.
    Udp(u16, u16),
    /// A protocol without ports, by its number
    /// (<https://www.iana.org/assignments/protocol-numbers>) and its name.
    Ip(u8, &'static str),
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
    /// Kernel parameters that it needs, in the form of `sysctl.d(5)`.
    pub sysctls: &'static [(&'static str, &'static str)],
    /// The values of `net.ipv4.conf.all.rp_filter` with which it works; empty: any.
    pub rp_filters: &'static [&'static str],
    /// What nodes receive from each other, with any settings.
    pub traffic: &'static [NodeTraffic],
    /// Names of the links that it creates on a node, besides those that many have in common; `*`
    /// stands for anything.
    pub links: &'static [&'static str],
}

/// flannel: one release for all supported versions of Kubernetes, and for nodes with docker.
pub const FLANNEL_IMAGE: PodImage = ("ghcr.io/flannel-io/flannel", "v0.28.9");

/// Installs flannel's CNI plugin.
pub const FLANNEL_PLUGIN_IMAGE: PodImage =
    ("ghcr.io/flannel-io/flannel-cni-plugin", "v1.9.1-flannel3");

/// One that asks nothing of a node.
const PLAIN: CniFacts = CniFacts {
    name: "",
    about: None,
    shares: PodShares::Cluster,
    uses_plugins: true,
    images: &[],
    modules: &[],
    sysctls: &[],
    rp_filters: &[],
    traffic: &[],
    links: &[],
};

const BRIDGE: CniFacts = CniFacts {
    name: "bridge",
    about: Some("The CNI plugins of the base, with routes between the nodes of the file."),
    shares: PodShares::Build,
    uses_plugins: true,
    ..PLAIN
};

const FLANNEL: CniFacts = CniFacts {
    name: "flannel",
    about: Some("flannel, over VXLAN."),
    shares: PodShares::Cluster,
    uses_plugins: true,
    images: &[FLANNEL_IMAGE, FLANNEL_PLUGIN_IMAGE],
    // They follow from its backend.
    ..PLAIN
};

const MANIFESTS: CniFacts = CniFacts {
    name: "manifests",
    about: None,
    shares: PodShares::Cluster,
    uses_plugins: true,
    ..PLAIN
};

const NONE: CniFacts = CniFacts {
    name: "none",
    about: Some("None, or one that you install yourself."),
    shares: PodShares::Optional,
    uses_plugins: false,
    ..PLAIN
};

/// Felix, Calico's agent, does not start where the kernel's check of sources is loose (2) for all
/// links. 0 leaves each link its own value; it sets those of pods' links itself.
const FELIX_SYSCTLS: &[(&str, &str)] = &[("net.ipv4.conf.all.rp_filter", "0")];
const FELIX_RP_FILTERS: &[&str] = &["0", "1"];

const CALICO: CniFacts = CniFacts {
    name: "calico",
    // Its IPAM hands out blocks of its pools.
    shares: PodShares::Optional,
    modules: &["ipip", "vxlan", "ip_set", "xt_set"],
    sysctls: FELIX_SYSCTLS,
    rp_filters: FELIX_RP_FILTERS,
    traffic: &[
        NodeTraffic::Ip(4, "IP in IP"),
        // BGP, Typha
        NodeTraffic::Tcp(179, 179),
        NodeTraffic::Tcp(5473, 5473),
        // VXLAN, WireGuard of each address family
        NodeTraffic::Udp(4789, 4789),
        NodeTraffic::Udp(51820, 51821),
    ],
    links: &[
        "tunl0",
        "vxlan-v6.calico",
        "wireguard.cali",
        "wg-v6.cali",
        "bpf*.cali",
    ],
    ..PLAIN
};

const CANAL: CniFacts = CniFacts {
    name: "canal",
    modules: &["vxlan", "ip_set", "xt_set"],
    sysctls: FELIX_SYSCTLS,
    rp_filters: FELIX_RP_FILTERS,
    traffic: &[
        // Typha; flannel's VXLAN and WireGuard
        NodeTraffic::Tcp(5473, 5473),
        NodeTraffic::Udp(8472, 8472),
        NodeTraffic::Udp(51820, 51821),
    ],
    ..PLAIN
};

const CILIUM: CniFacts = CniFacts {
    name: "cilium",
    // By default its operator hands out shares of its own pool.
    shares: PodShares::Optional,
    modules: &[
        "vxlan",
        "geneve",
        "sch_ingress",
        "cls_bpf",
        "ip_set",
        "xt_set",
        "xt_socket",
        "xt_TPROXY",
        "xt_CT",
    ],
    // Packets come and go by different links. systemd sets 2 on every new link.
    sysctls: &[
        ("net.ipv4.conf.all.rp_filter", "0"),
        ("net.ipv4.conf.cilium_*.rp_filter", "0"),
        ("net.ipv4.conf.lxc*.rp_filter", "0"),
    ],
    rp_filters: &["0"],
    traffic: &[
        // IPsec
        NodeTraffic::Ip(50, "ESP"),
        // Health checks, Hubble
        NodeTraffic::Tcp(4240, 4240),
        NodeTraffic::Tcp(4244, 4244),
        // VXLAN, Geneve, WireGuard
        NodeTraffic::Udp(8472, 8472),
        NodeTraffic::Udp(6081, 6081),
        NodeTraffic::Udp(51871, 51871),
    ],
    ..PLAIN
};

const WEAVE: CniFacts = CniFacts {
    name: "weave",
    shares: PodShares::Optional,
    modules: &["openvswitch", "vxlan", "ip_set", "xt_set"],
    traffic: &[
        // Encrypted packets of its fast datapath
        NodeTraffic::Ip(50, "ESP"),
        NodeTraffic::Tcp(6783, 6783),
        NodeTraffic::Udp(6783, 6784),
    ],
    links: &["weave", "datapath", "vxlan-6784"],
    ..PLAIN
};

const KUBE_ROUTER: CniFacts = CniFacts {
    name: "kube-router",
    modules: &[
        "ipip",
        "ip6_tunnel",
        "fou",
        "ip_set",
        "xt_set",
        "xt_ipvs",
        "ip_vs",
        "ip_vs_rr",
        "nf_conntrack",
    ],
    traffic: &[
        NodeTraffic::Ip(4, "IP in IP"),
        NodeTraffic::Ip(41, "IPv6 in IP"),
        // BGP
        NodeTraffic::Tcp(179, 179),
        // FoU
        NodeTraffic::Udp(5555, 5555),
    ],
    links: &["kube-bridge", "kube-dummy-if", "tun-*"],
    ..PLAIN
};

impl ReleasedCni {
    /// Returns the facts about it.
    fn facts(self) -> &'static CniFacts {
        match self {
            Self::Calico => &CALICO,
            Self::Canal => &CANAL,
            Self::Cilium => &CILIUM,
            Self::Weave => &WEAVE,
            Self::KubeRouter => &KUBE_ROUTER,
        }
    }
}

impl Cni {
    /// Those that a word alone names, and the user's own, in the order in which users read about
    /// them.
    pub const ALL: [Self; 4] = [Self::Bridge, Self::Flannel, Self::Manifests, Self::None];

    /// Returns the facts about it.
    pub fn facts(self) -> &'static CniFacts {
        match self {
            Self::Bridge => &BRIDGE,
            Self::Flannel => &FLANNEL,
            Self::Released(released) => released.facts(),
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
