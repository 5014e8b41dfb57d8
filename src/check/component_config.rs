//! Free fields of `KubeletConfiguration` and `KubeProxyConfiguration`: known to the version, of the
//! right type, and not reserved.

use crate::diagnostic::{Diagnostic, Span, codes};
use crate::facts::kinds::{Kind as FieldKind, nanoseconds, whole};
use crate::facts::kubernetes::tables::{ConfigKind, Field, Tables};
use crate::facts::kubernetes::version::KubeVersion;
use crate::spec::FreeMap;
use crate::spec::yaml::{Entry, Kind, Node, Scalar, Value};
use crate::text::{nearest, shown as shown_text};

/// Fields that other parts of the node depend on or that have their own keys in the spec, with the
/// replacement. They include the fields below them.
const RESERVED: &[(ConfigKind, &str, &str)] = {
    use ConfigKind::{Kubelet, Proxy};
    const COUNTED_ON: &str = "other parts of the node depend on it";
    const GATES: &str = "use `feature_gates:`, which applies to all components";
    const KEYS: &str =
        "imgbuild generates the node's keys and certificates, and stores them where kubeadm does";
    &[
        (Kubelet, "staticPodPath", COUNTED_ON),
        (Kubelet, "containerRuntimeEndpoint", COUNTED_ON),
        (Kubelet, "cgroupDriver", COUNTED_ON),
        (Kubelet, "port", COUNTED_ON),
        (Kubelet, "authentication.x509", KEYS),
        (Kubelet, "tlsCertFile", KEYS),
        (Kubelet, "tlsPrivateKeyFile", KEYS),
        (Kubelet, "clusterDomain", "use `domain:`"),
        (
            Kubelet,
            "clusterDNS",
            "it is always the tenth address of `service_network:`",
        ),
        (Kubelet, "registerWithTaints", "use `kubelet.taints:`"),
        (Kubelet, "maxPods", "use `kubelet.max_pods:`"),
        (Kubelet, "systemReserved", "use `kubelet.reserved.system:`"),
        (Kubelet, "kubeReserved", "use `kubelet.reserved.kube:`"),
        (Kubelet, "evictionHard", "use `kubelet.reserved.eviction:`"),
        (
            Kubelet,
            "mergeDefaultEvictionSettings",
            "use `kubelet.reserved.eviction:`, which keeps the other thresholds at their defaults",
        ),
        (Kubelet, "failSwapOn", "it follows from `swap:`"),
        (Kubelet, "memorySwap", "use `kubelet.swap:`"),
        (Kubelet, "featureGates", GATES),
        (Proxy, "mode", "use `proxy.mode:`"),
        (Proxy, "clusterCIDR", "use `pod_network:`"),
        (Proxy, "hostnameOverride", "use `hostname:`"),
        (
            Proxy,
            "clientConnection.kubeconfig",
            "imgbuild generates the component's credentials",
        ),
        (Proxy, "featureGates", GATES),
    ]
};

/// Reports every wrong field of `written`.
pub(crate) fn component_config(
    kind: ConfigKind,
    written: &FreeMap,
    (version, tables): (KubeVersion, Tables<'_>),
    found: &mut Vec<Diagnostic>,
) {
    let mut checker = Checker {
        kind,
        version,
        tables,
        found,
    };
    checker.object("", &written.tree);
    checker.pairs(&written.tree);
}

/// Fields of which the first must be less than the second, or at most as much as it, with their
/// defaults (`pkg/kubelet/apis/config/validation`, `pkg/proxy/apis/config/validation`).
const PAIRS: &[Pair] = &[
    Pair {
        kind: ConfigKind::Kubelet,
        low: ("imageGCLowThresholdPercent", 80),
        high: ("imageGCHighThresholdPercent", 85),
        may_be_equal: false,
    },
    Pair {
        kind: ConfigKind::Kubelet,
        low: ("shutdownGracePeriodCriticalPods", 0),
        high: ("shutdownGracePeriod", 0),
        may_be_equal: true,
    },
    Pair {
        kind: ConfigKind::Proxy,
        low: ("minSyncPeriod", 1_000_000_000),
        high: ("syncPeriod", 30_000_000_000),
        may_be_equal: true,
    },
];

struct Pair {
    kind: ConfigKind,
    /// A field and its default; durations in nanoseconds.
    low: (&'static str, i64),
    high: (&'static str, i64),
    may_be_equal: bool,
}

struct Checker<'a> {
    kind: ConfigKind,
    version: KubeVersion,
    tables: Tables<'a>,
    found: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    fn error(&mut self, span: Span, message: String, help: Option<String>) {
        let mut diagnostic = Diagnostic::error(codes::BAD_CONFIG_FIELD, span, message);
        diagnostic.help = help;
        self.found.push(diagnostic);
    }

    /// Reports pairs of fields that are the wrong way around.
    fn pairs(&mut self, tree: &Node) {
        let kind = self.kind;
        for pair in PAIRS.iter().filter(|pair| pair.kind == kind) {
            let [low, high] = [pair.low, pair.high].map(|(name, otherwise)| {
                let node = tree.get(name);
                let value = node.and_then(amount).unwrap_or(otherwise);
                (name, node, value)
            });
            let Some(at) = high.1.or(low.1) else {
                continue;
            };
            let is_right = low.2 < high.2 || pair.may_be_equal && low.2 == high.2;
            if is_right {
                continue;
            }
            let than = if pair.may_be_equal {
                "at most"
            } else {
                "less than"
            };
            let shown = |(name, node, _): (&str, Option<&Node>, i64), otherwise| match node {
                Some(_) => format!("`{name}`"),
                None => format!("`{name}` ({otherwise} by default)"),
            };
            let message = format!(
                "{} must be {than} {}",
                shown(low, default_of(low.0, low.2)),
                shown(high, default_of(high.0, high.2))
            );
            self.error(at.span, message, None);
        }
    }

    /// A map whose fields are those below `path`.
    fn object(&mut self, path: &str, node: &Node) {
        let Value::Map(entries) = &node.value else {
            self.wrong(path, node, FieldKind::Object);
            return;
        };
        for entry in entries {
            self.entry(path, entry);
        }
    }

    fn entry(&mut self, parent: &str, entry: &Entry) {
        let name = &*entry.key.value;
        let path = if parent.is_empty() {
            name.to_owned()
        } else {
            format!("{parent}.{name}")
        };
        let shown = path.replace("[]", "");
        let (kind, version, tables) = (self.kind, self.version, self.tables);
        let fields = || tables.config_fields(kind);
        if parent.is_empty() && matches!(name, "apiVersion" | "kind") {
            self.found.push(
                Diagnostic::error(
                    codes::RESERVED_CONFIG_FIELD,
                    entry.key.span,
                    format!("`{name}` of {} is set by imgbuild", kind.as_str()),
                )
                .help("remove it"),
            );
            return;
        }
        let reserved = RESERVED
            .iter()
            .find(|(whose, field, _)| *whose == kind && *field == path);
        if let Some((_, _, instead)) = reserved {
            self.found.push(
                Diagnostic::error(
                    codes::RESERVED_CONFIG_FIELD,
                    entry.key.span,
                    format!("`{shown}` of {} is set by imgbuild", kind.as_str()),
                )
                .help(*instead),
            );
            return;
        }
        let Some(field) = fields().find(|field| field.path == path) else {
            let siblings = fields()
                .filter(|field| field.minors.why_not(version.minor).is_none())
                .filter_map(|field| name_below(field.path, parent));
            let help = match nearest(name, siblings) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => elsewhere(fields(), name).map_or_else(
                    || "remove it".to_owned(),
                    |path| format!("did you mean `{path}`?"),
                ),
            };
            self.error(
                entry.key.span,
                format!("{} of {version} has no field `{shown}`", kind.as_str()),
                Some(help),
            );
            return;
        };
        if let Some(why) = field.minors.why_not(version.minor) {
            self.found.push(
                Diagnostic::error(
                    codes::BAD_CONFIG_FIELD,
                    entry.key.span,
                    format!("{} of {version} has no field `{shown}`", kind.as_str()),
                )
                .label(why)
                .help("remove it"),
            );
            return;
        }
        self.value(&path, field.kind, &entry.value);
    }

    fn value(&mut self, path: &str, kind: FieldKind<'_>, node: &Node) {
        match kind {
            FieldKind::Object => self.object(path, node),
            FieldKind::List(element) => {
                let Value::List(items) = &node.value else {
                    self.wrong(path, node, kind);
                    return;
                };
                let inside = format!("{path}[]");
                for item in items {
                    self.value(&inside, kind_of(element), item);
                }
            }
            FieldKind::Map(value) => {
                let Value::Map(entries) = &node.value else {
                    self.wrong(path, node, kind);
                    return;
                };
                for entry in entries {
                    self.value(path, kind_of(value), &entry.value);
                }
            }
            _ => self.scalar(path, kind, node),
        }
    }

    fn scalar(&mut self, path: &str, kind: FieldKind<'_>, node: &Node) {
        let is_right = match &node.value {
            Value::Scalar(scalar) => is_of_kind(scalar, kind),
            _ => false,
        };
        if !is_right {
            self.wrong(path, node, kind);
        }
    }

    fn wrong(&mut self, path: &str, node: &Node, kind: FieldKind) {
        let shown = path.replace("[]", "");
        let expected = kind.expected();
        let got = match (&node.value, kind) {
            (Value::Scalar(scalar), FieldKind::Words(_) | FieldKind::Duration) => {
                format!("`{}`", shown_text(&scalar.text))
            }
            _ => node.describe(),
        };
        let help = match &node.value {
            Value::Scalar(scalar) if scalar.kind() != Kind::Text && kind == FieldKind::Text => {
                Some(format!("quote it: \"{}\"", scalar.text))
            }
            _ => None,
        };
        self.error(
            node.span,
            format!("`{shown}`: expected {expected}, got {got}"),
            help,
        );
    }
}

/// Returns `cacheTTL` for `authentication.webhook.cacheTTL` below `authentication.webhook`.
fn name_below<'p>(path: &'p str, parent: &str) -> Option<&'p str> {
    let rest = if parent.is_empty() {
        path
    } else {
        path.strip_prefix(parent)?.strip_prefix('.')?
    };
    (!rest.contains('.')).then_some(rest)
}

/// Returns the path of a field of the same name elsewhere.
fn elsewhere<'t>(fields: impl Iterator<Item = Field<'t>>, name: &str) -> Option<&'t str> {
    fields
        .map(|field| field.path)
        .find(|path| path.rsplit('.').next() == Some(name))
}

/// The kind of an item of a list or of a value of a map.
fn kind_of(text: &str) -> FieldKind<'_> {
    FieldKind::read(text).unwrap_or(FieldKind::Text)
}

/// Whether `scalar` is of `kind` as YAML, and as the component reads it.
fn is_of_kind(scalar: &Scalar, kind: FieldKind<'_>) -> bool {
    let yaml = scalar.kind();
    let is_right = match kind {
        FieldKind::Bool => return yaml == Kind::Boolean,
        FieldKind::Whole { .. } | FieldKind::Number => yaml == Kind::Number,
        FieldKind::Quantity => matches!(yaml, Kind::Text | Kind::Number),
        FieldKind::Duration
        | FieldKind::Words(_)
        | FieldKind::WordList(_)
        | FieldKind::Text
        | FieldKind::Object
        | FieldKind::List(_)
        | FieldKind::Map(_) => yaml == Kind::Text,
    };
    is_right && kind.takes(&scalar.text)
}

/// A whole number, or a duration in nanoseconds.
fn amount(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Scalar(scalar) => whole(&scalar.text).or_else(|| nanoseconds(&scalar.text)),
        _ => None,
    }
}

/// A default as the configuration writes it.
fn default_of(name: &str, value: i64) -> String {
    if name.ends_with("Percent") {
        value.to_string()
    } else {
        format!("{}s", value / 1_000_000_000)
    }
}
