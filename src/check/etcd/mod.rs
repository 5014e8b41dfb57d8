//! An etcd member as written, checked against its node and the other members of its cluster.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::network::Dhcp;
use crate::facts::state;
use crate::node::Node;
use crate::node::etcd::EtcdMember;
use crate::spec::{self, EtcdUrl, OneOrMany};

mod care;
mod cluster;
mod flags;
mod urls;

/// A member: as written, as decided, and whether it uses TLS.
pub(crate) struct Member<'a> {
    pub written: &'a spec::Etcd,
    pub decided: &'a EtcdMember,
    pub tls: bool,
    pub node: &'a Node,
    /// Whether `initial_cluster` follows from the nodes in the file.
    pub shares_cluster: bool,
}

/// Checks all members in the file, each alone and between them. `nodes` are all nodes, members or
/// not.
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
    /// Returns the URLs that it listens on, with their keys.
    fn listened(&self) -> [(&'static str, &OneOrMany<Located<EtcdUrl>>); 2] {
        [
            ("listen_client_urls", &self.written.listen_client_urls),
            ("listen_peer_urls", &self.written.listen_peer_urls),
        ]
    }

    /// Returns the URLs that it advertises, with their keys.
    fn told(&self) -> [(&'static str, &OneOrMany<Located<EtcdUrl>>); 2] {
        [
            ("advertise_client_urls", &self.written.advertise_client_urls),
            (
                "initial_advertise_peer_urls",
                &self.written.initial_advertise_peer_urls,
            ),
        ]
    }

    /// Returns whether `address` may be the node's; with DHCP, its addresses are unknown.
    fn may_have(&self, address: IpAddr) -> bool {
        let interfaces = &self.node.network.interfaces;
        interfaces
            .iter()
            .any(|i| i.dhcp != Dhcp::No || i.addresses.iter().any(|own| own.addr() == address))
    }

    /// Returns the names of all initial members.
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
            Diagnostic::warning(codes::PLAIN_ETCD, tls.span, "etcd runs without TLS")
                .label("anyone who reaches its port can read and write all data")
                .help("remove `tls`: imgbuild generates keys and certificates"),
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
    let taken = dir.as_str() != state::ETCD && state::FOLDERS.contains(&dir.as_str());
    if !writable || taken {
        found.push(
            Diagnostic::error(
                codes::ETCD_BAD_DATA_DIR,
                dir.span,
                format!("etcd's data cannot be stored in `{}`", dir.value),
            )
            .help(
                "remove `data_dir` to use /var/lib/etcd, or use a separate folder below /var or \
                   /srv",
            ),
        );
    }
}
