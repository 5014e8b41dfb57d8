//! Backup and recovery of an etcd member: scheduled snapshots, and restoring one.

use super::SNAPSHOTS;
use super::container::appended;
use super::variables;
use crate::node::Node;
use crate::node::etcd::{EtcdBackup, EtcdMember, Snapshot};
use crate::node::fragment::{Directory, File, Fragment, Origin, Owner, Unit};
use crate::parts::kubernetes::{ETCD_MANIFEST, STOPPED_ETCD_MANIFEST};
use crate::parts::names::{path, unit};
use crate::parts::template::fill;

/// The snapshot contained in an image.
const SNAPSHOT: &str = "/etc/imgbuild/etcd-restore.db";

/// How the scripts access etcd's programs and settings.
struct Tools {
    /// The folder of the scripts.
    programs: &'static str,
    /// The path of the `etcdctl` for the node's own member.
    etcdctl: String,
    /// The command for `etcdutl` while the member runs.
    etcdutl: String,
    /// Shell code that reads the member's settings and, if the system lacks `etcdutl`, provides one
    /// that works without a running member.
    settings: String,
    /// Lines of a unit that the latter requires.
    runtime: String,
    /// The unit that runs the member.
    runner: &'static str,
    /// The owner of the data.
    user: &'static str,
}

/// The settings of a member that the restore script reads from its environment.
const RESTORED: [&str; 5] = [
    "ETCD_DATA_DIR",
    "ETCD_NAME",
    "ETCD_INITIAL_CLUSTER",
    "ETCD_INITIAL_CLUSTER_TOKEN",
    "ETCD_INITIAL_ADVERTISE_PEER_URLS",
];

impl Tools {
    fn new(node: &Node, member: &EtcdMember) -> Self {
        let facts = node.target.facts();
        let paths = &facts.paths;
        let etcdctl = format!("{}/etcdctl", paths.user_programs);
        match (&member.image, facts.containers) {
            (Some(image), Some(engine)) => Self {
                programs: paths.admin_programs,
                etcdctl,
                etcdutl: format!("{} exec etcd /usr/local/bin/etcdutl", engine.program),
                settings: fill(
                    include_str!("../../../manifests/etcd-restore-settings-container.sh"),
                    &[
                        ("image", image),
                        ("engine", engine.program),
                        ("files", &appended(engine.files)),
                    ],
                )
                .trim_end()
                .to_owned(),
                runtime: format!(
                    "{}Wants=network-online.target\nAfter=network-online.target{}",
                    engine
                        .daemon
                        .map_or(String::new(), |unit| format!("Requires={unit}\n")),
                    appended(engine.daemon)
                ),
                runner: facts.units.etcd,
                user: "etcd",
            },
            _ if member.pod.is_some() => Self {
                programs: paths.admin_programs,
                etcdctl,
                etcdutl: "etcdutl".to_owned(),
                settings: pod_settings(member),
                runtime: String::new(),
                runner: facts.units.kubelet,
                user: "root",
            },
            _ => Self {
                programs: paths.admin_programs,
                etcdctl,
                etcdutl: "etcdutl".to_owned(),
                settings: ". /etc/default/etcd".to_owned(),
                runtime: String::new(),
                runner: facts.units.etcd,
                user: "etcd",
            },
        }
    }

    fn program(&self, name: &str, text: impl Into<Vec<u8>>, origin: Origin) -> File {
        File::text(path(&format!("{}/{name}", self.programs)), text, origin).mode(0o755)
    }
}

/// The settings in the restore script for a member that the kubelet runs.
fn pod_settings(member: &EtcdMember) -> String {
    let settings: Vec<_> = variables(member)
        .into_iter()
        .filter(|(name, _)| RESTORED.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}='{}'", value.replace('\'', "'\\''")))
        .collect();
    fill(
        include_str!("../../../manifests/etcd-restore-settings-pod.sh"),
        &[
            ("settings", &settings.join("\n")),
            ("manifest", ETCD_MANIFEST),
            ("aside", STOPPED_ETCD_MANIFEST),
        ],
    )
    .trim_end()
    .to_owned()
}

/// The restore program, on every member; the timer of snapshots and the snapshot to start from, if
/// the spec has them.
pub fn etcd_care(node: &Node) -> Fragment {
    let Some(member) = &node.etcd else {
        return Fragment::default();
    };
    let tools = Tools::new(node, member);
    let script = fill(
        include_str!("../../../manifests/etcd-restore.sh"),
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
        include_str!("../../../manifests/etcd-snapshot.sh"),
        &[
            folder,
            ("keep", &backup.keep.to_string()),
            ("etcdctl", &tools.etcdctl),
            ("etcdutl", &tools.etcdutl),
        ],
    );
    fragment
        .files
        .push(tools.program("imgbuild-etcd-snapshot", script, origin.clone()));
    fragment.directories.push(Directory {
        path: path(SNAPSHOTS),
        mode: 0o700,
        owner: match &member.image {
            // The user inside the image writes there.
            Some(_) => super::container::owner(),
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
                include_str!("../../../manifests/imgbuild-etcd-snapshot.service"),
                &[
                    folder,
                    ("programs", tools.programs),
                    ("runner", tools.runner),
                ],
            ),
            origin.clone(),
        )
    });
    fragment.units.push(Unit::enabled(
        unit("imgbuild-etcd-snapshot.timer"),
        fill(
            include_str!("../../../manifests/imgbuild-etcd-snapshot.timer"),
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
            include_str!("../../../manifests/imgbuild-etcd-restore.service"),
            &[
                ("data_dir", member.data_dir.as_str()),
                ("snapshot", SNAPSHOT),
                ("programs", tools.programs),
                ("runtime", &tools.runtime),
                ("user", tools.user),
                ("runner", tools.runner),
            ],
        ),
        origin,
    ));
}
