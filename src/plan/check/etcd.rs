//! A member of etcd as it is written, against the node that it runs on and the others of its cluster.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::plan::{Dhcp, EtcdMember, Node};
use crate::spec::{self, EtcdUrl, OneOrMany};

mod flags;

/// etcd's authors advise no more (<https://etcd.io/docs/v3.5/faq/>, "What is maximum cluster size?").
const MOST_MEMBERS: usize = 7;

/// A member: what was written, what was decided, whether it talks TLS.
pub(in crate::plan) struct Member<'a> {
    pub written: &'a spec::Etcd,
    pub decided: &'a EtcdMember,
    pub tls: bool,
    pub node: &'a Node,
    /// Whether `initial_cluster` follows from the nodes of the file.
    pub shares_cluster: bool,
}

/// All members of the file, each alone and between them. `nodes` are all nodes, members or not.
pub(in crate::plan) fn check(members: &[Member], nodes: &[Node], found: &mut Vec<Diagnostic>) {
    for member in members {
        plain(member, found);
        schemes(member, found);
        advertised(member, nodes, found);
        listening(member, found);
        one_port(member, found);
        cluster_as_written(member, found);
        flags::check(member.written, found);
        data_dir(member, found);
    }
    names(members, found);
    agreement(members, found);
    number(members, found);
    in_memory(members, found);
}

impl Member<'_> {
    /// The four kinds of URLs with their keys: those that are listened on, and those that are told to others.
    fn listened(&self) -> [(&'static str, &OneOrMany<Located<EtcdUrl>>); 2] {
        [
            ("listen_client_urls", &self.written.listen_client_urls),
            ("listen_peer_urls", &self.written.listen_peer_urls),
        ]
    }

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

fn schemes(member: &Member, found: &mut Vec<Diagnostic>) {
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
                "etcd talks TLS"
            } else {
                "`tls` is false"
            };
            found.push(
                Diagnostic::error(
                    codes::ETCD_SCHEME,
                    url.span,
                    format!("the URL `{}` is {has}, and {why}", url.as_str()),
                )
                .help(format!(
                    "write {needs}://{}",
                    url.as_str().split_once("://").map_or("", |(_, rest)| rest)
                )),
            );
        }
    }
}

fn advertised(member: &Member, nodes: &[Node], found: &mut Vec<Diagnostic>) {
    let several = member.cluster().len() > 1;
    for (key, urls) in member.told() {
        for url in urls {
            let address = url.host.parse::<IpAddr>().ok();
            if address.is_some_and(|address| address.is_unspecified()) {
                found.push(
                    Diagnostic::error(
                        codes::ETCD_ADVERTISES_ANY,
                        url.span,
                        format!("nobody can connect to {}", url.host),
                    )
                    .help(format!(
                        "`{key}` names an address or name of this node; listen on {} instead",
                        url.host
                    )),
                );
            } else if is_loopback(&url.host) {
                if several {
                    found.push(
                        Diagnostic::error(
                            codes::ETCD_ADVERTISES_LOOPBACK,
                            url.span,
                            format!("`{}` leads every member to itself", url.as_str()),
                        )
                        .help(format!(
                            "`{key}` names an address of this node that the other members reach"
                        )),
                    );
                }
            } else if let Some(diagnostic) = elsewhere(member, nodes, url, address) {
                found.push(
                    diagnostic.help(format!("`{key}` names an address or name of this node")),
                );
            }
        }
    }
}

/// Whether an advertised URL leads to another machine than this.
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
        Some(owner) => format!("{} is `{}`, another node", url.host, owner.hostname.value),
        None if is_own => return None,
        None => format!("{} is none of this node's addresses", url.host),
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

fn listening(member: &Member, found: &mut Vec<Diagnostic>) {
    for (key, urls) in member.listened() {
        for url in urls {
            let Ok(address) = url.host.parse::<IpAddr>() else {
                if url.host != "localhost" {
                    found.push(
                        Diagnostic::error(
                            codes::ETCD_LISTENS_ON_NAME,
                            url.span,
                            format!("etcd does not listen on a name, such as `{}`", url.host),
                        )
                        .help(format!(
                            "`{key}` takes addresses of this node; 0.0.0.0 stands for all"
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
                        format!("{address} is none of this node's addresses"),
                    )
                    .help(format!(
                        "`{key}` takes addresses of this node; 0.0.0.0 stands for all"
                    )),
                );
            }
        }
    }
}

/// Clients and peers on one port of one address.
fn one_port(member: &Member, found: &mut Vec<Diagnostic>) {
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
            format!(
                "etcd is to answer both clients and peers on port {}",
                clash.port
            ),
        )
        .help("clients are answered on 2379 and peers on 2380, where nothing is said"),
    );
}

/// `initial_cluster` where the spec has one.
fn cluster_as_written(member: &Member, found: &mut Vec<Diagnostic>) {
    let Some(cluster) = &member.written.initial_cluster else {
        return;
    };
    let name = &member.decided.name.value;
    let own: BTreeSet<&str> = cluster
        .members
        .iter()
        .filter(|(member, _)| member.as_str() == name)
        .map(|(_, url)| url.as_str())
        .collect();
    let told: BTreeSet<&str> = member
        .decided
        .initial_advertise_peer_urls
        .iter()
        .map(String::as_str)
        .collect();
    if own.is_empty() {
        found.push(
            Diagnostic::error(
                codes::ETCD_CLUSTER_WITHOUT_SELF,
                cluster.span,
                format!("the cluster has no member `{name}`, which this node is"),
            )
            .help(format!(
                "add `{name}: {}`",
                told.first().copied().unwrap_or_default()
            )),
        );
    } else if own != told {
        let list = |urls: &BTreeSet<&str>| urls.iter().copied().collect::<Vec<_>>().join(", ");
        found.push(
            Diagnostic::error(
                codes::ETCD_CLUSTER_MISMATCH,
                cluster.span,
                format!(
                    "the cluster knows `{name}` as {}, and it calls itself {}",
                    list(&own),
                    list(&told)
                ),
            )
            .help("`initial_advertise_peer_urls` and `initial_cluster` name the same URLs"),
        );
    }
    let mut urls: BTreeMap<&str, &str> = BTreeMap::new();
    for (member, url) in &cluster.members {
        let first = *urls.entry(url.as_str()).or_insert(member.as_str());
        if first != member.as_str() {
            found.push(
                Diagnostic::error(
                    codes::ETCD_CLUSTER_MISMATCH,
                    url.span,
                    format!(
                        "`{first}` and `{}` have the same URL, {}",
                        member.value,
                        url.as_str()
                    ),
                )
                .help("each member is reached by a URL of its own"),
            );
        }
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

fn names(members: &[Member], found: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, &Member> = BTreeMap::new();
    for member in members.iter().filter(|member| member.shares_cluster) {
        let name = &member.decided.name;
        if let Some(first) = seen.get(name.as_str())
            // Two nodes of one name are told as such.
            && first.node.hostname.value != member.node.hostname.value
        {
            found.push(
                Diagnostic::error(
                    codes::DUPLICATE_MEMBER,
                    name.span,
                    format!(
                        "`{}` and `{}` are both the member `{}`",
                        first.node.hostname.value, member.node.hostname.value, name.value
                    ),
                )
                .help("leave `name` out: it is the host name"),
            );
        }
        seen.entry(name.as_str()).or_insert(member);
    }
}

/// What the members of one cluster must have in common.
fn agreement(members: &[Member], found: &mut Vec<Diagnostic>) {
    let mut told = BTreeSet::new();
    let mut sharing = members.iter().filter(|member| member.shares_cluster);
    let Some(first) = sharing.next() else {
        return;
    };
    for member in sharing {
        let differences = [
            (
                "tls",
                first.tls.to_string(),
                member.tls.to_string(),
                member.written.tls.map(|v| v.span),
                first.written.tls.map(|v| v.span),
            ),
            (
                "initial_cluster_token",
                first.decided.initial_cluster_token.clone(),
                member.decided.initial_cluster_token.clone(),
                member
                    .written
                    .initial_cluster_token
                    .as_ref()
                    .map(|v| v.span),
                first.written.initial_cluster_token.as_ref().map(|v| v.span),
            ),
        ];
        for (key, theirs, own, span, first_span) in differences {
            if theirs != own && told.insert(key) {
                let place = span.or(first_span).unwrap_or(member.decided.span);
                let names = (&first.node.hostname.value, &member.node.hostname.value);
                found.push(
                    Diagnostic::error(
                        codes::ETCD_DISAGREE,
                        place,
                        format!(
                            "`{key}` is `{theirs}` on `{}` and `{own}` on `{}`",
                            names.0, names.1
                        ),
                    )
                    .help("members of one cluster agree: write it once, beside `nodes:`"),
                );
            }
        }
    }
}

/// An even number of members that start together, and more than are of use.
fn number(members: &[Member], found: &mut Vec<Diagnostic>) {
    let mut told: BTreeSet<(Span, BTreeSet<&str>)> = BTreeSet::new();
    for member in members {
        let names = member.cluster();
        // As many as the file has, where two nodes have one name by mistake.
        let count = if member.shares_cluster {
            members
                .iter()
                .filter(|member| member.shares_cluster)
                .count()
        } else {
            names.len()
        };
        let place = match &member.written.initial_cluster {
            Some(cluster) => cluster.span,
            None => members
                .iter()
                .rev()
                .find(|m| m.shares_cluster)
                .map_or(member.decided.span, |m| m.decided.span),
        };
        if !told.insert((place, names)) {
            continue;
        }
        if count % 2 == 0 && count > 0 && member.decided.initial_cluster_state == "new" {
            found.push(
                Diagnostic::error(
                    codes::EVEN_ETCD,
                    place,
                    format!("the cluster has {count} etcd members, an even number"),
                )
                .label(if count == 2 {
                    "it stops when either is lost, no better than one alone".to_owned()
                } else {
                    format!(
                        "{count} survive the loss of {}, as {} do",
                        (count - 1) / 2,
                        count - 1
                    )
                })
                .help(format!("take {} or {} members", count - 1, count + 1)),
            );
        }
        if count > MOST_MEMBERS {
            found.push(
                Diagnostic::warning(
                    codes::MANY_MEMBERS,
                    place,
                    format!("the cluster has {count} etcd members"),
                )
                .help(format!(
                    "{MOST_MEMBERS} survive the loss of three; more make every write slower"
                )),
            );
        }
    }
}

fn in_memory(members: &[Member], found: &mut Vec<Diagnostic>) {
    let mut places = BTreeSet::new();
    for member in members {
        let kept = member.node.storage_device.is_some() || is_mounted(member);
        if kept || member.cluster().len() < 2 {
            continue;
        }
        let place = member.decided.span;
        // Once for what the nodes share.
        if places.insert(place) {
            found.push(
                Diagnostic::warning(
                    codes::ETCD_IN_MEMORY,
                    place,
                    format!(
                        "`{}` forgets etcd's data when it restarts",
                        member.node.hostname.value
                    ),
                )
                .label("and cannot take its place in the cluster again")
                .help("add `storage_device:`, a disk that keeps the data"),
            );
        }
    }
}

/// Whether a file system of the spec's own holds the data.
fn is_mounted(member: &Member) -> bool {
    let dir = member.decided.data_dir.as_str();
    let mounts = member
        .node
        .own
        .filesystems
        .iter()
        .filter_map(|(filesystem, _)| filesystem.path.as_deref());
    mounts.into_iter().any(|mount| {
        dir == mount
            || dir
                .strip_prefix(mount)
                .is_some_and(|rest| rest.starts_with('/'))
    })
}
