//! Free fields of `KubeletConfiguration` and `KubeProxyConfiguration`: known to the version, of the
//! right type, and not reserved.

use crate::diagnostic::{Diagnostic, Span, codes};
use crate::facts::kubernetes::tables::{ConfigKind, Field, FieldKind, config_fields};
use crate::facts::kubernetes::version::KubeVersion;
use crate::spec::FreeMap;
use crate::spec::yaml::{Entry, Kind, Node, Scalar, Value};
use crate::text::nearest;

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
    version: KubeVersion,
    found: &mut Vec<Diagnostic>,
) {
    let mut checker = Checker {
        kind,
        version,
        found,
    };
    checker.object("", &written.tree);
}

struct Checker<'a> {
    kind: ConfigKind,
    version: KubeVersion,
    found: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    fn error(&mut self, span: Span, message: String, help: Option<String>) {
        let mut diagnostic = Diagnostic::error(codes::BAD_CONFIG_FIELD, span, message);
        diagnostic.help = help;
        self.found.push(diagnostic);
    }

    /// A map whose fields are those below `path`.
    fn object(&mut self, path: &str, node: &Node) {
        let Value::Map(entries) = &node.value else {
            self.wrong(path, node, "a map");
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
        let (kind, version) = (self.kind, self.version);
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
        let Some(field) = config_fields(kind).find(|field| field.path == path) else {
            let siblings = config_fields(kind)
                .filter(|field| field.minors.why_not(version.minor).is_none())
                .filter_map(|field| name_below(field.path, parent));
            let help = match nearest(name, siblings) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => elsewhere(kind, name).map_or_else(
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

    fn value(&mut self, path: &str, kind: FieldKind, node: &Node) {
        match kind {
            FieldKind::Object => self.object(path, node),
            FieldKind::List(element) => {
                let Value::List(items) = &node.value else {
                    self.wrong(path, node, "a list");
                    return;
                };
                let inside = format!("{path}[]");
                for item in items {
                    self.value(&inside, FieldKind::read(element), item);
                }
            }
            FieldKind::Map(value) => {
                let Value::Map(entries) = &node.value else {
                    self.wrong(path, node, "a map");
                    return;
                };
                for entry in entries {
                    self.value(path, FieldKind::read(value), &entry.value);
                }
            }
            _ => self.scalar(path, kind, node),
        }
    }

    fn scalar(&mut self, path: &str, kind: FieldKind, node: &Node) {
        let scalar = match &node.value {
            Value::Scalar(scalar) => Some(scalar),
            _ => None,
        };
        let whole = |scalar: &Scalar| scalar.kind() == Kind::Number && is_whole(&scalar.text);
        let (expected, right): (_, fn(&Scalar) -> bool) = match kind {
            FieldKind::Bool => ("true or false", |s| s.kind() == Kind::Boolean),
            FieldKind::Number => ("a number", |s| s.kind() == Kind::Number),
            FieldKind::Whole => {
                let right = scalar.is_some_and(whole);
                if !right {
                    self.wrong(path, node, "a whole number");
                }
                return;
            }
            FieldKind::Duration => ("a duration such as 1m30s", |s| {
                s.kind() == Kind::Text && is_duration(&s.text)
            }),
            FieldKind::Quantity => ("a quantity such as 512Mi", |s| {
                matches!(s.kind(), Kind::Text | Kind::Number)
                    && s.text.starts_with(|c: char| c.is_ascii_digit())
            }),
            FieldKind::Text | FieldKind::Object | FieldKind::List(_) | FieldKind::Map(_) => {
                ("text", |s| s.kind() == Kind::Text)
            }
        };
        if !scalar.is_some_and(right) {
            self.wrong(path, node, expected);
        }
    }

    fn wrong(&mut self, path: &str, node: &Node, expected: &str) {
        let shown = path.replace("[]", "");
        let help = match &node.value {
            Value::Scalar(scalar) if scalar.kind() != Kind::Text && expected == "text" => {
                Some(format!("quote it: \"{}\"", scalar.text))
            }
            _ => None,
        };
        self.error(
            node.span,
            format!("`{shown}`: expected {expected}, got {}", node.describe()),
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
fn elsewhere(kind: ConfigKind, name: &str) -> Option<&'static str> {
    config_fields(kind)
        .map(|field: Field| field.path)
        .find(|path| path.rsplit('.').next() == Some(name))
}

fn is_whole(text: &str) -> bool {
    text.starts_with("0o") || text.starts_with("0x") || text.parse::<i64>().is_ok()
}

/// Go's `time.ParseDuration`: numbers with units, or `0` without one.
fn is_duration(text: &str) -> bool {
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        if rest[..digits].parse::<f64>().is_err() {
            return false;
        }
        rest = &rest[digits..];
        let units = ["ns", "us", "µs", "ms", "s", "m", "h"];
        let Some(unit) = units.iter().find(|unit| rest.starts_with(**unit)) else {
            return false;
        };
        rest = &rest[unit.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_duration;

    #[test]
    fn durations() {
        for (text, want) in [
            ("10s", true),
            ("1h30m", true),
            ("1.5h", true),
            ("100ms", true),
            ("0", true),
            ("0s", true),
            ("10", false),
            ("s", false),
            ("1d", false),
            ("1 m", false),
            ("", false),
        ] {
            assert_eq!(is_duration(text), want, "{text}");
        }
    }
}
