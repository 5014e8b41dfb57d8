//! The API endpoint of each node, and the etcd endpoints of each API server.

use std::net::{IpAddr, SocketAddr};

use super::super::etcd::Draft as EtcdDraft;
use super::{Draft, shared_address};
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::kubernetes::choices::Role;
use crate::names::Hostname;
use crate::node::Node;
use crate::node::network::Network;
use crate::plan::Decider;
use crate::spec;

/// The name by which nodes know all control planes of a file, if the spec sets none.
const SHARED_NAME: &str = "kubernetes-api";

impl Decider<'_> {
    /// Returns the API endpoint of each node: the one that the spec sets, else the only control
    /// plane in the file, else a name that every node has for all of them. (Clients try all
    /// addresses of a name, so losing one of them is harmless.)
    pub(super) fn endpoints(
        &mut self,
        cluster: &spec::Cluster,
        nodes: &[Node],
        drafts: &mut [Option<Draft>],
    ) {
        let planes: Vec<IpAddr> = drafts
            .iter()
            .flatten()
            .filter(|draft| draft.role.has_control_plane())
            .filter_map(|draft| draft.node_ip)
            .collect();
        for (written, draft) in cluster.nodes.iter().zip(&mut *drafts) {
            let (Some(written), Some(draft)) = (&written.kubernetes, draft) else {
                continue;
            };
            if let Some(endpoint) = &written.endpoint {
                let (host, port) = match endpoint {
                    spec::KubernetesEndpoint::Host(endpoint) => (
                        endpoint.host.clone(),
                        endpoint.port.unwrap_or(spec::API_PORT),
                    ),
                    spec::KubernetesEndpoint::Shared(shared) => {
                        (shared.vip.value.to_string(), shared.port().value.0)
                    }
                };
                draft.settings.endpoint.host = host;
                draft.settings.endpoint.port = port;
                if let Some(plane) = draft.plane_mut() {
                    plane.advertise.set_port(port);
                }
                continue;
            }
            match planes.as_slice() {
                [] if draft.role == Role::Worker => self.found.push(
                    Diagnostic::error(
                        codes::NO_CONTROL_PLANE,
                        written.role.span,
                        format!("worker `{}` has no control plane to join", draft.node_name),
                    )
                    .help("add a node with `role: control-plane` to the file, or set `endpoint:`"),
                ),
                [] => {}
                [one] => draft.settings.endpoint.host = one.to_string(),
                several => {
                    SHARED_NAME.clone_into(&mut draft.settings.endpoint.host);
                    draft.settings.endpoint.addresses = several.to_vec();
                }
            }
        }
        shared_address::decide(cluster, nodes, drafts);
    }

    pub(super) fn etcd_servers(
        &mut self,
        drafts: &mut [Option<Draft>],
        etcd: &[Option<EtcdDraft>],
    ) {
        let everywhere: Vec<String> = etcd
            .iter()
            .flatten()
            .flat_map(|etcd| etcd.member.advertise_client_urls.iter().cloned())
            .collect();
        for (draft, own) in drafts.iter_mut().zip(etcd) {
            let Some(Draft { settings, member }) = draft else {
                continue;
            };
            let Some(plane) = member.as_mut().and_then(|it| it.control_plane.as_mut()) else {
                continue;
            };
            let (draft, plane) = (&*settings, &mut plane.settings);
            let error = |code, message: &str, help: &str| {
                Diagnostic::error(code, draft.span, format!("`{}` {message}", draft.node_name))
                    .help(help)
            };
            if let Some(external) = &plane.external_etcd {
                if !everywhere.is_empty() {
                    self.found.push(
                        Diagnostic::error(
                            codes::BAD_EXTERNAL_ETCD,
                            draft.span,
                            format!(
                                "`{}` has both an internal and an external etcd",
                                draft.node_name
                            ),
                        )
                        .label("`external_etcd` requires that no node in the file runs etcd")
                        .help("keep either `etcd:` or `external_etcd:`"),
                    );
                }
                plane.etcd_servers.clone_from(&external.endpoints);
                continue;
            }
            if everywhere.is_empty() {
                self.found.push(error(
                    codes::NO_ETCD_FOR_API,
                    "runs a control plane, but no node in this file runs etcd",
                    "add `etcd: {}` to the node, or specify `external_etcd:`",
                ));
            }
            if etcd.iter().flatten().any(|etcd| !etcd.tls) {
                self.found.push(error(
                    codes::PLAIN_ETCD_FOR_API,
                    "runs a control plane on an etcd without TLS",
                    "remove `tls: false`",
                ));
            }
            plane.etcd_pod = own.as_ref().and_then(|own| own.member.pod.clone());
            // Its own member answers as long as the cluster has a quorum, as with kubeadm.
            let own = own.iter().flat_map(|etcd| &etcd.member.listen_client_urls);
            let own = own
                .clone()
                .find(|url| url.contains("//127.0.0.1:"))
                .or_else(|| {
                    own.clone()
                        .find(|url| !url.contains("//0.0.0.0:") && !url.contains("//[::]:"))
                });
            plane.etcd_servers = own.map_or_else(|| everywhere.clone(), |url| vec![url.clone()]);
        }
    }
}

/// Tells each control plane which API servers start before its own, and which after.
pub(super) fn order_api_servers(drafts: &mut [Option<Draft>]) {
    let all: Vec<SocketAddr> = (drafts.iter().flatten())
        .filter_map(|draft| Some(draft.control_plane()?.advertise))
        .collect();
    let planes = drafts.iter_mut().flatten().filter_map(Draft::plane_mut);
    for (index, plane) in planes.enumerate() {
        plane.earlier = all[..index].to_vec();
        plane.later = all[index + 1..].to_vec();
    }
}

/// Returns the first static address that is routable for others.
pub(crate) fn static_address(network: &Network) -> Option<IpAddr> {
    static_addresses(network).next()
}

/// Returns the node's first static address of a family.
pub(super) fn address_of_family(network: &Network, is_v4: bool) -> Option<IpAddr> {
    static_addresses(network).find(|address| address.is_ipv4() == is_v4)
}

fn static_addresses(network: &Network) -> impl Iterator<Item = IpAddr> {
    let all = network.interfaces.iter().flat_map(|i| &i.addresses);
    all.map(|address| address.addr())
        .filter(|address| !matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()))
}

impl Draft {
    /// Returns the entries of `/etc/hosts` for the name that all control planes share. They bypass
    /// the checks: this name has several addresses on purpose, and clients of the API try each.
    pub(crate) fn hosts(&self) -> Vec<(Located<IpAddr>, Vec<Hostname>)> {
        let name: Hostname = SHARED_NAME.parse().expect("the constant is a name");
        let servers = self.endpoint.addresses.iter();
        servers
            .map(|address| (Located::new(*address, self.span), vec![name.clone()]))
            .collect()
    }
}
