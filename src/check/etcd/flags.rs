//! etcd's flags: it does not start with one that its version does not know.

use super::Member;
use crate::check::component_flags::wrong_value;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::etcd::etcd_flags;
use crate::facts::kinds::whole;
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
        .filter(|flag| minor.is_none_or(|minor| flag.minors.why_not(minor).is_none()))
        .map(|flag| flag.name)
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
        } else if let Some(known) = etcd_flags().find(|known| known.name == name) {
            found.extend(wrong_value(name, known.kind, value));
        }
    }
    election(member, found);
}

/// Milliseconds between heartbeats, and until a member without them calls an election, as etcd has
/// them by default.
const HEARTBEAT: i64 = 100;
const ELECTION: i64 = 1000;

/// etcd does not start with an election timeout of less than five heartbeats, or more than 50 s
/// (`server/embed/config.go`, `Validate`).
fn election(member: &Member, found: &mut Vec<Diagnostic>) {
    let written = |name: &str| {
        let mut settings = member.written.settings.iter();
        let (_, value) = settings.find(|(flag, _)| flag.as_str() == name)?;
        Some((value.span, whole(value.as_str())?))
    };
    let heartbeat = written("heartbeat-interval");
    let election = written("election-timeout");
    let Some((span, _)) = election.or(heartbeat) else {
        return;
    };
    let (_, interval) = heartbeat.unwrap_or((span, HEARTBEAT));
    let (_, timeout) = election.unwrap_or((span, ELECTION));
    let error = |message: String| Diagnostic::error(codes::BAD_FLAG_VALUE, span, message);
    if interval.saturating_mul(5) > timeout {
        found.push(
            error(format!(
                "`election-timeout` ({timeout} ms) is less than five times `heartbeat-interval` ({interval} ms)"
            ))
            .help("etcd does not start with less; ten times as much is usual"),
        );
    } else if timeout > 50_000 {
        found.push(
            error(format!(
                "`election-timeout` ({timeout} ms) is more than 50000 ms"
            ))
            .help("etcd does not start with more"),
        );
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
