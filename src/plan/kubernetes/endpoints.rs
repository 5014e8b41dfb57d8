//! The API endpoint of each node, and the etcd endpoints of each API server.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::super::etcd::Draft as EtcdDraft;
use super::Draft;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::names::Hostname;
use crate::node::images::ImageUse;
use crate::node::kubernetes::Role;
use crate::node::network::Network;
use crate::plan::Decider;
use crate::spec;

/// The name by which nodes know all control planes of a file, if the spec sets none.
const SHARED_NAME: &str = "kubernetes-api";

impl Decider<'_> {
    /// Returns the API endpoint of each node: the one that the spec sets, else the only control
    /// plane in the file, else a name that every node has for all of them. (Clients try all
    /// addresses of a name, so losing one of them is harmless.)
    pub(super) fn endpoints(&mut self, cluster: &spec::Cluster, drafts: &mut [Option<Draft>]) {
        let planes: Vec<IpAddr> = drafts
            .iter()
            .flatten()
            .filter(|draft| draft.role.has_control_plane())
            .filter_map(|draft| draft.node_ip)
            .collect();
        for (written, draft) in cluster.nodes.iter().zip(drafts) {
            let (Some(written), Some(draft)) = (&written.kubernetes, draft) else {
                continue;
            };
            if let Some(endpoint) = &written.endpoint {
                draft.endpoint_host.clone_from(&endpoint.host);
                draft.port = endpoint.port.unwrap_or(spec::API_PORT);
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
                [one] => draft.endpoint_host = one.to_string(),
                several => {
                    SHARED_NAME.clone_into(&mut draft.endpoint_host);
                    draft.api_servers = several.to_vec();
                }
            }
        }
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
            let Some(draft) = draft
                .as_mut()
                .filter(|draft| draft.role.has_control_plane())
            else {
                continue;
            };
            let error = |code, message: &str, help: &str| {
                Diagnostic::error(code, draft.span, format!("`{}` {message}", draft.node_name))
                    .help(help)
            };
            if let Some(external) = &draft.settings.external_etcd {
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
                draft.etcd_servers.clone_from(&external.endpoints);
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
            draft.etcd_pod = own.as_ref().and_then(|own| own.member.pod.clone());
            if let (Some(pod), Some(member)) = (&draft.etcd_pod, own)
                && pod.image.is_some()
            {
                self.not_given(&draft.images, ImageUse::Etcd, "etcd", member.member.span);
            }
            // Its own member answers as long as the cluster has a quorum, as with kubeadm.
            let own = own.iter().flat_map(|etcd| &etcd.member.listen_client_urls);
            let own = own
                .clone()
                .find(|url| url.contains("//127.0.0.1:"))
                .or_else(|| {
                    own.clone()
                        .find(|url| !url.contains("//0.0.0.0:") && !url.contains("//[::]:"))
                });
            draft.etcd_servers = own.map_or_else(|| everywhere.clone(), |url| vec![url.clone()]);
        }
    }
}

/// Tells each control plane which API servers start before its own, and which after.
pub(super) fn order_api_servers(drafts: &mut [Option<Draft>]) {
    let all: Vec<SocketAddr> = (drafts.iter().flatten())
        .filter_map(Draft::advertise)
        .collect();
    let planes = (drafts.iter_mut().flatten()).filter(|draft| draft.advertise().is_some());
    for (index, plane) in planes.enumerate() {
        plane.other_api_servers = (all[..index].to_vec(), all[index + 1..].to_vec());
    }
}

/// Returns the first static address that is routable for others.
pub(crate) fn static_address(network: &Network) -> Option<IpAddr> {
    let all = network.interfaces.iter().flat_map(|i| &i.addresses);
    all.map(|address| address.addr())
        .find(|address| !matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()))
}

impl Draft {
    /// Returns the entries of `/etc/hosts` for the name that all control planes share. They bypass
    /// the checks: this name has several addresses on purpose, and clients of the API try each.
    pub(crate) fn hosts(&self) -> Vec<(Located<IpAddr>, Vec<Hostname>)> {
        let name: Hostname = SHARED_NAME.parse().expect("the constant is a name");
        let servers = self.api_servers.iter();
        servers
            .map(|address| (Located::new(*address, self.span), vec![name.clone()]))
            .collect()
    }

    /// Returns everything that the certificate of the API server on this node covers; empty if
    /// there is none.
    pub(super) fn api_server_names(&self) -> BTreeSet<String> {
        if !self.role.has_control_plane() {
            return BTreeSet::new();
        }
        let mut names = self.settings.dns.clone();
        names.extend(self.settings.addresses.iter().map(ToString::to_string));
        names.extend(self.node_ip.iter().map(ToString::to_string));
        names.insert(self.node_name.clone());
        names.insert(self.endpoint_host.clone());
        names
    }

    /// Returns the URL of the API server on this node; `None` if there is none.
    pub(super) fn advertise(&self) -> Option<SocketAddr> {
        let node_ip = self.node_ip.filter(|_| self.role.has_control_plane())?;
        Some(SocketAddr::new(node_ip, self.port))
    }
}
