//! Flags of `extra_args` and feature gates: known to the version, and not reserved.

use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::flags::Flag;
use crate::facts::kinds::Kind;
use crate::facts::kubernetes::tables::{Component, Tables};
use crate::facts::kubernetes::version::KubeVersion;
use crate::spec::{Setting, SettingName, Table};
use crate::text::{nearest, shown};

/// Flags that other parts of the node depend on, with the replacement.
const RESERVED: &[(Component, &[&str], &str)] = {
    use Component::{ApiServer, ControllerManager, Kubelet, Proxy, Scheduler};
    const KEYS: &str =
        "imgbuild generates the node's keys and certificates, and stores them where kubeadm does";
    const GATES: &str = "use `feature_gates:`, which applies to all components";
    const CREDENTIALS: &str = "imgbuild generates the component's credentials";
    const AUDIT: &str = "use `audit:`";
    const RESERVED: &str = "use `kubelet.reserved:`";
    &[
        (
            ApiServer,
            &[
                "etcd-servers",
                "etcd-cafile",
                "etcd-certfile",
                "etcd-keyfile",
            ],
            "use `external_etcd:` for an etcd outside this file",
        ),
        (
            ApiServer,
            &["advertise-address"],
            "it is always the node's first static address",
        ),
        (ApiServer, &["secure-port"], "set the port in `endpoint:`"),
        (
            ApiServer,
            &[
                "client-ca-file",
                "tls-cert-file",
                "tls-private-key-file",
                "kubelet-client-certificate",
                "kubelet-client-key",
                "proxy-client-cert-file",
                "proxy-client-key-file",
                "requestheader-client-ca-file",
                "requestheader-allowed-names",
                "service-account-key-file",
                "service-account-signing-key-file",
            ],
            KEYS,
        ),
        (
            ApiServer,
            &["service-cluster-ip-range"],
            "use `service_network:`",
        ),
        (
            ApiServer,
            &["encryption-provider-config"],
            "use `encryption:`",
        ),
        (
            ApiServer,
            &[
                "audit-policy-file",
                "audit-log-path",
                "audit-log-maxage",
                "audit-log-maxbackup",
                "audit-log-maxsize",
            ],
            AUDIT,
        ),
        (ApiServer, &["feature-gates"], GATES),
        (
            ControllerManager,
            &[
                "kubeconfig",
                "authentication-kubeconfig",
                "authorization-kubeconfig",
            ],
            CREDENTIALS,
        ),
        (
            ControllerManager,
            &[
                "client-ca-file",
                "cluster-signing-cert-file",
                "cluster-signing-key-file",
                "requestheader-client-ca-file",
                "root-ca-file",
                "service-account-private-key-file",
            ],
            KEYS,
        ),
        (ControllerManager, &["cluster-cidr"], "use `pod_network:`"),
        (
            ControllerManager,
            &["service-cluster-ip-range"],
            "use `service_network:`",
        ),
        (
            ControllerManager,
            &["allocate-node-cidrs"],
            "it follows from `cni:`",
        ),
        (
            ControllerManager,
            &["secure-port"],
            "the static pod's probes use that port",
        ),
        (ControllerManager, &["feature-gates"], GATES),
        (
            Scheduler,
            &[
                "kubeconfig",
                "authentication-kubeconfig",
                "authorization-kubeconfig",
            ],
            CREDENTIALS,
        ),
        (
            Scheduler,
            &["secure-port"],
            "the static pod's probes use that port",
        ),
        (Scheduler, &["feature-gates"], GATES),
        (
            Proxy,
            &["config", "kubeconfig", "hostname-override"],
            CREDENTIALS,
        ),
        (Proxy, &["feature-gates"], GATES),
        (Proxy, &["proxy-mode"], "use `proxy.mode:`"),
        (Proxy, &["cluster-cidr"], "use `pod_network:`"),
        (
            Kubelet,
            &["config"],
            "set further configuration fields under `kubelet.config:`",
        ),
        (
            Kubelet,
            &["kubeconfig", "bootstrap-kubeconfig"],
            CREDENTIALS,
        ),
        (Kubelet, &["hostname-override"], "use `hostname:`"),
        (Kubelet, &["node-labels"], "use `kubelet.labels:`"),
        (Kubelet, &["register-with-taints"], "use `kubelet.taints:`"),
        (Kubelet, &["max-pods"], "use `kubelet.max_pods:`"),
        (
            Kubelet,
            &["system-reserved", "kube-reserved", "eviction-hard"],
            RESERVED,
        ),
        (Kubelet, &["fail-swap-on"], "it follows from `swap:`"),
        (
            Kubelet,
            &["client-ca-file", "tls-cert-file", "tls-private-key-file"],
            KEYS,
        ),
        (
            Kubelet,
            &["cluster-dns"],
            "it is always the tenth address of `service_network:`",
        ),
        (Kubelet, &["cluster-domain"], "use `domain:`"),
        (
            Kubelet,
            &[
                "container-runtime-endpoint",
                "cgroup-driver",
                "pod-manifest-path",
            ],
            "other parts of the node depend on it",
        ),
        (Kubelet, &["feature-gates"], GATES),
    ]
};

/// The flags that kube-proxy still reads if it has a configuration file, as it does here
/// (`cmd/kube-proxy/app/options.go`, `Complete`).
const PROXY_READS: &[&str] = &[
    "v",
    "vmodule",
    "logging-format",
    "log-flush-frequency",
    "log-json-info-buffer-size",
    "log-json-split-stream",
    "log-text-info-buffer-size",
    "log-text-split-stream",
];

/// Flags that were removed before the oldest version in the tables but are still found in guides,
/// and the minor without them.
const LONG_GONE: &[(Component, &[&str], u16)] = &[
    (
        Component::ApiServer,
        &["insecure-port", "insecure-bind-address"],
        24,
    ),
    (Component::ControllerManager, &["port", "address"], 24),
    (Component::Scheduler, &["port", "address"], 24),
    (
        Component::Kubelet,
        &[
            "network-plugin",
            "cni-conf-dir",
            "cni-bin-dir",
            "cni-cache-dir",
            "docker-endpoint",
        ],
        24,
    ),
    (Component::Kubelet, &["container-runtime"], 27),
    (Component::Kubelet, &["allow-privileged"], 15),
];

/// Reports flags that `component` does not have in `version`, or that are reserved.
pub(crate) fn component_flags(
    component: Component,
    written: &Table<SettingName, Located<Setting>>,
    (version, tables): (KubeVersion, Tables<'_>),
    found: &mut Vec<Diagnostic>,
) {
    for (name, value) in written {
        let flag = name.as_str();
        let known = tables.flags(component).find(|known| known.name == flag);
        let problem = match known {
            None => Some(unknown(component, name, (version, tables))),
            Some(Flag { minors, kind, .. }) => match minors.why_not(version.minor) {
                Some(why) => Some(
                    Diagnostic::error(
                        codes::UNKNOWN_FLAG,
                        name.span,
                        format!("{component} {version} has no flag `--{flag}`"),
                    )
                    .label(why)
                    .help("remove it"),
                ),
                None => reserved(component, name)
                    .or_else(|| harmful(component, name, value))
                    .or_else(|| wrong_value(flag, kind, value)),
            },
        };
        let lists_plugins = component == Component::ApiServer
            && matches!(
                flag,
                "enable-admission-plugins" | "disable-admission-plugins"
            );
        if lists_plugins && problem.is_none() {
            plugins(value, (version, tables), found);
        }
        found.extend(problem);
    }
}

fn unknown(
    component: Component,
    name: &Located<SettingName>,
    (version, tables): (KubeVersion, Tables<'_>),
) -> Diagnostic {
    let flag = name.as_str();
    let diagnostic = Diagnostic::error(
        codes::UNKNOWN_FLAG,
        name.span,
        format!("{component} {version} has no flag `--{flag}`"),
    );
    let gone = LONG_GONE
        .iter()
        .find(|(whose, flags, _)| *whose == component && flags.contains(&flag));
    if let Some((_, _, minor)) = gone {
        return diagnostic
            .label(format!("removed in 1.{minor}"))
            .help("remove it");
    }
    let there = tables
        .flags(component)
        .filter(|known| known.minors.why_not(version.minor).is_none())
        .map(|known| known.name);
    match nearest(flag, there) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => diagnostic.help(format!("`{component} --help` lists the valid flags")),
    }
}

fn reserved(component: Component, name: &Located<SettingName>) -> Option<Diagnostic> {
    let flag = name.as_str();
    let error = |message: String| Diagnostic::error(codes::RESERVED_FLAG, name.span, message);
    let listed = RESERVED
        .iter()
        .find(|(whose, flags, _)| *whose == component && flags.contains(&flag));
    if let Some((_, _, instead)) = listed {
        return Some(error(format!("`--{flag}` of {component} is set by imgbuild")).help(*instead));
    }
    (component == Component::Proxy && !PROXY_READS.contains(&flag)).then(|| {
        error(format!(
            "kube-proxy ignores `--{flag}` when it has a configuration file"
        ))
        .help("set the configuration field under `proxy.config:`")
    })
}

/// Reports values with which the node would not work or would not be safe.
fn harmful(
    component: Component,
    name: &Located<SettingName>,
    value: &Located<Setting>,
) -> Option<Diagnostic> {
    let text = value.as_str();
    let lists = |word: &str| text.split(',').any(|one| one.trim() == word);
    let (why, help) = match (component, name.as_str()) {
        (Component::ApiServer, "anonymous-auth") if text == "false" => (
            "with `--anonymous-auth=false`, the API server rejects the probes of its own pod",
            "remove it: RBAC limits anonymous users to the health and version endpoints",
        ),
        (Component::ApiServer, "enable-admission-plugins") if !lists("NodeRestriction") => (
            "without NodeRestriction, each kubelet may change every node and pod",
            "add NodeRestriction to the list",
        ),
        (Component::ApiServer, "disable-admission-plugins") if lists("NodeRestriction") => (
            "without NodeRestriction, each kubelet may change every node and pod",
            "remove NodeRestriction from the list",
        ),
        (Component::ApiServer, "admission-control") => (
            "`--admission-control` turns off every plugin that it does not list",
            "use `enable-admission-plugins`",
        ),
        (Component::ApiServer, "authorization-mode") if lists("AlwaysAllow") => (
            "with AlwaysAllow, anyone who reaches the API server may do anything",
            "remove it: the default is Node,RBAC",
        ),
        (Component::ApiServer, "authorization-mode") if !(lists("Node") && lists("RBAC")) => (
            "kubelets and the cluster's components get their permissions from Node and RBAC",
            "add Node and RBAC to the list",
        ),
        _ => return None,
    };
    Some(Diagnostic::error(codes::RESERVED_FLAG, value.span, why).help(help))
}

/// Reports admission plugins that the API server does not have.
fn plugins(
    value: &Located<Setting>,
    (version, tables): (KubeVersion, Tables<'_>),
    found: &mut Vec<Diagnostic>,
) {
    for name in value.as_str().split(',').map(str::trim) {
        let known = tables.admission_plugins().find(|(known, _)| *known == name);
        let why_not = known.and_then(|(_, minors)| minors.why_not(version.minor));
        if known.is_some() && why_not.is_none() {
            continue;
        }
        let mut error = Diagnostic::error(
            codes::BAD_FLAG_VALUE,
            value.span,
            format!(
                "kube-apiserver {version} has no admission plugin `{}`",
                shown(name)
            ),
        );
        error.label = why_not;
        let there = tables.admission_plugins().map(|(name, _)| name);
        found.push(match nearest(name, there) {
            Some(meant) if known.is_none() => error.help(format!("did you mean `{meant}`?")),
            _ => error.help("`kube-apiserver --help` lists them under --enable-admission-plugins"),
        });
    }
}

/// Reports a value with which the program does not start.
pub(crate) fn wrong_value(
    flag: &str,
    kind: Kind<'_>,
    value: &Located<Setting>,
) -> Option<Diagnostic> {
    let text = value.as_str();
    (!kind.takes(text)).then(|| {
        Diagnostic::error(
            codes::BAD_FLAG_VALUE,
            value.span,
            format!("`{}` is not a value of `{flag}`", shown(text)),
        )
        .label(format!("expected {}", kind.expected()))
    })
}

/// Reports feature gates that `version` does not have, or has locked to another value.
pub(crate) fn component_gates(
    written: &Table<SettingName, Located<bool>>,
    (version, tables): (KubeVersion, Tables<'_>),
    found: &mut Vec<Diagnostic>,
) {
    let minor = version.minor;
    for (name, value) in written {
        let text = name.as_str();
        let error =
            |message: String| Diagnostic::error(codes::BAD_FEATURE_GATE, name.span, message);
        let no_such = || error(format!("Kubernetes {version} has no feature gate `{text}`"));
        let Some(gate) = tables.feature_gates().find(|gate| gate.name == text) else {
            let there = tables
                .feature_gates()
                .filter(|gate| gate.minors.why_not(minor).is_none())
                .map(|gate| gate.name);
            found.push(match nearest(text, there) {
                Some(meant) => no_such().help(format!("did you mean `{meant}`?")),
                None => no_such().help("`kube-apiserver --help` lists them under --feature-gates"),
            });
            continue;
        };
        if let Some(why) = gate.minors.why_not(minor) {
            found.push(no_such().label(why).help("remove it"));
            continue;
        }
        if let Some((locked, since)) = gate.locked
            && since <= minor
            && locked != value.value
        {
            found.push(
                error(format!(
                    "`{text}` cannot be set to {} in Kubernetes {version}",
                    value.value
                ))
                .label(format!("it is locked to {locked} since 1.{since}"))
                .help("remove it"),
            );
        }
    }
}
