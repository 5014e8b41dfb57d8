//! Flags of etcd: it does not start with one that its version does not know.

use super::Member;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::etcd::etcd_flags;
use crate::text::nearest;

/// Flags that the spec has keys for, and the key.
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

/// Flags that imgbuild decides, and why.
const DECIDED: &[(&str, &str)] = &[
    ("config-file", "etcd would read nothing else"),
    ("version", "etcd would print it and end"),
    ("cert-file", "imgbuild makes and places the certificates"),
    ("key-file", "imgbuild makes and places the certificates"),
    (
        "trusted-ca-file",
        "imgbuild makes and places the certificates",
    ),
    (
        "peer-cert-file",
        "imgbuild makes and places the certificates",
    ),
    (
        "peer-key-file",
        "imgbuild makes and places the certificates",
    ),
    (
        "peer-trusted-ca-file",
        "imgbuild makes and places the certificates",
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
                    format!("`{name}` is no further setting"),
                )
                .help(format!("write it as `{key}:` under `etcd:`")),
            );
        } else if let Some((_, why)) = DECIDED.iter().find(|(flag, _)| *flag == name) {
            found.push(
                Diagnostic::error(
                    codes::ETCD_RESERVED_SETTING,
                    flag.span,
                    format!("`{name}` is imgbuild's to set"),
                )
                .label(*why)
                .help("leave it out"),
            );
        } else if !known.contains(&name) {
            let dashes = name.replace('_', "-");
            let help = if known.contains(&dashes.as_str()) {
                format!("etcd writes it with dashes: `{dashes}`")
            } else if let Some(meant) = nearest(name, known.iter().copied()) {
                format!("did you mean `{meant}`?")
            } else {
                "`etcd --help` lists them; write them without the leading dashes".to_owned()
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
                    format!("etcd as a static pod cannot have this `{name}`"),
                )
                .label(why)
                .help(help),
            );
        }
    }
}

/// Why the pod of kubeadm's form does not work with the setting, and what would.
fn not_in_a_pod(member: &Member, flag: &str, value: &str) -> Option<(&'static str, &'static str)> {
    match flag {
        "wal-dir" => {
            let data = member.decided.data_dir.as_str();
            let within = value
                .strip_prefix(data)
                .is_some_and(|rest| rest.starts_with('/'));
            (!within).then_some((
                "the pod sees the data folder alone, and would lose the log",
                "leave it out, or name a folder below `data_dir`",
            ))
        }
        "listen-metrics-urls" => {
            let asked = ["http://127.0.0.1:2381", "http://0.0.0.0:2381"];
            (!value.split(',').any(|url| asked.contains(&url))).then_some((
                "the pod's probes ask http://127.0.0.1:2381",
                "leave it out, or have `http://127.0.0.1:2381` among the URLs",
            ))
        }
        _ => None,
    }
}
