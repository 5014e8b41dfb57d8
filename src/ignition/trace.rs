//! Lists what a fragment asks for.

use ignition_config::v3_4::Resource;

use crate::node::fragment::{Fragment, Origin};

/// Returns where something comes from, in words for people.
fn source(resource: &Resource) -> &str {
    let source = resource.source.as_deref().unwrap_or_default();
    if source.starts_with("data:") {
        "(inline)"
    } else {
        source
    }
}

/// Returns each thing of `fragment`, by kind and name.
pub(super) fn things(fragment: &Fragment) -> Vec<(String, Origin)> {
    let mut things = Vec::new();
    let mut add = |kind: &str, name: &str, origin: &Origin| {
        things.push((format!("{kind} {name}"), origin.clone()));
    };
    let configs = fragment.head.merged.iter().chain(&fragment.head.replacing);
    for (config, origin) in configs {
        add("ignition config", source(config), origin);
    }
    for (authority, origin) in &fragment.ignition_cas {
        add("ignition certificate authority", source(authority), origin);
    }
    for (disk, origin) in &fragment.disks {
        add("disk", &disk.device, origin);
    }
    for (raid, origin) in &fragment.raid {
        add("raid", &raid.name, origin);
    }
    for (luks, origin) in &fragment.luks {
        add("luks", &luks.name, origin);
    }
    for (filesystem, origin) in &fragment.filesystems {
        add("filesystem", &filesystem.device, origin);
    }
    for directory in &fragment.directories {
        add("directory", directory.path.as_str(), &directory.origin);
    }
    for file in &fragment.files {
        add("file", file.path.as_str(), &file.origin);
    }
    for link in &fragment.links {
        add("link", link.path.as_str(), &link.origin);
    }
    for (group, origin) in &fragment.groups {
        add("group", &group.name, origin);
    }
    for (user, origin) in &fragment.users {
        add("user", &user.name, origin);
    }
    for unit in &fragment.units {
        if unit.contents.is_some() || unit.enabled.is_some() || unit.mask.is_some() {
            add("unit", unit.name.as_str(), &unit.origin);
        }
        for (dropin, _) in &unit.dropins {
            add(
                "drop-in",
                &format!("{}.d/{dropin}", unit.name),
                &unit.origin,
            );
        }
    }
    let only = &fragment.only_v2;
    for (unit, origin) in &only.networkd {
        add("networkd unit", &unit.name, origin);
    }
    for (user, origin) in &only.users {
        add("user", &user.name, origin);
    }
    for (disk, origin) in &only.disks {
        add("disk", &disk.device, origin);
    }
    for (filesystem, origin) in &only.filesystems {
        add("filesystem", &filesystem.name, origin);
    }
    for (file, origin) in &only.files {
        add(
            "file",
            &format!("{}:{}", file.filesystem, file.path),
            origin,
        );
    }
    for (node, origin) in &only.directories {
        add(
            "directory",
            &format!("{}:{}", node.filesystem, node.path),
            origin,
        );
    }
    for (link, origin) in &only.links {
        add(
            "link",
            &format!("{}:{}", link.filesystem, link.path),
            origin,
        );
    }
    things
}
