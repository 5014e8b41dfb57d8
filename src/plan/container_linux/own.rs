//! ct's `storage:`, `systemd:`, `networkd:`, `passwd:` and `ignition:`.

use ignition_config::v3_4;

use super::super::Decider;
use super::super::files::owner;
use super::super::filesystems::array;
use super::super::users::origin;
use crate::diagnostic::Located;
use crate::facts::systems::{IgnitionVersion, Target};
use crate::ignition::v2;
use crate::names::{AbsolutePath, UserName};
use crate::node::fragment::{Contents, Directory, File, Fragment, Link, Origin};
use crate::node::ignition_2;
use crate::spec;

/// Sectors in a MiB: Ignition 2.2 has sizes in sectors, which ct assumes to have 512 bytes.
const MIB_SECTORS: u64 = 2048;

fn text<T: ToString>(value: Option<&Located<T>>) -> String {
    value
        .map(|value| value.value.to_string())
        .unwrap_or_default()
}

fn texts(list: &[Located<spec::Fstab>]) -> Vec<String> {
    list.iter().map(|one| one.as_str().to_owned()).collect()
}

impl Decider<'_> {
    /// Returns what the user's sections define.
    pub(super) fn ct_sections(&mut self, written: &spec::ContainerLinux) -> Fragment {
        let mut sections = Fragment::default();
        let version = written
            .ignition
            .as_ref()
            .and_then(|ignition| ignition.version);
        let is_v2_3 = version.is_some_and(|version| version.value == IgnitionVersion::V2_3);
        if let Some(storage) = &written.storage {
            self.ct_storage(storage, is_v2_3, &mut sections);
        }
        if let Some(systemd) = &written.systemd {
            self.ct_units(systemd, &mut sections);
        }
        if let Some(networkd) = &written.networkd {
            for unit in &networkd.units {
                let origin = origin("networkd", unit.name.span);
                let dropins = self.dropins(&unit.dropins).into_iter();
                let unit = ignition_2::NetworkdUnit {
                    contents: self
                        .text(unit.contents.as_ref(), unit.contents_local.as_ref())
                        .unwrap_or_default(),
                    dropins: dropins
                        .map(|(name, contents)| ignition_2::DropIn { contents, name })
                        .collect(),
                    name: unit.name.as_str().to_owned(),
                };
                sections.only_v2.networkd.push((unit, origin));
            }
        }
        if let Some(passwd) = &written.passwd {
            self.ct_passwd(passwd, &mut sections);
        }
        if let Some(ignition) = &written.ignition {
            head(ignition, &mut sections);
        }
        sections
    }

    fn ct_storage(&mut self, storage: &spec::CtStorage, is_v2_3: bool, sections: &mut Fragment) {
        for disk in &storage.disks {
            let origin = origin("storage", disk.device.span);
            sections
                .only_v2
                .disks
                .push((disk_of(disk, is_v2_3), origin));
        }
        for raid in &storage.raid {
            sections
                .raid
                .push((array(raid), origin("storage", raid.name.span)));
        }
        for filesystem in &storage.filesystems {
            let origin = origin("storage", filesystem.span);
            sections
                .only_v2
                .filesystems
                .push((filesystem_of(filesystem), origin));
        }
        for file in &storage.files {
            self.ct_file(file, sections);
        }
        for directory in &storage.directories {
            let there = Directory {
                path: directory.path.value.clone(),
                mode: directory.mode().value.0,
                owner: owner(directory.user.as_ref(), directory.group.as_ref()),
                overwrite: directory.overwrite().value,
                origin: origin("storage", directory.path.span),
            };
            match elsewhere(&directory.filesystem()) {
                None => sections.directories.push(there),
                Some(filesystem) => {
                    let mut node = v2::directory(&there);
                    filesystem.clone_into(&mut node.filesystem);
                    sections.only_v2.directories.push((node, there.origin));
                }
            }
        }
        for link in &storage.links {
            let there = Link {
                path: link.path.value.clone(),
                target: link.target.as_str().to_owned(),
                hard: link.hard().value,
                owner: owner(link.user.as_ref(), link.group.as_ref()),
                overwrite: link.overwrite().value,
                origin: origin("storage", link.path.span),
            };
            match elsewhere(&link.filesystem()) {
                None => sections.links.push(there),
                Some(filesystem) => {
                    let mut node = v2::link(&there);
                    filesystem.clone_into(&mut node.filesystem);
                    sections.only_v2.links.push((node, there.origin));
                }
            }
        }
    }

    fn ct_file(&mut self, file: &spec::CtFile, sections: &mut Fragment) {
        let contents = match &file.contents {
            None => Some(Contents::Inline(Vec::new())),
            Some(contents) => self.ct_contents(contents),
        };
        let is_added = file.append().value;
        let (contents, append) = match contents {
            Some(contents) if is_added => (None, vec![contents]),
            other => (other, Vec::new()),
        };
        let there = File {
            path: file.path.value.clone(),
            mode: (file.mode.as_deref().copied())
                .unwrap_or_else(|| {
                    spec::StorageFile::default_of::<Located<spec::Mode>>("mode").value
                })
                .0,
            owner: owner(file.user.as_ref(), file.group.as_ref()),
            contents,
            append,
            // Ignition 2.x replaces existing files by default.
            overwrite: !is_added && file.overwrite.is_none_or(|overwrite| overwrite.value),
            origin: origin("storage", file.path.span),
        };
        // Files of fragments append to or replace existing ones. Everything else is expressed in
        // 2.x's own types.
        let keeps_mode = is_added && file.mode.is_none();
        let is_plain =
            !keeps_mode && (file.overwrite).is_none_or(|overwrite| overwrite.value != is_added);
        match elsewhere(&file.filesystem()) {
            None if is_plain => sections.files.push(there),
            filesystem => {
                for mut node in v2::files(&there) {
                    filesystem
                        .unwrap_or(v2::ROOT)
                        .clone_into(&mut node.filesystem);
                    node.overwrite = file.overwrite.map(|overwrite| overwrite.value);
                    if keeps_mode {
                        node.mode = None;
                    }
                    sections.only_v2.files.push((node, there.origin.clone()));
                }
            }
        }
    }

    fn ct_contents(&self, contents: &spec::CtContents) -> Option<Contents> {
        if let Some(inline) = &contents.inline {
            return Some(Contents::Inline(inline.as_bytes().to_vec()));
        }
        if let Some(local) = &contents.local {
            return Some(Contents::Inline(self.files.file(local)?.to_vec()));
        }
        let Some(remote) = &contents.remote else {
            return Some(Contents::Inline(Vec::new()));
        };
        let gzip = remote
            .compression
            .is_some_and(|compression| compression.value == spec::Compression::Gzip);
        Some(Contents::Remote(v3_4::Resource {
            source: Some(remote.url.as_str().to_owned()),
            compression: gzip.then(|| "gzip".to_owned()),
            verification: remote
                .verification
                .as_ref()
                .map(|verification| v3_4::Verification {
                    hash: Some(hash(verification)),
                }),
            ..v3_4::Resource::default()
        }))
    }

    fn ct_units(&mut self, systemd: &spec::CtSystemd, sections: &mut Fragment) {
        for unit in &systemd.units {
            let dropins = self.dropins(&unit.dropins);
            let enabled = unit.enabled.or(unit.enable.filter(|enable| enable.value));
            sections.units.push(crate::node::fragment::Unit {
                name: unit.name.value.clone(),
                enabled: enabled.map(|enabled| enabled.value),
                // Ignition 2.x does not undo masks.
                mask: unit.mask().value.then_some(true),
                contents: self.text(unit.contents.as_ref(), unit.contents_local.as_ref()),
                dropins,
                origin: origin("systemd", unit.name.span),
            });
        }
    }

    fn ct_passwd(&mut self, passwd: &spec::CtPasswd, sections: &mut Fragment) {
        let groups = |groups: &[Located<UserName>]| -> Vec<String> {
            groups.iter().map(|group| group.value.to_string()).collect()
        };
        // A user that `create` makes has its UID there.
        let existing = passwd.users.iter().filter(|user| user.create.is_none());
        self.unique_uids(existing.filter_map(|user| user.uid));
        for user in &passwd.users {
            let create = user.create.iter();
            let of_create = create.flat_map(|c| c.primary_group.iter().chain(&c.groups));
            let groups_of_user = user.primary_group.iter().chain(&user.groups);
            let names = std::iter::once(&user.name).chain(groups_of_user);
            self.accepted_names(Target::ContainerLinux, names.chain(of_create));
            self.strong_hashes(Target::ContainerLinux, &user.password_hash);
            let keys = self.keys(&user.ssh_authorized_keys, &user.ssh_authorized_keys_local);
            let origin = origin("passwd", user.name.span);
            let ignition = ignition_2::User {
                create: user.create.as_ref().map(|create| ignition_2::Create {
                    gecos: text(create.gecos.as_ref()),
                    groups: groups(&create.groups),
                    home_dir: text::<AbsolutePath>(create.home_dir.as_ref()),
                    no_create_home: create.no_create_home().value,
                    no_log_init: create.no_log_init().value,
                    no_user_group: create.no_user_group().value,
                    primary_group: text(create.primary_group.as_ref()),
                    shell: text(create.shell.as_ref()),
                    system: create.system().value,
                    uid: create.uid.map(|uid| uid.value),
                }),
                gecos: text(user.gecos.as_ref()),
                groups: groups(&user.groups),
                home_dir: text(user.home_dir.as_ref()),
                name: user.name.to_string(),
                no_create_home: user.no_create_home().value,
                no_log_init: user.no_log_init().value,
                no_user_group: user.no_user_group().value,
                password_hash: user
                    .password_hash
                    .as_ref()
                    .map(|hash| hash.as_str().to_owned()),
                primary_group: text(user.primary_group.as_ref()),
                ssh_authorized_keys: keys,
                shell: text(user.shell.as_ref()),
                system: user.system().value,
                uid: user.uid.map(|uid| uid.value),
            };
            if ignition.create.is_some() {
                sections.only_v2.users.push((ignition, origin));
            } else {
                sections.users.push((v2::of_v3(ignition), origin));
            }
        }
        for group in &passwd.groups {
            self.accepted_names(Target::ContainerLinux, [&group.name]);
            self.strong_hashes(Target::ContainerLinux, &group.password_hash);
            let ignition = v3_4::Group {
                gid: group.gid.map(|gid| i64::from(gid.value)),
                name: group.name.to_string(),
                password_hash: group
                    .password_hash
                    .as_ref()
                    .map(|hash| hash.as_str().to_owned()),
                should_exist: None,
                system: group.system.map(|system| system.value),
            };
            sections
                .groups
                .push((ignition, origin("passwd", group.name.span)));
        }
    }
}

/// Returns the file system that is set, if it is not the root.
fn elsewhere(filesystem: &spec::PlainName) -> Option<&str> {
    let name = filesystem.as_str();
    (name != v2::ROOT).then_some(name)
}

fn hash(verification: &spec::CtVerification) -> String {
    let hash = &verification.hash;
    format!("{}-{}", hash.function.as_str(), hash.sum.value.0)
}

fn disk_of(disk: &spec::CtDisk, is_v2_3: bool) -> ignition_2::Disk {
    let partitions = disk.partitions.iter().map(|partition| {
        let mebibytes = |size: Option<Located<spec::Mebibytes>>| size.map(|size| size.value.0);
        let (size, start) = (mebibytes(partition.size), mebibytes(partition.start));
        let sectors = |mebibytes: Option<u64>| {
            let sectors = mebibytes?.saturating_mul(MIB_SECTORS);
            (!is_v2_3).then_some(sectors)
        };
        ignition_2::Partition {
            guid: text(partition.guid.as_ref()),
            label: partition
                .label
                .as_ref()
                .map(|label| label.as_str().to_owned()),
            number: partition.number().value,
            size: sectors(size),
            size_mib: size.filter(|_| is_v2_3),
            start: sectors(start),
            start_mib: start.filter(|_| is_v2_3),
            type_guid: partition
                .type_guid
                .as_ref()
                .map(|guid| guid.value.0.clone())
                .unwrap_or_default(),
            ..ignition_2::Partition::default()
        }
    });
    ignition_2::Disk {
        device: disk.device.to_string(),
        partitions: partitions.collect(),
        wipe_table: disk.wipe_table().value,
    }
}

fn filesystem_of(filesystem: &spec::CtFilesystem) -> ignition_2::Filesystem {
    let line = |value: Option<&Located<spec::Line>>| value.map(|value| value.as_str().to_owned());
    ignition_2::Filesystem {
        mount: filesystem.mount.as_ref().map(|mount| ignition_2::Mount {
            create: mount.create.as_ref().map(|create| ignition_2::Mkfs {
                force: create.force().value,
                options: texts(&create.options),
            }),
            device: mount.device.to_string(),
            format: mount.format.as_str().to_owned(),
            label: line(mount.label.as_ref()),
            options: texts(&mount.options),
            uuid: line(mount.uuid.as_ref()),
            wipe_filesystem: mount.wipe_filesystem().value,
        }),
        name: text(filesystem.name.as_ref()),
        path: filesystem.path.as_ref().map(|path| path.value.to_string()),
    }
}

/// ct's `ignition:`.
fn head(written: &spec::CtIgnition, sections: &mut Fragment) {
    let reference = |written: &spec::CtReference| ignition_2::Reference {
        source: written.source.as_str().to_owned(),
        verification: ignition_2::Verification {
            hash: written.verification.as_ref().map(hash),
        },
    };
    if let Some(config) = &written.config {
        sections.only_v2.references = ignition_2::References {
            append: config.append.iter().map(reference).collect(),
            replace: config.replace.as_ref().map(reference),
        };
    }
    if let Some(timeouts) = &written.timeouts {
        sections.only_v2.timeouts = ignition_2::Timeouts {
            http_response_headers: timeouts.http_response_headers.map(|seconds| seconds.value),
            http_total: timeouts.http_total.map(|seconds| seconds.value),
        };
    }
    let tls = written
        .security
        .as_ref()
        .and_then(|security| security.tls.as_ref());
    for authority in tls.into_iter().flat_map(|tls| &tls.certificate_authorities) {
        let resource = v3_4::Resource {
            source: Some(authority.source.as_str().to_owned()),
            verification: authority
                .verification
                .as_ref()
                .map(|verification| v3_4::Verification {
                    hash: Some(hash(verification)),
                }),
            ..v3_4::Resource::default()
        };
        sections
            .ignition_cas
            .push((resource, Origin::new("ignition", authority.source.span)));
    }
}
