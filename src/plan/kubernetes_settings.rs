//! The settings of the Kubernetes components.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use x509_cert::Certificate;

use super::Decider;
use crate::check::{audit_policy, component_config, kubelet_config, static_pod};
use crate::diagnostic::within::Within;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::kubernetes::choices::Role;
use crate::facts::kubernetes::tables::{Component, ConfigKind};
use crate::facts::kubernetes::version::KubeVersion;
use crate::node::Node;
use crate::node::containers::{ContainerRuntime, runtime_label};
use crate::node::kubernetes::{Kubelet, Proxy, Taint};
use crate::node::kubernetes_settings::AuditLog;
use crate::pki::bundles::{EtcdClient, ExternalEtcd, KeyPair};
use crate::spec::{self, FreeDocument, LocalText, Table};

/// Domains of Kubernetes whose labels a kubelet may still set on its own node (`--node-labels`,
/// `NodeRestriction`).
const OPEN_DOMAINS: [&str; 2] = ["kubelet.kubernetes.io", "node.kubernetes.io"];

/// Labels in domains of Kubernetes that a kubelet may still set on its own node.
const OPEN_LABELS: [&str; 12] = [
    "kubernetes.io/hostname",
    "kubernetes.io/arch",
    "kubernetes.io/os",
    "beta.kubernetes.io/instance-type",
    "beta.kubernetes.io/os",
    "beta.kubernetes.io/arch",
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
    "node.kubernetes.io/instance-type",
    "kubernetes.io/instance-type",
];

/// The taint of a control plane node.
const CONTROL_PLANE: &str = "node-role.kubernetes.io/control-plane";

impl Decider<'_> {
    /// Returns the settings of kube-proxy.
    pub(super) fn proxy(&mut self, written: &spec::Kubernetes) -> Proxy {
        let mut settings = feature_gates(written);
        let own = written.proxy.as_ref();
        if let Some(config) = own.and_then(|proxy| proxy.config.as_ref()) {
            let version = written.version.value;
            let of = (version, self.known.tables(version));
            component_config(ConfigKind::Proxy, config, of, &mut self.found);
            settings.extend(fields(config));
        }
        Proxy {
            mode: self.proxy_mode(written),
            settings,
            extra_args: flags(written, |extra| &extra.proxy),
        }
    }

    /// Returns the settings of the kubelet.
    pub(super) fn kubelet(
        &mut self,
        written: &spec::Kubernetes,
        node: &Node,
        role: Role,
    ) -> Kubelet {
        let own = written.kubelet();
        let mut kubelet = Kubelet {
            labels: BTreeMap::new(),
            api_labels: BTreeMap::new(),
            taints: taints(&own, role),
            settings: feature_gates(written),
            max_pods: own.max_pods,
            extra_args: flags(written, |extra| &extra.kubelet),
        };
        self.labels(&own, role, &mut kubelet);
        if role != Role::Standalone {
            let runtimes = node.containerd.iter().flat_map(|own| &own.runtimes);
            let label = |runtime: &ContainerRuntime| runtime_label(&runtime.name);
            (kubelet.labels).extend(runtimes.map(|runtime| (label(runtime), "true".to_owned())));
        }
        self.kubelet_config(&own, written.version.value, node, &mut kubelet.settings);
        kubelet
    }

    fn labels(&mut self, own: &spec::KubernetesKubelet, role: Role, kubelet: &mut Kubelet) {
        for (key, value) in &own.labels {
            let entry = (key.as_str().to_owned(), value.as_str().to_owned());
            if open_to_kubelets(key.as_str()) {
                kubelet.labels.extend([entry]);
            } else if role.has_control_plane() {
                kubelet.api_labels.extend([entry]);
            } else {
                self.found.push(
                    Diagnostic::error(
                        codes::RESERVED_LABEL,
                        key.span,
                        format!(
                            "the kubelet may not set label `{}` on its own node",
                            key.as_str()
                        ),
                    )
                    .help(
                        "use a key without kubernetes.io, or set it with `kubectl label node` \
                           once the node has joined",
                    ),
                );
            }
        }
    }

    fn kubelet_config(
        &mut self,
        kubelet: &spec::KubernetesKubelet,
        version: KubeVersion,
        node: &Node,
        settings: &mut BTreeMap<String, Json>,
    ) {
        let mut set = |field: &str, value: Json| {
            settings.insert(field.to_owned(), value);
        };
        if let Some(config) = &kubelet.config {
            let of = (version, self.known.tables(version));
            component_config(ConfigKind::Kubelet, config, of, &mut self.found);
            let reserved = kubelet.reserved.as_ref();
            let reserves_cpu = reserved.is_some_and(|reserved| {
                let both = reserved.system.iter().chain(&reserved.kube);
                both.into_iter().any(|resources| resources.cpu.is_some())
            });
            kubelet_config(config, reserves_cpu, &mut self.found);
            for (field, value) in fields(config) {
                set(&field, value);
            }
        }
        if let Some(pods) = kubelet.max_pods {
            set("maxPods", pods.value.into());
        }
        if let Some(reserved) = &kubelet.reserved {
            for (field, resources) in [
                ("systemReserved", &reserved.system),
                ("kubeReserved", &reserved.kube),
            ] {
                if let Some(resources) = resources {
                    set(field, amounts(resources));
                }
            }
            if let Some(eviction) = &reserved.eviction {
                set("evictionHard", thresholds(eviction));
            }
        }
        // A kubelet does not start on a node with swap unless this is configured.
        if node.swap.is_some() {
            set("failSwapOn", false.into());
        }
        if let Some(swap) = kubelet.swap {
            let behavior = match swap.value {
                spec::KubeletSwap::None => "NoSwap",
                spec::KubeletSwap::Limited => "LimitedSwap",
            };
            set("memorySwap", json!({ "swapBehavior": behavior }));
            if node.swap.is_none() && swap.value == spec::KubeletSwap::Limited {
                self.found.push(
                    Diagnostic::error(
                        codes::SWAP_POLICY,
                        swap.span,
                        "pods are allowed to swap, but the node has no swap space",
                    )
                    .help("add `swap:` to the node, or remove this"),
                );
            }
        }
    }

    /// Returns the API server's audit log.
    pub(super) fn audit(&mut self, written: &spec::KubernetesAudit) -> Option<AuditLog> {
        if !written.enabled().value {
            return None;
        }
        let policy = match &written.policy {
            None => include_str!("../../manifests/audit-policy.yaml").to_owned(),
            Some(FreeDocument::Inline(map)) => {
                audit_policy(&map.tree, None, &mut self.found);
                format!("{:#}\n", map.to_json())
            }
            Some(FreeDocument::Local(path)) => {
                let text = self.files.text(path)?.to_owned();
                if let Some(tree) = self.document(path, &text, codes::BAD_AUDIT_POLICY) {
                    let within = Within::new(path.as_str(), path.span, &text);
                    audit_policy(&tree, Some(&within), &mut self.found);
                }
                text
            }
        };
        Some(AuditLog {
            policy,
            max_age: written.max_age().value,
            max_backups: written.max_backups().value,
            max_size: written.max_size().value,
        })
    }

    /// Returns the tree of a local file that must be a single YAML document.
    fn document(
        &mut self,
        path: &Located<LocalText>,
        text: &str,
        code: crate::diagnostic::Code,
    ) -> Option<spec::yaml::Node> {
        let within = Within::new(path.as_str(), path.span, text);
        let (tree, problems) =
            spec::yaml::parse(text, within.source, spec::yaml::Limits::default());
        for problem in problems {
            let place = problem.span.unwrap_or(path.span);
            self.found.push(within.error(code, place, problem.message));
        }
        tree
    }

    /// Returns an etcd outside the file, with its keys.
    pub(super) fn external_etcd(&mut self, written: &spec::ExternalEtcd) -> Option<ExternalEtcd> {
        let mut wrong = |span: Span, message: String, help: &str| {
            self.found
                .push(Diagnostic::error(codes::BAD_EXTERNAL_ETCD, span, message).help(help));
        };
        if written.endpoints.is_empty() {
            wrong(
                written.span,
                "an external etcd requires an endpoint".to_owned(),
                "add `endpoints: [https://…:2379]`",
            );
        }
        for endpoint in &written.endpoints {
            if !endpoint.https {
                wrong(
                    endpoint.span,
                    format!("`{}` does not use TLS", endpoint.as_str()),
                    "anyone who reaches it can read and change all its data: give its members \
                     certificates, and use https",
                );
            }
        }
        for path in [&written.ca, &written.cert] {
            let Some(text) = self.files.text(path) else {
                continue;
            };
            let chain = Certificate::load_pem_chain(text.as_bytes());
            if !chain.is_ok_and(|chain| !chain.is_empty()) {
                wrong(
                    path.span,
                    format!("`{}` contains no PEM certificate", path.as_str()),
                    "specify a file that starts with -----BEGIN CERTIFICATE-----",
                );
            }
        }
        let key = self.files.text(&written.key);
        if key.is_some_and(|key| !key.contains("PRIVATE KEY-----")) {
            wrong(
                written.key.span,
                format!("`{}` contains no PEM private key", written.key.as_str()),
                "specify a file that starts with -----BEGIN PRIVATE KEY-----",
            );
        }
        Some(ExternalEtcd {
            endpoints: written
                .endpoints
                .iter()
                .map(|endpoint| endpoint.as_str().to_owned())
                .collect(),
            keys: EtcdClient {
                authority: self.files.text(&written.ca)?.to_owned(),
                client: KeyPair {
                    certificate: self.files.text(&written.cert)?.to_owned(),
                    key: key?.to_owned(),
                },
            },
        })
    }

    /// Returns the user's static pods: name and manifest.
    pub(super) fn static_pods(
        &mut self,
        written: &spec::Kubernetes,
        role: Role,
    ) -> Vec<(String, String)> {
        let mut pods = Vec::new();
        let mut taken: BTreeMap<String, Option<Span>> = BTreeMap::new();
        if role != Role::Standalone {
            taken.insert(Component::Proxy.to_string(), None);
        }
        if role.has_control_plane() {
            taken.extend(Component::CONTROL_PLANE.map(|one| (one.to_string(), None)));
        }
        for path in &written.static_pods {
            let Some(text) = self.files.text(path).map(str::to_owned) else {
                continue;
            };
            let Some(tree) = self.document(path, &text, codes::BAD_STATIC_POD) else {
                continue;
            };
            let within = Within::new(path.as_str(), path.span, &text);
            let Some(name) = static_pod(&tree, &within, &mut self.found) else {
                continue;
            };
            match taken.insert(name.clone(), Some(path.span)) {
                None => pods.push((name, text)),
                Some(first) => {
                    let mut diagnostic = Diagnostic::error(
                        codes::BAD_STATIC_POD,
                        path.span,
                        format!("the node already has a static pod `{name}`"),
                    )
                    .help("give the pod another name");
                    match first {
                        Some(first) => diagnostic = diagnostic.related(first, "already used here"),
                        None => diagnostic.label = Some("imgbuild creates it".to_owned()),
                    }
                    self.found.push(diagnostic);
                }
            }
        }
        pods
    }
}

/// Returns whether a kubelet may set a label with this key on its own node
/// (`pkg/kubelet/apis/well_known_labels.go`).
fn open_to_kubelets(key: &str) -> bool {
    let Some((domain, _)) = key.split_once('/') else {
        return true;
    };
    let below = |domain: &str, parent: &str| {
        domain == parent
            || domain
                .strip_suffix(parent)
                .is_some_and(|before| before.ends_with('.'))
    };
    let is_kubernetes = below(domain, "kubernetes.io") || below(domain, "k8s.io");
    !is_kubernetes
        || OPEN_LABELS.contains(&key)
        || OPEN_DOMAINS.iter().any(|open| below(domain, open))
}

/// Returns the taints with which the node registers.
fn taints(own: &spec::KubernetesKubelet, role: Role) -> Vec<Taint> {
    let written = own.taints.iter().map(|taint| Taint {
        key: taint.key.clone(),
        value: taint.value.value.clone(),
        effect: taint.effect.to_owned(),
    });
    let mut taints: Vec<Taint> = written.collect();
    let of_role = Taint {
        key: CONTROL_PLANE.to_owned(),
        value: None,
        effect: "NoSchedule".to_owned(),
    };
    if role == Role::ControlPlane && !taints.contains(&of_role) {
        taints.insert(0, of_role);
    }
    taints
}

/// Returns the field of a component's configuration for the spec's feature gates, if it has any.
fn feature_gates(written: &spec::Kubernetes) -> BTreeMap<String, Json> {
    let gates: BTreeMap<&str, bool> = (written.feature_gates.iter())
        .map(|(name, value)| (name.as_str(), value.value))
        .collect();
    if gates.is_empty() {
        return BTreeMap::new();
    }
    BTreeMap::from([("featureGates".to_owned(), json!(gates))])
}

/// Returns the spec's flags for one component, by name.
pub(super) fn flags(
    written: &spec::Kubernetes,
    of: fn(&spec::KubernetesExtraArgs) -> &Table<spec::SettingName, Located<spec::Setting>>,
) -> BTreeMap<String, String> {
    let all = written.extra_args.iter().flat_map(|extra| of(extra).iter());
    all.map(|(flag, value)| (flag.as_str().to_owned(), value.as_str().to_owned()))
        .collect()
}

/// Returns the top-level fields of a map.
fn fields(map: &spec::FreeMap) -> Vec<(String, Json)> {
    match map.to_json() {
        Json::Object(fields) => fields.into_iter().collect(),
        _ => Vec::new(),
    }
}

fn amounts(written: &spec::KubeletResources) -> Json {
    let mut amounts = serde_json::Map::new();
    for (name, amount) in [
        ("cpu", &written.cpu),
        ("memory", &written.memory),
        ("ephemeral-storage", &written.ephemeral_storage),
        ("pid", &written.pid),
    ] {
        if let Some(amount) = amount {
            amounts.insert(name.to_owned(), amount.as_str().into());
        }
    }
    amounts.into()
}

/// All of them: where one is set, the kubelet's own no longer apply.
fn thresholds(written: &spec::KubeletEviction) -> Json {
    let mut all = BTreeMap::from([
        ("memory.available", written.memory_available()),
        ("nodefs.available", written.nodefs_available()),
        ("nodefs.inodesFree", written.nodefs_inodes_free()),
        ("imagefs.available", written.imagefs_available()),
        ("imagefs.inodesFree", written.imagefs_inodes_free()),
    ]);
    if let Some(threshold) = &written.pid_available {
        all.insert("pid.available", threshold.clone());
    }
    let texts = all
        .iter()
        .map(|(signal, threshold)| (*signal, threshold.as_str()));
    json!(texts.collect::<BTreeMap<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::open_to_kubelets;

    #[test]
    fn labels_that_a_kubelet_may_set() {
        for (key, want) in [
            ("zone", true),
            ("lab.example/zone", true),
            ("notkubernetes.io/a", true),
            ("topology.kubernetes.io/zone", true),
            ("node.kubernetes.io/anything", true),
            ("a.node.kubernetes.io/anything", true),
            ("kubelet.kubernetes.io/a", true),
            ("node-role.kubernetes.io/control-plane", false),
            ("node-restriction.kubernetes.io/a", false),
            ("kubernetes.io/a", false),
            ("k8s.io/a", false),
            ("a.k8s.io/b", false),
        ] {
            assert_eq!(open_to_kubelets(key), want, "{key}");
        }
    }
}
