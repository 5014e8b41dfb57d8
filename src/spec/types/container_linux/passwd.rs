//! ct's `passwd:`.

use crate::diagnostic::Located;
use crate::names::{AbsolutePath, UserName};
use crate::spec::decode::record;
use crate::spec::values::{Line, PasswordHash, SshKeyFiles, SshPublicKey};

record! {
    /// Users and groups, as in ct.
    pub struct CtPasswd {
        /// Users.
        pub users: Vec<CtUser>,
        /// Groups.
        pub groups: Vec<CtGroup>,
    }
    "passwd"
}

record! {
    /// A user.
    pub struct CtUser {
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
        /// An older form of the keys below.
        pub create: Option<CtCreateUser>,
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
        #[default = "false"]
        pub no_create_home: Option<Located<bool>>,
        /// The name of the primary group.
        #[otherwise = "a group with the name of the user"]
        #[example = "users"]
        pub primary_group: Option<Located<UserName>>,
        /// Further groups.
        #[example = "[sudo]"]
        pub groups: Vec<Located<UserName>>,
        /// Whether to make no group with the name of the user.
        #[default = "false"]
        pub no_user_group: Option<Located<bool>>,
        /// Whether it is a system account.
        #[default = "false"]
        pub system: Option<Located<bool>>,
        /// Whether to leave the user out of lastlog and faillog.
        #[default = "false"]
        pub no_log_init: Option<Located<bool>>,
        /// The login shell.
        #[otherwise = "that of the system"]
        #[example = "/bin/bash"]
        pub shell: Option<Located<AbsolutePath>>,
    }
    "a user"
}

record! {
    /// How a user is made.
    pub struct CtCreateUser {
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
        #[default = "false"]
        pub no_create_home: Option<Located<bool>>,
        /// The name of the primary group.
        #[otherwise = "a group with the name of the user"]
        #[example = "users"]
        pub primary_group: Option<Located<UserName>>,
        /// Further groups.
        #[example = "[sudo]"]
        pub groups: Vec<Located<UserName>>,
        /// Whether to make no group with the name of the user.
        #[default = "false"]
        pub no_user_group: Option<Located<bool>>,
        /// Whether it is a system account.
        #[default = "false"]
        pub system: Option<Located<bool>>,
        /// Whether to leave the user out of lastlog and faillog.
        #[default = "false"]
        pub no_log_init: Option<Located<bool>>,
        /// The login shell.
        #[otherwise = "that of the system"]
        #[example = "/bin/bash"]
        pub shell: Option<Located<AbsolutePath>>,
    }
    "the making of a user"
}

record! {
    /// A group.
    pub struct CtGroup {
        /// The name.
        #[example = "lab"]
        pub name: Located<UserName>,
        /// The numeric ID.
        #[otherwise = "chosen on the node"]
        #[example = "2000"]
        pub gid: Option<Located<u32>>,
        /// A hash as `openssl passwd -6` prints it.
        pub password_hash: Option<Located<PasswordHash>>,
        /// Whether it is a system group.
        #[otherwise = "false"]
        pub system: Option<Located<bool>>,
    }
    "a group"
}
