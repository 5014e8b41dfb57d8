//! Kubernetes documents in the spec: audit policies and static pods.

use crate::diagnostic::within::Within;
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::spec::yaml::{Entry, Kind, Node, Value};
use crate::text::nearest;

/// Fields of a Policy (`staging/src/k8s.io/apiserver/pkg/apis/audit/v1/types.go`).
const POLICY: &[&str] = &[
    "apiVersion",
    "kind",
    "metadata",
    "rules",
    "omitStages",
    "omitManagedFields",
];

const RULE: &[&str] = &[
    "level",
    "users",
    "userGroups",
    "verbs",
    "resources",
    "namespaces",
    "nonResourceURLs",
    "omitStages",
    "omitManagedFields",
];

const RESOURCES: &[&str] = &["group", "resources", "resourceNames"];

const LEVELS: &[&str] = &["None", "Metadata", "Request", "RequestResponse"];

const STAGES: &[&str] = &[
    "RequestReceived",
    "ResponseStarted",
    "ResponseComplete",
    "Panic",
];

struct Reporter<'a> {
    within: Option<&'a Within>,
    code: crate::diagnostic::Code,
    found: &'a mut Vec<Diagnostic>,
}

impl Reporter<'_> {
    fn error(&mut self, place: Span, message: String, help: Option<String>) {
        let mut diagnostic = match self.within {
            Some(within) => within.error(self.code, place, message),
            None => Diagnostic::error(self.code, place, message),
        };
        diagnostic.help = help;
        self.found.push(diagnostic);
    }

    fn word(&mut self, node: &Node, what: &str, words: &[&str]) {
        if text(node).is_some_and(|text| words.contains(&text)) {
            return;
        }
        let shown = text(node).map_or_else(|| node.describe(), |text| format!("`{text}`"));
        let help = format!("use one of {}", words.join(", "));
        self.error(node.span, format!("{shown} is not {what}"), Some(help));
    }

    fn known(&mut self, entries: &[Entry], what: &str, known: &[&str]) {
        for entry in entries {
            let name = &*entry.key.value;
            if !known.contains(&name) {
                let help = nearest(name, known.iter().copied())
                    .map(|meant| format!("did you mean `{meant}`?"));
                self.error(
                    entry.key.span,
                    format!("{what} has no field `{name}`"),
                    help,
                );
            }
        }
    }

    fn is(&mut self, document: &Node, field: &str, want: &str) {
        match document.get(field) {
            Some(value) if text(value) == Some(want) => {}
            Some(value) => self.error(
                value.span,
                format!("`{field}` is not `{want}`"),
                Some(format!("write `{field}: {want}`")),
            ),
            None => self.error(
                document.span,
                format!("missing `{field}`"),
                Some(format!("add `{field}: {want}`")),
            ),
        }
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) if scalar.kind() == Kind::Text => Some(&scalar.text),
        _ => None,
    }
}

fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// Reports what the API server would reject in an audit policy. `within`: the policy's own file, if
/// it has one.
pub(crate) fn audit_policy(policy: &Node, within: Option<&Within>, found: &mut Vec<Diagnostic>) {
    let mut report = Reporter {
        within,
        code: codes::BAD_AUDIT_POLICY,
        found,
    };
    let Value::Map(entries) = &policy.value else {
        report.error(
            policy.span,
            "an audit policy must be a map".to_owned(),
            None,
        );
        return;
    };
    report.is(policy, "apiVersion", "audit.k8s.io/v1");
    report.is(policy, "kind", "Policy");
    report.known(entries, "an audit policy", POLICY);
    for stage in items(policy.get("omitStages")) {
        report.word(stage, "a stage", STAGES);
    }
    let rules = items(policy.get("rules"));
    if rules.is_empty() {
        report.error(
            policy.span,
            "the audit policy has no rules".to_owned(),
            Some("add `rules: [{level: Metadata}]`".to_owned()),
        );
    }
    for rule in rules {
        let Value::Map(entries) = &rule.value else {
            report.error(rule.span, "a rule must be a map".to_owned(), None);
            continue;
        };
        report.known(entries, "a rule of an audit policy", RULE);
        match rule.get("level") {
            Some(level) => report.word(level, "an audit level", LEVELS),
            None => report.error(
                rule.span,
                "the rule has no `level`".to_owned(),
                Some(format!("use one of {}", LEVELS.join(", "))),
            ),
        }
        for stage in items(rule.get("omitStages")) {
            report.word(stage, "a stage", STAGES);
        }
        for resource in items(rule.get("resources")) {
            match &resource.value {
                Value::Map(entries) => report.known(entries, "a resource group", RESOURCES),
                _ => report.error(
                    resource.span,
                    format!(
                        "a resource group must be a map, got {}",
                        resource.describe()
                    ),
                    Some("write `{group: \"\", resources: [secrets]}`".to_owned()),
                ),
            }
        }
        let has = |field: &str| !items(rule.get(field)).is_empty();
        if has("nonResourceURLs") && (has("resources") || has("namespaces")) {
            report.error(
                rule.span,
                "a rule applies to either resources or non-resource URLs".to_owned(),
                Some("split it into two rules".to_owned()),
            );
        }
    }
}

/// Volumes that come from the API, and are therefore not available to a static pod.
const API_VOLUMES: &[&str] = &[
    "configMap",
    "secret",
    "persistentVolumeClaim",
    "projected",
    "ephemeral",
];

/// Reports what a kubelet would reject in a static pod; returns the pod's name.
pub(crate) fn static_pod(
    pod: &Node,
    within: &Within,
    found: &mut Vec<Diagnostic>,
) -> Option<String> {
    let mut report = Reporter {
        within: Some(within),
        code: codes::BAD_STATIC_POD,
        found,
    };
    if !matches!(pod.value, Value::Map(_)) {
        report.error(pod.span, "a static pod must be a map".to_owned(), None);
        return None;
    }
    report.is(pod, "apiVersion", "v1");
    report.is(pod, "kind", "Pod");
    let name = pod
        .get("metadata")
        .and_then(|metadata| metadata.get("name"));
    let name = match name {
        None => {
            report.error(pod.span, "the pod has no `metadata.name`".to_owned(), None);
            None
        }
        Some(name) => {
            let read = text(name).filter(|name| name.parse::<crate::names::Hostname>().is_ok());
            if read.is_none() {
                report.error(
                    name.span,
                    "a pod name must consist of lowercase letters, digits, `-` and `.`".to_owned(),
                    None,
                );
            }
            read.map(str::to_owned)
        }
    };
    let spec = pod.get("spec");
    let containers = items(spec.and_then(|spec| spec.get("containers")));
    if containers.is_empty() {
        report.error(
            spec.unwrap_or(pod).span,
            "the pod has no containers".to_owned(),
            Some("add `spec.containers`".to_owned()),
        );
    }
    let more = items(spec.and_then(|spec| spec.get("initContainers")));
    for container in containers.iter().chain(more) {
        for field in ["name", "image"] {
            if container
                .get(field)
                .is_none_or(|value| text(value).is_none())
            {
                report.error(
                    container.span,
                    format!("a container has no `{field}`"),
                    None,
                );
            }
        }
        for variable in items(container.get("env")) {
            let from = variable.get("valueFrom");
            for field in ["configMapKeyRef", "secretKeyRef"] {
                if let Some(reference) = from.and_then(|from| from.get(field)) {
                    from_the_api(&mut report, reference.span, field);
                }
            }
        }
        if let Some(from) = container.get("envFrom") {
            from_the_api(&mut report, from.span, "envFrom");
        }
    }
    if let Some(account) = spec.and_then(|spec| spec.get("serviceAccountName")) {
        from_the_api(&mut report, account.span, "serviceAccountName");
    }
    for volume in items(spec.and_then(|spec| spec.get("volumes"))) {
        for field in API_VOLUMES {
            if let Some(source) = volume.get(field) {
                from_the_api(&mut report, source.span, field);
            }
        }
    }
    name
}

fn from_the_api(report: &mut Reporter, place: Span, field: &str) {
    report.error(
        place,
        format!("a static pod cannot use `{field}`: it refers to the API"),
        Some(
            "write files to the node with `storage.files:` and mount them with `hostPath`"
                .to_owned(),
        ),
    );
}
