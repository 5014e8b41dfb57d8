//! Who owns the directories that Ignition would otherwise create for root on the way to a file of
//! somebody else's.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::AbsolutePath;
use crate::node::fragment::{Directory, Fragment, Origin, Owner};
use crate::spec;

/// The mode of a directory that nobody asked for, as Ignition creates it.
const MODE: u32 = 0o755;

/// A user's home, as far as the spec tells.
struct Home {
    name: String,
    uid: Option<u32>,
    path: String,
}

/// Adds the directories between the home of a user and what the user owns there. Ignition creates
/// them too, but for root, so that the user's programs could not write there.
pub(super) fn below_homes(written: &spec::Spec, sections: &mut Fragment) {
    let homes = homes(written);
    let mut wanted: BTreeMap<String, (Owner, Origin)> = BTreeMap::new();
    let files = sections
        .files
        .iter()
        .map(|it| (&it.path, &it.owner, &it.origin));
    let links = sections
        .links
        .iter()
        .map(|it| (&it.path, &it.owner, &it.origin));
    let directories = sections
        .directories
        .iter()
        .map(|it| (&it.path, &it.owner, &it.origin));
    for (path, owner, origin) in files.chain(links).chain(directories) {
        let Some(home) = homes.iter().find(|home| home.is_of(owner, path)) else {
            continue;
        };
        for above in between(&home.path, path.as_str()) {
            wanted
                .entry(above.to_owned())
                .or_insert_with(|| (owner.clone(), origin.clone()));
        }
    }
    add(wanted, sections);
}

/// Adds the directories of a tree at `top` that has an owner: its own, and those above each of
/// `paths`. A tree that is laid over the system's own directories leaves them alone.
pub(super) fn of_tree<'a>(
    top: &str,
    paths: impl Iterator<Item = &'a str>,
    (owner, origin): (&Owner, &Origin),
    sections: &mut Fragment,
) {
    let mut wanted = BTreeMap::new();
    let mut want = |path: &str| {
        wanted.insert(path.to_owned(), (owner.clone(), origin.clone()));
    };
    // What lies directly below the root, and below /etc, is the system's.
    let is_system_s = top.matches('/').count() < 2 || top.starts_with("/etc/");
    if is_system_s {
        return;
    }
    want(top);
    for path in paths {
        between(top, path).for_each(&mut want);
    }
    add(wanted, sections);
}

/// Adds the directories that the sections do not have yet.
fn add(wanted: BTreeMap<String, (Owner, Origin)>, sections: &mut Fragment) {
    let files = sections.files.iter().map(|it| it.path.clone());
    let links = sections.links.iter().map(|it| it.path.clone());
    let directories = sections.directories.iter().map(|it| it.path.clone());
    let there: BTreeSet<AbsolutePath> = files.chain(links).chain(directories).collect();
    for (path, (owner, origin)) in wanted {
        // A part of a valid path is one.
        if let Ok(path) = path.parse::<AbsolutePath>()
            && !there.contains(&path)
        {
            sections.directories.push(Directory {
                path,
                mode: MODE,
                owner,
                overwrite: false,
                origin,
            });
        }
    }
}

/// The directories below `top` on the way to `path`, without either.
fn between<'a>(top: &'a str, path: &'a str) -> impl Iterator<Item = &'a str> {
    let rest = path.strip_prefix(top).unwrap_or_default();
    rest.match_indices('/')
        .filter(|(at, _)| *at > 0)
        .map(move |(at, _)| &path[..top.len() + at])
}

fn homes(written: &spec::Spec) -> Vec<Home> {
    let own = written.users.iter().map(|user| {
        (
            user.name.as_str(),
            user.uid.as_ref(),
            user.home_dir.as_ref(),
        )
    });
    let passwd = written.passwd.iter().flat_map(|passwd| &passwd.users);
    let passwd = passwd.map(|user| {
        (
            user.name.as_str(),
            user.uid.as_ref(),
            user.home_dir.as_ref(),
        )
    });
    own.chain(passwd)
        .map(|(name, uid, home)| Home {
            name: name.to_owned(),
            uid: uid.map(|uid| uid.value),
            path: home.map_or_else(|| format!("/home/{name}"), |home| home.as_str().to_owned()),
        })
        .collect()
}

impl Home {
    /// Whether `owner` is the user, and `path` lies below the home.
    fn is_of(&self, owner: &Owner, path: &AbsolutePath) -> bool {
        let by_name = owner
            .user
            .as_ref()
            .is_some_and(|user| user.as_str() == self.name);
        let by_id = owner.user_id.is_some() && owner.user_id == self.uid;
        let is_below = path
            .as_str()
            .strip_prefix(&self.path)
            .is_some_and(|rest| rest.starts_with('/'));
        (by_name || by_id) && is_below
    }
}

#[cfg(test)]
mod tests {
    use super::between;

    #[test]
    fn directories_between() {
        let all = |top, path| between(top, path).collect::<Vec<_>>();
        assert_eq!(
            all("/home/a", "/home/a/.config/b/c"),
            ["/home/a/.config", "/home/a/.config/b"]
        );
        assert_eq!(all("/home/a", "/home/a/b"), [""; 0]);
        assert_eq!(all("", "/opt/a"), ["/opt"]);
    }
}
