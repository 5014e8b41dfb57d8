//! Disks, arrays, encrypted devices and file systems of `storage:`, and the mount units for
//! Butane's `with_mount_unit`.

use std::collections::BTreeMap;
use std::fmt::Write;

use ignition_config::v3_4;

use super::Decider;
use super::files::remote;
use super::later_boots;
use super::users::origin;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::systems::Target;
use crate::names::{AbsolutePath, escape_path};
use crate::node::fragment::{Contents, Fragment, Unit};
use crate::spec::{self, FilesystemFormat, Storage};

impl Decider<'_> {
    pub(super) fn disks(&mut self, target: Target, storage: &Storage, sections: &mut Fragment) {
        self.later_boots(target, storage);
        for disk in &storage.disks {
            self.partitions_once(disk);
            let mut partitions: Vec<_> = disk.partitions.iter().map(partition).collect();
            if later_boots::finds_its_disks(target) {
                later_boots::number(&mut partitions);
            }
            let ignition = v3_4::Disk {
                device: disk.device.to_string(),
                partitions: (!partitions.is_empty()).then_some(partitions),
                wipe_table: disk.wipe_table.map(|v| v.value),
            };
            sections
                .disks
                .push((ignition, origin("storage", disk.device.span)));
        }
        for raid in &storage.raid {
            sections
                .raid
                .push((array(raid), origin("storage", raid.name.span)));
        }
        for luks in &storage.luks {
            let ignition = self.luks(luks);
            sections
                .luks
                .push((ignition, origin("storage", luks.name.span)));
        }
    }

    fn luks(&mut self, luks: &spec::Luks) -> v3_4::Luks {
        let key_file = luks
            .key_file
            .as_ref()
            .and_then(|key| match self.contents(key)? {
                Contents::Inline(bytes) => Some(crate::data_url::resource(&bytes)),
                Contents::Remote(_) => Some(remote(key)),
            });
        v3_4::Luks {
            discard: luks.discard.map(|v| v.value),
            open_options: options(&luks.open_options),
            clevis: luks.clevis.as_ref().map(clevis),
            device: luks.device.as_ref().map(|device| device.to_string()),
            key_file,
            label: luks.label.as_ref().map(|label| label.as_str().to_owned()),
            name: luks.name.as_str().to_owned(),
            options: options(&luks.options),
            uuid: luks.uuid.as_ref().map(|uuid| uuid.as_str().to_owned()),
            wipe_volume: luks.wipe_volume.map(|v| v.value),
        }
    }

    /// Reports numbers, other than 0, which means the next free one, and labels that occur twice.
    fn partitions_once(&mut self, disk: &spec::Disk) {
        let mut numbers: BTreeMap<u32, Span> = BTreeMap::new();
        let mut labels: BTreeMap<&str, Span> = BTreeMap::new();
        let mut twice = |first: Span, span: Span, what: String| {
            self.found.push(
                Diagnostic::error(
                    codes::DUPLICATE_PARTITION,
                    span,
                    format!("`{}` has two partitions {what}", disk.device.value),
                )
                .related(first, "first occurrence")
                .help("give each partition its own number and label"),
            );
        };
        for partition in &disk.partitions {
            if let Some(number) = partition.number
                && number.value != 0
                && let Some(first) = numbers.insert(number.value, number.span)
            {
                twice(first, number.span, format!("with number {}", number.value));
            }
            if let Some(label) = &partition.label
                && let Some(first) = labels.insert(label.as_str(), label.span)
            {
                twice(first, label.span, format!("labeled `{}`", label.as_str()));
            }
        }
    }

    pub(super) fn filesystems(&mut self, storage: &Storage, sections: &mut Fragment) {
        for filesystem in &storage.filesystems {
            let ignition = v3_4::Filesystem {
                device: filesystem.device.to_string(),
                format: filesystem.format.map(|format| format.as_str().to_owned()),
                label: filesystem
                    .label
                    .as_ref()
                    .map(|label| label.as_str().to_owned()),
                mount_options: options(&filesystem.mount_options),
                options: options(&filesystem.options),
                path: filesystem.path.as_ref().map(|path| path.to_string()),
                uuid: filesystem
                    .uuid
                    .as_ref()
                    .map(|uuid| uuid.as_str().to_owned()),
                wipe_filesystem: filesystem.wipe_filesystem.map(|v| v.value),
            };
            sections
                .filesystems
                .push((ignition, origin("storage", filesystem.device.span)));
            let wanted = filesystem.with_mount_unit();
            if wanted.value {
                sections
                    .units
                    .extend(self.mount_unit(filesystem, wanted.span, storage));
            }
        }
    }

    /// A `.mount` unit, or a `.swap` unit for swap space, that is part of `local-fs.target` or its
    /// like.
    fn mount_unit(
        &mut self,
        filesystem: &spec::Filesystem,
        wanted: Span,
        storage: &Storage,
    ) -> Option<Unit> {
        let device = &filesystem.device;
        let mut refuse = |what: &str, help: &str| {
            self.found.push(
                Diagnostic::error(
                    codes::BAD_MOUNT_UNIT,
                    wanted,
                    format!("a mount unit requires {what}"),
                )
                .help(help.to_owned()),
            );
        };
        let format = match filesystem.format.map(|format| format.value) {
            None | Some(FilesystemFormat::None) => {
                refuse("a file system format", "add `format:`, for example ext4");
                return None;
            }
            Some(format) => format,
        };
        let mount_options: Vec<&str> = filesystem
            .mount_options
            .iter()
            .map(|option| option.as_str())
            .collect();
        // Devices that are unlocked over the network are available once it is up (systemd.mount(5),
        // `_netdev`).
        let over_network =
            mount_options.contains(&"_netdev") || is_unlocked_over_network(device, storage);
        if format == FilesystemFormat::Swap {
            if let Some(path) = &filesystem.path {
                self.found.push(
                    Diagnostic::error(
                        codes::BAD_MOUNT_UNIT,
                        path.span,
                        "swap space is not mounted",
                    )
                    .help("remove `path`"),
                );
                return None;
            }
            let text = swap_unit(device, &mount_options);
            return self.unit(&format!("{}.swap", escape_path(device)), text, device.span);
        }
        let Some(path) = &filesystem.path else {
            refuse("a mount point", "add `path:`");
            return None;
        };
        let text = mount_text(device, path, format, &mount_options, over_network);
        self.unit(&format!("{}.mount", escape_path(path)), text, device.span)
    }

    fn unit(&mut self, name: &str, text: String, place: Span) -> Option<Unit> {
        match name.parse() {
            Ok(name) => Some(Unit::enabled(name, text, origin("storage", place))),
            Err(why) => {
                self.found.push(
                    Diagnostic::error(
                        codes::BAD_MOUNT_UNIT,
                        place,
                        format!("the mount unit would be named `{name}`"),
                    )
                    .label(why.0)
                    .help("use a shorter path"),
                );
                None
            }
        }
    }
}

fn mount_text(
    device: &AbsolutePath,
    path: &AbsolutePath,
    format: FilesystemFormat,
    options: &[&str],
    over_network: bool,
) -> String {
    let fsck = format!("systemd-fsck@{}.service", escape_path(device));
    let mut text = format!("[Unit]\nRequires={fsck}\nAfter={fsck}\n");
    text.push_str("\n[Mount]\n");
    // systemd.unit(5): `%` starts a specifier.
    let plain = |path: &AbsolutePath| path.as_str().replace('%', "%%");
    let _ = writeln!(
        text,
        "Where={}\nWhat={}\nType={}",
        plain(path),
        plain(device),
        format.as_str()
    );
    let mut options = options.to_vec();
    if over_network && !options.contains(&"_netdev") {
        options.push("_netdev");
    }
    if !options.is_empty() {
        let _ = writeln!(text, "Options={}", options.join(",").replace('%', "%%"));
    }
    let target = if over_network {
        "remote-fs.target"
    } else {
        "local-fs.target"
    };
    let _ = write!(text, "\n[Install]\nRequiredBy={target}\n");
    text
}

fn swap_unit(device: &AbsolutePath, options: &[&str]) -> String {
    let mut text = format!("[Swap]\nWhat={}\n", device.as_str().replace('%', "%%"));
    if !options.is_empty() {
        let _ = writeln!(text, "Options={}", options.join(",").replace('%', "%%"));
    }
    text.push_str("\n[Install]\nRequiredBy=swap.target\n");
    text
}

/// Returns whether `device` is an encrypted one that a tang server unlocks.
fn is_unlocked_over_network(device: &AbsolutePath, storage: &Storage) -> bool {
    let names = ["/dev/mapper/", "/dev/disk/by-id/dm-name-"];
    let Some(name) = names
        .iter()
        .find_map(|prefix| device.as_str().strip_prefix(prefix))
    else {
        return false;
    };
    let needs_network = |clevis: &spec::Clevis| {
        let custom = clevis
            .custom
            .as_ref()
            .and_then(|custom| custom.needs_network);
        !clevis.tang.is_empty() || custom.is_some_and(|needs| needs.value)
    };
    storage
        .luks
        .iter()
        .any(|luks| luks.name.as_str() == name && luks.clevis.as_ref().is_some_and(needs_network))
}

fn partition(partition: &spec::Partition) -> v3_4::Partition {
    // Sizes in MiB that do not fit are larger than any disk, and so is the maximum.
    let mib = |size: Located<u64>| i64::try_from(size.value).unwrap_or(i64::MAX);
    v3_4::Partition {
        guid: partition.guid.as_ref().map(|guid| guid.as_str().to_owned()),
        label: partition
            .label
            .as_ref()
            .map(|label| label.as_str().to_owned()),
        number: partition.number.map(|number| i64::from(number.value)),
        resize: partition.resize.map(|v| v.value),
        should_exist: partition.should_exist.map(|v| v.value),
        size_mib: partition.size_mib.map(mib),
        start_mib: partition.start_mib.map(mib),
        type_guid: partition
            .type_guid
            .as_ref()
            .map(|guid| guid.as_str().to_owned()),
        wipe_partition_entry: partition.wipe_partition_entry.map(|v| v.value),
    }
}

fn clevis(clevis: &spec::Clevis) -> v3_4::Clevis {
    let tang: Vec<_> = clevis
        .tang
        .iter()
        .map(|tang| v3_4::Tang {
            advertisement: tang.advertisement.as_ref().map(|text| text.value.clone()),
            thumbprint: Some(tang.thumbprint.as_str().to_owned()),
            url: Some(tang.url.as_str().to_owned()),
        })
        .collect();
    v3_4::Clevis {
        custom: clevis.custom.as_ref().map(|custom| v3_4::ClevisCustom {
            config: Some(custom.config.value.clone()),
            needs_network: custom.needs_network.map(|v| v.value),
            pin: Some(custom.pin.as_str().to_owned()),
        }),
        tang: (!tang.is_empty()).then_some(tang),
        threshold: clevis.threshold.map(|threshold| i64::from(threshold.value)),
        tpm2: clevis.tpm2.map(|v| v.value),
    }
}

fn paths(paths: &[Located<AbsolutePath>]) -> Vec<String> {
    paths.iter().map(|path| path.to_string()).collect()
}

fn options(written: &[Located<spec::Fstab>]) -> Option<Vec<String>> {
    let options: Vec<_> = written
        .iter()
        .map(|option| option.as_str().to_owned())
        .collect();
    (!options.is_empty()).then_some(options)
}

/// An array of disks.
pub(super) fn array(raid: &spec::Raid) -> v3_4::Raid {
    v3_4::Raid {
        devices: Some(paths(&raid.devices)),
        level: Some(raid.level.as_str().to_owned()),
        name: raid.name.as_str().to_owned(),
        options: options(&raid.options),
        spares: raid.spares.map(|spares| i64::from(spares.value)),
    }
}
