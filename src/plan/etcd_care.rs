//! etcd snapshots: their schedule, and the one that a member starts from.

use sha2::{Digest, Sha256};

use super::Decider;
use crate::diagnostic::{Diagnostic, codes};
use crate::node::etcd::{EtcdBackup, Snapshot};
use crate::spec;

/// A snapshot is a bbolt database, whose pages are multiples of this, followed by its SHA-256 (etcd
/// `server/etcdserver/api/v3rpc/maintenance.go`).
const PAGE: usize = 512;
const DIGEST: usize = 32;

impl Decider<'_> {
    /// Returns the backup of the member on `node`, which the spec may set at either of two places.
    pub(super) fn etcd_backup(
        &mut self,
        node: &spec::Spec,
        etcd: &spec::Etcd,
    ) -> Option<EtcdBackup> {
        let of_kubernetes = node
            .kubernetes
            .as_ref()
            .and_then(|kubernetes| kubernetes.etcd_backup.as_ref());
        if let (Some(own), Some(other)) = (&etcd.backup, of_kubernetes) {
            self.found.push(
                Diagnostic::error(
                    codes::BACKUP_TWICE,
                    other.span,
                    "the etcd backup is configured twice",
                )
                .related(own.span, "first configured here")
                .help("keep the one under `etcd:`"),
            );
        }
        let written = etcd.backup.as_ref().or(of_kubernetes)?;
        Some(EtcdBackup {
            schedule: written.schedule().as_str().to_owned(),
            keep: written.keep().value.0,
            span: written.span,
        })
    }

    /// Returns the snapshot that the member starts from.
    pub(super) fn etcd_restore(&mut self, etcd: &spec::Etcd) -> Option<Snapshot> {
        let path = etcd.restore.as_ref()?;
        let bytes = self.files.file(path)?;
        if let Err(why) = is_snapshot(bytes) {
            self.found.push(
                Diagnostic::error(
                    codes::NOT_A_SNAPSHOT,
                    path.span,
                    format!("`{}` is not an etcd snapshot", path.as_str()),
                )
                .label(why)
                .help(
                    "take one with `etcdctl snapshot save`, or copy one from \
                       /var/lib/imgbuild/etcd-snapshots on a node with `backup:`",
                ),
            );
        }
        Some(Snapshot {
            bytes: bytes.to_vec(),
            span: path.span,
        })
    }

    /// Reports a backup under `kubernetes:` in a file in which no node has a member.
    pub(super) fn backups_of_nothing(&mut self, cluster: &spec::Cluster) {
        if cluster.nodes.iter().any(|node| node.etcd.is_some()) {
            return;
        }
        let backups = cluster
            .nodes
            .iter()
            .filter_map(|node| node.kubernetes.as_ref()?.etcd_backup.as_ref());
        for backup in backups {
            self.found.push(
                Diagnostic::error(
                    codes::NO_ETCD_TO_BACK_UP,
                    backup.span,
                    "there is no etcd to back up",
                )
                .label("no node in this file runs an etcd member")
                .help("add `etcd: {}` to the nodes that store the cluster's data"),
            );
        }
    }
}

fn is_snapshot(bytes: &[u8]) -> Result<(), &'static str> {
    // The first page's header has 16 bytes; a meta page then starts with its magic (bbolt
    // `internal/common/meta.go`).
    if bytes.get(16..20) != Some(&0xED0C_DAED_u32.to_le_bytes()) {
        return Err("it does not start like an etcd database");
    }
    match bytes.len() % PAGE {
        0 => {
            return Err("it is a copy of a member's database, without the checksum of a snapshot");
        }
        DIGEST => {}
        _ => return Err("it is truncated"),
    }
    let (database, digest) = bytes.split_at(bytes.len() - DIGEST);
    if Sha256::digest(database)[..] == *digest {
        Ok(())
    } else {
        Err("its checksum does not match its contents")
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE, is_snapshot};
    use sha2::{Digest, Sha256};

    #[test]
    fn what_is_no_snapshot_is_told() {
        let mut database = vec![0; 4 * PAGE];
        database[16..20].copy_from_slice(&0xED0C_DAED_u32.to_le_bytes());
        let whole = [&database[..], &Sha256::digest(&database)].concat();
        assert_eq!(is_snapshot(&whole), Ok(()));
        let mut changed = whole.clone();
        changed[100] = 1;
        for (bytes, why) in [
            (&b""[..], "it does not start like an etcd database"),
            (
                &database,
                "it is a copy of a member's database, without the checksum of a snapshot",
            ),
            (&whole[..whole.len() - 1], "it is truncated"),
            (&changed, "its checksum does not match its contents"),
        ] {
            assert_eq!(is_snapshot(bytes), Err(why));
        }
    }
}
