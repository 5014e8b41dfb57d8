//! Care of an etcd member: snapshots at regular times, and how to go back to one.

use super::names::{path, unit};
use super::template::fill;
use super::{Directory, File, Fragment, Origin, Owner, Unit};
use crate::plan::{EtcdBackup, EtcdMember, Node, Snapshot};

/// Where snapshots are kept; on the storage device, where the node has one.
const SNAPSHOTS: &str = "/var/lib/imgbuild/etcd-snapshots";

/// The snapshot that an image brings.
const SNAPSHOT: &str = "/etc/imgbuild/etcd-restore.db";

/// The program that restores, on every member; the timer of snapshots and the snapshot to start from where the spec has them.
pub fn etcd_care(node: &Node) -> Fragment {
    // Its programs stop and start the package's etcd.
    let Some(member) = node.etcd.as_ref().filter(|member| member.image.is_none()) else {
        return Fragment::default();
    };
    let mut fragment = Fragment {
        files: vec![program(
            "imgbuild-etcd-restore",
            include_str!("../../manifests/etcd-restore.sh"),
            Origin::new("etcd", member.span),
        )],
        ..Fragment::default()
    };
    if let Some(written) = &member.backup {
        backup(written, &mut fragment);
    }
    if let Some(snapshot) = &member.restore {
        restore(member, snapshot, &mut fragment);
    }
    fragment
}

fn backup(backup: &EtcdBackup, fragment: &mut Fragment) {
    let origin = Origin::new("etcd backup", backup.span);
    let folder = ("folder", SNAPSHOTS);
    let script = fill(
        include_str!("../../manifests/etcd-snapshot.sh"),
        &[folder, ("keep", &backup.keep.to_string())],
    );
    fragment
        .files
        .push(program("imgbuild-etcd-snapshot", script, origin.clone()));
    fragment.directories.push(Directory {
        path: path(SNAPSHOTS),
        mode: 0o700,
        owner: Owner::default(),
        overwrite: false,
        origin: origin.clone(),
    });
    fragment.units.push(Unit {
        enabled: None,
        ..Unit::enabled(
            unit("imgbuild-etcd-snapshot.service"),
            fill(
                include_str!("../../manifests/imgbuild-etcd-snapshot.service"),
                &[folder],
            ),
            origin.clone(),
        )
    });
    fragment.units.push(Unit::enabled(
        unit("imgbuild-etcd-snapshot.timer"),
        fill(
            include_str!("../../manifests/imgbuild-etcd-snapshot.timer"),
            &[("schedule", &backup.schedule)],
        ),
        origin,
    ));
}

fn restore(member: &EtcdMember, snapshot: &Snapshot, fragment: &mut Fragment) {
    let origin = Origin::new("etcd restore", snapshot.span);
    fragment
        .files
        .push(File::text(path(SNAPSHOT), snapshot.bytes.clone(), origin.clone()).mode(0o600));
    fragment.units.push(Unit::enabled(
        unit("imgbuild-etcd-restore.service"),
        fill(
            include_str!("../../manifests/imgbuild-etcd-restore.service"),
            &[
                ("data_dir", member.data_dir.as_str()),
                ("snapshot", SNAPSHOT),
            ],
        ),
        origin,
    ));
}

fn program(name: &str, text: impl Into<Vec<u8>>, origin: Origin) -> File {
    File::text(path(&format!("/usr/local/sbin/{name}")), text, origin).mode(0o755)
}
