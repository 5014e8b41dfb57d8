//! A member of etcd as it is written, against the node that it runs on and the others of its
//! cluster.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, Located, codes};
use crate::node::Node;
use crate::node::etcd::EtcdMember;
use crate::node::network::Dhcp;
use crate::spec::{self, EtcdUrl, OneOrMany};

mod care;
mod cluster;
mod flags;
mod urls;

/// A member: what was written, what was decided, whether it talks TLS.
pub(crate) struct Member<'a> {
    pub written: &'a spec::Etcd,
    pub decided: &'a EtcdMember,
    pub tls: bool,
    pub node: &'a Node,
    /// Whether `initial_cluster` follows from the nodes of the file.
    pub shares_cluster: bool,
}

/// All members of the file, each alone and between them. `nodes` are all nodes, members or not.
pub(crate) fn check(members: &[Member], nodes: &[Node], found: &mut Vec<Diagnostic>) {
    for member in members {
        plain(member, found);
        urls::schemes(member, found);
        urls::advertised(member, nodes, found);
        urls::listening(member, found);
        urls::one_port(member, found);
        cluster::as_written(member, found);
        flags::check(member, found);
        data_dir(member, found);
    }
    cluster::names(members, found);
    cluster::agreement(members, found);
    cluster::number(members, found);
    cluster::in_memory(members, found);
    care::check(members, found);
}

impl Member<'_> {
    /// The URLs that are listened on, with their keys.
    fn listened(&self) -> [(&'static str, &OneOrMany<Located<EtcdUrl>>); 2] {
        [
            ("listen_client_urls", &self.written.listen_client_urls),
            ("listen_peer_urls", &self.written.listen_peer_urls),
        ]
    }

    /// The URLs that others are told, with their keys.
    fn told(&self) -> [(&'static str, &OneOrMany<Located<EtcdUrl>>); 2] {
        [
            ("advertise_client_urls", &self.written.advertise_client_urls),
            (
                "initial_advertise_peer_urls",
                &self.written.initial_advertise_peer_urls,
            ),
        ]
    }

    /// Whether `address` is one of the node's; where DHCP gives them, only DHCP knows.
    fn may_have(&self, address: IpAddr) -> bool {
        let interfaces = &self.node.network.interfaces;
        interfaces
            .iter()
            .any(|i| i.dhcp != Dhcp::No || i.addresses.iter().any(|own| own.addr() == address))
    }

    /// The names of all first members.
    fn cluster(&self) -> BTreeSet<&str> {
        self.decided
            .initial_cluster
            .iter()
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

fn plain(member: &Member, found: &mut Vec<Diagnostic>) {
    if let (false, Some(tls)) = (member.tls, &member.written.tls) {
        found.push(
            Diagnostic::warning(codes::PLAIN_ETCD, tls.span, "etcd talks without TLS")
                .label("everyone who reaches its port reads and writes all data")
                .help("leave `tls` out: keys and certificates are made for you"),
        );
    }
}

fn data_dir(member: &Member, found: &mut Vec<Diagnostic>) {
    let Some(dir) = &member.written.data_dir else {
        return;
    };
    let below = |root: &&str| {
        dir.as_str()
            .strip_prefix(*root)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    let writable = ["/var", "/srv", "/mnt", "/opt", "/data"].iter().any(below);
    let taken = [
        "/var/lib/imgbuild",
        "/var/lib/containerd",
        "/var/lib/containers",
        "/var/lib/kubelet",
    ]
    .contains(&dir.as_str());
    if !writable || taken {
        found.push(
            Diagnostic::error(codes::ETCD_BAD_DATA_DIR, dir.span, format!("etcd's data cannot lie in `{}`", dir.value))
                .help("leave `data_dir` out for /var/lib/etcd, or name a folder of its own below /var or /srv"),
        );
    }
}
