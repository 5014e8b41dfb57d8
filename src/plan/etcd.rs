//! `etcd:` with every default filled in.
//!
//! A member with a static address listens there and on 127.0.0.1, as kubeadm's do. One whose
//! addresses come from DHCP listens on all of them and advertises its host name to clients; it must
//! be the only member of its cluster, unless the spec sets the URLs for its peers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::Decider;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::network::Dhcp;
use crate::names::authority;
use crate::node::Node;
use crate::node::etcd::EtcdMember;
use crate::node::network::Network;
use crate::spec::{self, EtcdUrl};

/// A member while its cluster is being put together.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub member: EtcdMember,
    /// Whether it uses TLS; its keys are created last.
    pub tls: bool,
    /// Names and addresses in its certificates in addition to the host's.
    pub dns: BTreeSet<String>,
    pub addresses: BTreeSet<IpAddr>,
    /// Whether `initial_cluster` follows from the nodes in the file.
    pub shares_cluster: bool,
    /// Whether the spec or a static address provides an address for peers.
    pub has_peer_address: bool,
}

/// URLs of one kind, located if the spec sets them.
struct Urls {
    texts: Vec<String>,
    hosts: Vec<String>,
}

impl Urls {
    fn written(urls: &[Located<EtcdUrl>]) -> Self {
        Self {
            texts: urls.iter().map(|url| url.as_str().to_owned()).collect(),
            hosts: urls.iter().map(|url| url.host.clone()).collect(),
        }
    }

    fn decided(scheme: &str, hosts: &[String], port: u16) -> Self {
        Self {
            texts: hosts
                .iter()
                .map(|host| format!("{scheme}://{}", authority(host, port)))
                .collect(),
            hosts: hosts.to_vec(),
        }
    }

    fn or(urls: &[Located<EtcdUrl>], scheme: &str, hosts: &[String], port: u16) -> Self {
        if urls.is_empty() {
            Self::decided(scheme, hosts, port)
        } else {
            Self::written(urls)
        }
    }
}

impl Decider<'_> {
    /// Returns the member of `node`; [`Decider::complete_clusters`] fills in `initial_cluster` if
    /// the spec does not set it.
    pub(super) fn etcd(&mut self, written: &spec::Spec, etcd: &spec::Etcd, node: &Node) -> Draft {
        let tls = etcd.tls().value;
        let scheme = if tls { "https" } else { "http" };
        let network = &node.network;
        let addresses = static_addresses(network);
        let first = addresses.first().map(ToString::to_string);
        let hostname = node.hostname.to_string();

        // If only one of the two is set, the other gets its port.
        let port_of = |urls: [&spec::OneOrMany<Located<EtcdUrl>>; 2], default| {
            urls.iter()
                .find_map(|urls| urls.first())
                .map_or(default, |url| url.port)
        };
        let client_port = port_of(
            [&etcd.listen_client_urls, &etcd.advertise_client_urls],
            spec::ETCD_CLIENT_PORT,
        );
        let peer_port = port_of(
            [&etcd.listen_peer_urls, &etcd.initial_advertise_peer_urls],
            spec::ETCD_PEER_PORT,
        );

        let everywhere = vec![if v6_only(network) { "::" } else { "0.0.0.0" }.to_owned()];
        let loopback = "127.0.0.1".to_owned();
        let listen_clients = first.as_ref().map_or(everywhere.clone(), |first| {
            vec![loopback.clone(), first.clone()]
        });
        let alone = etcd.initial_advertise_peer_urls.is_empty();
        let peers = match &first {
            Some(first) => vec![first.clone()],
            None if alone => vec![loopback],
            None => everywhere,
        };
        let advertised = vec![first.clone().unwrap_or(hostname)];

        let listen_client = Urls::or(
            &etcd.listen_client_urls,
            scheme,
            &listen_clients,
            client_port,
        );
        let advertise_client = Urls::or(
            &etcd.advertise_client_urls,
            scheme,
            &advertised,
            client_port,
        );
        let listen_peer = Urls::or(&etcd.listen_peer_urls, scheme, &peers, peer_port);
        let advertise_peer = Urls::or(&etcd.initial_advertise_peer_urls, scheme, &peers, peer_port);

        let mut dns = BTreeSet::new();
        let mut names = addresses.iter().copied().collect::<BTreeSet<_>>();
        for host in advertise_client.hosts.iter().chain(&advertise_peer.hosts) {
            match host.parse::<IpAddr>() {
                Ok(address) => names.insert(address),
                Err(_) => dns.insert(host.clone()),
            };
        }
        let pod = self.etcd_pod(written, &node.hostname, etcd);
        Draft {
            member: EtcdMember {
                name: match &etcd.name {
                    Some(name) => name.as_ref().map(|name| name.as_str().to_owned()),
                    None => node.hostname.as_ref().map(ToString::to_string),
                },
                data_dir: etcd.data_dir().value,
                listen_client_urls: listen_client.texts,
                advertise_client_urls: advertise_client.texts,
                listen_peer_urls: listen_peer.texts,
                initial_advertise_peer_urls: advertise_peer.texts,
                initial_cluster: etcd
                    .initial_cluster
                    .iter()
                    .flat_map(written_cluster)
                    .collect(),
                initial_cluster_token: etcd.initial_cluster_token.as_ref().map_or_else(
                    || self.etcd_token.clone(),
                    |token| token.as_str().to_owned(),
                ),
                initial_cluster_state: etcd.initial_cluster_state().as_str().to_owned(),
                image: match &pod {
                    Some(_) => None,
                    None => self.etcd_image(written, etcd),
                },
                pod,
                settings: settings(etcd),
                backup: self.etcd_backup(written, etcd),
                restore: self.etcd_restore(etcd),
                tls: None,
                span: etcd.span,
            },
            tls,
            dns,
            addresses: names,
            shares_cluster: etcd.initial_cluster.is_none(),
            has_peer_address: first.is_some() || !alone,
        }
    }

    /// Fills in `initial_cluster` of the members that share the file's cluster: every member in the
    /// file with the URLs that it advertises.
    pub(super) fn complete_clusters(&mut self, drafts: &mut [Option<Draft>]) {
        let cluster: Vec<(String, String)> = drafts
            .iter()
            .flatten()
            .flat_map(|draft| {
                let name = &draft.member.name.value;
                let urls = &draft.member.initial_advertise_peer_urls;
                urls.iter().map(move |url| (name.clone(), url.clone()))
            })
            .collect();
        let several = drafts.iter().flatten().count() > 1;
        for draft in drafts
            .iter_mut()
            .flatten()
            .filter(|draft| draft.shares_cluster)
        {
            if several && !draft.has_peer_address {
                self.found.push(
                    Diagnostic::error(
                        codes::ETCD_NEEDS_ADDRESS,
                        draft.member.span,
                        format!(
                            "the other members have no fixed address to reach `{}` at",
                            draft.member.name.value
                        ),
                    )
                    .label("its addresses come from DHCP")
                    .help(
                        "give the node a static address, or set `initial_advertise_peer_urls` \
                           and `advertise_client_urls` to a name that resolves to it",
                    ),
                );
            }
            draft.member.initial_cluster.clone_from(&cluster);
        }
    }
}

/// Flags by name.
fn settings(etcd: &spec::Etcd) -> BTreeMap<String, String> {
    let settings = etcd.settings.iter();
    settings
        .map(|(flag, value)| (flag.as_str().to_owned(), value.as_str().to_owned()))
        .collect()
}

/// Returns the node's static addresses, in the order of the spec.
fn static_addresses(network: &Network) -> Vec<IpAddr> {
    let all = network
        .interfaces
        .iter()
        .flat_map(|interface| &interface.addresses);
    all.map(|address| address.addr())
        .filter(|address| !matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local()))
        .collect()
}

fn v6_only(network: &Network) -> bool {
    !network.interfaces.is_empty()
        && network
            .interfaces
            .iter()
            .all(|i| matches!(i.dhcp, Dhcp::V6 | Dhcp::No))
}

fn written_cluster(cluster: &spec::InitialCluster) -> Vec<(String, String)> {
    cluster
        .members
        .iter()
        .map(|(name, url)| (name.as_str().to_owned(), url.as_str().to_owned()))
        .collect()
}
