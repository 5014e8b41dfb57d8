//! The APIs that an API server has, by its minor version.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use super::range::{Range, paragraphs};
use crate::text::nearest;

/// How an API server regards an `apiVersion` and a `kind`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It serves them.
    There,
    /// It serves them only if they are enabled.
    OnRequest,
    /// An older one served them: the first minor without them, and the replacement.
    Gone { minor: u16, instead: &'static str },
    /// It said what it has, and these are not among it, though those before it had them.
    Absent,
    /// An older or a newer one serves them.
    OtherVersion(Range),
    /// It has the group, but not the kind; with the `apiVersion` or `kind` that may be meant.
    Unknown(Option<String>),
    /// The group is not one of Kubernetes.
    Foreign,
}

/// Kinds by `apiVersion`.
static APIS: LazyLock<HashMap<&'static str, Vec<(&'static str, Range)>>> = LazyLock::new(|| {
    let paragraphs = paragraphs(include_str!("apis.txt")).into_iter();
    paragraphs
        .map(|(api, lines)| {
            let words = lines.into_iter().flat_map(str::split_whitespace);
            (api, words.map(Range::split).collect())
        })
        .collect()
});

/// APIs that were removed before the first minor of the table: `apiVersion`, kinds, the first minor
/// without them, the replacement (Kubernetes, "Deprecated API Migration Guide").
const GONE: &[(&str, &[&str], u16, &str)] = &[
    (
        "extensions/v1beta1",
        &["DaemonSet", "Deployment", "ReplicaSet"],
        16,
        "use apps/v1, with a `selector`",
    ),
    (
        "extensions/v1beta1",
        &["NetworkPolicy"],
        16,
        "use networking.k8s.io/v1",
    ),
    (
        "extensions/v1beta1",
        &["Ingress"],
        22,
        "use networking.k8s.io/v1, with a `pathType` and `backend.service`",
    ),
    (
        "extensions/v1beta1",
        &["PodSecurityPolicy"],
        16,
        "label namespaces for Pod Security Admission",
    ),
    (
        "apps/v1beta1",
        &["Deployment", "StatefulSet", "ControllerRevision"],
        16,
        "use apps/v1, with a `selector`",
    ),
    (
        "apps/v1beta2",
        &[
            "DaemonSet",
            "Deployment",
            "ReplicaSet",
            "StatefulSet",
            "ControllerRevision",
        ],
        16,
        "use apps/v1",
    ),
    (
        "networking.k8s.io/v1beta1",
        &["Ingress", "IngressClass"],
        22,
        "use networking.k8s.io/v1",
    ),
    (
        "rbac.authorization.k8s.io/v1alpha1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
        22,
        "use rbac.authorization.k8s.io/v1",
    ),
    (
        "rbac.authorization.k8s.io/v1beta1",
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
        22,
        "use rbac.authorization.k8s.io/v1",
    ),
    (
        "scheduling.k8s.io/v1beta1",
        &["PriorityClass"],
        22,
        "use scheduling.k8s.io/v1",
    ),
    (
        "storage.k8s.io/v1beta1",
        &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"],
        22,
        "use storage.k8s.io/v1",
    ),
    (
        "storage.k8s.io/v1beta1",
        &["CSIStorageCapacity"],
        27,
        "use storage.k8s.io/v1",
    ),
    (
        "coordination.k8s.io/v1beta1",
        &["Lease"],
        22,
        "use coordination.k8s.io/v1",
    ),
    (
        "certificates.k8s.io/v1beta1",
        &["CertificateSigningRequest"],
        22,
        "use certificates.k8s.io/v1",
    ),
    (
        "apiregistration.k8s.io/v1beta1",
        &["APIService"],
        22,
        "use apiregistration.k8s.io/v1",
    ),
    (
        "apiextensions.k8s.io/v1beta1",
        &["CustomResourceDefinition"],
        22,
        "use apiextensions.k8s.io/v1, with a schema for each version",
    ),
    (
        "admissionregistration.k8s.io/v1beta1",
        &[
            "MutatingWebhookConfiguration",
            "ValidatingWebhookConfiguration",
        ],
        22,
        "use admissionregistration.k8s.io/v1",
    ),
    ("batch/v1beta1", &["CronJob"], 25, "use batch/v1"),
    ("batch/v2alpha1", &["CronJob"], 21, "use batch/v1"),
    (
        "discovery.k8s.io/v1beta1",
        &["EndpointSlice"],
        25,
        "use discovery.k8s.io/v1",
    ),
    (
        "events.k8s.io/v1beta1",
        &["Event"],
        25,
        "use events.k8s.io/v1",
    ),
    (
        "autoscaling/v2beta1",
        &["HorizontalPodAutoscaler"],
        25,
        "use autoscaling/v2",
    ),
    (
        "autoscaling/v2beta2",
        &["HorizontalPodAutoscaler"],
        26,
        "use autoscaling/v2",
    ),
    (
        "policy/v1beta1",
        &["PodDisruptionBudget"],
        25,
        "use policy/v1",
    ),
    (
        "policy/v1beta1",
        &["PodSecurityPolicy"],
        25,
        "label namespaces for Pod Security Admission",
    ),
    (
        "node.k8s.io/v1beta1",
        &["RuntimeClass"],
        25,
        "use node.k8s.io/v1",
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1beta1",
        &["FlowSchema", "PriorityLevelConfiguration"],
        26,
        "use flowcontrol.apiserver.k8s.io/v1",
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1beta2",
        &["FlowSchema", "PriorityLevelConfiguration"],
        29,
        "use flowcontrol.apiserver.k8s.io/v1",
    ),
    (
        "flowcontrol.apiserver.k8s.io/v1beta3",
        &["FlowSchema", "PriorityLevelConfiguration"],
        32,
        "use flowcontrol.apiserver.k8s.io/v1",
    ),
];

/// The only beta API that was served by default: all others in the table came after 1.24, which
/// ended that.
const SERVED_BETA: &str = "flowcontrol.apiserver.k8s.io/v1beta3";

/// Whether an API server serves `api` by default, which it has.
fn served(api: &str) -> Standing {
    if is_served_by_default(api) {
        Standing::There
    } else {
        Standing::OnRequest
    }
}

/// The same in a word.
pub(super) fn is_served_by_default(api: &str) -> bool {
    let version = api.rsplit('/').next().unwrap_or(api);
    let stable = !version.contains("alpha") && !version.contains("beta");
    stable || api == SERVED_BETA
}

/// Whether an API server of any version has had the kind.
pub(super) fn is_known(api: &str, kind: &str) -> bool {
    (APIS.get(api)).is_some_and(|kinds| kinds.iter().any(|(name, _)| *name == kind))
        || (GONE.iter()).any(|(old, kinds, ..)| *old == api && kinds.contains(&kind))
}

/// The kinds that an API server of 1.`minor` has, by `apiVersion`.
pub(super) fn of_minor(minor: u16) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (api, kinds) in APIS.iter() {
        for (kind, _) in kinds.iter().filter(|(_, range)| range.has(minor)) {
            let of_api = all.entry((*api).to_owned()).or_default();
            of_api.insert((*kind).to_owned());
        }
    }
    all
}

/// Returns how an API server of 1.`minor` that has these kinds, by `apiVersion`, regards `api` and
/// `kind`.
pub(super) fn standing_by(
    has: &BTreeMap<String, BTreeSet<String>>,
    api: &str,
    kind: &str,
    minor: u16,
) -> Standing {
    if has.get(api).is_some_and(|kinds| kinds.contains(kind)) {
        return served(api);
    }
    match standing(api, kind, minor) {
        // By the table, which ends before this release.
        Standing::There | Standing::OnRequest => Standing::Absent,
        other => other,
    }
}

/// Returns how an API server of 1.`minor` regards `api` and `kind`.
pub(super) fn standing(api: &str, kind: &str, minor: u16) -> Standing {
    let known = APIS
        .get(api)
        .and_then(|kinds| kinds.iter().find(|(name, _)| *name == kind));
    match known {
        Some((_, range)) if range.has(minor) => return served(api),
        _ => {}
    }
    let gone = GONE
        .iter()
        .find(|(old, kinds, since, _)| *old == api && kinds.contains(&kind) && *since <= minor);
    if let Some(&(_, _, minor, instead)) = gone {
        return Standing::Gone { minor, instead };
    }
    if let Some((_, range)) = known {
        return Standing::OtherVersion(*range);
    }
    let group = |api: &'static str| api.split_once('/').map_or("", |(group, _)| group);
    let ours = api.split_once('/').map_or("", |(group, _)| group);
    let is_group = APIS.keys().any(|api| group(api) == ours)
        || GONE.iter().any(|(old, ..)| group(old) == ours);
    // Groups of custom resources have a dot.
    if !is_group && ours.contains('.') && !is_misspelled(ours, kind) {
        return Standing::Foreign;
    }
    Standing::Unknown(meant(api, kind, minor))
}

/// Returns whether a group of Kubernetes with this kind has a similar spelling.
fn is_misspelled(group: &str, kind: &str) -> bool {
    let groups = APIS.iter().filter_map(|(api, kinds)| {
        let has = kinds.iter().any(|(name, _)| *name == kind);
        let (group, _) = api.split_once('/').filter(|_| has)?;
        // A few letters may be any other word.
        group.contains('.').then_some(group)
    });
    nearest(group, groups).is_some_and(|near| {
        near.matches('.').count() == group.matches('.').count()
            && near.len().abs_diff(group.len()) < 3
    })
}

/// Returns the API that has `kind` today, for one that has no such kind.
pub(super) fn successor(api: &str, kind: &str, minor: u16) -> Option<&'static str> {
    let gone = GONE
        .iter()
        .find(|(old, kinds, since, _)| *old == api && kinds.contains(&kind) && *since <= minor);
    if let Some((.., instead)) = gone {
        let words = instead.strip_prefix("use ")?;
        return words.split(',').next();
    }
    let known = (APIS.get(api)).is_some_and(|kinds| kinds.iter().any(|(name, _)| *name == kind));
    elsewhere(kind, minor).filter(|_| !known)
}

/// Returns what may be meant: the same kind in another API, or else a kind with a similar spelling
/// in this one.
fn meant(api: &str, kind: &str, minor: u16) -> Option<String> {
    if let Some(api) = elsewhere(kind, minor) {
        return Some(format!("{kind} is in {api}"));
    }
    let kinds = APIS.get(api)?;
    let nearest = nearest(
        kind,
        kinds
            .iter()
            .filter(|(_, range)| range.has(minor))
            .map(|(name, _)| *name),
    )?;
    Some(format!("did you mean `{nearest}`?"))
}

/// Returns the newest stable API that has `kind`.
fn elsewhere(kind: &str, minor: u16) -> Option<&'static str> {
    let mut all: Vec<&str> = APIS
        .iter()
        .filter(|(_, kinds)| {
            kinds
                .iter()
                .any(|(name, range)| *name == kind && range.has(minor))
        })
        .map(|(api, _)| *api)
        .collect();
    all.sort_by_key(|api| {
        (
            api.contains("alpha"),
            api.contains("beta"),
            std::cmp::Reverse(*api),
        )
    });
    all.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standings() {
        let gone = |minor, instead| Standing::Gone { minor, instead };
        for (api, kind, minor, want) in [
            ("v1", "Pod", 31, Standing::There),
            ("apps/v1", "Deployment", 36, Standing::There),
            ("batch/v1beta1", "CronJob", 31, gone(25, "use batch/v1")),
            (SERVED_BETA, "FlowSchema", 31, Standing::There),
            (
                SERVED_BETA,
                "FlowSchema",
                32,
                gone(32, "use flowcontrol.apiserver.k8s.io/v1"),
            ),
            (
                "resource.k8s.io/v1",
                "DeviceClass",
                33,
                Standing::OtherVersion(Range {
                    since: Some(34),
                    until: None,
                }),
            ),
            ("resource.k8s.io/v1", "DeviceClass", 34, Standing::There),
            (
                "resource.k8s.io/v1beta1",
                "DeviceClass",
                34,
                Standing::OnRequest,
            ),
            ("projectcalico.org/v3", "BGPPeer", 36, Standing::Foreign),
            (
                "snapshot.storage.k8s.io/v1",
                "VolumeSnapshot",
                36,
                Standing::Foreign,
            ),
            (
                "app/v1",
                "Deployment",
                36,
                Standing::Unknown(Some("Deployment is in apps/v1".to_owned())),
            ),
            (
                "networking.k8s.oi/v1",
                "Ingress",
                36,
                Standing::Unknown(Some("Ingress is in networking.k8s.io/v1".to_owned())),
            ),
            ("widgets/v1", "Widget", 36, Standing::Unknown(None)),
            (
                "gateway.networking.k8s.io/v1",
                "Gateway",
                36,
                Standing::Foreign,
            ),
            (
                "apps.kruise.io/v1alpha1",
                "DaemonSet",
                36,
                Standing::Foreign,
            ),
            ("batch.volcano.sh/v1alpha1", "Job", 36, Standing::Foreign),
            ("serving.knative.dev/v1", "Service", 36, Standing::Foreign),
            (
                "v1",
                "Deployment",
                36,
                Standing::Unknown(Some("Deployment is in apps/v1".to_owned())),
            ),
            (
                "apps/v1",
                "Deploymnt",
                36,
                Standing::Unknown(Some("did you mean `Deployment`?".to_owned())),
            ),
            (
                "apps/v2",
                "Deployment",
                36,
                Standing::Unknown(Some("Deployment is in apps/v1".to_owned())),
            ),
            (
                "v1",
                "HorizontalPodAutoscaler",
                36,
                Standing::Unknown(Some(
                    "HorizontalPodAutoscaler is in autoscaling/v2".to_owned(),
                )),
            ),
        ] {
            assert_eq!(
                standing(api, kind, minor),
                want,
                "{api} {kind} in 1.{minor}"
            );
        }
    }
}
