//! Users and groups, checked by what Ignition does with them: it creates the groups with
//! `groupadd(8)`, then the users with `useradd(8)`, in their order, and stops the boot at the first
//! that these programs refuse.

use std::collections::{BTreeMap, BTreeSet};

use super::Decider;
use crate::diagnostic::{Diagnostic, Located, Span, codes};
use crate::facts::systems::Facts;
use crate::names::UserName;
use crate::spec::{self, Spec};

/// A user of `users:` or `passwd:`.
struct Account<'a> {
    name: &'a Located<UserName>,
    uid: Option<Located<u32>>,
    primary_group: Option<&'a Located<UserName>>,
    /// Whether a group with its name is created with it.
    has_own_group: bool,
    groups: &'a [Located<UserName>],
    /// Whether imgbuild creates groups that are missing.
    gets_groups: bool,
}

/// What exists on the node before the next user is created.
struct Existing<'a> {
    facts: &'a Facts,
    groups: BTreeSet<&'a str>,
}

impl Decider<'_> {
    /// Reports users and groups that could not be created.
    pub(super) fn accounts(&mut self, written: &Spec) {
        let facts = written.target().value.facts();
        let mut existing = Existing {
            facts,
            groups: facts.groups.iter().copied().flatten().copied().collect(),
        };
        if let Some(passwd) = &written.passwd {
            self.new_groups(&passwd.groups, &mut existing);
        }
        let accounts = accounts(written);
        let with_own: BTreeSet<&str> = accounts
            .iter()
            .filter(|account| account.has_own_group)
            .map(|account| account.name.value.as_str())
            .collect();
        for account in &accounts {
            for group in account.groups.iter().filter(|_| account.gets_groups) {
                if !with_own.contains(group.value.as_str()) {
                    existing.groups.insert(group.value.as_str());
                }
            }
        }
        let mut seen = BTreeSet::new();
        for account in &accounts {
            // A second user of the name has its own error.
            if !seen.insert(account.name.value.as_str()) {
                continue;
            }
            self.new_user(account, &existing, &with_own);
            if account.has_own_group {
                existing.groups.insert(account.name.value.as_str());
            }
        }
    }

    fn bad_account(&mut self, span: Span, message: String, help: &str) {
        let error = Diagnostic::error(codes::BAD_ACCOUNT, span, message);
        self.found.push(error.help(help));
    }

    fn new_groups<'a>(&mut self, groups: &'a [spec::PasswdGroup], existing: &mut Existing<'a>) {
        let mut numbers: BTreeMap<u32, &str> = existing
            .facts
            .base_groups()
            .map(|(name, gid)| (gid, name))
            .collect();
        for group in groups {
            let name = group.name.value.as_str();
            if group.should_exist.is_some_and(|exists| !exists.value) {
                continue;
            }
            let in_base = existing.facts.base_groups().any(|(known, _)| known == name);
            if in_base {
                self.bad_account(
                    group.name.span,
                    format!("the base already has the group `{name}`"),
                    "remove it: users can list the group under `groups`",
                );
            } else if let Some(gid) = group.gid
                && let Some(other) = numbers.insert(gid.value, name)
            {
                self.bad_account(
                    gid.span,
                    format!("group `{other}` already has GID {}", gid.value),
                    "use another `gid`, or remove it to have one assigned",
                );
            }
            existing.groups.insert(name);
        }
    }

    fn new_user(&mut self, account: &Account, existing: &Existing, with_own: &BTreeSet<&str>) {
        let name = account.name.value.as_str();
        let mut base_users = existing.facts.base_users();
        // On other systems than ours, the user may exist.
        let is_new = existing.facts.knows_accounts() && !base_users.any(|(known, _)| known == name);
        if let Some(uid) = account.uid
            && let Some((other, _)) = (existing.facts.base_users())
                .find(|(known, number)| *number == uid.value && *known != name)
        {
            self.bad_account(
                uid.span,
                format!("user `{other}` of the base already has UID {}", uid.value),
                "use another `uid`, or remove it to have one assigned",
            );
        }
        if is_new && account.has_own_group && existing.groups.contains(name) {
            self.bad_account(
                account.name.span,
                format!("a group `{name}` exists, so the user's own group cannot be created"),
                "use another name, or under `passwd:` the existing group: `primary_group`",
            );
        }
        for group in account.primary_group.into_iter().chain(account.groups) {
            let wanted = group.value.as_str();
            if existing.groups.contains(wanted) {
                continue;
            }
            if wanted == name && account.has_own_group {
                self.bad_account(
                    group.span,
                    format!("group `{wanted}` is created together with the user"),
                    "remove it: it is the user's primary group",
                );
            } else if with_own.contains(wanted) {
                self.bad_account(
                    group.span,
                    format!("group `{wanted}` is created only with the user `{wanted}`"),
                    "move that user before this one",
                );
            } else if existing.facts.knows_accounts() {
                self.bad_account(
                    group.span,
                    format!("there is no group `{wanted}`"),
                    "create it under `passwd.groups`",
                );
            }
        }
    }

    /// Reports groups that one user lists twice, which Ignition does not accept.
    pub(super) fn groups_once(&mut self, user: &spec::PasswdUser) {
        let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
        for group in &user.groups {
            if let Some(&first) = seen.get(group.value.as_str()) {
                let message = format!("group `{}` is listed twice", group.value.as_str());
                self.found.push(
                    Diagnostic::error(codes::BAD_ACCOUNT, group.span, message)
                        .related(first, "first occurrence")
                        .help("remove one of them"),
                );
            } else {
                seen.insert(group.value.as_str(), group.span);
            }
        }
    }
}

/// Users that Ignition creates or changes, in its order: those of `users:` first.
fn accounts(written: &Spec) -> Vec<Account<'_>> {
    let is_set = |value: Option<Located<bool>>| value.is_some_and(|value| value.value);
    let users = written.users.iter().map(|user| Account {
        name: &user.name,
        uid: user.uid,
        primary_group: None,
        has_own_group: true,
        groups: &user.groups,
        gets_groups: true,
    });
    let passwd = written.passwd.iter().flat_map(|passwd| &passwd.users);
    let passwd = passwd
        .filter(|user| user.should_exist.is_none_or(|exists| exists.value))
        .map(|user| Account {
            name: &user.name,
            uid: user.uid,
            primary_group: user.primary_group.as_ref(),
            has_own_group: user.primary_group.is_none() && !is_set(user.no_user_group),
            groups: &user.groups,
            gets_groups: false,
        });
    users.chain(passwd).collect()
}
