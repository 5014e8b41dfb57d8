//! Checks of types that occur in several kinds, wherever they stand.

use super::Judge;
use super::containers::amount;
use super::metadata::{Rule, qualified};
use super::read::{at, items, text, text_at};
use super::schema::Type;
use crate::diagnostic::{Diagnostic, codes};
use crate::spec::yaml::Node;
use crate::text::shown;

impl Judge<'_> {
    /// Reports what is wrong with the object `node` of the type `of`, beyond its fields and rules.
    pub(super) fn by_type(&mut self, node: &Node, of: &Type) {
        match of.name {
            "AppArmorProfile" => self.profile(node, false),
            "CustomResourceDefinition" => self.custom_resource_definition(node),
            "DownwardAPIVolumeFile" => self.downward_file(node),
            "EmptyDirVolumeSource" => {
                if let Some(size) = at(node, &["sizeLimit"])
                    && amount(size).is_some_and(|size| size.sign().is_lt())
                {
                    self.bad_quantity(size.span, "must not be negative");
                }
            }
            "EnvVarSource" => self.env_source(node),
            "HostPathVolumeSource" => self.no_parent_folders(node, "path"),
            "IPBlock" => self.ip_block(node),
            "IngressClassSpec" => self.ingress_class(node),
            "LabelSelector" => self.selector(node),
            "LimitRangeSpec" => self.limit_range(node),
            "MetricSpec" => self.metric(node),
            "MutatingWebhook" | "ValidatingWebhook" => self.webhook(node),
            "NFSVolumeSource" => {
                if let Some(path) = at(node, &["path"])
                    && text(path).is_some_and(|path| !path.starts_with('/'))
                {
                    self.value_error(path.span, "the path must be absolute");
                }
            }
            "NodeSelectorTerm" => {
                for field in items(node, &["matchFields"]) {
                    self.one_of(field, "key", &["metadata.name"]);
                }
            }
            "NodeSelectorRequirement" => self.node_requirement(node),
            "ResourceFieldSelector" => self.resource_field(node),
            "ResourceQuotaSpec" => self.resource_quota(node),
            "SeccompProfile" => self.profile(node, true),
            "TopologySpreadConstraint" => self.spread(node),
            "Volume" | "PersistentVolumeSpec" => self.removed_drivers(node),
            _ => {}
        }
    }

    /// Checks a profile of seccomp (`files`: in the kubelet's folder) or of `AppArmor`.
    fn profile(&mut self, node: &Node, files: bool) {
        let profile = at(node, &["localhostProfile"]);
        let local = text_at(node, &["type"]) == Some("Localhost");
        match profile {
            None if local => self.missing(node.span, "a Localhost profile", "localhostProfile"),
            Some(profile) if !local && at(node, &["type"]).is_some() => {
                self.value_error(
                    profile.span,
                    "`localhostProfile` requires `type: Localhost`",
                );
            }
            Some(profile) if files => {
                let path = text(profile).unwrap_or_default();
                if path.starts_with('/') || path.split('/').any(|part| part == "..") {
                    self.value_error(
                        profile.span,
                        "a profile is a path below the kubelet's folder for seccomp profiles",
                    );
                }
            }
            _ => {}
        }
    }

    fn no_parent_folders(&mut self, node: &Node, field: &str) {
        if let Some(path) = at(node, &[field])
            && text(path).is_some_and(|path| path.split('/').any(|part| part == ".."))
        {
            self.value_error(path.span, "the path must not contain `..`");
        }
    }

    fn node_requirement(&mut self, node: &Node) {
        const OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];
        self.one_of(node, "operator", OPERATORS);
        let count = items(node, &["values"]).len();
        let operator = text_at(node, &["operator"]).unwrap_or_default();
        let why = match operator {
            "In" | "NotIn" if count == 0 => "requires values",
            "Exists" | "DoesNotExist" if count > 0 => "takes no values",
            "Gt" | "Lt" if count != 1 => "requires one value",
            _ => return,
        };
        self.value_error(node.span, format!("`{operator}` {why}"));
    }

    fn spread(&mut self, node: &Node) {
        if let Some(least) = at(node, &["minDomains"])
            && text_at(node, &["whenUnsatisfiable"]) == Some("ScheduleAnyway")
        {
            self.value_error(
                least.span,
                "`minDomains` requires `whenUnsatisfiable: DoNotSchedule`",
            );
        }
        if let Some(keys) = at(node, &["matchLabelKeys"])
            && at(node, &["labelSelector"]).is_none()
        {
            self.value_error(keys.span, "`matchLabelKeys` requires `labelSelector`");
        }
    }

    fn ingress_class(&mut self, node: &Node) {
        if let Some(controller) = at(node, &["controller"])
            && let Some(name) = text(controller).filter(|name| !name.is_empty())
            && name
                .split_once('/')
                .is_none_or(|(domain, _)| Rule::Subdomain.why_not(domain).is_some())
        {
            self.value_error(
                controller.span,
                "a controller is a domain and a path, such as k8s.io/ingress-nginx",
            );
        }
        if let Some(group) = at(node, &["parameters", "apiGroup"])
            && let Some(name) = text(group).filter(|name| !name.is_empty())
        {
            self.name(name, group.span, Rule::Subdomain, "a valid API group");
        }
    }

    /// Warns of volumes that no kubelet of this version can mount, although the API server accepts
    /// them (Kubernetes, "Volumes").
    fn removed_drivers(&mut self, node: &Node) {
        const REMOVED: &[(&str, u16)] = &[
            ("cephfs", 31),
            ("flocker", 25),
            ("glusterfs", 26),
            ("photonPersistentDisk", 16),
            ("quobyte", 25),
            ("rbd", 31),
            ("scaleIO", 22),
            ("storageos", 25),
            ("gitRepo", 33),
        ];
        for (driver, since) in REMOVED {
            let Some(volume) = at(node, &[driver]).filter(|_| self.minor >= *since) else {
                continue;
            };
            self.found.push(
                Diagnostic::warning(
                    codes::REMOVED_VOLUME_DRIVER,
                    volume.span,
                    format!("the kubelet cannot mount `{driver}` volumes"),
                )
                .label(if *driver == "gitRepo" {
                    "disabled since 1.33".to_owned()
                } else {
                    format!("removed in 1.{since}")
                })
                .help(if *driver == "gitRepo" {
                    "clone the repository in an init container, into an `emptyDir`"
                } else {
                    "use a CSI driver"
                }),
            );
        }
    }

    /// Checks a fieldRef of an environment variable.
    fn env_source(&mut self, node: &Node) {
        const FIELDS: &[&str] = &[
            "metadata.name",
            "metadata.namespace",
            "metadata.uid",
            "spec.nodeName",
            "spec.serviceAccountName",
            "status.hostIP",
            "status.hostIPs",
            "status.podIP",
            "status.podIPs",
        ];
        self.field_path(node, FIELDS);
    }

    /// Checks what a file of a downward API volume contains.
    fn downward_file(&mut self, node: &Node) {
        const FIELDS: &[&str] = &[
            "metadata.annotations",
            "metadata.labels",
            "metadata.name",
            "metadata.namespace",
            "metadata.uid",
        ];
        self.exactly_one(node, &["fieldRef", "resourceFieldRef"], "the file");
        self.field_path(node, FIELDS);
        if let Some(resource) = at(node, &["resourceFieldRef"])
            && at(resource, &["containerName"]).is_none()
        {
            self.missing(
                resource.span,
                "`resourceFieldRef` in a volume",
                "containerName",
            );
        }
    }

    /// Checks `fieldRef.fieldPath` below `node`: one of `fields`, or a single label or annotation.
    fn field_path(&mut self, node: &Node, fields: &[&str]) {
        let Some(path) = at(node, &["fieldRef", "fieldPath"]) else {
            return;
        };
        let Some(written) = text(path) else { return };
        let key = ["metadata.labels['", "metadata.annotations['"]
            .iter()
            .find_map(|start| written.strip_prefix(start)?.strip_suffix("']"));
        match key {
            Some(key) => {
                if let Some(why) = qualified(key) {
                    self.found.push(
                        Diagnostic::error(
                            codes::BAD_FIELD_VALUE,
                            path.span,
                            format!("`{}` is not a label or annotation", shown(key)),
                        )
                        .label(why),
                    );
                }
            }
            None => {
                if let Some(reference) = at(node, &["fieldRef"]) {
                    self.one_of(reference, "fieldPath", fields);
                    self.one_of(reference, "apiVersion", &["v1"]);
                }
            }
        }
    }

    fn resource_field(&mut self, node: &Node) {
        let resource = text_at(node, &["resource"]).unwrap_or_default();
        let huge = ["requests.hugepages-", "limits.hugepages-"];
        if !huge.iter().any(|start| resource.starts_with(start)) {
            self.one_of(
                node,
                "resource",
                &[
                    "limits.cpu",
                    "limits.memory",
                    "limits.ephemeral-storage",
                    "requests.cpu",
                    "requests.memory",
                    "requests.ephemeral-storage",
                ],
            );
        }
    }
}
