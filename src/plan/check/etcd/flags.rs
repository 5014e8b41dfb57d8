//! Flags of etcd 3.5, the version of Debian 13: it does not start with one that it does not know.

use crate::diagnostic::{Diagnostic, codes};
use crate::spec::{self, decode::nearest};

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

/// What etcd 3.5.16 takes (`--help`, and each tried), without what is above.
const FLAGS: &[&str] = &[
    "auth-token",
    "auth-token-ttl",
    "auto-compaction-mode",
    "auto-compaction-retention",
    "auto-tls",
    "backend-batch-interval",
    "backend-batch-limit",
    "backend-bbolt-freelist-type",
    "bcrypt-cost",
    "cipher-suites",
    "client-cert-allowed-hostname",
    "client-cert-auth",
    "client-cert-file",
    "client-crl-file",
    "client-key-file",
    "cors",
    "discovery",
    "discovery-fallback",
    "discovery-proxy",
    "discovery-srv",
    "discovery-srv-name",
    "election-timeout",
    "enable-grpc-gateway",
    "enable-log-rotation",
    "enable-pprof",
    "enable-v2",
    "experimental-bootstrap-defrag-threshold-megabytes",
    "experimental-compact-hash-check-enabled",
    "experimental-compact-hash-check-time",
    "experimental-compaction-batch-limit",
    "experimental-compaction-sleep-interval",
    "experimental-corrupt-check-time",
    "experimental-distributed-tracing-address",
    "experimental-distributed-tracing-instance-id",
    "experimental-distributed-tracing-sampling-rate",
    "experimental-distributed-tracing-service-name",
    "experimental-downgrade-check-time",
    "experimental-enable-distributed-tracing",
    "experimental-enable-lease-checkpoint",
    "experimental-enable-lease-checkpoint-persist",
    "experimental-enable-v2v3",
    "experimental-initial-corrupt-check",
    "experimental-memory-mlock",
    "experimental-peer-skip-client-san-verification",
    "experimental-snapshot-catchup-entries",
    "experimental-stop-grpc-service-on-defrag",
    "experimental-txn-mode-write-with-shared-buffer",
    "experimental-warning-apply-duration",
    "experimental-watch-progress-notify-interval",
    "force-new-cluster",
    "grpc-keepalive-interval",
    "grpc-keepalive-min-time",
    "grpc-keepalive-timeout",
    "heartbeat-interval",
    "host-whitelist",
    "initial-election-tick-advance",
    "listen-client-http-urls",
    "listen-metrics-urls",
    "log-level",
    "log-outputs",
    "log-rotation-config-json",
    "logger",
    "max-concurrent-streams",
    "max-request-bytes",
    "max-snapshots",
    "max-txn-ops",
    "max-wals",
    "metrics",
    "peer-auto-tls",
    "peer-cert-allowed-cn",
    "peer-cert-allowed-hostname",
    "peer-client-cert-auth",
    "peer-client-cert-file",
    "peer-client-key-file",
    "peer-crl-file",
    "pre-vote",
    "proxy",
    "proxy-dial-timeout",
    "proxy-failure-wait",
    "proxy-read-timeout",
    "proxy-refresh-interval",
    "proxy-write-timeout",
    "quota-backend-bytes",
    "raft-read-timeout",
    "raft-write-timeout",
    "self-signed-cert-validity",
    "snapshot-count",
    "socket-reuse-address",
    "socket-reuse-port",
    "strict-reconfig-check",
    "tls-max-version",
    "tls-min-version",
    "unsafe-no-fsync",
    "v2-deprecation",
    "wal-dir",
];

pub(super) fn check(etcd: &spec::Etcd, found: &mut Vec<Diagnostic>) {
    for (flag, _) in &etcd.settings {
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
        } else if !FLAGS.contains(&name) {
            let dashes = name.replace('_', "-");
            let help = if FLAGS.contains(&dashes.as_str()) {
                format!("etcd writes it with dashes: `{dashes}`")
            } else if let Some(meant) = nearest(name, FLAGS.iter().copied()) {
                format!("did you mean `{meant}`?")
            } else {
                "`etcd --help` lists them; write them without the leading dashes".to_owned()
            };
            found.push(
                Diagnostic::error(
                    codes::ETCD_UNKNOWN_SETTING,
                    flag.span,
                    format!("etcd 3.5 has no flag `--{name}`"),
                )
                .help(help),
            );
        }
    }
}
