//! The types of Ignition's specification 2.2.0 and 2.3.0, field by field (coreos/ignition,
//! `doc/configuration-v2_2.md` and `doc/configuration-v2_3.md`).
//!
//! Reading is strict: a key that the specification does not have is an error, although Ignition
//! itself ignores it.

use serde::{Deserialize, Serialize};

/// Whether a value is left out when it is written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A struct of the specification: keys in camel case, empty values left out.
macro_rules! object {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
        pub struct $name {
            $($(#[$attribute])* #[serde(skip_serializing_if = "is_default")] pub $field: $type,)+
        }
    };
}

object! {
    /// A whole config.
    Config {
        ignition: Ignition,
        networkd: Networkd,
        passwd: Passwd,
        storage: Storage,
        systemd: Systemd,
    }
}

object! {
    /// The config's own settings.
    Ignition {
        config: References,
        security: Security,
        timeouts: Timeouts,
        version: String,
    }
}

object! {
    /// Other configs.
    References {
        append: Vec<Reference>,
        replace: Option<Reference>,
    }
}

object! {
    /// Another config, or a certificate authority.
    Reference {
        source: String,
        verification: Verification,
    }
}

object! {
    /// The verification of fetched bytes.
    Verification {
        hash: Option<String>,
    }
}

object! {
    /// What Ignition trusts.
    Security {
        tls: Tls,
    }
}

object! {
    /// What Ignition trusts when it fetches over HTTPS.
    Tls {
        certificate_authorities: Vec<Reference>,
    }
}

object! {
    /// How long Ignition waits, in seconds.
    Timeouts {
        http_response_headers: Option<u32>,
        http_total: Option<u32>,
    }
}

object! {
    /// Files of systemd-networkd.
    Networkd {
        units: Vec<NetworkdUnit>,
    }
}

object! {
    /// A file of systemd-networkd.
    NetworkdUnit {
        contents: String,
        dropins: Vec<DropIn>,
        name: String,
    }
}

object! {
    /// An addition to a unit.
    DropIn {
        contents: String,
        name: String,
    }
}

object! {
    /// Units of systemd.
    Systemd {
        units: Vec<Unit>,
    }
}

object! {
    /// A unit of systemd. `enable` is an older form of `enabled: true`.
    Unit {
        contents: String,
        dropins: Vec<DropIn>,
        enable: bool,
        enabled: Option<bool>,
        mask: bool,
        name: String,
    }
}

object! {
    /// Users and groups.
    Passwd {
        groups: Vec<Group>,
        users: Vec<User>,
    }
}

object! {
    /// A group.
    Group {
        gid: Option<u32>,
        name: String,
        password_hash: String,
        system: bool,
    }
}

object! {
    /// A user. `create` is an older form of the fields next to it.
    User {
        create: Option<Create>,
        gecos: String,
        groups: Vec<String>,
        home_dir: String,
        name: String,
        no_create_home: bool,
        no_log_init: bool,
        no_user_group: bool,
        password_hash: Option<String>,
        primary_group: String,
        ssh_authorized_keys: Vec<String>,
        shell: String,
        system: bool,
        uid: Option<u32>,
    }
}

object! {
    /// How a user is created.
    Create {
        gecos: String,
        groups: Vec<String>,
        home_dir: String,
        no_create_home: bool,
        no_log_init: bool,
        no_user_group: bool,
        primary_group: String,
        shell: String,
        system: bool,
        uid: Option<u32>,
    }
}

object! {
    /// Disks and what is on them.
    Storage {
        directories: Vec<Directory>,
        disks: Vec<Disk>,
        files: Vec<File>,
        filesystems: Vec<Filesystem>,
        links: Vec<Link>,
        raid: Vec<Raid>,
    }
}

object! {
    /// A disk.
    Disk {
        device: String,
        partitions: Vec<Partition>,
        wipe_table: bool,
    }
}

object! {
    /// A partition. Sizes are in sectors of the device; since 2.3.0 they can be in MiB.
    Partition {
        guid: String,
        label: Option<String>,
        number: u32,
        should_exist: Option<bool>,
        size: Option<u64>,
        #[serde(rename = "sizeMiB")]
        size_mib: Option<u64>,
        start: Option<u64>,
        #[serde(rename = "startMiB")]
        start_mib: Option<u64>,
        type_guid: String,
        wipe_partition_entry: bool,
    }
}

object! {
    /// An array of disks.
    Raid {
        devices: Vec<String>,
        level: String,
        name: String,
        options: Vec<String>,
        spares: u32,
    }
}

object! {
    /// A file system: one to mount while files are written, or one that is mounted.
    Filesystem {
        mount: Option<Mount>,
        name: String,
        path: Option<String>,
    }
}

object! {
    /// A file system on a device. `create` is an older form of the fields next to it.
    Mount {
        create: Option<Mkfs>,
        device: String,
        format: String,
        label: Option<String>,
        options: Vec<String>,
        uuid: Option<String>,
        wipe_filesystem: bool,
    }
}

object! {
    /// How a file system is created.
    Mkfs {
        force: bool,
        options: Vec<String>,
    }
}

object! {
    /// An owner, by number or name.
    Owner {
        id: Option<u32>,
        name: String,
    }
}

object! {
    /// A file.
    File {
        append: bool,
        contents: Contents,
        filesystem: String,
        group: Option<Owner>,
        mode: Option<u32>,
        overwrite: Option<bool>,
        path: String,
        user: Option<Owner>,
    }
}

object! {
    /// The source of bytes.
    Contents {
        compression: String,
        source: String,
        verification: Verification,
    }
}

object! {
    /// A directory.
    Directory {
        filesystem: String,
        group: Option<Owner>,
        mode: Option<u32>,
        overwrite: Option<bool>,
        path: String,
        user: Option<Owner>,
    }
}

object! {
    /// A symbolic or hard link.
    Link {
        filesystem: String,
        group: Option<Owner>,
        hard: bool,
        overwrite: Option<bool>,
        path: String,
        target: String,
        user: Option<Owner>,
    }
}
