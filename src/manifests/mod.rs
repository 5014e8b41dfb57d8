//! Kubernetes manifests, judged as the API server of their version would.
//!
//! First the structure (`structure`, with the table of `schema`): fields, types, what is
//! required. Then what the API server checks in addition (`metadata`, `pods`, `workloads`,
//! `networking`, `policy`, `storage`). Kinds that the table does not contain, such as those
//! of operators, are accepted.

mod apis;
mod containers;
mod metadata;
mod networking;
mod pods;
mod policy;
mod quantity;
mod range;
mod read;
mod schema;
mod set;
mod storage;
mod structure;
mod values;
mod workloads;

use apis::Standing;
use read::{at, entries, items, text};

use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::ManifestFile;
use crate::spec::yaml::{Node, Value};
use crate::text::shown;

/// Checks `files`, which the API server of 1.`minor` applies in this order. `runtime_config`: it
/// enables APIs that are not served by default.
pub(crate) fn check(
    files: &[&ManifestFile],
    minor: u16,
    runtime_config: bool,
    found: &mut Vec<Diagnostic>,
) {
    let mut judge = Judge {
        minor,
        runtime_config,
        found,
    };
    let mut set = set::Set::default();
    for file in files {
        let mut objects = Vec::new();
        for document in &file.documents {
            judge.document(document, &mut objects);
        }
        judge.of_set(&mut set, &objects);
    }
}

/// The state while manifests are judged.
struct Judge<'a> {
    minor: u16,
    runtime_config: bool,
    found: &'a mut Vec<Diagnostic>,
}

/// An object of a known or unknown kind.
struct Object<'n> {
    api: &'n str,
    kind: &'n str,
    node: &'n Node,
    /// The location for diagnostics about it.
    place: Span,
}

impl Judge<'_> {
    fn document<'n>(&mut self, node: &'n Node, objects: &mut Vec<Object<'n>>) {
        if !matches!(node.value, Value::Map(_)) {
            self.found.push(Diagnostic::error(
                codes::NOT_AN_OBJECT,
                node.span,
                format!("a manifest must be a map, got {}", node.describe()),
            ));
            return;
        }
        let first = entries(node, &[]).first().map_or(node.span, |e| e.key.span);
        let word = |judge: &mut Self, key: &str| {
            let value = node.get(key);
            let word = value.and_then(text).filter(|word| !word.is_empty());
            if word.is_none() {
                judge.found.push(
                    Diagnostic::error(
                        codes::NOT_AN_OBJECT,
                        value.map_or(first, |value| value.span),
                        format!("the object has no `{key}`"),
                    )
                    .help("a manifest must have `apiVersion:` and `kind:`"),
                );
            }
            word
        };
        let (api, kind) = (word(self, "apiVersion"), word(self, "kind"));
        let (Some(api), Some(kind)) = (api, kind) else {
            return;
        };
        if api == "v1" && kind == "List" {
            for item in items(node, &["items"]) {
                self.document(item, objects);
            }
            return;
        }
        let api_place = node.get("apiVersion").map_or(first, |node| node.span);
        let kind_place = node.get("kind").map_or(first, |node| node.span);
        let there = self.standing(api, kind, api_place, kind_place);
        let object = Object {
            api,
            kind,
            node,
            place: kind_place,
        };
        match schema::object(api, kind).filter(|_| there) {
            Some(of) => {
                self.object(node, kind_place, of, true);
                self.metadata(node, kind, kind_place);
                self.beyond_structure(&object);
            }
            None if there => self.metadata(node, kind, kind_place),
            None => {}
        }
        objects.push(object);
    }

    /// Returns whether the API server has the kind; reports why not.
    fn standing(&mut self, api: &str, kind: &str, api_place: Span, kind_place: Span) -> bool {
        let minor = self.minor;
        let (api_shown, kind_shown) = (shown(api), shown(kind));
        let diagnostic = match apis::standing(api, kind, minor) {
            Standing::There | Standing::Foreign => return true,
            Standing::OnRequest => {
                if !self.runtime_config {
                    self.found.push(
                        Diagnostic::warning(
                            codes::API_NOT_SERVED,
                            api_place,
                            format!("the API server does not serve {api_shown} by default"),
                        )
                        .help(format!(
                            "add `extra_args: {{api_server: {{runtime-config: {api_shown}=true}}}}`"
                        )),
                    );
                }
                return true;
            }
            Standing::Gone {
                minor: gone,
                instead,
            } => Diagnostic::error(
                codes::API_NOT_AVAILABLE,
                api_place,
                format!("Kubernetes 1.{minor} has no {kind_shown} in {api_shown}"),
            )
            .label(format!("removed in 1.{gone}"))
            .help(instead),
            Standing::OtherVersion(range) => Diagnostic::error(
                codes::API_NOT_AVAILABLE,
                api_place,
                format!("Kubernetes 1.{minor} has no {kind_shown} in {api_shown}"),
            )
            .label(range.why_not(minor)),
            Standing::Unknown(meant) => {
                let diagnostic = Diagnostic::error(
                    codes::UNKNOWN_API,
                    kind_place,
                    format!("there is no {kind_shown} in {api_shown}"),
                );
                match meant {
                    Some(meant) => diagnostic.help(meant),
                    None => diagnostic,
                }
            }
        };
        self.found.push(diagnostic);
        false
    }

    /// Checks what the API server checks of an object with a known structure.
    fn beyond_structure(&mut self, object: &Object) {
        let Object {
            kind, node, place, ..
        } = *object;
        match kind {
            "Pod" => self.pod(node, place),
            "Deployment" | "DaemonSet" | "StatefulSet" | "ReplicaSet" | "ReplicationController" => {
                self.workload(node, kind, place);
            }
            "Job" => self.job(node, place),
            "CronJob" => self.cron_job(node, place),
            "Service" => self.service(node, place),
            "Ingress" => self.ingress(node, place),
            "NetworkPolicy" => self.network_policy(node),
            "HorizontalPodAutoscaler" => self.autoscaler(node, place),
            "PodDisruptionBudget" => self.disruption_budget(node, place),
            "Role" | "ClusterRole" => self.role(node, kind),
            "RoleBinding" | "ClusterRoleBinding" => self.role_binding(node, kind),
            "PersistentVolume" => self.persistent_volume(node, place),
            "PersistentVolumeClaim" => {
                if let Some(spec) = at(node, &["spec"]) {
                    self.claim(spec);
                } else {
                    self.missing(place, kind, "spec");
                }
            }
            "StorageClass" => self.storage_class(node),
            "ConfigMap" => self.config_map(node),
            "Secret" => self.secret(node, place),
            "PriorityClass" => self.priority_class(node),
            _ => {}
        }
    }
}
