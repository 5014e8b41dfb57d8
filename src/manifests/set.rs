//! Checks between objects: duplicates, and missing namespaces.

use std::collections::{HashMap, HashSet};

use super::read::{at, integer, items, text_at};
use super::{Judge, Object, schema};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::Node;
use crate::text::shown;

/// Namespaces that every cluster has.
pub(super) const BUILT_IN: &[&str] = &["default", "kube-node-lease", "kube-public", "kube-system"];

/// The namespace of flannel, which the nodes create with it.
const FLANNEL: &str = "kube-flannel";

/// Kinds of Kubernetes that are not namespaced.
pub(super) const CLUSTER_WIDE: &[&str] = &[
    "APIService",
    "CSIDriver",
    "CSINode",
    "CertificateSigningRequest",
    "ClusterRole",
    "ClusterRoleBinding",
    "ClusterTrustBundle",
    "CustomResourceDefinition",
    "DeviceClass",
    "DeviceTaintRule",
    "FlowSchema",
    "IPAddress",
    "IngressClass",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "MutatingWebhookConfiguration",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PriorityClass",
    "PriorityLevelConfiguration",
    "ResourcePoolStatusRequest",
    "ResourceSlice",
    "RuntimeClass",
    "ServiceCIDR",
    "StorageClass",
    "StorageVersion",
    "StorageVersionMigration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingWebhookConfiguration",
    "VolumeAttachment",
    "VolumeAttributesClass",
];

/// The objects of the files so far: group, kind, namespace, name.
#[derive(Default)]
pub(super) struct Set {
    objects: HashMap<(String, String, String, String), Span>,
    namespaces: HashSet<String>,
    node_ports: HashMap<(i64, String), Span>,
}

impl Judge<'_> {
    /// Reports what is wrong between `objects`, which are those of one file, and those of earlier
    /// files.
    pub(super) fn of_set(&mut self, set: &mut Set, objects: &[Object]) {
        for object in objects {
            let name = text_at(object.node, &["metadata", "name"]).unwrap_or_default();
            if object.kind == "Namespace" && object.api == "v1" {
                set.namespaces.insert(name.to_owned());
            }
        }
        for object in objects {
            let Some(name) = at(object.node, &["metadata", "name"]) else {
                continue;
            };
            let text = super::read::text(name).unwrap_or_default();
            let known = schema::object(object.api, object.kind).is_some();
            let cluster_wide = known && CLUSTER_WIDE.contains(&object.kind);
            let namespace = at(object.node, &["metadata", "namespace"]).filter(|_| !cluster_wide);
            let namespace_name = (namespace.and_then(super::read::text)).filter(|n| !n.is_empty());
            if let (Some(node), Some(namespace)) = (namespace, namespace_name)
                && !BUILT_IN.contains(&namespace)
                && namespace != FLANNEL
                && !set.namespaces.contains(namespace)
            {
                self.found.push(
                    Diagnostic::warning(
                        codes::UNKNOWN_NAMESPACE,
                        node.span,
                        format!(
                            "namespace `{}` is not defined in this file or an earlier one",
                            shown(namespace)
                        ),
                    )
                    .help("add a Namespace, or the nodes wait until one is created"),
                );
            }
            let group = object.api.split_once('/').map_or("", |(group, _)| group);
            let key = (
                group.to_owned(),
                object.kind.to_owned(),
                namespace_name
                    .unwrap_or(if cluster_wide { "" } else { "default" })
                    .to_owned(),
                text.to_owned(),
            );
            if let Some(first) = set.objects.insert(key, name.span) {
                self.found.push(
                    Diagnostic::warning(
                        codes::OBJECT_TWICE,
                        name.span,
                        format!("a second {} is named `{}`", shown(object.kind), shown(text)),
                    )
                    .related(first, "the first one")
                    .help("remove one: the second replaces the first"),
                );
            }
            if known && object.kind == "Service" {
                self.node_ports(set, object);
            }
        }
        for object in objects
            .iter()
            .filter(|object| object.api == "v1" && object.kind == "Pod")
        {
            self.admitted(set, object.node);
        }
    }

    /// Warns of what the API server looks up when it admits a pod, and does not find.
    fn admitted(&mut self, set: &Set, pod: &Node) {
        let namespace = text_at(pod, &["metadata", "namespace"]);
        let namespace = namespace
            .filter(|name| !name.is_empty())
            .unwrap_or("default");
        for (field, group, kind) in [
            ("serviceAccountName", "", "ServiceAccount"),
            ("priorityClassName", "scheduling.k8s.io", "PriorityClass"),
            ("runtimeClassName", "node.k8s.io", "RuntimeClass"),
        ] {
            let Some(node) = at(pod, &["spec", field]) else {
                continue;
            };
            let Some(name) = super::read::text(node).filter(|name| !name.is_empty()) else {
                continue;
            };
            let there = match kind {
                "ServiceAccount" => name == "default" || namespace == "kube-system",
                "PriorityClass" => name.starts_with("system-"),
                _ => self
                    .server
                    .runtime_classes
                    .iter()
                    .any(|class| class == name),
            };
            let namespace = if kind == "ServiceAccount" {
                namespace
            } else {
                ""
            };
            let key = [group, kind, namespace, name].map(str::to_owned);
            if !there && !set.objects.contains_key(&key.into()) {
                self.found.push(
                    Diagnostic::warning(
                        codes::UNKNOWN_REFERENCE,
                        node.span,
                        format!(
                            "{kind} `{}` is not defined in this file or an earlier one",
                            shown(name)
                        ),
                    )
                    .help(format!(
                        "add a {kind}, or the pod is refused until one is created"
                    )),
                );
            }
        }
    }

    fn node_ports(&mut self, set: &mut Set, object: &Object) {
        for port in items(object.node, &["spec", "ports"]) {
            let Some(node) = at(port, &["nodePort"]) else {
                continue;
            };
            let Some(number) = integer(node).filter(|number| *number != 0) else {
                continue;
            };
            let protocol = text_at(port, &["protocol"]).unwrap_or("TCP").to_owned();
            if let Some(first) = set.node_ports.insert((number, protocol), node.span) {
                self.found.push(
                    Diagnostic::error(
                        codes::ELEMENT_TWICE,
                        node.span,
                        format!("node port {number} is already in use"),
                    )
                    .related(first, "used by this service"),
                );
            }
        }
    }
}
