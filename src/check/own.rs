//! Files, units, users and groups in the user's sections: no duplicates, and nothing that would be
//! hidden.
//!
//! `ignition` checks them against what imgbuild generates, because it knows both.

use std::collections::BTreeMap;

use super::{Once, Twice};
use crate::diagnostic::{Diagnostic, Span, codes};
use crate::names::AbsolutePath;
use crate::node::Node;
use crate::node::fragment::Origin;

/// File systems in memory that are mounted after Ignition has written its files.
const MOUNTED_LATER: [&str; 7] = [
    "/dev",
    "/proc",
    "/run",
    "/sys",
    "/tmp",
    // Links to /run and below it.
    "/var/lock",
    "/var/run",
];

pub(super) fn check(node: &Node, found: &mut Vec<Diagnostic>) {
    paths(node, found);
    units(node, found);
    users(node, found);
    shells(node, found);
    certificates(node, found);
}

fn at(origin: &Origin) -> Span {
    origin.span.unwrap_or_default()
}

fn paths(node: &Node, found: &mut Vec<Diagnostic>) {
    let sections = &node.user_sections;
    let files = sections.files.iter().map(|f| (&f.path, &f.origin, false));
    let directories = sections
        .directories
        .iter()
        .map(|d| (&d.path, &d.origin, true));
    let links = sections.links.iter().map(|l| (&l.path, &l.origin, false));
    let mut once = Once::new(
        codes::DUPLICATE_PATH,
        "keep one of the two; a file may `append:` to one in the base",
    );
    let mut leaves: BTreeMap<&str, Span> = BTreeMap::new();
    let all: Vec<(&AbsolutePath, Span)> = files
        .chain(directories)
        .chain(links)
        .map(|(path, origin, is_directory)| {
            found.extend(once.see(path.as_str(), at(origin), || {
                format!("`{path}` is defined twice")
            }));
            if !is_directory {
                leaves.insert(path.as_str(), at(origin));
            }
            (path, at(origin))
        })
        .collect();
    let target_mounts = node.target.facts().mounts;
    for (path, span) in all {
        let above = ancestors(path.as_str()).find_map(|above| Some((above, leaves.get(above)?)));
        if let Some((above, &leaf)) = above {
            found.push(
                Diagnostic::error(
                    codes::PATH_BELOW_FILE,
                    span,
                    format!("`{path}` is below `{above}`, which is not a directory"),
                )
                .related(leaf, format!("`{above}` is here"))
                .help("use another path: nothing can be below a file or link"),
            );
        }
        let hidden = |mount: &&&str| ancestors(path.as_str()).any(|above| above == **mount);
        let in_memory = MOUNTED_LATER.iter().find(hidden);
        if let Some(mount) = in_memory.or_else(|| target_mounts.iter().find(hidden)) {
            let help = if in_memory.is_some() {
                "create files in memory with a tmpfiles.d(5) line"
            } else {
                "write it from a unit that starts after the mount"
            };
            found.push(
                Diagnostic::error(
                    codes::HIDDEN_PATH,
                    span,
                    format!("`{path}` would be hidden on the node"),
                )
                .label(format!("another file system is mounted at `{mount}`"))
                .help(help),
            );
        }
    }
}

/// Returns the directories that contain `path`, nearest first, without `/`.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| {
        path.rsplit_once('/').map(|(above, _)| above)
    })
    .skip(1)
    .filter(|above| !above.is_empty())
}

fn units(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut once = Once::new(
        codes::DUPLICATE_UNIT,
        "write one entry with all its settings and drop-ins",
    );
    for unit in &node.user_sections.units {
        let span = at(&unit.origin);
        found.extend(once.see(&unit.name, span, || {
            format!("unit `{}` is defined twice", unit.name)
        }));
        let mut names: Vec<&str> = unit.dropins.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        for twice in names.windows(2).filter(|pair| pair[0] == pair[1]) {
            found.push(
                Diagnostic::error(
                    codes::DUPLICATE_UNIT,
                    span,
                    format!("`{}` has drop-in `{}` twice", unit.name, twice[0]),
                )
                .help("give each drop-in its own name"),
            );
        }
        if unit.mask == Some(true) && (unit.enabled == Some(true) || unit.contents.is_some()) {
            found.push(
                Diagnostic::error(
                    codes::MASKED_UNIT_IN_USE,
                    span,
                    format!(
                        "`{}` is masked but {}",
                        unit.name,
                        if unit.contents.is_some() {
                            "has contents"
                        } else {
                            "is enabled"
                        }
                    ),
                )
                .help("a masked unit never starts: remove `mask`, or everything else"),
            );
        }
    }
}

fn users(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut names = Once::new(
        codes::DUPLICATE_USER,
        "write one entry with all its settings, under `users:` or under `passwd:`",
    );
    for user in &node.users {
        let name = &user.name;
        found.extend(names.see(name.as_str().to_owned(), name.span, || {
            format!("user `{}` is defined twice", name.value)
        }));
        let mut groups = Twice::new("group");
        for group in &user.groups {
            found.extend(groups.see(group.to_string(), group.as_str(), user.span));
        }
    }
    for (user, origin) in &node.user_sections.users {
        found.extend(names.see(user.name.clone(), at(origin), || {
            format!("user `{}` is defined twice", user.name)
        }));
    }
    let mut groups = Once::new(codes::DUPLICATE_GROUP, "keep one of the two");
    for (group, origin) in &node.user_sections.groups {
        found.extend(groups.see(group.name.as_str(), at(origin), || {
            format!("group `{}` is defined twice", group.name)
        }));
    }
}

/// Shells of other systems, which none of the targets has.
const OTHER_SHELLS: [&str; 6] = ["csh", "fish", "ksh", "mksh", "tcsh", "zsh"];

fn shells(node: &Node, found: &mut Vec<Diagnostic>) {
    let sections = &node.user_sections;
    let is_written = |path: &str| {
        sections.files.iter().any(|file| file.path.as_str() == path)
            || sections.links.iter().any(|link| link.path.as_str() == path)
    };
    let own = (node.users.iter())
        .filter_map(|user| Some((user.shell.as_ref()?.as_str(), user.name.as_str(), user.span)));
    let passwd = (sections.users.iter())
        .filter_map(|(user, origin)| Some((user.shell.as_deref()?, &*user.name, at(origin))));
    for (shell, user, span) in own.chain(passwd) {
        let name = shell.rsplit('/').next().unwrap_or_default();
        if OTHER_SHELLS.contains(&name) && !is_written(shell) {
            found.push(
                Diagnostic::warning(
                    codes::NO_SUCH_SHELL,
                    span,
                    format!("user `{user}` cannot log in: the node has no `{shell}`"),
                )
                .help("use /bin/bash, or write the program to the node"),
            );
        }
    }
}

fn certificates(node: &Node, found: &mut Vec<Diagnostic>) {
    let mut names = Once::new(
        codes::DUPLICATE_CERTIFICATE,
        "give each its own name; one entry may contain several certificates",
    );
    for certificate in &node.ca_certificates {
        found.extend(names.see(&certificate.name, certificate.pem.span, || {
            format!("two CA certificates are named `{}`", certificate.name)
        }));
        let first = crate::pki::Certificate::from_pem(&certificate.pem);
        if first.is_ok_and(|first| !first.usages().contains(&crate::pki::Usage::Authority)) {
            found.push(
                Diagnostic::warning(
                    codes::NOT_AN_AUTHORITY,
                    certificate.pem.span,
                    format!("`{}` is not a CA certificate", certificate.name),
                )
                .help(
                    "programs trust only certificates with basicConstraints CA:TRUE; this looks \
                       like a server's",
                ),
            );
        }
    }
}
