//! Users of the spec and the groups that they require.

use std::collections::BTreeMap;

use ignition_config::v3_4;

use crate::names::UserName;
use crate::node::fragment::{Fragment, Origin};
use crate::node::{Node, User};

/// The users of the spec, which Ignition creates with `useradd(8)` or modifies with `usermod(8)`.
pub fn users(node: &Node) -> Fragment {
    let mut fragment = Fragment::default();
    for user in &node.users {
        fragment
            .users
            .push((account(node, user), Origin::new("users", user.span)));
    }
    for (name, origin) in missing_groups(node) {
        fragment
            .groups
            .push((v3_4::Group::new(name.to_string()), origin));
    }
    fragment
}

fn account(node: &Node, user: &User) -> v3_4::User {
    let name = user.name.to_string();
    let shell = match &user.shell {
        Some(shell) => Some(shell.to_string()),
        None if name != "root" => node.target.facts().shell.map(str::to_owned),
        None => None,
    };
    let groups: Vec<_> = user.groups.iter().map(ToString::to_string).collect();
    v3_4::User {
        uid: user.uid.map(i64::from),
        groups: (!groups.is_empty()).then_some(groups),
        shell,
        home_dir: user.home_dir.as_ref().map(ToString::to_string),
        ssh_authorized_keys: (!user.ssh_authorized_keys.is_empty())
            .then(|| user.ssh_authorized_keys.clone()),
        password_hash: user.password_hash.clone(),
        ..v3_4::User::new(name)
    }
}

/// Groups of users that neither the base nor the spec's `passwd.groups` contains.
fn missing_groups(node: &Node) -> BTreeMap<&UserName, Origin> {
    let mut missing = BTreeMap::new();
    for user in &node.users {
        for group in &user.groups {
            let name = group.as_str();
            let groups = node.target.facts().groups;
            let known = groups.iter().any(|list| list.contains(&name))
                || node.user_sections.groups.iter().any(|(own, _)| own.name == name)
                // useradd creates a group with each user's name.
                || node.users.iter().any(|other| other.name.as_str() == name);
            if !known {
                missing
                    .entry(group)
                    .or_insert_with(|| Origin::new("users", user.span));
            }
        }
    }
    missing
}
