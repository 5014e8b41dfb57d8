//! Converts a merged fragment to a config of 2.2.0 or 2.3.0.
//!
//! What the two specifications have in common is copied; what only 3.x has (LUKS, kernel arguments,
//! `shouldExist`) is not used by any part of a target with 2.x.

use ignition_config::v3_4;

use crate::data_url::Encoder;
use crate::facts::systems::IgnitionVersion;
use crate::node::fragment::{self, Contents, Fragment};
use crate::node::ignition_2::{
    self, Config, Directory, DropIn, File, Group, Ignition, Link, Networkd, Owner, Passwd,
    Reference, Security, Storage, Systemd, Tls, Unit, User, Verification,
};

/// The file system of the node's root, as Ignition 2.x names it.
pub(crate) const ROOT: &str = "root";

/// Returns `all` as a config. Things are sorted by name, as in configs of 3.x.
pub(crate) fn config(mut all: Fragment, version: IgnitionVersion) -> Config {
    all.files.sort_by(|a, b| a.path.cmp(&b.path));
    all.directories.sort_by(|a, b| a.path.cmp(&b.path));
    all.links.sort_by(|a, b| a.path.cmp(&b.path));
    all.units.sort_by(|a, b| a.name.cmp(&b.name));
    let mut only = *all.only_v2;
    only.networkd.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));

    let mut encoder = Encoder::default();
    let mut storage = Storage {
        directories: all.directories.iter().map(directory).collect(),
        disks: values(only.disks),
        files: all
            .files
            .iter()
            .flat_map(|one| entries(one, &mut encoder))
            .collect(),
        filesystems: values(only.filesystems),
        links: all.links.iter().map(link).collect(),
        raid: all.raid.iter().map(|(one, _)| raid(one)).collect(),
    };
    storage.directories.extend(values(only.directories));
    storage.files.extend(values(only.files));
    storage.links.extend(values(only.links));

    let mut users: Vec<User> = all.users.into_iter().map(|(one, _)| user(one)).collect();
    users.extend(values(only.users));
    let authorities = all.ignition_cas.iter().map(|(one, _)| reference(one));
    Config {
        ignition: Ignition {
            config: only.references,
            security: Security {
                tls: Tls {
                    certificate_authorities: authorities.collect(),
                },
            },
            timeouts: only.timeouts,
            version: version.as_str().to_owned(),
        },
        networkd: Networkd {
            units: values(only.networkd),
        },
        passwd: Passwd {
            groups: all.groups.into_iter().map(|(one, _)| group(one)).collect(),
            users,
        },
        storage,
        systemd: Systemd {
            units: all.units.into_iter().map(unit).collect(),
        },
    }
}

fn values<T>(list: Vec<(T, fragment::Origin)>) -> Vec<T> {
    list.into_iter().map(|(value, _)| value).collect()
}

/// Returns any number as the specification's; what does not fit was rejected before.
fn number(value: Option<i64>) -> Option<u32> {
    value.and_then(|value| u32::try_from(value).ok())
}

fn owner(owner: &fragment::Owner) -> (Option<Owner>, Option<Owner>) {
    let one = |name: Option<&crate::names::UserName>, id: Option<u32>| {
        let owner = Owner {
            id,
            name: name.map(ToString::to_string).unwrap_or_default(),
        };
        (owner != Owner::default()).then_some(owner)
    };
    (
        one(owner.user.as_ref(), owner.user_id),
        one(owner.group.as_ref(), owner.group_id),
    )
}

/// Returns a file of the root by itself.
pub(crate) fn files(file: &fragment::File) -> Vec<File> {
    entries(file, &mut Encoder::default())
}

/// Returns the contents of a file: in 2.x each appended piece is an entry of its own.
fn entries(file: &fragment::File, encoder: &mut Encoder) -> Vec<File> {
    let (user, group) = owner(&file.owner);
    let entry = |contents: ignition_2::Contents, append: bool| File {
        append,
        contents,
        filesystem: ROOT.to_owned(),
        group: group.clone(),
        mode: Some(file.mode),
        // Files of 2.x replace existing ones by default.
        overwrite: None,
        path: file.path.to_string(),
        user: user.clone(),
    };
    let mut entries = Vec::new();
    if file.contents.is_some() || file.append.is_empty() {
        let contents = match &file.contents {
            Some(contents) => resource(contents, encoder),
            None => ignition_2::Contents {
                source: "data:,".to_owned(),
                ..ignition_2::Contents::default()
            },
        };
        entries.push(entry(contents, false));
    }
    entries.extend(
        file.append
            .iter()
            .map(|more| entry(resource(more, encoder), true)),
    );
    entries
}

fn resource(contents: &Contents, encoder: &mut Encoder) -> ignition_2::Contents {
    let resource = match contents {
        Contents::Inline(data) => &encoder.resource(data),
        Contents::Remote(resource) => resource,
    };
    ignition_2::Contents {
        compression: resource.compression.clone().unwrap_or_default(),
        source: resource.source.clone().unwrap_or_default(),
        verification: verification(resource),
    }
}

fn verification(resource: &v3_4::Resource) -> Verification {
    Verification {
        hash: resource
            .verification
            .as_ref()
            .and_then(|verification| verification.hash.clone()),
    }
}

fn reference(resource: &v3_4::Resource) -> Reference {
    Reference {
        source: resource.source.clone().unwrap_or_default(),
        verification: verification(resource),
    }
}

/// Returns a directory of the root.
pub(crate) fn directory(directory: &fragment::Directory) -> Directory {
    let (user, group) = owner(&directory.owner);
    Directory {
        filesystem: ROOT.to_owned(),
        group,
        mode: Some(directory.mode),
        overwrite: directory.overwrite.then_some(true),
        path: directory.path.to_string(),
        user,
    }
}

/// Returns a link of the root.
pub(crate) fn link(link: &fragment::Link) -> Link {
    let (user, group) = owner(&link.owner);
    Link {
        filesystem: ROOT.to_owned(),
        group,
        hard: link.hard,
        overwrite: link.overwrite.then_some(true),
        path: link.path.to_string(),
        target: link.target.clone(),
        user,
    }
}

fn raid(raid: &v3_4::Raid) -> ignition_2::Raid {
    ignition_2::Raid {
        devices: raid.devices.clone().unwrap_or_default(),
        level: raid.level.clone().unwrap_or_default(),
        name: raid.name.clone(),
        options: raid.options.clone().unwrap_or_default(),
        spares: number(raid.spares).unwrap_or_default(),
    }
}

fn user(user: v3_4::User) -> User {
    User {
        create: None,
        gecos: user.gecos.unwrap_or_default(),
        groups: user.groups.unwrap_or_default(),
        home_dir: user.home_dir.unwrap_or_default(),
        name: user.name,
        no_create_home: user.no_create_home.unwrap_or_default(),
        no_log_init: user.no_log_init.unwrap_or_default(),
        no_user_group: user.no_user_group.unwrap_or_default(),
        password_hash: user.password_hash,
        primary_group: user.primary_group.unwrap_or_default(),
        ssh_authorized_keys: user.ssh_authorized_keys.unwrap_or_default(),
        shell: user.shell.unwrap_or_default(),
        system: user.system.unwrap_or_default(),
        uid: number(user.uid),
    }
}

/// Returns a user without `create` in the types of 3.x, which users of all parts have: the inverse
/// of [`user`].
pub(crate) fn of_v3(user: User) -> v3_4::User {
    let some = |text: String| (!text.is_empty()).then_some(text);
    let list = |list: Vec<String>| (!list.is_empty()).then_some(list);
    v3_4::User {
        gecos: some(user.gecos),
        groups: list(user.groups),
        home_dir: some(user.home_dir),
        name: user.name,
        no_create_home: user.no_create_home.then_some(true),
        no_log_init: user.no_log_init.then_some(true),
        no_user_group: user.no_user_group.then_some(true),
        password_hash: user.password_hash,
        primary_group: some(user.primary_group),
        shell: some(user.shell),
        should_exist: None,
        ssh_authorized_keys: list(user.ssh_authorized_keys),
        system: user.system.then_some(true),
        uid: user.uid.map(i64::from),
    }
}

fn group(group: v3_4::Group) -> Group {
    Group {
        gid: number(group.gid),
        name: group.name,
        password_hash: group.password_hash.unwrap_or_default(),
        system: group.system.unwrap_or_default(),
    }
}

fn unit(unit: fragment::Unit) -> Unit {
    let dropins = unit.dropins.into_iter();
    Unit {
        contents: unit.contents.unwrap_or_default(),
        dropins: dropins
            .map(|(name, contents)| DropIn { contents, name })
            .collect(),
        enable: false,
        enabled: unit.enabled,
        mask: unit.mask == Some(true),
        name: unit.name.to_string(),
    }
}
