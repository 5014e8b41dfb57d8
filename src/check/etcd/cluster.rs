//! Members of one cluster: their number, their names, and the settings on which they must agree.

use std::collections::{BTreeMap, BTreeSet};

use super::Member;
use crate::diagnostic::{Diagnostic, Span, codes};

/// etcd's documentation recommends no more (<https://etcd.io/docs/v3.5/faq/>, "What is maximum
/// cluster size?").
const MEMBERS_MAX: usize = 7;

/// Checks `initial_cluster`, if the spec sets it.
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
                format!("`initial_cluster` does not list this node's member `{name}`"),
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
                    "`initial_cluster` lists `{name}` at {}, but the member advertises {}",
                    list(&own),
                    list(&told)
                ),
            )
            .help("set `initial_advertise_peer_urls` and `initial_cluster` to the same URLs"),
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
                        "`{first}` and `{}` have the same URL {}",
                        member.value,
                        url.as_str()
                    ),
                )
                .help("give each member its own URL"),
            );
        }
    }
}

pub(super) fn names(members: &[Member], found: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, &Member> = BTreeMap::new();
    for member in members.iter().filter(|member| member.shares_cluster) {
        let name = &member.decided.name;
        if let Some(first) = seen.get(name.as_str())
            // Two nodes with the same name are reported as such.
            && first.node.hostname.value != member.node.hostname.value
        {
            found.push(
                Diagnostic::error(
                    codes::DUPLICATE_MEMBER,
                    name.span,
                    format!(
                        "nodes `{}` and `{}` have the same member name `{}`",
                        first.node.hostname.value, member.node.hostname.value, name.value
                    ),
                )
                .help("remove `name`: it defaults to the host name"),
            );
        }
        seen.entry(name.as_str()).or_insert(member);
    }
}

/// Reports settings that differ between the members of one cluster.
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
                    .help(
                        "members of one cluster must agree: set it once, at the top level next \
                           to `nodes:`",
                    ),
                );
            }
        }
    }
}

/// Reports an even number of initial members, and more than are useful.
pub(super) fn number(members: &[Member], found: &mut Vec<Diagnostic>) {
    let mut told: BTreeSet<(Span, BTreeSet<&str>)> = BTreeSet::new();
    for member in members {
        let names = member.cluster();
        // The number in the file, even if two nodes have the same name by mistake.
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
                    "it stops when either is lost, so it is no safer than one member".to_owned()
                } else {
                    format!(
                        "{count} members survive the loss of {}, just like {}",
                        (count - 1) / 2,
                        count - 1
                    )
                })
                .help(format!("use {} or {} members", count - 1, count + 1)),
            );
        }
        if count > MEMBERS_MAX {
            found.push(
                Diagnostic::warning(
                    codes::MANY_MEMBERS,
                    place,
                    format!("the cluster has {count} etcd members"),
                )
                .help(format!(
                    "{MEMBERS_MAX} members survive the loss of three; more make every write slower"
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
        // Once for settings that nodes share.
        if places.insert(place) {
            found.push(
                Diagnostic::warning(
                    codes::ETCD_IN_MEMORY,
                    place,
                    format!(
                        "`{}` loses etcd's data when it restarts",
                        member.node.hostname.value
                    ),
                )
                .label("it then cannot rejoin the cluster by itself")
                .help("add `storage_device:`, a disk to keep the data on"),
            );
        }
    }
}

/// Returns whether the member keeps its data across restarts.
pub(super) fn keeps_data(member: &Member) -> bool {
    member.node.storage_device.is_some() || is_mounted(member)
}

/// Returns whether a file system in the user's sections contains the data.
fn is_mounted(member: &Member) -> bool {
    let dir = member.decided.data_dir.as_str();
    let mounts = member
        .node
        .user_sections
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
