//! Lists the contents of an Ignition config of any version.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::Result;
use serde::Deserialize;
use serde_json::Value;

use super::nested::{Budget, configs};
use crate::formats::damaged;

/// One thing that a config defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// `file`, `unit`, `user` …
    pub kind: &'static str,
    /// A path, or a name.
    pub name: String,
    /// Further details: mode, target, whether it is enabled.
    pub details: Vec<String>,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)?;
        if !self.details.is_empty() {
            write!(f, "  ({})", self.details.join(", "))?;
        }
        Ok(())
    }
}

/// Fields that are the same in 2.x and 3.x; unknown ones are ignored.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    ignition: Head,
    storage: Storage,
    systemd: Systemd,
    /// 2.x only.
    networkd: Networkd,
    passwd: Passwd,
    /// 3.3.0 and later.
    #[serde(rename = "kernelArguments")]
    kernel_arguments: KernelArguments,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Head {
    version: String,
    config: Others,
}

/// References to other configs: those nested in the config itself are listed as part of it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Others {
    merge: Vec<Contents>,
    /// The counterpart of `merge` in 2.x.
    append: Vec<Contents>,
    replace: Option<Contents>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct KernelArguments {
    should_exist: Vec<String>,
    should_not_exist: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Storage {
    disks: Vec<Device>,
    raid: Vec<Named>,
    luks: Vec<Named>,
    filesystems: Vec<Filesystem>,
    directories: Vec<Node>,
    files: Vec<Node>,
    links: Vec<Node>,
}

#[derive(Deserialize)]
struct Device {
    device: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// In 2.x the device is one level deeper.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Filesystem {
    device: String,
    mount: Mount,
    format: Option<String>,
    path: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Mount {
    device: String,
    format: Option<String>,
}

/// A file, directory or link.
#[derive(Deserialize)]
struct Node {
    path: String,
    mode: Option<u32>,
    target: Option<String>,
    contents: Option<Contents>,
    /// A list of resources in 3.x, a flag in 2.x.
    #[serde(default)]
    append: Value,
    user: Option<Owner>,
}

#[derive(Deserialize)]
struct Contents {
    source: Option<String>,
}

#[derive(Deserialize)]
struct Owner {
    name: Option<String>,
    id: Option<u32>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Systemd {
    units: Vec<Unit>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Networkd {
    units: Vec<Unit>,
}

#[derive(Deserialize)]
struct Unit {
    name: String,
    /// An older key of 2.x.
    #[serde(default)]
    enable: bool,
    enabled: Option<bool>,
    #[serde(default)]
    mask: bool,
    #[serde(default)]
    dropins: Vec<Named>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Passwd {
    users: Vec<Named>,
    groups: Vec<Named>,
}

/// The version of an Ignition config, and what it and the configs nested in it define, each kind in
/// the config's order. If it is not JSON of this form, the error contains
/// [`Damaged`](crate::formats::Damaged).
pub fn listing(config: &[u8]) -> Result<(String, Vec<Thing>)> {
    listing_beside(config, 0)
}

/// The same, for a caller that holds `held` bytes beside the config.
pub(crate) fn listing_beside(config: &[u8], held: u64) -> Result<(String, Vec<Thing>)> {
    let mut version = None;
    let mut things = Vec::new();
    for config in configs(config, &mut Budget::beside(held))? {
        let config: Config = match serde_json::from_value(config) {
            Ok(config) => config,
            Err(why) => return damaged(format!("its Ignition config: {why}")),
        };
        version.get_or_insert_with(|| config.ignition.version.clone());
        list(config, &mut things);
    }
    Ok((version.unwrap_or_default(), things))
}

fn list(config: Config, things: &mut Vec<Thing>) {
    let mut add = |kind, name: String, details: Vec<String>| {
        things.push(Thing {
            kind,
            name,
            details,
        });
    };
    head(config.ignition.config, config.kernel_arguments, &mut add);
    let storage = config.storage;
    for disk in storage.disks {
        add("disk", disk.device, Vec::new());
    }
    for (kind, list) in [("array", storage.raid), ("encrypted device", storage.luks)] {
        for named in list {
            add(kind, named.name, Vec::new());
        }
    }
    for filesystem in storage.filesystems {
        let (device, format) = if filesystem.device.is_empty() {
            (filesystem.mount.device, filesystem.mount.format)
        } else {
            (filesystem.device, filesystem.format)
        };
        let at = filesystem.path.map(|path| format!("at {path}"));
        add(
            "file system",
            device,
            format.into_iter().chain(at).collect(),
        );
    }
    for directory in storage.directories {
        let details = owned(&directory);
        add("directory", directory.path, details);
    }
    for link in storage.links {
        let target = link.target.map(|target| format!("to {target}"));
        add("link", link.path, target.into_iter().collect());
    }
    for file in storage.files {
        let details = file_details(&file);
        add("file", file.path, details);
    }
    for unit in config.systemd.units {
        let enabled = unit.enabled.or(unit.enable.then_some(true));
        let state = match (unit.mask, enabled) {
            (true, _) => Some("masked"),
            (_, Some(true)) => Some("enabled"),
            (_, Some(false)) => Some("disabled"),
            _ => None,
        };
        let dropins = unit.dropins.into_iter();
        let dropins = dropins.map(|dropin| format!("drop-in {}", dropin.name));
        let details = state.map(str::to_owned).into_iter().chain(dropins);
        add("unit", unit.name, details.collect());
    }
    for unit in config.networkd.units {
        let dropins = unit.dropins.into_iter();
        let dropins = dropins.map(|dropin| format!("drop-in {}", dropin.name));
        add("networkd unit", unit.name, dropins.collect());
    }
    for (kind, list) in [
        ("group", config.passwd.groups),
        ("user", config.passwd.users),
    ] {
        for named in list {
            add(kind, named.name, Vec::new());
        }
    }
}

/// Adds configs that are fetched, and kernel arguments.
fn head(
    others: Others,
    arguments: KernelArguments,
    add: &mut impl FnMut(&'static str, String, Vec<String>),
) {
    for (list, how) in [
        (others.merge, "merged"),
        (others.append, "appended"),
        (others.replace.into_iter().collect(), "replaces this config"),
    ] {
        let sources = list.into_iter().filter_map(|other| other.source);
        for source in sources.filter(|source| !source.starts_with("data:")) {
            add("config", source, vec![how.to_owned()]);
        }
    }
    for (list, details) in [
        (arguments.should_exist, vec![]),
        (arguments.should_not_exist, vec!["removed".to_owned()]),
    ] {
        for argument in list {
            add("kernel argument", argument, details.clone());
        }
    }
}

fn owned(node: &Node) -> Vec<String> {
    let mode = node.mode.map(|mode| format!("{mode:04o}"));
    let owner = node.user.as_ref().and_then(|user| {
        let id = user.id.map(|id| id.to_string());
        user.name.clone().or(id)
    });
    mode.into_iter().chain(owner).collect()
}

fn file_details(file: &Node) -> Vec<String> {
    let mut details = owned(file);
    let appended = file.append.as_array().map_or(&[][..], Vec::as_slice);
    if !appended.is_empty() || file.append == Value::Bool(true) {
        details.push("appended".to_owned());
    }
    let contents = file.contents.as_ref();
    let appended = appended
        .iter()
        .filter_map(|one| one.get("source")?.as_str());
    let remote = contents
        .and_then(|contents| contents.source.as_deref())
        .into_iter()
        .chain(appended)
        .filter(|source| !source.starts_with("data:"));
    details.extend(remote.map(|source| format!("from {source}")));
    details
}

/// PEM blocks with the label `CERTIFICATE` in `files`: plain ones, and base64-encoded ones in
/// kubeconfig files. Each with its file.
pub fn certificates(files: &BTreeMap<String, Vec<u8>>) -> Vec<(&str, String)> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let mut found = Vec::new();
    for (path, bytes) in files {
        let Ok(text) = std::str::from_utf8(bytes) else {
            continue;
        };
        let in_kubeconfig = text.lines().filter_map(|line| {
            let (_, encoded) = line.split_once("-certificate-data:")?;
            let url = format!("data:;base64,{}", encoded.trim());
            String::from_utf8(crate::data_url::decode(&url).ok()?).ok()
        });
        for text in std::iter::once(text.to_owned()).chain(in_kubeconfig) {
            let mut rest = text.as_str();
            while let Some(start) = rest.find(BEGIN) {
                rest = &rest[start..];
                let Some(end) = rest.find(END) else { break };
                let (pem, behind) = rest.split_at(end + END.len());
                found.push((path.as_str(), format!("{pem}\n")));
                rest = behind;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_major_versions_are_listed() {
        for (name, config, version, expected) in [
            ("nothing", "{}", "", vec![]),
            (
                "3.x",
                r#"{"ignition":{"version":"3.3.0"},
                    "storage":{"files":[{"path":"/a","mode":384,"user":{"name":"etcd"},"contents":{"source":"https://example.com/a"}},
                                        {"path":"/b","append":[{"source":"data:,b"}]}],
                               "links":[{"path":"/l","target":"b"}],
                               "filesystems":[{"device":"/dev/vda1","format":"ext4","path":"/srv"}],
                               "disks":[{"device":"/dev/vda"}]},
                    "systemd":{"units":[{"name":"a.service","enabled":true,"dropins":[{"name":"10-a.conf","contents":""}]},
                                        {"name":"b.service","mask":true}]},
                    "passwd":{"users":[{"name":"core"}]}}"#,
                "3.3.0",
                vec![
                    "disk /dev/vda",
                    "file system /dev/vda1  (ext4, at /srv)",
                    "link /l  (to b)",
                    "file /a  (0600, etcd, from https://example.com/a)",
                    "file /b  (appended)",
                    "unit a.service  (enabled, drop-in 10-a.conf)",
                    "unit b.service  (masked)",
                    "user core",
                ],
            ),
            (
                "2.x",
                r#"{"ignition":{"version":"2.2.0"},
                    "storage":{"filesystems":[{"name":"a","mount":{"device":"/dev/vdb","format":"xfs"}}],
                               "files":[{"filesystem":"root","path":"/a","append":true,"mode":420,"contents":{"source":"data:,a"}}]},
                    "systemd":{"units":[{"name":"a.service","enable":true}]},
                    "networkd":{"units":[{"name":"a.network","contents":"","dropins":[{"name":"b.conf"}]}]}}"#,
                "2.2.0",
                vec![
                    "file system /dev/vdb  (xfs)",
                    "file /a  (0644, appended)",
                    "unit a.service  (enabled)",
                    "networkd unit a.network  (drop-in b.conf)",
                ],
            ),
        ] {
            let (found, things) = listing(config.as_bytes()).expect(name);
            let things: Vec<_> = things.iter().map(ToString::to_string).collect();
            assert_eq!(
                (found.as_str(), things),
                (version, expected.into_iter().map(str::to_owned).collect()),
                "{name}"
            );
        }
    }

    proptest::proptest! {
        /// Whatever stands there: a list or an error, and no panic.
        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>, at: prop::sample::Index, with: u8) {
            let _ = listing(&bytes);
            let mut config = br#"{"ignition":{"version":"3.3.0"},"storage":{"files":[{"path":"/a","mode":384,"append":[{"source":"data:,b"}],"contents":{"source":"data:;base64,H4sIAAAAAAACA0sEAEO+t+gBAAAA","compression":"gzip"}}]}}"#.to_vec();
            let at = at.index(config.len());
            config[at] = with;
            let _ = listing(&config);
            if let Ok(laid) = crate::read::laid(&config) {
                certificates(&laid.files);
            }
            certificates(&BTreeMap::from([("/a".to_owned(), bytes)]));
        }
    }

    #[test]
    fn certificates_are_found_in_files_and_in_kubeconfigs() {
        let pem = "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----";
        // The base64 of the block above.
        let encoded =
            "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCllRPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQ==";
        let kubeconfig =
            format!("    client-certificate-data: {encoded}\n    client-key-data: YQ==\n");
        let files = BTreeMap::from([
            (
                "/a.crt".to_owned(),
                format!("{pem}\nand\n{pem}\n-----BEGIN CERTIFICATE-----\n").into_bytes(),
            ),
            ("/b.conf".to_owned(), kubeconfig.into_bytes()),
            ("/c".to_owned(), vec![0xff, 0xfe]),
        ]);
        let found = certificates(&files);
        let places: Vec<_> = found.iter().map(|(path, _)| *path).collect();
        assert_eq!(places, ["/a.crt", "/a.crt", "/b.conf"]);
        for (_, found) in found {
            assert_eq!(found.trim_end(), pem);
        }
    }
}
