//! etcd's flags: it does not start with one that its version does not know.

use super::Member;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::etcd::etcd_flags;
use crate::text::nearest;

/// Flags that have their own keys in the spec.
const KEYS: &[(&str, &str)] = &[
    ("name", "name"),
    ("data-dir", "data_dir"),
    ("listen-client-urls", "listen_client_urls"),
    ("advertise-client-urls", "advertise_client_urls"),
    ("listen-peer-urls", "listen_peer_urls"),
    ("initial-advertise-peer-urls", "initial_advertise_peer_urls"),
    ("initial-cluster", "initial_cluster"),
    ("initial-cluster-token", "initial_cluster_token"),
    ("initial-cluster-state", "initial_cluster_state"),
];

/// Flags that imgbuild sets, and why.
const DECIDED: &[(&str, &str)] = &[
    ("config-file", "etcd would then ignore all other flags"),
    ("version", "etcd would print it and exit"),
    (
        "cert-file",
        "imgbuild generates and places the certificates",
    ),
    ("key-file", "imgbuild generates and places the certificates"),
    (
        "trusted-ca-file",
        "imgbuild generates and places the certificates",
    ),
    (
        "peer-cert-file",
        "imgbuild generates and places the certificates",
    ),
    (
        "peer-key-file",
        "imgbuild generates and places the certificates",
    ),
    (
        "peer-trusted-ca-file",
        "imgbuild generates and places the certificates",
    ),
];

pub(super) fn check(member: &Member, found: &mut Vec<Diagnostic>) {
    let minor = member.decided.release().map(|release| release.minor);
    let known: Vec<&str> = etcd_flags()
        .filter(|(_, minors)| minor.is_none_or(|minor| minors.why_not(minor).is_none()))
        .map(|(flag, _)| flag)
        .collect();
    for (flag, value) in &member.written.settings {
        let name = flag.as_str();
        if let Some((_, key)) = KEYS.iter().find(|(flag, _)| *flag == name) {
            found.push(
                Diagnostic::error(
                    codes::ETCD_RESERVED_SETTING,
                    flag.span,
                    format!("`{name}` has a key of its own"),
                )
                .help(format!("set `{key}:` under `etcd:`")),
            );
        } else if let Some((_, why)) = DECIDED.iter().find(|(flag, _)| *flag == name) {
            found.push(
                Diagnostic::error(
                    codes::ETCD_RESERVED_SETTING,
                    flag.span,
                    format!("`{name}` is set by imgbuild"),
                )
                .label(*why)
                .help("remove it"),
            );
        } else if !known.contains(&name) {
            let dashes = name.replace('_', "-");
            let help = if known.contains(&dashes.as_str()) {
                format!("write it with dashes: `{dashes}`")
            } else if let Some(meant) = nearest(name, known.iter().copied()) {
                format!("did you mean `{meant}`?")
            } else {
                "`etcd --help` lists the valid flags; write them without the leading dashes"
                    .to_owned()
            };
            let version =
                minor.map_or_else(|| "etcd".to_owned(), |minor| format!("etcd 3.{minor}"));
            found.push(
                Diagnostic::error(
                    codes::ETCD_UNKNOWN_SETTING,
                    flag.span,
                    format!("{version} has no flag `--{name}`"),
                )
                .help(help),
            );
        } else if member.decided.pod.is_some()
            && let Some((why, help)) = not_in_a_pod(member, name, value.as_str())
        {
            found.push(
                Diagnostic::error(
                    codes::ETCD_RESERVED_SETTING,
                    value.span,
                    format!("etcd as a static pod does not support this `{name}`"),
                )
                .label(why)
                .help(help),
            );
        }
    }
}

/// Returns why a pod in kubeadm's form does not work with the setting, and the remedy.
fn not_in_a_pod(member: &Member, flag: &str, value: &str) -> Option<(&'static str, &'static str)> {
    match flag {
        "wal-dir" => {
            let data = member.decided.data_dir.as_str();
            let within = value
                .strip_prefix(data)
                .is_some_and(|rest| rest.starts_with('/'));
            (!within).then_some((
                "the pod sees only the data folder, so the log would be lost",
                "remove it, or use a folder below `data_dir`",
            ))
        }
        "listen-metrics-urls" => {
            let asked = ["http://127.0.0.1:2381", "http://0.0.0.0:2381"];
            (!value.split(',').any(|url| asked.contains(&url))).then_some((
                "the pod's probes query http://127.0.0.1:2381",
                "remove it, or include `http://127.0.0.1:2381` in the URLs",
            ))
        }
        _ => None,
    }
}
