//! `passwd:`, with Butane's names.

use crate::diagnostic::Located;
use crate::names::{AbsolutePath, UserName};
use crate::spec::decode::record;
use crate::spec::values::{Line, PasswordHash, SshKeyFiles, SshPublicKey};

record! {
    /// Users and groups.
    pub struct Passwd {
        /// Users.
        pub users: Vec<PasswdUser>,
        /// Groups.
        pub groups: Vec<PasswdGroup>,
    }
    "passwd"
}

record! {
    /// A user, as in Butane.
    pub struct PasswdUser {
        /// The login name.
        #[example = "core"]
        pub name: Located<UserName>,
        /// A hash as `openssl passwd -6` prints it.
        pub password_hash: Option<Located<PasswordHash>>,
        /// Public keys, one per entry.
        #[example = "[ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAHDhUcIyoxOD9GTVRbYmlwd36FjJOaoaivtr3Ey9LZ core@lab]"]
        pub ssh_authorized_keys: Vec<Located<SshPublicKey>>,
        /// Files of public keys on the machine that builds.
        #[example = "[~/.ssh/*.pub]"]
        pub ssh_authorized_keys_local: Vec<Located<SshKeyFiles>>,
        /// The numeric ID.
        #[otherwise = "chosen on the node"]
        #[example = "1000"]
        pub uid: Option<Located<u32>>,
        /// The full name and other details.
        #[example = "Core User"]
        pub gecos: Option<Located<Line>>,
        /// The home directory.
        #[otherwise = "`/home/NAME`"]
        #[example = "/var/home/core"]
        pub home_dir: Option<Located<AbsolutePath>>,
        /// Whether to make no home directory.
        #[otherwise = "false"]
        pub no_create_home: Option<Located<bool>>,
        /// The name of the primary group.
        #[otherwise = "a group with the name of the user"]
        #[example = "users"]
        pub primary_group: Option<Located<UserName>>,
        /// Further groups.
        #[example = "[sudo]"]
        pub groups: Vec<Located<UserName>>,
        /// Whether to make no group with the name of the user.
        #[otherwise = "false"]
        pub no_user_group: Option<Located<bool>>,
        /// Whether to leave the user out of lastlog and faillog.
        #[otherwise = "false"]
        pub no_log_init: Option<Located<bool>>,
        /// The login shell.
        #[otherwise = "that of the system"]
        #[example = "/bin/bash"]
        pub shell: Option<Located<AbsolutePath>>,
        /// Whether the user exists; with `false` it is deleted.
        #[otherwise = "true"]
        pub should_exist: Option<Located<bool>>,
        /// Whether it is a system account.
        #[otherwise = "false"]
        pub system: Option<Located<bool>>,
    }
    "a user"
}

record! {
    /// A group, as in Butane.
    pub struct PasswdGroup {
        /// The name.
        #[example = "lab"]
        pub name: Located<UserName>,
        /// The numeric ID.
        #[otherwise = "chosen on the node"]
        #[example = "2000"]
        pub gid: Option<Located<u32>>,
        /// A hash as `openssl passwd -6` prints it.
        pub password_hash: Option<Located<PasswordHash>>,
        /// Whether the group exists; with `false` it is deleted.
        #[otherwise = "true"]
        pub should_exist: Option<Located<bool>>,
        /// Whether it is a system group.
        #[otherwise = "false"]
        pub system: Option<Located<bool>>,
    }
    "a group"
}
