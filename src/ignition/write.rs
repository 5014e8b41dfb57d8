//! Converts fragments to the config's own types and to JSON.

use ignition_config::v3_4::{self, Config};
use serde_json::Value;

use crate::data_url::Encoder;
use crate::diagnostic::Located;
use crate::facts::systems::IgnitionVersion;
use crate::names::UserName;
use crate::node::Node;
use crate::node::fragment::{Contents, Directory, File, Fragment, Link, Origin, Owner, Unit};

/// Returns `all` as a config. Files, directories, links and units are sorted by name; the rest is
/// in the order in which it was asked for.
pub(super) fn config(mut all: Fragment, version: IgnitionVersion) -> Config {
    all.files.sort_by(|a, b| a.path.cmp(&b.path));
    all.directories.sort_by(|a, b| a.path.cmp(&b.path));
    all.links.sort_by(|a, b| a.path.cmp(&b.path));
    all.units.sort_by(|a, b| a.name.cmp(&b.name));

    let mut encoder = Encoder::default();
    let mut config = Config::new(v3_4::Ignition::new(version.as_str().to_owned()));
    if let Some(authorities) = filled(values(all.ignition_cas)) {
        config.ignition.security = Some(v3_4::Security {
            tls: Some(v3_4::SecurityTls {
                certificate_authorities: Some(authorities),
            }),
        });
    }
    config.ignition.proxy = all.ignition_proxy.map(|(proxy, _)| proxy);
    let head = *all.head;
    config.ignition.timeouts = head.timeouts;
    let others = v3_4::IgnitionConfig {
        merge: filled(values(head.merged)),
        replace: head.replacing.map(|(config, _)| config),
    };
    if others != v3_4::IgnitionConfig::default() {
        config.ignition.config = Some(others);
    }
    let passwd = v3_4::Passwd {
        groups: filled(values(all.groups)),
        users: filled(values(all.users)),
    };
    if passwd != v3_4::Passwd::default() {
        config.passwd = Some(passwd);
    }
    let storage = v3_4::Storage {
        directories: filled(all.directories.iter().map(directory).collect()),
        disks: filled(values(all.disks)),
        files: filled(
            all.files
                .iter()
                .map(|one| file(one, &mut encoder))
                .collect(),
        ),
        filesystems: filled(values(all.filesystems)),
        links: filled(all.links.iter().map(link).collect()),
        luks: filled(values(all.luks)),
        raid: filled(values(all.raid)),
    };
    if storage != v3_4::Storage::default() {
        config.storage = Some(storage);
    }
    if let Some(units) = filled(all.units.into_iter().map(unit).collect()) {
        config.systemd = Some(v3_4::Systemd { units: Some(units) });
    }
    config
}

/// Returns the kernel arguments of `node`; `None`: it leaves those of the system alone.
pub(super) fn kernel_arguments(node: &Node) -> Option<v3_4::KernelArguments> {
    let list = |arguments: &[Located<String>]| {
        filled(
            arguments
                .iter()
                .map(|argument| argument.value.clone())
                .collect(),
        )
    };
    let arguments = v3_4::KernelArguments {
        should_exist: list(&node.kernel_arguments),
        should_not_exist: list(&node.removed_kernel_arguments),
    };
    (arguments != v3_4::KernelArguments::default()).then_some(arguments)
}

/// Returns a list for the config: left out if empty.
fn filled<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn values<T>(list: Vec<(T, Origin)>) -> Vec<T> {
    list.into_iter().map(|(value, _)| value).collect()
}

/// Ignition's own default for a file that it makes.
const DEFAULT_MODE: u32 = 0o644;

fn file(file: &File, encoder: &mut Encoder) -> v3_4::File {
    let mut resource = |contents: &Contents| match contents {
        Contents::Inline(data) => encoder.resource(data),
        Contents::Remote(resource) => resource.clone(),
    };
    let (user, group) = owner(&file.owner);
    v3_4::File {
        path: file.path.to_string(),
        // When Ignition only appends to an existing file, it keeps the mode if none is set.
        mode: (file.contents.is_some() || file.mode != DEFAULT_MODE).then(|| file.mode.into()),
        contents: file.contents.as_ref().map(&mut resource),
        append: filled(file.append.iter().map(&mut resource).collect()),
        overwrite: file.overwrite.then_some(true),
        user,
        group,
    }
}

fn directory(directory: &Directory) -> v3_4::Directory {
    let (user, group) = owner(&directory.owner);
    v3_4::Directory {
        path: directory.path.to_string(),
        mode: Some(i64::from(directory.mode)),
        overwrite: directory.overwrite.then_some(true),
        user,
        group,
    }
}

fn link(link: &Link) -> v3_4::Link {
    let (user, group) = owner(&link.owner);
    v3_4::Link {
        path: link.path.to_string(),
        target: Some(link.target.clone()),
        hard: link.hard.then_some(true),
        overwrite: link.overwrite.then_some(true),
        user,
        group,
    }
}

fn owner(owner: &Owner) -> (Option<v3_4::NodeUser>, Option<v3_4::NodeGroup>) {
    let named = |name: Option<&UserName>| name.map(ToString::to_string);
    let user = v3_4::NodeUser {
        name: named(owner.user.as_ref()),
        id: owner.user_id.map(i64::from),
    };
    let group = v3_4::NodeGroup {
        name: named(owner.group.as_ref()),
        id: owner.group_id.map(i64::from),
    };
    (
        (user != v3_4::NodeUser::default()).then_some(user),
        (group != v3_4::NodeGroup::default()).then_some(group),
    )
}

fn unit(unit: Unit) -> v3_4::Unit {
    v3_4::Unit {
        name: unit.name.to_string(),
        enabled: unit.enabled,
        mask: unit.mask,
        contents: unit.contents,
        dropins: filled(
            unit.dropins
                .into_iter()
                .map(|(name, contents)| v3_4::Dropin {
                    name,
                    contents: Some(contents),
                })
                .collect(),
        ),
    }
}

/// Returns `config` as JSON. The crate writes `null` for what is not set, which Ignition would read
/// as set: it is left out.
pub(super) fn json(config: &super::Config) -> Vec<u8> {
    let mut value = match config {
        super::Config::V3(config) => serde_json::to_value(config),
        super::Config::V2(config) => serde_json::to_value(config),
    }
    .expect("a config is plain data");
    strip_nulls(&mut value);
    serde_json::to_vec(&value).expect("a JSON value is plain data")
}

/// Returns `json`, which [`json`] wrote, with white space.
pub(super) fn indented(json: &[u8]) -> Vec<u8> {
    let value: Value = serde_json::from_slice(json).expect("it was written as JSON");
    let mut bytes = serde_json::to_vec_pretty(&value).expect("a JSON value is plain data");
    bytes.push(b'\n');
    bytes
}

fn strip_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(strip_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        _ => {}
    }
}
