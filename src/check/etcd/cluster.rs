//! Members of one cluster: how many, under which names, agreeing on what they must.

use std::collections::{BTreeMap, BTreeSet};

use super::Member;
use crate::diagnostic::{Diagnostic, Span, codes};

/// etcd's authors advise no more (<https://etcd.io/docs/v3.5/faq/>, "What is maximum cluster
/// size?").
const MOST_MEMBERS: usize = 7;

/// `initial_cluster` where the spec has one.
pub(super) fn as_written(member: &Member, found: &mut Vec<Diagnostic>) {
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

pub(super) fn names(members: &[Member], found: &mut Vec<Diagnostic>) {
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
pub(super) fn agreement(members: &[Member], found: &mut Vec<Diagnostic>) {
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
pub(super) fn number(members: &[Member], found: &mut Vec<Diagnostic>) {
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

pub(super) fn in_memory(members: &[Member], found: &mut Vec<Diagnostic>) {
    let mut places = BTreeSet::new();
    for member in members {
        if keeps_data(member) || member.cluster().len() < 2 {
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

/// Whether the member has its data again after a restart.
pub(super) fn keeps_data(member: &Member) -> bool {
    member.node.storage_device.is_some() || is_mounted(member)
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
