//! Snapshots: whether they survive a reboot of the node, and whether starting from one is safe.

use std::collections::BTreeSet;

use super::Member;
use crate::diagnostic::{Diagnostic, codes};

pub(super) fn check(members: &[Member], found: &mut Vec<Diagnostic>) {
    let mut places = BTreeSet::new();
    for member in members {
        backup(member, found);
        // Settings that nodes share are reported once.
        let place = member
            .decided
            .restore
            .as_ref()
            .map(|snapshot| snapshot.span);
        if places.insert(place) {
            restore(member, members, found);
        }
    }
}

fn backup(member: &Member, found: &mut Vec<Diagnostic>) {
    let Some(backup) = &member.decided.backup else {
        return;
    };
    // Other systems have a disk of their own, unless they run from memory as a whole.
    let is_in_memory = member.node.target.facts().debian.is_some();
    if is_in_memory && member.node.storage_device.is_none() {
        found.push(
            Diagnostic::warning(
                codes::BACKUP_IN_MEMORY,
                backup.span,
                "etcd snapshots are lost when the node restarts",
            )
            .label("they are kept in memory")
            .help("add `storage_device:`, a disk to keep them on"),
        );
    }
}

fn restore(member: &Member, members: &[Member], found: &mut Vec<Diagnostic>) {
    let Some(snapshot) = &member.decided.restore else {
        return;
    };
    if let Some(state) = member.written.initial_cluster_state
        && member.decided.initial_cluster_state == "existing"
    {
        found.push(
            Diagnostic::error(
                codes::RESTORE_INTO_RUNNING,
                snapshot.span,
                "a member that joins a running cluster gets its data from the other members, not \
                 from a snapshot",
            )
            .related(state.span, "the cluster is already running")
            .help("remove one of the two"),
        );
    }
    if member.cluster().len() < 2 {
        return;
    }
    if !super::cluster::keeps_data(member) {
        found.push(
            Diagnostic::error(
                codes::RESTORE_IN_MEMORY,
                snapshot.span,
                format!(
                    "each restart of `{}` would load the snapshot's old data into the running \
                     cluster",
                    member.node.hostname.value
                ),
            )
            .label("the member loses its own data when it restarts")
            .help("add `storage_device:`, a disk to keep the data on"),
        );
    }
    let differs = |other: &&Member| {
        other.decided.initial_cluster == member.decided.initial_cluster
            && other.decided.restore.as_ref().map(|other| &other.bytes) != Some(&snapshot.bytes)
    };
    if let Some(other) = members.iter().find(differs) {
        found.push(
            Diagnostic::error(
                codes::RESTORES_DIFFER,
                snapshot.span,
                format!(
                    "`{}` does not start from this snapshot",
                    other.node.hostname.value
                ),
            )
            .related(other.decided.span, "a member of the same cluster")
            .help(
                "give every member the same `restore:`, for example in the `etcd:` that the \
                   nodes share",
            ),
        );
    }
}
