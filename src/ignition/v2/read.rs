//! Reads a config of 2.2.0 or 2.3.0 strictly: what Ignition would reject and what it would ignore
//! are both errors.

use super::rules;
use crate::facts::systems::IgnitionVersion;
use crate::node::ignition_2::Config;

/// Reads `json`. The error contains everything that is wrong with it, each with its location in the
/// config (`storage.files.0`).
pub fn read(json: &[u8]) -> Result<Config, Vec<String>> {
    let config: Config = serde_json::from_slice(json).map_err(|why| vec![why.to_string()])?;
    let problems = check(&config);
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(problems)
    }
}

/// Returns everything that is wrong with `config` according to its version.
pub fn check(config: &Config) -> Vec<String> {
    let version = match config.ignition.version.as_str() {
        "2.2.0" => IgnitionVersion::V2_2,
        "2.3.0" => IgnitionVersion::V2_3,
        other => return vec![format!("ignition.version: `{other}` is not 2.2.0 or 2.3.0")],
    };
    let mut problems = Vec::new();
    let mut all = |place: &str, at: usize, reasons: rules::Reasons| {
        problems.extend(
            reasons
                .into_iter()
                .map(|why| format!("{place}.{at}: {why}")),
        );
    };
    let ignition = &config.ignition;
    for (at, reference) in ignition.config.append.iter().enumerate() {
        all("ignition.config.append", at, rules::reference(reference));
    }
    for (at, reference) in ignition.config.replace.iter().enumerate() {
        all("ignition.config.replace", at, rules::reference(reference));
    }
    let authorities = &ignition.security.tls.certificate_authorities;
    for (at, reference) in authorities.iter().enumerate() {
        all(
            "ignition.security.tls.certificateAuthorities",
            at,
            rules::reference(reference),
        );
    }
    for (at, unit) in config.networkd.units.iter().enumerate() {
        all("networkd.units", at, rules::networkd(unit));
    }
    for (at, unit) in config.systemd.units.iter().enumerate() {
        all("systemd.units", at, rules::unit(unit));
    }
    for (at, user) in config.passwd.users.iter().enumerate() {
        all("passwd.users", at, rules::user(user));
    }
    let storage = &config.storage;
    for (at, disk) in storage.disks.iter().enumerate() {
        all("storage.disks", at, rules::disk(disk, version));
    }
    for (at, raid) in storage.raid.iter().enumerate() {
        all("storage.raid", at, rules::raid(raid));
    }
    for (at, filesystem) in storage.filesystems.iter().enumerate() {
        all("storage.filesystems", at, rules::filesystem(filesystem));
    }
    for (at, file) in storage.files.iter().enumerate() {
        let owners = [&file.user, &file.group];
        all(
            "storage.files",
            at,
            rules::node(&file.filesystem, &file.path, file.mode, owners),
        );
        all("storage.files", at, rules::file(file));
    }
    for (at, node) in storage.directories.iter().enumerate() {
        let owners = [&node.user, &node.group];
        all(
            "storage.directories",
            at,
            rules::node(&node.filesystem, &node.path, node.mode, owners),
        );
    }
    for (at, node) in storage.links.iter().enumerate() {
        let owners = [&node.user, &node.group];
        all(
            "storage.links",
            at,
            rules::node(&node.filesystem, &node.path, None, owners),
        );
    }
    problems.extend(unknown_filesystems(config));
    problems
}

/// Reports references to file systems that the config does not have. Ignition only warns of them,
/// since another config may have them.
fn unknown_filesystems(config: &Config) -> Vec<String> {
    let storage = &config.storage;
    if !config.ignition.config.append.is_empty() {
        return Vec::new();
    }
    let files = storage
        .files
        .iter()
        .map(|node| (&node.filesystem, &node.path));
    let directories = storage
        .directories
        .iter()
        .map(|node| (&node.filesystem, &node.path));
    let links = storage
        .links
        .iter()
        .map(|node| (&node.filesystem, &node.path));
    let known = |name: &str| name == "root" || storage.filesystems.iter().any(|fs| fs.name == name);
    files
        .chain(directories)
        .chain(links)
        .filter(|(filesystem, _)| !filesystem.is_empty() && !known(filesystem))
        .map(|(filesystem, path)| format!("{path}: unknown file system `{filesystem}`"))
        .collect()
}
