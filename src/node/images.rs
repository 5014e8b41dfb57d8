//! The container images that upstream provides for a node with Kubernetes.
//!
//! Versions that belong to a minor are in
//! [`RELEASES`](crate::facts::kubernetes::version::RELEASES), those of pod networks with the facts
//! about them ([`crate::facts::cni`]).

use std::fmt;

use crate::facts::add_ons::AddOn;
use crate::facts::kubernetes::version::Release;

/// Upstream's registry.
const REGISTRY: &str = "registry.k8s.io";

/// The use of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageUse {
    /// The sandbox of every pod.
    Pause,
    ApiServer,
    ControllerManager,
    Scheduler,
    Proxy,
    /// kube-proxy in pods that also run on nodes without its program.
    ProxyEverywhere,
    /// etcd as a pod, with a separate image.
    Etcd,
    /// The cluster's DNS.
    CoreDns,
    /// The pod network's pods.
    PodNetwork,
    AddOn(AddOn),
}

impl ImageUse {
    /// Returns whether [`Images::Embedded`](crate::node::kubernetes::Images::Embedded) with a
    /// folder of programs does not need it.
    pub fn is_in_programs(self) -> bool {
        match self {
            Self::Pause
            | Self::ApiServer
            | Self::ControllerManager
            | Self::Scheduler
            | Self::Proxy => true,
            Self::ProxyEverywhere
            | Self::Etcd
            | Self::CoreDns
            | Self::PodNetwork
            | Self::AddOn(_) => false,
        }
    }
}

/// An image of upstream by its name and tag: `registry.k8s.io/pause:3.10.2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageRef {
    pub used_for: ImageUse,
    /// With the registry, without the tag: `registry.k8s.io/coredns/coredns`.
    pub repository: String,
    pub tag: String,
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

impl ImageRef {
    pub(crate) fn upstream(used_for: ImageUse, name: &str, tag: impl Into<String>) -> Self {
        Self {
            used_for,
            repository: format!("{REGISTRY}/{name}"),
            tag: tag.into(),
        }
    }

    pub(crate) fn new(used_for: ImageUse, (repository, tag): (&str, &str)) -> Self {
        Self {
            used_for,
            repository: repository.to_owned(),
            tag: tag.to_owned(),
        }
    }

    /// Returns the images of an add-on, in the order of its facts.
    pub(crate) fn of_add_on(add_on: AddOn) -> impl Iterator<Item = Self> {
        let images = add_on.facts().images.iter();
        images.map(move |image| Self::new(ImageUse::AddOn(add_on), *image))
    }

    /// Returns the etcd image that kubeadm of this minor uses.
    pub(crate) fn etcd(release: &Release) -> Self {
        Self::upstream(ImageUse::Etcd, "etcd", &*release.etcd)
    }

    /// Returns the CoreDNS image that kubeadm of this minor uses.
    pub(crate) fn core_dns(release: &Release) -> Self {
        Self::upstream(ImageUse::CoreDns, "coredns/coredns", &*release.core_dns)
    }
}
