//! Files, directories and links where the base already has something. Ignition stops the boot
//! unless they may replace it, or leave it as it is.

use super::report::error;
use crate::diagnostic::{Diagnostic, codes};
use crate::facts::systems::{BaseFile, Facts};
use crate::node::fragment::{Directory, File, Fragment, Link, Origin};

/// Checks the paths of a merged fragment against the base of `target`.
pub(super) fn check(fragment: &Fragment, target: &Facts, found: &mut Vec<Diagnostic>) {
    let mut report = |path: &str, origin: &Origin, there: BaseFile, help: &str| {
        let message = format!("the base already has the {} `{path}`", there.kind());
        found.push(error(codes::BASE_HAS_IT, origin, message).help(help));
    };
    let replace = "write `overwrite: true` to replace it";
    for file in fragment.files.iter().filter(|file| !file.overwrite) {
        match target.base_file(file.path.as_str()) {
            Some(there) if stops_file(there, file) => {
                let adds = matches!(there, BaseFile::File);
                report(
                    file.path.as_str(),
                    &file.origin,
                    there,
                    if adds {
                        "write `overwrite: true` to replace it, or `append:` to add to it"
                    } else if file.contents.is_none() {
                        "write the whole file with `contents` and `overwrite: true` to replace it"
                    } else {
                        replace
                    },
                );
            }
            _ => {}
        }
    }
    for directory in fragment.directories.iter().filter(|it| !it.overwrite) {
        if let Some(there) = target.base_file(directory.path.as_str())
            && there != BaseFile::Directory
        {
            report(directory.path.as_str(), &directory.origin, there, replace);
        }
    }
    for link in fragment.links.iter().filter(|link| !link.overwrite) {
        if let Some(there) = target.base_file(link.path.as_str())
            && !is_same(there, link)
        {
            report(link.path.as_str(), &link.origin, there, replace);
        }
    }
    let files = (fragment.files.iter()).map(|File { path, origin, .. }| (path, origin));
    let directories =
        (fragment.directories.iter()).map(|Directory { path, origin, .. }| (path, origin));
    let links = (fragment.links.iter()).map(|Link { path, origin, .. }| (path, origin));
    for (path, origin) in files.chain(directories).chain(links) {
        below(path.as_str(), origin, target, found);
    }
}

/// Whether Ignition refuses to write `file` over what is there: it only appends to files, and
/// without contents sets their mode and owner.
fn stops_file(there: BaseFile, file: &File) -> bool {
    there != BaseFile::File || file.contents.is_some()
}

fn is_same(there: BaseFile, link: &Link) -> bool {
    !link.hard && there == BaseFile::Link(link.target.as_str())
}

/// Reports a path below a file of the base. What is below one of its links is where that leads.
fn below(path: &str, origin: &Origin, target: &Facts, found: &mut Vec<Diagnostic>) {
    let mut above = path;
    while let Some((parent, _)) = above.rsplit_once('/') {
        above = parent;
        if target.base_file(above) == Some(BaseFile::File) {
            let message = format!("`{path}` is below `{above}`, which is a file of the base");
            found.push(
                error(codes::BASE_HAS_IT, origin, message)
                    .help("use another path: only directories can contain something"),
            );
            return;
        }
    }
}
