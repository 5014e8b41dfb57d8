//! The pod network, DNS and add-ons, decided.

use ipnet::IpNet;

use super::Decider;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::add_ons::AddOn;
use crate::facts::cni::Cni;
use crate::facts::kubernetes::choices::{ProxyImage, ProxyMode, Role};
use crate::facts::kubernetes::version::Release;
use crate::facts::network::Dhcp;
use crate::node::Node;
use crate::node::addons::CoreDns;
use crate::node::cluster_networks::Networks;
use crate::node::images::{ImageRef, ImageUse};
use crate::node::kubernetes::Images;
use crate::node::network::Network;
use crate::node::pod_network::PodNetwork;
use crate::spec;
use crate::spec::decode::written_as;

/// The minor since which kube-proxy's IPVS mode is deprecated (KEP-5495).
const IPVS_DEPRECATED: u16 = 35;

impl Decider<'_> {
    /// Returns the pod network; shares of the addresses are assigned later.
    pub(super) fn cni(&mut self, written: &spec::Kubernetes) -> PodNetwork {
        match written.cni() {
            spec::KubernetesCni::Word(word) if word.value == Cni::Flannel => {
                let flannel: spec::KubernetesFlannel = written_as("{}", word.span);
                self.flannel_in_pods(&flannel.carriage())
            }
            spec::KubernetesCni::Word(word) => PodNetwork::from(word.value),
            spec::KubernetesCni::Settings(settings) => match &settings.flannel {
                Some(flannel) => self.flannel_in_pods(&flannel.carriage()),
                None => PodNetwork {
                    manifests: self.of_pod_network(written),
                    ..PodNetwork::from(
                        (settings.kind).map_or(Cni::Manifests, |kind| Cni::Released(kind.value)),
                    )
                },
            },
        }
    }

    /// Returns the add-ons that the spec asks for.
    pub(super) fn add_ons(&mut self, written: &spec::Kubernetes, node: &Node) -> Vec<AddOn> {
        let storage = written.storage();
        let metrics = written.metrics();
        let asked = [
            (
                AddOn::LocalPath,
                storage.value == spec::KubernetesStorage::LocalPath,
                storage.span,
            ),
            (AddOn::Metrics, metrics.value, metrics.span),
        ];
        let mut add_ons = Vec::new();
        for (add_on, is_asked, span) in asked {
            if is_asked && written.role.value == Role::Standalone {
                self.found.push(
                    Diagnostic::error(
                        codes::NO_SUCH_ROLE,
                        span,
                        format!(
                            "a standalone kubelet has no cluster for {}",
                            add_on.facts().name
                        ),
                    )
                    .help("remove it, or choose another role"),
                );
            } else if is_asked {
                add_ons.push(add_on);
            }
        }
        let runs_pods = written.role.value != Role::ControlPlane;
        if add_ons.contains(&AddOn::LocalPath)
            && runs_pods
            && node.storage_device.is_none()
            && node.target.facts().debian.is_some()
        {
            self.found.push(
                Diagnostic::warning(
                    codes::VOLUMES_IN_MEMORY,
                    storage.span,
                    format!(
                        "volumes on `{}` are lost when it restarts",
                        node.hostname.value
                    ),
                )
                .label("they are kept in memory")
                .help("add `storage_device:`, a disk to keep them on"),
            );
        }
        add_ons
    }

    /// Returns how services reach their pods.
    pub(super) fn proxy_mode(&mut self, written: &spec::Kubernetes) -> ProxyMode {
        let mode = written.proxy().mode();
        if mode.value == ProxyMode::Ipvs && written.version.value.minor >= IPVS_DEPRECATED {
            self.found.push(
                Diagnostic::warning(
                    codes::IPVS_IS_DEPRECATED,
                    mode.span,
                    format!("kube-proxy's `ipvs` mode is deprecated since 1.{IPVS_DEPRECATED}"),
                )
                .help("use `nftables`, which is as fast and not deprecated"),
            );
        }
        let mut gates = written.feature_gates.iter();
        if mode.value == ProxyMode::Ipvs
            && let Some((_, off)) =
                gates.find(|(gate, on)| gate.as_str() == "KubeProxyIPVS" && !on.value)
        {
            self.found.push(
                Diagnostic::error(
                    codes::BAD_FEATURE_GATE,
                    off.span,
                    "kube-proxy's `ipvs` mode requires the feature gate KubeProxyIPVS",
                )
                .related(mode.span, "the mode is set here")
                .help("use `nftables`, or remove the gate"),
            );
        }
        mode.value
    }

    /// Returns what the pods of kube-proxy's `DaemonSet` run; `None`: it is a static pod, or not
    /// used.
    pub(super) fn proxy_image(
        &mut self,
        written: &spec::Kubernetes,
        role: Role,
        images: &Images,
    ) -> Option<ProxyImage> {
        let proxy = written.proxy();
        let wanted = proxy.daemon_set();
        if proxy.mode().value == ProxyMode::None {
            self.proxy_is_off(&proxy);
            return None;
        }
        if !wanted.value {
            if let Some(image) = proxy.image {
                self.found.push(
                    Diagnostic::error(
                        codes::PROXY_IMAGE_WITHOUT_DAEMON_SET,
                        image.span,
                        "kube-proxy as a static pod has no image to choose",
                    )
                    .label("it runs the program that the node has, or the image that it pulls")
                    .help("add `daemon_set: true`, or remove `image`"),
                );
            }
            return None;
        }
        if role == Role::Standalone {
            self.found.push(
                Diagnostic::error(
                    codes::NO_SUCH_ROLE,
                    wanted.span,
                    "a standalone kubelet has no cluster to run kube-proxy for",
                )
                .help("remove `proxy`"),
            );
            return None;
        }
        let pulled = matches!(images, Images::Pulled { .. });
        let image = match proxy.image.map(|image| image.value) {
            Some(image) => image,
            None if pulled => ProxyImage::Upstream,
            None => ProxyImage::Node,
        };
        if let (ProxyImage::Node, true, Some(written)) = (image, pulled, proxy.image) {
            self.found.push(
                Diagnostic::error(
                    codes::NOT_OF_PULL,
                    written.span,
                    "not supported with `pull`",
                )
                .label("the node has no kube-proxy program")
                .help("use `image: upstream`, or remove it"),
            );
        }
        Some(image)
    }

    /// Reports settings of a kube-proxy that does not run.
    fn proxy_is_off(&mut self, proxy: &spec::KubernetesProxy) {
        let daemon_set = proxy.daemon_set.filter(|wanted| wanted.value);
        let settings = [
            ("daemon_set", daemon_set.map(|it| it.span)),
            ("image", proxy.image.map(|it| it.span)),
            ("config", proxy.config.as_ref().map(spec::FreeMap::span)),
        ];
        for (key, span) in settings {
            let Some(span) = span else {
                continue;
            };
            self.found.push(
                Diagnostic::error(
                    codes::PROXY_IS_OFF,
                    span,
                    format!("`{key}` is of a kube-proxy that does not run"),
                )
                .related(proxy.mode().span, "it is off")
                .help("remove one of the two"),
            );
        }
    }
}

/// Returns CoreDNS: what the spec asks for, and what it leaves open, which takes its place where
/// the image can be had.
pub(super) fn core_dns(
    written: &spec::Kubernetes,
    release: &Release,
    role: Role,
    network: &Network,
    cni: &PodNetwork,
    images: &Images,
) -> (Option<CoreDns>, Option<CoreDns>) {
    let dns = || CoreDns {
        image: ImageRef::core_dns(release),
        replicas: if role == Role::Single { 1 } else { 2 },
        forwards: (network.interfaces.iter())
            .any(|interface| interface.dhcp != Dhcp::No || !interface.dns.is_empty()),
    };
    if role == Role::Standalone {
        return (None, None);
    }
    match written.dns.map(|dns| dns.value) {
        Some(spec::KubernetesDns::None) => (None, None),
        Some(spec::KubernetesDns::Coredns) => (Some(dns()), None),
        None if images.give(ImageUse::CoreDns) => (Some(dns()), None),
        None => (None, (cni.kind != Cni::None).then(dns)),
    }
}

/// Returns the networks without host bits.
pub(super) fn networks(written: &spec::KubernetesNetworks) -> Networks {
    let truncated = |net: Located<IpNet>| net.map(|net| net.trunc());
    Networks {
        first: truncated(written.first),
        second: written.second.map(truncated),
    }
}
