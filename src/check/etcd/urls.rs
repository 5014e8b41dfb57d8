//! URLs that a member listens on, and URLs that it advertises.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Member;
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::node::Node;
use crate::spec::{self, EtcdUrl};

pub(super) fn schemes(member: &Member, found: &mut Vec<Diagnostic>) {
    let own = member.listened().into_iter().chain(member.told());
    let own = own.flat_map(|(_, urls)| urls.into_iter());
    let cluster = member
        .written
        .initial_cluster
        .iter()
        .flat_map(|cluster| &cluster.members)
        .map(|(_, url)| url);
    let mut told = BTreeSet::new();
    for url in own.chain(cluster) {
        if url.https != member.tls && told.insert((url.span, url.as_str())) {
            let (has, needs) = if member.tls {
                ("http", "https")
            } else {
                ("https", "http")
            };
            let why = if member.tls {
                "etcd uses TLS"
            } else {
                "`tls` is false"
            };
            found.push(
                Diagnostic::error(
                    codes::ETCD_SCHEME,
                    url.span,
                    format!("the URL `{}` uses {has}, but {why}", url.as_str()),
                )
                .help(format!(
                    "write {needs}://{}",
                    url.as_str().split_once("://").map_or("", |(_, rest)| rest)
                )),
            );
        }
    }
}

pub(super) fn advertised(member: &Member, nodes: &[Node], found: &mut Vec<Diagnostic>) {
    let several = member.cluster().len() > 1;
    for (key, urls) in member.told() {
        for url in urls {
            let address = url.host.parse::<IpAddr>().ok();
            if address.is_some_and(|address| address.is_unspecified()) {
                found.push(
                    Diagnostic::error(
                        codes::ETCD_ADVERTISES_ANY,
                        url.span,
                        format!("no one can connect to {}", url.host),
                    )
                    .help(format!(
                        "set `{key}` to an address or name of this node; use {} only to listen",
                        url.host
                    )),
                );
            } else if is_loopback(&url.host) {
                if several {
                    found.push(
                        Diagnostic::error(
                            codes::ETCD_ADVERTISES_LOOPBACK,
                            url.span,
                            format!("`{}` points every member to itself", url.as_str()),
                        )
                        .help(format!(
                            "set `{key}` to an address of this node that the other members can \
                             reach"
                        )),
                    );
                }
            } else if let Some(diagnostic) = elsewhere(member, nodes, url, address) {
                found.push(
                    diagnostic.help(format!("set `{key}` to an address or name of this node")),
                );
            }
        }
    }
}

/// Reports an advertised URL that leads to another machine.
fn elsewhere(
    member: &Member,
    nodes: &[Node],
    url: &Located<EtcdUrl>,
    address: Option<IpAddr>,
) -> Option<Diagnostic> {
    let mut others = nodes
        .iter()
        .filter(|other| other.hostname.value != member.node.hostname.value);
    let owner = others.find(|other| match address {
        None => other.hostname.as_str() == url.host,
        Some(address) => has_address(other, address),
    });
    let is_own = address.is_none_or(|address| member.may_have(address));
    let message = match owner {
        Some(owner) => format!("{} is another node, `{}`", url.host, owner.hostname.value),
        None if is_own => return None,
        None => format!("{} is not an address of this node", url.host),
    };
    Some(Diagnostic::error(
        codes::ETCD_ADVERTISES_OTHER,
        url.span,
        message,
    ))
}

fn has_address(node: &Node, address: IpAddr) -> bool {
    let mut all = node
        .network
        .interfaces
        .iter()
        .flat_map(|interface| &interface.addresses);
    all.any(|own| own.addr() == address)
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

pub(super) fn listening(member: &Member, found: &mut Vec<Diagnostic>) {
    for (key, urls) in member.listened() {
        for url in urls {
            let Ok(address) = url.host.parse::<IpAddr>() else {
                if url.host != "localhost" {
                    found.push(
                        Diagnostic::error(
                            codes::ETCD_LISTENS_ON_NAME,
                            url.span,
                            format!("etcd cannot listen on a name such as `{}`", url.host),
                        )
                        .help(format!(
                            "set `{key}` to addresses of this node; 0.0.0.0 means all"
                        )),
                    );
                }
                continue;
            };
            if !address.is_unspecified() && !address.is_loopback() && !member.may_have(address) {
                found.push(
                    Diagnostic::error(
                        codes::ETCD_LISTENS_ELSEWHERE,
                        url.span,
                        format!("{address} is not an address of this node"),
                    )
                    .help(format!(
                        "set `{key}` to addresses of this node; 0.0.0.0 means all"
                    )),
                );
            }
        }
    }
}

/// Reports clients and peers on the same port of the same address.
pub(super) fn one_port(member: &Member, found: &mut Vec<Diagnostic>) {
    let parse = |urls: &[String]| {
        urls.iter()
            .filter_map(|url| EtcdUrl::parse(url).ok())
            .collect::<Vec<_>>()
    };
    let (clients, peers) = (
        parse(&member.decided.listen_client_urls),
        parse(&member.decided.listen_peer_urls),
    );
    let any = |host: &str| {
        host.parse::<IpAddr>()
            .is_ok_and(|address| address.is_unspecified())
    };
    let meet = |a: &EtcdUrl, b: &EtcdUrl| {
        a.port == b.port && (a.host == b.host || any(&a.host) || any(&b.host))
    };
    let Some(clash) = peers
        .iter()
        .find(|peer| clients.iter().any(|client| meet(client, peer)))
    else {
        return;
    };
    let written = member
        .listened()
        .into_iter()
        .rev()
        .find_map(|(_, urls)| Some(urls.first()?.span));
    found.push(
        Diagnostic::error(
            codes::ETCD_ONE_PORT,
            written.unwrap_or(member.decided.span),
            format!("clients and peers both use port {}", clash.port),
        )
        .help(format!(
            "by default, clients use port {} and peers {}",
            spec::ETCD_CLIENT_PORT,
            spec::ETCD_PEER_PORT
        )),
    );
}
