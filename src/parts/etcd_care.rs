//! Care of an etcd member: snapshots at regular times, and how to go back to one.

use super::names::{path, unit};
use super::template::fill;
use super::{Directory, File, Fragment, Origin, Owner, Unit};
use crate::plan::{EtcdBackup, EtcdMember, Node, Snapshot};

/// Where snapshots are kept; on the storage device, where the node has one.
pub(super) const SNAPSHOTS: &str = "/var/lib/imgbuild/etcd-snapshots";

/// The snapshot that an image brings.
const SNAPSHOT: &str = "/etc/imgbuild/etcd-restore.db";

/// How the scripts come by etcd's programs and settings.
struct Tools {
    /// The folder of the scripts themselves.
    programs: &'static str,
    /// `etcdctl` of the node's own member, by its path.
    etcdctl: String,
    /// What runs `etcdutl` beside the running member.
    etcdutl: &'static str,
    /// What gives a script the member's settings and, where the system has none, `etcdutl` without a running member.
    settings: String,
    /// Lines of a unit that the latter needs.
    runtime: &'static str,
}

impl Tools {
    fn of(node: &Node, member: &EtcdMember) -> Self {
        let paths = &node.target.facts().paths;
        let etcdctl = format!("{}/etcdctl", paths.user_programs);
        match &member.image {
            None => Self {
                programs: paths.admin_programs,
                etcdctl,
                etcdutl: "etcdutl",
                settings: ". /etc/default/etcd".to_owned(),
                runtime: "",
            },
            Some(image) => Self {
                programs: paths.admin_programs,
                etcdctl,
                etcdutl: "docker exec etcd /usr/local/bin/etcdutl",
                settings: fill(
                    include_str!("../../manifests/flatcar/etcd-restore-settings.sh"),
                    &[("image", image)],
                )
                .trim_end()
                .to_owned(),
                runtime: "Requires=docker.service\nWants=network-online.target\nAfter=docker.service network-online.target",
            },
        }
    }

    fn program(&self, name: &str, text: impl Into<Vec<u8>>, origin: Origin) -> File {
        File::text(path(&format!("{}/{name}", self.programs)), text, origin).mode(0o755)
    }
}

/// The program that restores, on every member; the timer of snapshots and the snapshot to start from where the spec has them.
pub fn etcd_care(node: &Node) -> Fragment {
    let Some(member) = &node.etcd else {
        return Fragment::default();
    };
    let tools = Tools::of(node, member);
    let script = fill(
        include_str!("../../manifests/etcd-restore.sh"),
        &[("settings", &tools.settings)],
    );
    let origin = Origin::new("etcd", member.span);
    let mut fragment = Fragment {
        files: vec![tools.program("imgbuild-etcd-restore", script, origin)],
        ..Fragment::default()
    };
    if let Some(written) = &member.backup {
        backup(member, written, &tools, &mut fragment);
    }
    if let Some(snapshot) = &member.restore {
        restore(member, snapshot, &tools, &mut fragment);
    }
    fragment
}

fn backup(member: &EtcdMember, backup: &EtcdBackup, tools: &Tools, fragment: &mut Fragment) {
    let origin = Origin::new("etcd backup", backup.span);
    let folder = ("folder", SNAPSHOTS);
    let script = fill(
        include_str!("../../manifests/etcd-snapshot.sh"),
        &[
            folder,
            ("keep", &backup.keep.to_string()),
            ("etcdctl", &tools.etcdctl),
            ("etcdutl", tools.etcdutl),
        ],
    );
    fragment
        .files
        .push(tools.program("imgbuild-etcd-snapshot", script, origin.clone()));
    fragment.directories.push(Directory {
        path: path(SNAPSHOTS),
        mode: 0o700,
        owner: match &member.image {
            // Who runs inside of the image writes there.
            Some(_) => super::etcd_container::owner(),
            None => Owner::default(),
        },
        overwrite: false,
        origin: origin.clone(),
    });
    fragment.units.push(Unit {
        enabled: None,
        ..Unit::enabled(
            unit("imgbuild-etcd-snapshot.service"),
            fill(
                include_str!("../../manifests/imgbuild-etcd-snapshot.service"),
                &[folder, ("programs", tools.programs)],
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

fn restore(member: &EtcdMember, snapshot: &Snapshot, tools: &Tools, fragment: &mut Fragment) {
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
                ("programs", tools.programs),
                ("runtime", tools.runtime),
                ("user", "etcd"),
            ],
        ),
        origin,
    ));
}
