//! ct's `passwd:`.

use crate::diagnostic::Located;
use crate::names::{AbsolutePath, UserName};
use crate::spec::decode::record;
use crate::spec::values::{Line, PasswordHash, SshKeyFiles, SshPublicKey};

record! {
    /// Users and groups, as ct has them.
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
        /// The name to log in with.
        pub name: Located<UserName>,
        /// A hash as `openssl passwd -6` makes it.
        pub password_hash: Option<Located<PasswordHash>>,
        /// Public keys, one an entry.
        pub ssh_authorized_keys: Vec<Located<SshPublicKey>>,
        /// Files of public keys on the machine that builds.
        pub ssh_authorized_keys_local: Vec<Located<SshKeyFiles>>,
        /// An older form of the keys below.
        pub create: Option<CtCreateUser>,
        /// The number.
        pub uid: Option<Located<u32>>,
        /// The full name and the like.
        pub gecos: Option<Located<Line>>,
        /// The home directory.
        pub home_dir: Option<Located<AbsolutePath>>,
        /// Whether the home directory is left out.
        pub no_create_home: Option<Located<bool>>,
        /// The name of the first group.
        pub primary_group: Option<Located<UserName>>,
        /// Further groups.
        pub groups: Vec<Located<UserName>>,
        /// Whether no group of the same name is made.
        pub no_user_group: Option<Located<bool>>,
        /// Whether it is a system account.
        pub system: Option<Located<bool>>,
        /// Whether the user is left out of lastlog and faillog.
        pub no_log_init: Option<Located<bool>>,
        /// The login shell.
        pub shell: Option<Located<AbsolutePath>>,
    }
    "a user"
}

record! {
    /// How a user is made.
    pub struct CtCreateUser {
        /// The number.
        pub uid: Option<Located<u32>>,
        /// The full name and the like.
        pub gecos: Option<Located<Line>>,
        /// The home directory.
        pub home_dir: Option<Located<AbsolutePath>>,
        /// Whether the home directory is left out.
        pub no_create_home: Option<Located<bool>>,
        /// The name of the first group.
        pub primary_group: Option<Located<UserName>>,
        /// Further groups.
        pub groups: Vec<Located<UserName>>,
        /// Whether no group of the same name is made.
        pub no_user_group: Option<Located<bool>>,
        /// Whether it is a system account.
        pub system: Option<Located<bool>>,
        /// Whether the user is left out of lastlog and faillog.
        pub no_log_init: Option<Located<bool>>,
        /// The login shell.
        pub shell: Option<Located<AbsolutePath>>,
    }
    "the making of a user"
}

record! {
    /// A group.
    pub struct CtGroup {
        /// The name.
        pub name: Located<UserName>,
        /// The number.
        pub gid: Option<Located<u32>>,
        /// A hash as `openssl passwd -6` makes it.
        pub password_hash: Option<Located<PasswordHash>>,
        /// Whether it is a system group.
        pub system: Option<Located<bool>>,
    }
    "a group"
}
