//! Care of an etcd member: snapshots at regular times, and how to go back to one.

use super::SNAPSHOTS;
use super::container::behind;
use super::variables;
use crate::node::Node;
use crate::node::etcd::{EtcdBackup, EtcdMember, Snapshot};
use crate::node::fragment::{Directory, File, Fragment, Origin, Owner, Unit};
use crate::parts::kubernetes::{ETCD_ASIDE, ETCD_MANIFEST};
use crate::parts::names::{path, unit};
use crate::parts::template::fill;

/// The snapshot that an image brings.
const SNAPSHOT: &str = "/etc/imgbuild/etcd-restore.db";

/// How the scripts come by etcd's programs and settings.
struct Tools {
    /// The folder of the scripts themselves.
    programs: &'static str,
    /// `etcdctl` of the node's own member, by its path.
    etcdctl: String,
    /// What runs `etcdutl` beside the running member.
    etcdutl: String,
    /// What gives a script the member's settings and, where the system has none, `etcdutl` without
    /// a running member.
    settings: String,
    /// Lines of a unit that the latter needs.
    runtime: String,
    /// What runs the member.
    runner: &'static str,
    /// Who has the data.
    user: &'static str,
}

/// What the script that restores knows of a member from its environment.
const RESTORED: [&str; 5] = [
    "ETCD_DATA_DIR",
    "ETCD_NAME",
    "ETCD_INITIAL_CLUSTER",
    "ETCD_INITIAL_CLUSTER_TOKEN",
    "ETCD_INITIAL_ADVERTISE_PEER_URLS",
];

impl Tools {
    fn of(node: &Node, member: &EtcdMember) -> Self {
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
                        ("files", &behind(engine.files)),
                    ],
                )
                .trim_end()
                .to_owned(),
                runtime: format!(
                    "{}Wants=network-online.target\nAfter=network-online.target{}",
                    engine
                        .daemon
                        .map_or(String::new(), |unit| format!("Requires={unit}\n")),
                    behind(engine.daemon)
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

/// What the script that restores is to know of a member that the kubelet runs.
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
            ("aside", ETCD_ASIDE),
        ],
    )
    .trim_end()
    .to_owned()
}

/// The program that restores, on every member; the timer of snapshots and the snapshot to start
/// from where the spec has them.
pub fn etcd_care(node: &Node) -> Fragment {
    let Some(member) = &node.etcd else {
        return Fragment::default();
    };
    let tools = Tools::of(node, member);
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
            // Who runs inside of the image writes there.
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
