//! Kubernetes manifests, judged as the API server of their version would.
//!
//! First the structure (`structure`, with the table of `schema`): fields, types, what is
//! required, with the rules of single types (`rules`, `types`). Then what the API server checks in
//! addition (`metadata`, `pods`, `workloads`, `networking`, `policy`, `storage`). Of kinds that are
//! not Kubernetes' own, such as those of operators, only the metadata is checked.

mod apis;
mod autoscaling;
mod containers;
mod extensions;
mod jobs;
mod kinds;
mod metadata;
mod networking;
mod pod_networks;
mod pods;
mod policy;
mod quantity;
mod quotas;
mod range;
mod read;
mod rules;
mod schema;
mod set;
mod storage;
mod structure;
mod types;
mod values;
mod workloads;

use std::collections::{BTreeMap, BTreeSet};

use apis::Standing;
pub(crate) use kinds::{Additions, Kinds, served_by_default};
pub(crate) use pod_networks::{InstalledNetwork, Pools, installed};
use read::{at, entries, items, text};

use ipnet::IpNet;

use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::ManifestFile;
use crate::spec::yaml::{Node, Value};
use crate::text::shown;

/// What the checks know of an API server.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiServer {
    /// Its version: 1.`minor`.
    pub minor: u16,
    /// The kinds that it said to have, by `apiVersion`; `None`: those of the table.
    pub served: Option<BTreeMap<String, BTreeSet<String>>>,
    /// It enables APIs that are not served by default.
    pub runtime_config: bool,
    /// First and last of its node ports.
    pub node_ports: (i64, i64),
    /// One, or one of each address family.
    pub service_networks: Vec<IpNet>,
    /// Feature gates that are set, on or off.
    pub gates: BTreeMap<String, bool>,
    /// Runtime classes that the nodes bring along.
    pub runtime_classes: Vec<String>,
}

impl ApiServer {
    /// Returns whether `gate` is on. `default_since` is the first minor where it is if nothing sets
    /// it.
    fn has_gate(&self, gate: &str, default_since: Option<u16>) -> bool {
        let set = self.gates.get(gate).copied();
        set.unwrap_or_else(|| default_since.is_some_and(|since| since <= self.minor))
    }
}

/// Checks `files`, which are applied to `server` in this order.
pub(crate) fn check(files: &[&ManifestFile], server: &ApiServer, found: &mut Vec<Diagnostic>) {
    let mut judge = Judge {
        minor: server.minor,
        server,
        found,
    };
    let mut set = set::Set::default();
    for file in files {
        let mut objects = Vec::new();
        for document in &file.documents {
            judge.document(document, None, &mut objects);
        }
        judge.of_set(&mut set, &objects);
    }
}

/// The state while manifests are judged.
struct Judge<'a> {
    minor: u16,
    server: &'a ApiServer,
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
    /// `inherited`: the `apiVersion` and `kind` of a document that has none, from its list.
    fn document<'n>(
        &mut self,
        node: &'n Node,
        inherited: Option<(&'n str, &'n str)>,
        objects: &mut Vec<Object<'n>>,
    ) {
        if !matches!(node.value, Value::Map(_)) {
            self.found.push(Diagnostic::error(
                codes::NOT_AN_OBJECT,
                node.span,
                format!("a manifest must be a map, got {}", node.describe()),
            ));
            return;
        }
        let first = entries(node, &[]).first().map_or(node.span, |e| e.key.span);
        let word = |judge: &mut Self, key: &str, inherited: Option<&'n str>| {
            let value = node.get(key);
            let word = value.and_then(text).filter(|word| !word.is_empty());
            let word = word.or(inherited.filter(|_| value.is_none()));
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
        let api = word(self, "apiVersion", inherited.map(|(api, _)| api));
        let kind = word(self, "kind", inherited.map(|(_, kind)| kind));
        let (Some(api), Some(kind)) = (api, kind) else {
            return;
        };
        if let Some(of) = kind.strip_suffix("List")
            && (of.is_empty() || at(node, &["items"]).is_some())
        {
            let inherited = (!of.is_empty()).then_some((api, of));
            for item in items(node, &["items"]) {
                self.document(item, inherited, objects);
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
        // The other mistakes of an object with an API of the past are those of today's.
        let today = if there {
            Some(api)
        } else {
            apis::successor(api, kind, self.minor)
        };
        match today.and_then(|api| schema::object(api, kind)) {
            Some(of) => {
                self.object(node, kind_place, of);
                self.beyond_structure(&object);
            }
            None => {
                if let Some(metadata) = at(node, &["metadata"]) {
                    self.object(metadata, metadata.span, schema::metadata());
                }
            }
        }
        self.metadata(node, kind, kind_place);
        objects.push(object);
    }

    fn standing_of(&self, api: &str, kind: &str) -> Standing {
        match &self.server.served {
            None => apis::standing(api, kind, self.minor),
            Some(served) => apis::standing_by(served, api, kind, self.minor),
        }
    }

    /// Returns whether the API server has the kind; reports why not.
    fn standing(&mut self, api: &str, kind: &str, api_place: Span, kind_place: Span) -> bool {
        let minor = self.minor;
        let (api_shown, kind_shown) = (shown(api), shown(kind));
        let diagnostic = match self.standing_of(api, kind) {
            Standing::There | Standing::Foreign => return true,
            Standing::OnRequest => {
                if !self.server.runtime_config {
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
            Standing::Absent => Diagnostic::error(
                codes::API_NOT_AVAILABLE,
                api_place,
                format!("Kubernetes 1.{minor} has no {kind_shown} in {api_shown}"),
            )
            .label("its API server does not have it"),
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
            "APIService" => self.api_service(node, place),
            "PodTemplate" => match at(node, &["template"]) {
                Some(template) => self.template(template, &[], &["Always", "OnFailure", "Never"]),
                None => self.missing(place, kind, "template"),
            },
            _ => {}
        }
    }
}
