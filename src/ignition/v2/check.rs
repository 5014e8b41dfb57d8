//! What only 2.x has, checked with its rules while its location in the spec is still known.

use super::super::report::error;
use super::rules::{self, Reasons};
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::systems::IgnitionVersion;
use crate::node::fragment::{Fragment, Origin};

/// Reports what Ignition 2.x would reject in `merged`.
pub(crate) fn check(merged: &Fragment, version: IgnitionVersion, found: &mut Vec<Diagnostic>) {
    let only = &merged.only_v2;
    let mut refused = |what: String, origin: &Origin, reasons: Reasons| {
        for why in reasons {
            let message = format!("Ignition {version} rejects {what}");
            found.push(
                error(codes::REFUSED_BY_V2, origin, message)
                    .label(why)
                    .help("see the rules of Ignition's specification 2.x"),
            );
        }
    };
    for (unit, origin) in &only.networkd {
        refused(
            format!("the networkd unit `{}`", unit.name),
            origin,
            rules::networkd(unit),
        );
    }
    for (user, origin) in &only.users {
        refused(
            format!("the user `{}`", user.name),
            origin,
            rules::user(user),
        );
    }
    for (disk, origin) in &only.disks {
        refused(
            format!("the disk `{}`", disk.device),
            origin,
            rules::disk(disk, version),
        );
    }
    for (filesystem, origin) in &only.filesystems {
        let name = format!("the file system `{}`", filesystem.name);
        refused(name, origin, rules::filesystem(filesystem));
    }
    let known = |name: &str| {
        name == super::ROOT
            || only
                .filesystems
                .iter()
                .any(|(filesystem, _)| filesystem.name == name)
    };
    let there = |name: &str| {
        let is_there = known(name) || !only.references.append.is_empty();
        if is_there {
            Vec::new()
        } else {
            vec![format!("unknown file system `{name}`")]
        }
    };
    for (file, origin) in &only.files {
        let what = format!("the file `{}`", file.path);
        refused(what.clone(), origin, rules::file(file));
        refused(what, origin, there(&file.filesystem));
    }
    for (directory, origin) in &only.directories {
        let what = format!("the directory `{}`", directory.path);
        refused(what, origin, there(&directory.filesystem));
    }
    for (link, origin) in &only.links {
        refused(
            format!("the link `{}`", link.path),
            origin,
            there(&link.filesystem),
        );
    }
}
