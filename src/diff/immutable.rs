//! Objects of manifests whose new version the API server refuses, since it changes a field that is
//! fixed when an object is created (Kubernetes' API reference, "immutable").

use std::collections::BTreeMap;

use crate::diagnostic::SourceId;
use crate::spec::yaml::{Kind, Limits, Node, Value, parse_documents};

/// Groups, kinds and fields that are fixed. `a=b`: without it, a is b. `a?`: without it, a stays
/// what it is in the cluster.
const FIXED: &[(&str, &str, &str)] = &[
    (
        "apps",
        "DaemonSet Deployment ReplicaSet StatefulSet",
        "spec.selector",
    ),
    (
        "apps",
        "StatefulSet",
        "spec.serviceName spec.volumeClaimTemplates spec.podManagementPolicy=OrderedReady",
    ),
    ("apps", "ControllerRevision", "data"),
    (
        "batch",
        "Job",
        "spec.template spec.selector? spec.completions? spec.completionMode=NonIndexed \
         spec.podFailurePolicy spec.successPolicy spec.backoffLimitPerIndex spec.managedBy",
    ),
    ("", "Service", "spec.clusterIP? spec.loadBalancerClass"),
    (
        "",
        "PersistentVolumeClaim",
        "spec.accessModes spec.storageClassName? spec.volumeName? spec.selector \
         spec.volumeMode=Filesystem",
    ),
    (
        "",
        "PersistentVolume",
        "spec.csi spec.hostPath spec.local spec.nfs spec.iscsi spec.nodeAffinity \
         spec.volumeMode=Filesystem",
    ),
    ("", "ResourceQuota", "spec.scopes"),
    ("", "Secret", "type=Opaque"),
    ("certificates.k8s.io", "CertificateSigningRequest", "spec"),
    ("discovery.k8s.io", "EndpointSlice", "addressType"),
    ("networking.k8s.io", "IPAddress", "spec.parentRef"),
    ("networking.k8s.io", "IngressClass", "spec.controller"),
    ("node.k8s.io", "RuntimeClass", "handler"),
    (
        "rbac.authorization.k8s.io",
        "ClusterRoleBinding RoleBinding",
        "roleRef",
    ),
    (
        "resource.k8s.io",
        "ResourceClaim ResourceClaimTemplate",
        "spec",
    ),
    (
        "scheduling.k8s.io",
        "PriorityClass",
        "value preemptionPolicy=PreemptLowerPriority",
    ),
    (
        "storage.k8s.io",
        "CSIDriver",
        "spec.attachRequired=true spec.volumeLifecycleModes",
    ),
    (
        "storage.k8s.io",
        "StorageClass",
        "provisioner parameters reclaimPolicy=Delete volumeBindingMode=Immediate",
    ),
    ("storage.k8s.io", "VolumeAttachment", "spec"),
    (
        "storage.k8s.io",
        "VolumeAttributesClass",
        "driverName parameters",
    ),
];

/// Group, kind, namespace and name.
type Name = (String, String, String, String);

/// The objects of manifests, by group, kind, namespace and name.
#[derive(Default)]
pub(super) struct Objects(BTreeMap<Name, Node>);

impl Objects {
    /// Adds the objects of the text of a manifest.
    pub(super) fn add(&mut self, text: &str) {
        let (documents, _) = parse_documents(text, SourceId(0), Limits::default());
        for document in documents {
            self.document(document);
        }
    }

    fn document(&mut self, document: Node) {
        let text = |path: &[&str]| {
            at(&document, path)
                .and_then(word)
                .unwrap_or_default()
                .to_owned()
        };
        let (api, kind) = (text(&["apiVersion"]), text(&["kind"]));
        if kind.ends_with("List")
            && let Some(Value::List(items)) = document.get("items").map(|node| &node.value)
        {
            for item in items.clone() {
                self.document(item);
            }
            return;
        }
        let group = api
            .split_once('/')
            .map_or("", |(group, _)| group)
            .to_owned();
        let name = (
            group,
            kind,
            text(&["metadata", "namespace"]),
            text(&["metadata", "name"]),
        );
        self.0.insert(name, document);
    }

    /// Returns a line for each fixed field that changes from `self` to `new`.
    pub(super) fn refused(&self, new: &Self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, after) in &new.0 {
            let Some(before) = self.0.get(name) else {
                continue;
            };
            let (group, kind, namespace, object) = name;
            let of_kind = FIXED.iter().filter(|(of, kinds, _)| {
                of == group && kinds.split(' ').any(|fixed| fixed == kind)
            });
            let mut fields: Vec<String> = of_kind
                .flat_map(|(_, _, fields)| fields.split(' '))
                .filter_map(|field| changed(field, before, after))
                .map(str::to_owned)
                .collect();
            fields.extend(of_contents(kind, before, after).map(str::to_owned));
            let place = if namespace.is_empty() {
                object.clone()
            } else {
                format!("{namespace}/{object}")
            };
            lines.extend(fields.into_iter().map(|field| {
                format!(
                    "! {kind} {place}: `{field}` cannot change: the API server refuses the file \
                     until the object is deleted; or give it another name"
                )
            }));
        }
        lines
    }
}

/// Returns the path of a field of [`FIXED`] that changes.
fn changed<'f>(field: &'f str, before: &Node, after: &Node) -> Option<&'f str> {
    let kept = field.strip_suffix('?');
    let (path, default) = match field.split_once('=') {
        Some((path, default)) => (path, Some(default)),
        None => (kept.unwrap_or(field), None),
    };
    let keys: Vec<&str> = path.split('.').collect();
    let changes = match (at(before, &keys), at(after, &keys)) {
        (None, None) => false,
        (Some(before), Some(after)) => !same(before, after),
        // A service without an address gets one.
        (None, Some(value)) if path == "spec.clusterIP" => word(value) == Some("None"),
        (Some(value), None) | (None, Some(value)) => {
            kept.is_none() && (default.is_none() || word(value) != default)
        }
    };
    changes.then_some(path)
}

/// Returns the field that changes although the contents of the object are fixed: those of a pod,
/// apart from its images, and those of a `ConfigMap` or Secret with `immutable: true`.
fn of_contents(kind: &str, before: &Node, after: &Node) -> Option<&'static str> {
    let differ = |path: &[&str]| match (at(before, path), at(after, path)) {
        (None, None) => false,
        (Some(before), Some(after)) => !same(before, after),
        _ => true,
    };
    match kind {
        "Pod" => {
            let spec = |object: &Node| at(object, &["spec"]).map(without_images);
            let changed = match (spec(before), spec(after)) {
                (Some(before), Some(after)) => !same(&before, &after),
                _ => false,
            };
            changed.then_some("spec")
        }
        "ConfigMap" | "Secret" if at(before, &["immutable"]).and_then(word) == Some("true") => {
            let fields = ["data", "binaryData", "stringData", "immutable"];
            fields.into_iter().find(|field| differ(&[field]))
        }
        _ => None,
    }
}

/// Returns the spec of a pod without what may change.
fn without_images(spec: &Node) -> Node {
    let mut spec = spec.clone();
    if let Value::Map(fields) = &mut spec.value {
        fields.retain(|field| {
            !matches!(
                &*field.key.value,
                "activeDeadlineSeconds" | "terminationGracePeriodSeconds" | "tolerations"
            )
        });
        for field in fields {
            let Value::List(containers) = &mut field.value.value else {
                continue;
            };
            if !matches!(&*field.key.value, "containers" | "initContainers") {
                continue;
            }
            for container in containers {
                if let Value::Map(fields) = &mut container.value {
                    fields.retain(|field| &*field.key.value != "image");
                }
            }
        }
    }
    spec
}

fn at<'n>(node: &'n Node, path: &[&str]) -> Option<&'n Node> {
    let mut node = node;
    for key in path {
        node = node.get(key)?;
    }
    (!node.is_null()).then_some(node)
}

fn word(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// Returns whether two values mean the same: keys in any order, missing or null, texts in any
/// style.
fn same(one: &Node, other: &Node) -> bool {
    match (&one.value, &other.value) {
        (Value::Scalar(one), Value::Scalar(other)) => {
            one.text == other.text && (one.kind() == Kind::Text) == (other.kind() == Kind::Text)
        }
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Map(fields), Value::Map(others)) => {
            let count = |node: &[crate::spec::yaml::Entry]| {
                node.iter().filter(|entry| !entry.value.is_null()).count()
            };
            count(fields) == count(others)
                && fields
                    .iter()
                    .filter(|entry| !entry.value.is_null())
                    .all(|entry| {
                        at(other, &[&entry.key.value])
                            .is_some_and(|value| same(&entry.value, value))
                    })
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(before: &str, after: &str) -> Vec<String> {
        let [before, after] = [before, after].map(|text| {
            let mut objects = Objects::default();
            objects.add(text);
            objects
        });
        let lines = before.refused(&after);
        let told = |line: &String| line.split(" cannot").next().unwrap_or_default().to_owned();
        lines.iter().map(told).collect()
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of cases")]
    fn what_is_fixed_is_told() {
        let workload = |kind: &str, spec: &str| {
            format!(
                "apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: a, namespace: n}}\nspec: {spec}\n"
            )
        };
        let claims = |size: &str| {
            format!(
                "{{selector: {{}}, volumeClaimTemplates: [{{metadata: {{name: d}}, spec: {{size: {size}}}}}]}}"
            )
        };
        let object = |api: &str, kind: &str, rest: &str| {
            format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: a}}\n{rest}\n")
        };
        for (before, after, want) in [
            (
                workload(
                    "Deployment",
                    "{selector: {matchLabels: {a: b}}, replicas: 1}",
                ),
                workload(
                    "Deployment",
                    "{selector: {matchLabels: {a: c}}, replicas: 2}",
                ),
                "! Deployment n/a: `spec.selector`",
            ),
            (
                workload("StatefulSet", &claims("1Gi")),
                workload("StatefulSet", &claims("2Gi")),
                "! StatefulSet n/a: `spec.volumeClaimTemplates`",
            ),
            (
                workload(
                    "StatefulSet",
                    "{selector: {}, podManagementPolicy: OrderedReady}",
                ),
                workload("StatefulSet", "{selector: {}}"),
                "",
            ),
            (
                object("v1", "Service", "spec: {clusterIP: 10.96.0.10}"),
                object("v1", "Service", "spec: {clusterIP: 10.96.0.11}"),
                "! Service a: `spec.clusterIP`",
            ),
            (
                object("v1", "Service", "spec: {clusterIP: 10.96.0.10}"),
                object("v1", "Service", "spec: {type: NodePort}"),
                "",
            ),
            (
                object("batch/v1", "Job", "spec: {template: {spec: {a: 1}}}"),
                object("batch/v1", "Job", "spec: {template: {spec: {a: '1'}}}"),
                "! Job a: `spec.template`",
            ),
            (
                object(
                    "batch/v1",
                    "Job",
                    "spec: {template: {spec: {a: x, b: null}}}",
                ),
                object(
                    "batch/v1",
                    "Job",
                    "spec: {template: {spec: {a: 'x'}}, suspend: true}",
                ),
                "",
            ),
            (
                object("v1", "Pod", "spec: {containers: [{name: a, image: b}]}"),
                object("v1", "Pod", "spec: {containers: [{name: a, image: c}]}"),
                "",
            ),
            (
                object("v1", "Pod", "spec: {containers: [{name: a, image: b}]}"),
                object(
                    "v1",
                    "Pod",
                    "spec: {containers: [{name: a, image: b, tty: true}]}",
                ),
                "! Pod a: `spec`",
            ),
            (
                object("v1", "ConfigMap", "immutable: true\ndata: {a: b}"),
                object("v1", "ConfigMap", "immutable: true\ndata: {a: c}"),
                "! ConfigMap a: `data`",
            ),
            (
                object("v1", "ConfigMap", "data: {a: b}"),
                object("v1", "ConfigMap", "data: {a: c}"),
                "",
            ),
            (
                object("x.example/v1", "Service", "spec: {clusterIP: a}"),
                object("x.example/v1", "Service", "spec: {clusterIP: b}"),
                "",
            ),
        ] {
            assert_eq!(
                refused(&before, &after).join("\n"),
                want,
                "{before}---\n{after}"
            );
        }
        // In a list, and beside others.
        let list = |ip: &str| {
            format!(
                "apiVersion: v1\nkind: List\nitems: [{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {{clusterIP: {ip}}}}}]\n---\n{{}}\n"
            )
        };
        assert_eq!(
            refused(&list("10.96.0.10"), &list("10.96.0.11")),
            ["! Service a: `spec.clusterIP`"]
        );
    }
}
