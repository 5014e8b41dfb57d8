//! The API server's audit log and its encryption of objects in etcd: files, flags and mounts of its
//! static pod.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::secret;
use crate::node::fragment::{File, Origin};
use crate::node::kubernetes::ControlPlane;
use crate::node::kubernetes_keys::EncryptionKeys;
use crate::node::kubernetes_settings::Encryption;
use crate::parts::names::path;

const POLICY: &str = "/etc/kubernetes/audit-policy.yaml";

/// A separate folder, so that a rotated log is renamed within one mount.
pub const LOGS: &str = "/var/log/kubernetes/audit";

const ENCRYPTION: &str = "/etc/kubernetes/encryption.yaml";

/// What the pod needs in addition to every API server's settings.
#[derive(Debug, Default)]
pub struct Settings {
    pub flags: Vec<(&'static str, String)>,
    /// Items of YAML lists, indented like the template, the first line without its indentation.
    pub mounts: String,
    pub volumes: String,
}

/// Nothing if the spec has neither.
pub fn settings(plane: &ControlPlane) -> Settings {
    let mut flags = Vec::new();
    // Name, path, type of hostPath.
    let mut volumes = Vec::new();
    if let Some(audit) = &plane.audit {
        flags.extend([
            ("audit-policy-file", POLICY.to_owned()),
            ("audit-log-path", format!("{LOGS}/audit.log")),
            ("audit-log-compress", "true".to_owned()),
            ("audit-log-maxage", audit.max_age.to_string()),
            ("audit-log-maxbackup", audit.max_backups.to_string()),
            ("audit-log-maxsize", audit.max_size.to_string()),
        ]);
        volumes.push(("audit-policy", POLICY, "File"));
        volumes.push(("audit-logs", LOGS, "DirectoryOrCreate"));
    }
    if plane.encryption.is_some() {
        flags.push(("encryption-provider-config", ENCRYPTION.to_owned()));
        volumes.push(("encryption", ENCRYPTION, "File"));
    }
    let mounts: Vec<_> = volumes
        .iter()
        .map(|(name, path, kind)| {
            let read_only = *kind == "File";
            format!("- name: {name}\n      mountPath: {path}\n      readOnly: {read_only}")
        })
        .collect();
    let volumes: Vec<_> = volumes
        .iter()
        .map(|(name, path, kind)| {
            format!("- name: {name}\n    hostPath:\n      path: {path}\n      type: {kind}")
        })
        .collect();
    Settings {
        flags,
        mounts: mounts.join("\n    "),
        volumes: volumes.join("\n  "),
    }
}

/// The policy and the keys.
pub fn files(plane: &ControlPlane, origin: &Origin) -> Vec<File> {
    let mut files = Vec::new();
    if let Some(audit) = &plane.audit {
        files.push(File::text(path(POLICY), audit.policy.as_str(), origin.clone()).mode(0o600));
    }
    if let Some(encryption) = &plane.encryption {
        files.push(secret(
            ENCRYPTION,
            configuration(encryption, &plane.keys.encryption),
            origin,
        ));
    }
    files
}

/// `EncryptionConfiguration`, apiserver.config.k8s.io/v1. Objects written before there was a key
/// stay readable.
fn configuration(encryption: &Encryption, keys: &EncryptionKeys) -> String {
    let keys: Vec<_> = keys
        .0
        .iter()
        .map(|key| json!({ "name": key_name(key), "secret": key }))
        .collect();
    let configuration = json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{
            "resources": encryption.resources,
            "providers": [{ encryption.provider: { "keys": keys } }, { "identity": {} }],
        }],
    });
    // JSON is YAML (YAML 1.2 §1.3).
    format!("{configuration:#}\n")
}

/// The key's name, which marks values in etcd: it is derived from the key, so that it does not
/// change when keys are added.
fn key_name(key: &str) -> String {
    use std::fmt::Write;
    let digest = Sha256::digest(key.as_bytes());
    digest
        .iter()
        .take(4)
        .fold("key-".to_owned(), |mut name, byte| {
            // Writing to a String does not fail.
            let _ = write!(name, "{byte:02x}");
            name
        })
}
