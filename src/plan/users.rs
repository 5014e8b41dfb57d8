//! `users:` and `passwd:`.

use std::collections::BTreeMap;

use ignition_config::v3_4;

use super::Decider;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::systems::{Target, UserNames};
use crate::names::UserName;
use crate::node::User;
use crate::node::fragment::{Fragment, Origin};
use crate::spec::{self, PasswordHash, SshKeyFiles, SshPublicKey};

/// The origin of what the user's sections define.
pub(super) fn origin(part: &'static str, span: Span) -> Origin {
    Origin {
        span: Some(span),
        part,
    }
}

fn names(names: &[Located<UserName>]) -> Vec<UserName> {
    names.iter().map(|name| name.value.clone()).collect()
}

impl Decider<'_> {
    /// Returns the users; passwords from files are added later.
    pub(super) fn users(&self, users: &[spec::User]) -> Vec<User> {
        users
            .iter()
            .map(|user| User {
                name: user.name.clone(),
                uid: user.uid.map(|uid| uid.value),
                groups: names(&user.groups),
                shell: user.shell.as_ref().map(|shell| shell.value.clone()),
                home_dir: user.home_dir.as_ref().map(|dir| dir.value.clone()),
                ssh_authorized_keys: self
                    .keys(&user.ssh_authorized_keys, &user.ssh_authorized_keys_local),
                password_hash: user
                    .password_hash
                    .as_ref()
                    .map(|hash| hash.as_str().to_owned()),
                span: user.name.span,
            })
            .collect()
    }

    /// Reports every UID that an earlier user already has. Nodes keep UIDs without their places, so
    /// this is checked here.
    pub(super) fn unique_uids(&mut self, uids: impl IntoIterator<Item = Located<u32>>) {
        let mut seen: BTreeMap<u32, Span> = BTreeMap::new();
        for uid in uids {
            let Some(&first) = seen.get(&uid.value) else {
                seen.insert(uid.value, uid.span);
                continue;
            };
            self.found.push(
                Diagnostic::error(
                    codes::DUPLICATE_USER,
                    uid.span,
                    format!("two users have UID {}", uid.value),
                )
                .related(first, "first occurrence")
                .help("give each its own `uid`, or remove `uid` to have one assigned"),
            );
        }
    }

    /// Reports every name that the target's useradd(8) does not accept.
    pub(super) fn accepted_names<'n>(
        &mut self,
        target: Target,
        names: impl IntoIterator<Item = &'n Located<UserName>>,
    ) {
        if target.facts().accounts.names == UserNames::Any {
            return;
        }
        let is_lower = |b: u8| !b.is_ascii_uppercase() && b != b'.';
        for name in names {
            if !name.as_str().bytes().all(is_lower) {
                self.found.push(
                    Diagnostic::error(
                        codes::BAD_USER_NAME,
                        name.span,
                        format!("`{}` is not a user or group name", name.value),
                    )
                    .label(format!(
                        "on {}, it can contain only lower-case letters, digits, `_` and `-`",
                        target.facts().title
                    )),
                );
            }
        }
    }

    /// Reports MD5 hashes: an error, but a warning where they have always been used.
    pub(super) fn strong_hashes<'n>(
        &mut self,
        target: Target,
        hashes: impl IntoIterator<Item = &'n Located<PasswordHash>>,
    ) {
        const WHY: &str = "MD5 (`$1$`) hashes can be broken within hours";
        const HELP: &str = "create a hash with `openssl passwd -6`, or use `password_file:` to read \
                            the password from a file";
        for hash in hashes.into_iter().filter(|hash| hash.is_md5()) {
            let diagnostic = if target.facts().accounts.md5 {
                Diagnostic::warning(codes::WEAK_PASSWORD_HASH, hash.span, "weak password hash")
            } else {
                Diagnostic::error(codes::BAD_PASSWORD_HASH, hash.span, "not a password hash")
            };
            self.found.push(diagnostic.label(WHY).help(HELP));
        }
    }

    /// Checks names and password hashes of `users:` and `passwd:` against what `target` accepts.
    pub(super) fn names_and_hashes(
        &mut self,
        target: Target,
        users: &[spec::User],
        passwd: Option<&spec::Passwd>,
    ) {
        for user in users {
            self.accepted_names(target, std::iter::once(&user.name).chain(&user.groups));
            self.strong_hashes(target, &user.password_hash);
        }
        for user in passwd.iter().flat_map(|passwd| &passwd.users) {
            let groups = user.primary_group.iter().chain(&user.groups);
            self.accepted_names(target, std::iter::once(&user.name).chain(groups));
            self.strong_hashes(target, &user.password_hash);
        }
        for group in passwd.iter().flat_map(|passwd| &passwd.groups) {
            self.accepted_names(target, [&group.name]);
            self.strong_hashes(target, &group.password_hash);
        }
    }

    /// Returns each key once, in the order of the spec.
    pub(super) fn keys(
        &self,
        written: &[Located<SshPublicKey>],
        local: &[Located<SshKeyFiles>],
    ) -> Vec<String> {
        let local = local.iter().flat_map(|files| self.files.ssh_keys(files));
        let mut keys: Vec<String> = Vec::new();
        for key in written.iter().map(|key| &key.value).chain(local) {
            if !keys.iter().any(|known| known == key.as_str()) {
                keys.push(key.as_str().to_owned());
            }
        }
        keys
    }

    pub(super) fn passwd(&mut self, passwd: &spec::Passwd, sections: &mut Fragment) {
        for user in &passwd.users {
            self.groups_once(user);
            let keys = self.keys(&user.ssh_authorized_keys, &user.ssh_authorized_keys_local);
            let groups: Vec<String> = user.groups.iter().map(|group| group.to_string()).collect();
            let ignition = v3_4::User {
                gecos: user.gecos.as_ref().map(|gecos| gecos.as_str().to_owned()),
                groups: (!groups.is_empty()).then_some(groups),
                home_dir: user.home_dir.as_ref().map(|dir| dir.to_string()),
                name: user.name.to_string(),
                no_create_home: user.no_create_home.map(|v| v.value),
                no_log_init: user.no_log_init.map(|v| v.value),
                no_user_group: user.no_user_group.map(|v| v.value),
                password_hash: user
                    .password_hash
                    .as_ref()
                    .map(|hash| hash.as_str().to_owned()),
                primary_group: user.primary_group.as_ref().map(|group| group.to_string()),
                shell: user.shell.as_ref().map(|shell| shell.to_string()),
                should_exist: user.should_exist.map(|v| v.value),
                ssh_authorized_keys: (!keys.is_empty()).then_some(keys),
                system: user.system.map(|v| v.value),
                uid: user.uid.map(|uid| i64::from(uid.value)),
            };
            sections
                .users
                .push((ignition, origin("passwd", user.name.span)));
        }
        for group in &passwd.groups {
            let ignition = v3_4::Group {
                gid: group.gid.map(|gid| i64::from(gid.value)),
                name: group.name.to_string(),
                password_hash: group
                    .password_hash
                    .as_ref()
                    .map(|hash| hash.as_str().to_owned()),
                should_exist: group.should_exist.map(|v| v.value),
                system: group.system.map(|v| v.value),
            };
            sections
                .groups
                .push((ignition, origin("passwd", group.name.span)));
        }
    }
}
