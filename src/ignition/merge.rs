//! Merges many fragments into one: those of the parts, and over them the user's sections `storage`,
//! `systemd` and `passwd`.
//!
//! The user's sections take precedence if they are meant to: a file or link with `overwrite: true`,
//! a drop-in, `enabled:` and `mask:` of a unit, lines appended to a file. Any other duplicate is a
//! mistake.

use std::collections::HashMap;

use super::report::{error, warning};
use crate::diagnostic::{Code, Diagnostic, codes};
use crate::names::AbsolutePath;
use crate::node::fragment::{Directory, File, Fragment, Head, Link, OnlyV2, Origin, Unit};

/// Merges `generated`, then `own`, the user's sections, in this order.
pub(super) fn merge(
    generated: Vec<Fragment>,
    own: &Fragment,
    found: &mut Vec<Diagnostic>,
) -> Fragment {
    let mut merger = Merger {
        merged: Fragment::default(),
        paths: HashMap::new(),
        units: HashMap::new(),
        is_own: false,
        found,
    };
    for fragment in generated {
        merger.add(fragment);
    }
    merger.is_own = true;
    merger.add(own.clone());
    merger.merged
}

/// What is at a path, by its index in the list of its kind.
#[derive(Clone, Copy)]
enum Node {
    File(usize),
    Directory(usize),
    Link(usize),
}

struct Merger<'a> {
    merged: Fragment,
    paths: HashMap<AbsolutePath, Node>,
    units: HashMap<String, usize>,
    /// Whether the user's sections are being merged.
    is_own: bool,
    found: &'a mut Vec<Diagnostic>,
}

impl Merger<'_> {
    fn add(&mut self, fragment: Fragment) {
        for directory in fragment.directories {
            self.directory(directory);
        }
        for file in fragment.files {
            self.file(file);
        }
        for link in fragment.links {
            self.link(link);
        }
        for unit in fragment.units {
            self.unit(unit);
        }
        let merged = &mut self.merged;
        named(
            &mut merged.users,
            fragment.users,
            "user",
            |user| &user.name,
            self.found,
        );
        named(
            &mut merged.groups,
            fragment.groups,
            "group",
            |group| &group.name,
            self.found,
        );
        named(
            &mut merged.disks,
            fragment.disks,
            "disk",
            |disk| &disk.device,
            self.found,
        );
        named(
            &mut merged.raid,
            fragment.raid,
            "array",
            |raid| &raid.name,
            self.found,
        );
        named(
            &mut merged.luks,
            fragment.luks,
            "encrypted device",
            |luks| &luks.name,
            self.found,
        );
        named(
            &mut merged.filesystems,
            fragment.filesystems,
            "file system on",
            |filesystem| &filesystem.device,
            self.found,
        );
        merged.ignition_cas.extend(fragment.ignition_cas);
        merged.ignition_proxy = fragment.ignition_proxy.or(merged.ignition_proxy.take());
        head(&mut merged.head, *fragment.head);
        only_v2(&mut merged.only_v2, *fragment.only_v2, self.found);
    }

    fn file(&mut self, new: File) {
        let Some(&there) = self.paths.get(&new.path) else {
            self.paths
                .insert(new.path.clone(), Node::File(self.merged.files.len()));
            self.merged.files.push(new);
            return;
        };
        let Node::File(at) = there else {
            self.twice(&new.path, there, &new.origin);
            return;
        };
        let old = &mut self.merged.files[at];
        let only_appends = |file: &File| file.contents.is_none() && !file.append.is_empty();
        if only_appends(&new) {
            old.append.extend(new.append);
        } else if only_appends(old) {
            // What was to be appended to the base's file is appended to the new one.
            let append = std::mem::take(&mut old.append);
            *old = new;
            old.append.extend(append);
        } else if self.is_own && new.overwrite {
            let warned = replaced("file", new.path.as_str(), &new.origin, &old.origin);
            *old = new;
            self.found.push(warned);
        } else {
            self.twice(&new.path, there, &new.origin);
        }
    }

    fn directory(&mut self, new: Directory) {
        let Some(&there) = self.paths.get(&new.path) else {
            self.paths.insert(
                new.path.clone(),
                Node::Directory(self.merged.directories.len()),
            );
            self.merged.directories.push(new);
            return;
        };
        let Node::Directory(at) = there else {
            self.twice(&new.path, there, &new.origin);
            return;
        };
        let old = &mut self.merged.directories[at];
        let same = old.mode == new.mode && old.owner == new.owner;
        if same && !new.overwrite {
            return;
        }
        if self.is_own && new.overwrite {
            let warned = replaced("directory", new.path.as_str(), &new.origin, &old.origin);
            *old = new;
            self.found.push(warned);
        } else {
            self.twice(&new.path, there, &new.origin);
        }
    }

    fn link(&mut self, new: Link) {
        let Some(&there) = self.paths.get(&new.path) else {
            self.paths
                .insert(new.path.clone(), Node::Link(self.merged.links.len()));
            self.merged.links.push(new);
            return;
        };
        match there {
            Node::Link(at) if self.is_own && new.overwrite => {
                let old = &mut self.merged.links[at];
                let warned = replaced("link", new.path.as_str(), &new.origin, &old.origin);
                *old = new;
                self.found.push(warned);
            }
            _ => self.twice(&new.path, there, &new.origin),
        }
    }

    /// Reports two things at one path.
    fn twice(&mut self, path: &AbsolutePath, there: Node, new: &Origin) {
        let (kind, old) = match there {
            Node::File(at) => ("file", &self.merged.files[at].origin),
            Node::Directory(at) => ("directory", &self.merged.directories[at].origin),
            Node::Link(at) => ("link", &self.merged.links[at].origin),
        };
        let diagnostic = already(
            &format!("`{path}` is already defined as a {kind}"),
            new,
            old,
        );
        self.found.push(diagnostic.help(
            "remove it, or write `overwrite: true` to replace a file, directory \
                             or link of the same kind",
        ));
    }

    fn unit(&mut self, new: Unit) {
        let Some(&at) = self.units.get(new.name.as_str()) else {
            self.units
                .insert(new.name.to_string(), self.merged.units.len());
            self.merged.units.push(new);
            return;
        };
        let old = &mut self.merged.units[at];
        let name = new.name.as_str();
        if new.mask == Some(true) {
            // Ignition would link a masked unit to nothing and then write through the link.
            if old.contents.take().is_some() {
                self.found
                    .push(replaced("unit", name, &new.origin, &old.origin));
            }
            old.dropins.clear();
            old.enabled = None;
            old.mask = Some(true);
            return;
        }
        if let Some(contents) = new.contents
            && old.contents.replace(contents).is_some()
        {
            self.found.push(
                already(
                    &format!("unit `{name}` is already defined"),
                    &new.origin,
                    &old.origin,
                )
                .help("change it with a drop-in: `dropins:` instead of `contents:`"),
            );
        }
        for (dropin, text) in new.dropins {
            if old.dropins.iter().any(|(other, _)| *other == dropin) {
                self.found.push(
                    already(
                        &format!("`{name}` already has a drop-in `{dropin}`"),
                        &new.origin,
                        &old.origin,
                    )
                    .help(
                        "give the drop-in another name; the last one in alphabetical order \
                           takes precedence",
                    ),
                );
            } else {
                old.dropins.push((dropin, text));
            }
        }
        old.enabled = new.enabled.or(old.enabled);
        old.mask = new.mask.or(old.mask);
    }
}

/// Adds what a config says of itself.
fn head(merged: &mut Head, new: Head) {
    merged.merged.extend(new.merged);
    merged.replacing = new.replacing.or(merged.replacing.take());
    merged.timeouts = new.timeouts.or(merged.timeouts.take());
}

/// Adds what only Ignition 2.x has.
fn only_v2(merged: &mut OnlyV2, new: OnlyV2, found: &mut Vec<Diagnostic>) {
    named(
        &mut merged.networkd,
        new.networkd,
        "networkd unit",
        |unit| &unit.name,
        found,
    );
    named(
        &mut merged.users,
        new.users,
        "user",
        |user| &user.name,
        found,
    );
    named(
        &mut merged.disks,
        new.disks,
        "disk",
        |disk| &disk.device,
        found,
    );
    named(
        &mut merged.filesystems,
        new.filesystems,
        "file system",
        |filesystem| &filesystem.name,
        found,
    );
    // The same path on two file systems is two files.
    merged.files.extend(new.files);
    merged.directories.extend(new.directories);
    merged.links.extend(new.links);
    merged.references.append.extend(new.references.append);
    if new.references.replace.is_some() {
        merged.references.replace = new.references.replace;
    }
    let timeouts = new.timeouts;
    let old = &mut merged.timeouts;
    old.http_response_headers = timeouts.http_response_headers.or(old.http_response_headers);
    old.http_total = timeouts.http_total.or(old.http_total);
}

/// Adds `new` to `list`, each with a unique name.
fn named<T>(
    list: &mut Vec<(T, Origin)>,
    new: Vec<(T, Origin)>,
    kind: &str,
    name: impl Fn(&T) -> &String,
    found: &mut Vec<Diagnostic>,
) {
    for (thing, origin) in new {
        match list.iter().find(|(old, _)| name(old) == name(&thing)) {
            None => list.push((thing, origin)),
            Some((_, old)) => found.push(
                already(
                    &format!("{kind} `{}` is already defined", name(&thing)),
                    &origin,
                    old,
                )
                .help("define it only once"),
            ),
        }
    }
}

/// Returns an error with `message`, for what is written at `new` and already exists because of
/// `old`.
fn already(message: &str, new: &Origin, old: &Origin) -> Diagnostic {
    because(error(codes::ALREADY_DEFINED, new, message), old)
}

fn replaced(kind: &str, name: &str, new: &Origin, old: &Origin) -> Diagnostic {
    let code: Code = codes::GENERATED_REPLACED;
    let message = format!("{kind} `{name}` of the part `{}` is replaced", old.part);
    because(warning(code, new, message), old)
}

/// Adds the location that asked for `old`.
fn because(diagnostic: Diagnostic, old: &Origin) -> Diagnostic {
    match old.span {
        Some(span) => diagnostic.related(
            span,
            format!("part `{}` creates it because of this", old.part),
        ),
        None => diagnostic.label(format!("part `{}` creates it on every node", old.part)),
    }
}
