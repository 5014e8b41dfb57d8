//! The facts about the hyperkube of Kubernetes 1.9, which is older than the versions in
//! [`crate::facts::kubernetes::version::RELEASES`].

use crate::facts::kubernetes::tables::{Component, under};

const FLAGS: &str = include_str!("hyperkube_flags.txt");

/// A minor whose components are one program, in one image.
#[derive(Debug, PartialEq, Eq)]
pub struct Hyperkube {
    pub minor: u16,
    /// The image, without its tag.
    pub image: &'static str,
    /// The suffix of the version in CoreOS' tags.
    pub tag_suffix: &'static str,
    /// `apiVersion` of the scheduler's configuration.
    pub scheduler_config: &'static str,
    /// `apiVersion` of kube-proxy's configuration.
    pub proxy_config: &'static str,
    /// The feature gate that kube-proxy's `ipvs` mode requires. Gates are a single text up to 1.9,
    /// a map since 1.10.
    pub ipvs_gate: &'static str,
    /// The health endpoints of controller manager and scheduler, over HTTP.
    pub controller_manager_port: u16,
    pub scheduler_port: u16,
}

/// Kubernetes 1.9.
pub const HYPERKUBE: Hyperkube = Hyperkube {
    minor: 9,
    image: "quay.io/coreos/hyperkube",
    tag_suffix: "_coreos.0",
    scheduler_config: "componentconfig/v1alpha1",
    proxy_config: "kubeproxy.config.k8s.io/v1alpha1",
    ipvs_gate: "SupportIPVSProxyMode",
    controller_manager_port: 10252,
    scheduler_port: 10251,
};

/// Returns the flags of `component` that the reference of Kubernetes 1.9 lists.
pub fn flags(component: Component) -> impl Iterator<Item = &'static str> {
    let own = under(FLAGS, component.as_str());
    own.chain(under(FLAGS, "logging"))
}
