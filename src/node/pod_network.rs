//! The pod network of a node, decided.

use ipnet::IpNet;

use crate::facts::cni::{Cni, NodeTraffic};
use crate::node::addons::Manifest;
use crate::node::flannel::Flannel;
use crate::node::images::{ImageRef, ImageUse};

/// The pod network: the facts about it, with what its settings add to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodNetwork {
    pub kind: Cni,
    /// The node's share of each pod network, if the build assigns it.
    pub node_pods: Vec<IpNet>,
    /// The images of its pods.
    pub images: Vec<ImageRef>,
    /// Kernel modules that it needs.
    pub modules: Vec<&'static str>,
    /// What the node receives from the other nodes for its pods.
    pub traffic: Vec<NodeTraffic>,
    /// The settings of flannel.
    pub flannel: Option<Flannel>,
    /// The user's own manifests of it.
    pub manifests: Vec<Manifest>,
}

impl From<Cni> for PodNetwork {
    /// A network without settings.
    fn from(kind: Cni) -> Self {
        let facts = kind.facts();
        let images = facts.images.iter();
        Self {
            kind,
            node_pods: Vec::new(),
            images: images
                .map(|image| ImageRef::new(ImageUse::PodNetwork, *image))
                .collect(),
            modules: facts.modules.to_vec(),
            traffic: facts.traffic.to_vec(),
            flannel: None,
            manifests: Vec::new(),
        }
    }
}
