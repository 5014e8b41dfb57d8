//! An etcd member on a system without etcd: its unit runs upstream's release image by docker or
//! podman.
//!
//! Flatcar's own etcd-member.service is left alone: it runs a different program with different
//! settings, and may be removed.

use std::fmt::Write;

use super::SNAPSHOTS;
use super::{PKI, client_settings, keys, variables};
use crate::facts::systems::{ContainerEngine, Facts};
use crate::node::etcd::EtcdMember;
use crate::node::fragment::{Directory, File, Fragment, Origin, Owner, Unit};
use crate::parts::names::{path, unit};
use crate::parts::template::fill;

/// The id of user and group `etcd` on Flatcar (its baselayout, as in Container Linux); Fedora does
/// not assign it. Inside the image, users have no names.
const USER: u32 = 232;

/// The member's settings as the engine reads them: one per line, the value unquoted up to the end
/// of the line.
const ENVIRONMENT: &str = "/etc/etcd/environment";

/// The owner of etcd's files on the node.
pub(super) fn owner() -> Owner {
    Owner {
        user_id: Some(USER),
        group_id: Some(USER),
        ..Owner::default()
    }
}

/// `text`, if any, as another word of a line.
pub(in crate::parts) fn appended(text: Option<&str>) -> String {
    text.map_or(String::new(), |text| format!(" {text}"))
}

/// etcd of `image` as a system service.
pub(super) fn etcd(
    member: &EtcdMember,
    image: &str,
    target: &Facts,
    engine: ContainerEngine,
) -> Fragment {
    let origin = Origin::new("etcd", member.span);
    let keys_volume = match &member.tls {
        Some(_) => format!(" --volume={PKI}:{PKI}:ro"),
        None => String::new(),
    };
    let daemon = engine.daemon;
    let mut folders = vec![member.data_dir.as_str()];
    folders.extend(member.backup.as_ref().map(|_| SNAPSHOTS));
    let volumes = folders.iter().fold(String::new(), |mut volumes, folder| {
        // Writing to a String does not fail, here and below.
        let _ = write!(volumes, " --volume={folder}:{folder}");
        volumes
    });
    let mut fragment = Fragment::default();
    fragment.units.push(Unit::enabled(
        unit("etcd.service"),
        fill(
            include_str!("../../../manifests/etcd-container.service"),
            &[
                (
                    "requires",
                    &daemon.map_or(String::new(), |unit| format!("Requires={unit}")),
                ),
                ("after", &appended(daemon)),
                ("engine", engine.program),
                ("files", &appended(engine.files)),
                ("data_dir", member.data_dir.as_str()),
                ("user", &USER.to_string()),
                ("folders", &folders.join(" ")),
                ("volumes", &volumes),
                ("keys", &keys_volume),
                ("image", image),
            ],
        ),
        origin.clone(),
    ));
    let mut settings = String::new();
    for (variable, value) in variables(member) {
        let _ = writeln!(settings, "{variable}={value}");
    }
    fragment
        .files
        .push(File::text(path(ENVIRONMENT), settings, origin.clone()));
    let mut client = String::new();
    for (name, value) in client_settings(member) {
        let _ = write!(client, " --env=ETCDCTL_{name}={value}");
    }
    let client = fill(
        include_str!("../../../manifests/etcdctl-container"),
        &[("engine", engine.program), ("settings", &client)],
    );
    let program = path(&format!("{}/etcdctl", target.paths.user_programs));
    fragment
        .files
        .push(File::text(program, client, origin.clone()).mode(0o755));
    fragment.directories.push(Directory {
        path: member.data_dir.clone(),
        mode: 0o700,
        owner: owner(),
        overwrite: false,
        origin: origin.clone(),
    });
    if let Some(tls) = &member.tls {
        let group = Owner {
            group_id: Some(USER),
            ..Owner::default()
        };
        fragment.files.extend(keys(tls, &group, &origin));
    }
    fragment
}
