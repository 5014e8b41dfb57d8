//! Findings that may only follow from another mistake, or from what the tables do not know yet.
//!
//! What the loader could not read looks as if it were missing. Findings that something is missing
//! are therefore held back until the rest is right; all others stay, so that one run shows as much
//! as possible.

use crate::diagnostic::{Code, Diagnostic, Severity, Span, codes};
use crate::facts::kubernetes::learned::LearnedTables;
use crate::facts::kubernetes::version::RELEASES;
use crate::spec::Loaded;

/// Findings that something of the network is missing.
const OF_NETWORK: &[Code] = &[
    codes::UNKNOWN_INTERFACE,
    codes::GATEWAY_OUTSIDE_NETWORK,
    codes::ROUTE_UNREACHABLE,
    codes::OWN_NAME_ELSEWHERE,
    codes::ETCD_ADVERTISES_OTHER,
    codes::ETCD_LISTENS_ELSEWHERE,
];

/// Findings that anything else is missing, such as a node.
const OF_ANYTHING: &[Code] = &[
    codes::ETCD_NEEDS_ADDRESS,
    codes::EVEN_ETCD,
    codes::ETCD_CLUSTER_WITHOUT_SELF,
    codes::ETCD_CLUSTER_MISMATCH,
    codes::ETCD_DISAGREE,
    codes::ETCD_IN_MEMORY,
    codes::BAD_MOUNT_UNIT,
    codes::NO_ETCD_FOR_API,
    codes::NO_STATIC_ADDRESS,
    codes::NO_CONTROL_PLANE,
    codes::KUBE_DISAGREEMENT,
    codes::KUBE_FAMILIES,
    codes::NO_ETCD_TO_BACK_UP,
    codes::RESTORES_DIFFER,
    codes::RESTORE_IN_MEMORY,
    codes::BACKUP_IN_MEMORY,
];

/// Findings that a release of Kubernetes does not have something, by the tables of the newest one.
const OF_TABLES: &[Code] = &[
    codes::UNKNOWN_FLAG,
    codes::BAD_FEATURE_GATE,
    codes::BAD_CONFIG_FIELD,
    codes::API_NOT_AVAILABLE,
    codes::UNKNOWN_API,
    codes::UNKNOWN_FIELD,
];

/// Those among them that are judged by the newest release where its programs were asked, too.
const NOT_LEARNED: &[Code] = &[codes::UNKNOWN_FIELD];

/// Turns what a newer release of Kubernetes than the tables' may well have into warnings, if the
/// cluster is of such a one.
pub(super) fn of_newer_releases(known: &LearnedTables, found: &mut [Diagnostic]) {
    let newest = RELEASES[RELEASES.len() - 1].minor;
    let codes = if found.iter().any(|it| it.code == codes::NEWER_KUBE_VERSION) {
        OF_TABLES
    } else if known.iter().any(|it| it.version().minor > newest) {
        NOT_LEARNED
    } else {
        return;
    };
    for diagnostic in found.iter_mut().filter(|it| codes.contains(&it.code)) {
        diagnostic.severity = Severity::Warning;
    }
}

/// Returns `found` without findings that may not be mistakes.
pub(super) fn without_doubtful(loaded: &Loaded, found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if !loaded.has_errors() {
        return found;
    }
    let errors: Vec<Span> = loaded
        .diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error)
        .filter_map(|diagnostic| diagnostic.span)
        .collect();
    let within = |section: Span, at: Span| {
        section.source == at.source && section.start <= at.start && at.end <= section.end
    };
    let network_read = loaded.cluster.nodes.iter().all(|node| {
        let section = node.network.as_ref().map(|network| network.span);
        section.is_some_and(|section| !errors.iter().any(|&at| within(section, at)))
    });
    let doubtful = |diagnostic: &Diagnostic| {
        OF_ANYTHING.contains(&diagnostic.code)
            || (!network_read && OF_NETWORK.contains(&diagnostic.code))
    };
    found
        .into_iter()
        .filter(|diagnostic| !doubtful(diagnostic))
        .collect()
}
