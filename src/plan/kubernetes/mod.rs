//! `kubernetes:` with every default filled in, and what it requires of the node's network.

mod applied;
mod control_plane;
mod endpoints;
mod finished;
mod keys;
mod no_control_plane;
mod openings;
mod pods;
mod released_network;
mod shared_address;

use std::net::{IpAddr, Ipv4Addr};

use endpoints::address_of_family;
pub(super) use endpoints::static_address;
pub(super) use keys::{ClusterKeys, with_keys};

use super::Decider;
use super::etcd::Draft as EtcdDraft;
use super::kubernetes_addons;
use crate::diagnostic::{Diagnostic, Sources, codes};
use crate::facts::kubernetes::choices::{ProxyMode, Role};
use crate::node::Node;
use crate::node::kubernetes::{
    ApiEndpoint, ControlPlane, Kubernetes, Member, NodeSettings, PlaneSettings, ProxyPod,
};
use crate::node::kubernetes_keys::WithoutKeys;
use crate::spec;

/// Fields of `KubeletConfiguration` that give a kubelet another certificate for its clients.
const OWN_CERTIFICATES: [&str; 2] = ["tlsCertFile", "serverTLSBootstrap"];

/// A node's Kubernetes before the key folder is read.
pub(super) type Draft = Kubernetes<WithoutKeys>;

impl Decider<'_> {
    /// Decides Kubernetes on each of `nodes`, and adds the host names, routes and firewall rules
    /// that it requires.
    pub(super) fn kubernetes(
        &mut self,
        cluster: &spec::Cluster,
        nodes: &mut [Node],
        etcd: &[Option<EtcdDraft>],
        sources: &Sources,
    ) -> Vec<Option<Draft>> {
        let mut drafts: Vec<Option<Draft>> = (cluster.nodes.iter().zip(&*nodes))
            .map(|(spec, node)| {
                let written = spec.kubernetes.as_ref()?;
                Some(self.draft(written, spec.containerd.as_ref(), node, sources))
            })
            .collect();
        // Nodes of another kind come after those that have drafts.
        drafts.resize_with(nodes.len(), || None);
        self.without_control_plane(cluster, &mut drafts);
        self.endpoints(cluster, nodes, &mut drafts);
        endpoints::order_api_servers(&mut drafts);
        self.etcd_servers(&mut drafts, etcd);
        self.pod_networks(&mut drafts);
        self.check_keys(cluster, &drafts);
        self.check_manifests(cluster);
        self.released_networks(cluster);
        let classes = self.runtime_classes(cluster);
        for draft in drafts.iter_mut().flatten() {
            if let Some(plane) = draft.plane_mut() {
                plane.runtime_classes.clone_from(&classes);
            }
        }
        if kubelets_are_known(cluster, &drafts) {
            for plane in drafts.iter_mut().flatten().filter_map(Draft::plane_mut) {
                plane.verifies_kubelets = true;
            }
        }
        super::super::check::kubernetes(&drafts, nodes, &mut self.found);
        let pods = pods::of_all(&drafts);
        let addresses = (drafts.iter().flatten())
            .flat_map(|draft| draft.node_ips())
            .collect();
        for (node, draft) in nodes.iter_mut().zip(&drafts) {
            if let Some(draft) = draft {
                pods::route(node, draft, &pods);
                if draft.role != Role::Standalone {
                    pods::route_to_services(&mut node.network, draft);
                }
                openings::open(node, draft, &addresses);
                shared_address::keep(&mut node.network, draft);
            }
        }
        drafts
    }

    fn draft(
        &mut self,
        written: &spec::Kubernetes,
        containerd: Option<&spec::Containerd>,
        node: &Node,
        sources: &Sources,
    ) -> Draft {
        let role = written.role.value;
        let images = self.artifacts(written, node.target, sources);
        let runtime = self.runtime(written, containerd, node.target, &images);
        let cni = self.cni(written);
        let release = self.known.release(*written.version);
        let (core_dns, default_dns) =
            kubernetes_addons::core_dns(written, &release, role, &node.network, &cni, &images);
        let manifests = self.manifests(written);
        let proxy_image = self.proxy_image(written, role, &images);
        let node_ip = self.own_address(written, role, node);
        let pod_networks = kubernetes_addons::networks(&written.pod_network());
        let second_node_ip = (pod_networks.second.and(node_ip))
            .and_then(|first| address_of_family(&node.network, !first.is_ipv4()));
        self.check_flags(written);
        let proxy = self.proxy(written);
        let kubelet = self.kubelet(written, node, role);
        // A control plane without an address is an error.
        let address = node_ip.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        let plane = self.plane_settings(written, address, manifests);
        let static_pods = self.static_pods(written, role);
        Kubernetes {
            settings: NodeSettings {
                version: written.version,
                release,
                role,
                node_name: node.hostname.to_string(),
                node_ip,
                endpoint: ApiEndpoint {
                    host: String::new(),
                    port: spec::API_PORT,
                    addresses: Vec::new(),
                    span: written
                        .endpoint
                        .as_ref()
                        .map(spec::KubernetesEndpoint::span),
                    shared: None,
                },
                second_node_ip,
                pod_networks,
                service_networks: kubernetes_addons::networks(&written.service_network()),
                domain: written.domain().to_string(),
                cni,
                core_dns,
                default_dns,
                add_ons: self.add_ons(written, node),
                kubelet,
                images,
                runtime,
                system: node.target.facts(),
                static_pods,
                span: written.span,
            },
            member: (role != Role::Standalone).then(|| Member {
                join: written.join().value,
                keys: (),
                proxy_pod: match proxy_image {
                    _ if proxy.mode == ProxyMode::None => ProxyPod::None,
                    Some(image) => ProxyPod::DaemonSet(image),
                    None => ProxyPod::Static { client: () },
                },
                proxy,
                control_plane: role.has_control_plane().then_some(ControlPlane {
                    settings: plane,
                    keys: (),
                }),
            }),
        }
    }

    /// Returns the node's static address, which a control plane requires.
    fn own_address(
        &mut self,
        written: &spec::Kubernetes,
        role: Role,
        node: &Node,
    ) -> Option<IpAddr> {
        // Of the family in which the API is a service, if the node has such an address.
        let is_v4 = written.service_network().first.value.addr().is_ipv4();
        let node_ip =
            address_of_family(&node.network, is_v4).or_else(|| static_address(&node.network));
        if role.has_control_plane() && node_ip.is_none() {
            self.found.push(
                Diagnostic::error(
                    codes::NO_STATIC_ADDRESS,
                    written.role.span,
                    format!(
                        "control plane node `{}` has no static address",
                        node.hostname.value
                    ),
                )
                .help("give one of its interfaces an entry under `addresses:`"),
            );
        }
        node_ip
    }
}

/// Returns whether an API server can verify the certificates of all kubelets: they are of the
/// cluster's authority, and name the addresses at which the API server reaches them. Nodes that
/// join by token make their own, and those with DHCP have no address yet.
fn kubelets_are_known(cluster: &spec::Cluster, drafts: &[Option<Draft>]) -> bool {
    let is_known = |draft: &Draft| {
        let kubelet = &draft.kubelet;
        draft.node_ip.is_some()
            && !kubelet.extra_args.contains_key("node-ip")
            && !OWN_CERTIFICATES
                .iter()
                .any(|field| kubelet.settings.contains_key(*field))
    };
    let mut members = (drafts.iter().flatten()).filter(|draft| draft.role != Role::Standalone);
    !ClusterKeys::new(cluster).admits_by_token() && members.all(is_known)
}

impl Draft {
    /// Returns the settings of the control plane on this node.
    fn plane_mut(&mut self) -> Option<&mut PlaneSettings> {
        let plane = self.member.as_mut()?.control_plane.as_mut()?;
        Some(&mut plane.settings)
    }
}
