//! Files, directories, links and trees of `storage:`.

use std::collections::BTreeMap;

use ignition_config::v3_4;

use super::users::origin;
use super::{Decider, owners};
use crate::diagnostic::{Diagnostic, Located, codes};
use crate::facts::systems::{BaseFile, Target};
use crate::names::AbsolutePath;
use crate::node::fragment::{Contents, Directory, File, Fragment, Link, Owner};
use crate::spec::{self, OwnerRef, Resource, Storage, TreeEntryKind};

/// The mode of programs in a tree, as in Butane.
const EXECUTABLE_MODE: u32 = 0o755;

impl Decider<'_> {
    pub(super) fn files(&mut self, target: Target, storage: &Storage, sections: &mut Fragment) {
        for file in &storage.files {
            let contents = file
                .contents
                .as_ref()
                .and_then(|contents| self.contents(contents));
            sections.files.push(File {
                path: file.path.value.clone(),
                mode: file.mode().value.0,
                owner: owner(file.user.as_ref(), file.group.as_ref()),
                contents,
                append: file
                    .append
                    .iter()
                    .filter_map(|more| self.contents(more))
                    .collect(),
                overwrite: file.overwrite().value,
                origin: origin("storage", file.path.span),
            });
        }
        for directory in &storage.directories {
            sections.directories.push(Directory {
                path: directory.path.value.clone(),
                mode: directory.mode().value.0,
                owner: owner(directory.user.as_ref(), directory.group.as_ref()),
                overwrite: directory.overwrite().value,
                origin: origin("storage", directory.path.span),
            });
        }
        for link in &storage.links {
            sections.links.push(Link {
                path: link.path.value.clone(),
                target: link.target.as_str().to_owned(),
                hard: link.hard().value,
                owner: owner(link.user.as_ref(), link.group.as_ref()),
                overwrite: link.overwrite().value,
                origin: origin("storage", link.path.span),
            });
        }
        for tree in &storage.trees {
            self.tree(target, tree, sections);
        }
    }

    /// Adds the files of a folder next to the spec, executable if they are so there. As in Butane,
    /// an entry of the spec for the same path sets its mode and owner, and its contents take
    /// precedence. Files and links replace those of the base, which a tree cannot say.
    fn tree(&mut self, target: Target, tree: &spec::Tree, sections: &mut Fragment) {
        let path = tree.path();
        let top = path.as_str().trim_end_matches('/');
        let plain_mode = spec::StorageFile::default_of::<Located<spec::Mode>>("mode");
        let place = tree.local.span;
        let owner = owner(tree.user.as_ref(), tree.group.as_ref());
        let written: BTreeMap<AbsolutePath, usize> = sections
            .files
            .iter()
            .enumerate()
            .map(|(at, file)| (file.path.clone(), at))
            .collect();
        let entries = self.files.tree(&tree.local).unwrap_or_default();
        if owner != Owner::default() {
            let paths: Vec<String> = entries
                .iter()
                .map(|entry| format!("{top}/{}", entry.path))
                .collect();
            let place = origin("storage", place);
            owners::of_tree(
                top,
                paths.iter().map(String::as_str),
                (&owner, &place),
                sections,
            );
        }
        for entry in entries {
            let path: AbsolutePath = match format!("{top}/{}", entry.path).parse() {
                Ok(path) => path,
                Err(why) => {
                    self.found.push(
                        Diagnostic::error(
                            codes::BAD_PATH,
                            place,
                            format!(
                                "`{}` of the tree cannot be placed on the node: {why}",
                                entry.path
                            ),
                        )
                        .help("rename the file"),
                    );
                    continue;
                }
            };
            let overwrite = (target.facts().base_file(path.as_str()))
                .is_some_and(|there| there != BaseFile::Directory);
            match &entry.kind {
                TreeEntryKind::File {
                    contents,
                    executable,
                } => {
                    if let Some(&at) = written.get(&path)
                        && sections.files[at].contents.is_none()
                        && sections.files[at].append.is_empty()
                    {
                        sections.files[at].contents = Some(Contents::Inline(contents.clone()));
                        continue;
                    }
                    sections.files.push(File {
                        path,
                        mode: if *executable {
                            EXECUTABLE_MODE
                        } else {
                            plain_mode.value.0
                        },
                        owner: owner.clone(),
                        contents: Some(Contents::Inline(contents.clone())),
                        append: Vec::new(),
                        overwrite,
                        origin: origin("storage", place),
                    });
                }
                TreeEntryKind::Link { target } => sections.links.push(Link {
                    path,
                    target: target.clone(),
                    hard: false,
                    owner: owner.clone(),
                    overwrite,
                    origin: origin("storage", place),
                }),
            }
        }
    }

    /// Returns the bytes, or where Ignition fetches them from; `None` if nothing is set or the
    /// loader has reported why.
    pub(super) fn contents(&mut self, written: &Resource) -> Option<Contents> {
        if written.source.is_none() {
            let unused = [
                ("compression", written.compression.map(|v| v.span)),
                ("http_headers", written.http_headers.first().map(|v| v.span)),
                (
                    "verification",
                    written.verification.as_ref().map(|v| v.span),
                ),
            ];
            for (key, span) in unused {
                if let Some(span) = span {
                    self.found.push(
                        Diagnostic::error(
                            codes::NOT_FETCHED,
                            span,
                            format!("`{key}` applies to fetched contents only"),
                        )
                        .help("remove it: imgbuild has these bytes and encodes them itself"),
                    );
                }
            }
        }
        if let Some(inline) = &written.inline {
            return Some(Contents::Inline(inline.as_bytes().to_vec()));
        }
        if let Some(local) = &written.local {
            return self
                .files
                .file(local)
                .map(|bytes| Contents::Inline(bytes.to_vec()));
        }
        written
            .source
            .as_ref()
            .map(|_| Contents::Remote(remote(written)))
    }
}

/// Returns what Ignition fetches.
pub(super) fn remote(written: &Resource) -> v3_4::Resource {
    let headers: Vec<_> = written
        .http_headers
        .iter()
        .map(|header| v3_4::HttpHeadersItem {
            name: header.name.as_str().to_owned(),
            value: header.value.as_ref().map(|value| value.as_str().to_owned()),
        })
        .collect();
    v3_4::Resource {
        compression: written
            .compression
            .map(|compression| compression.as_str().to_owned()),
        http_headers: (!headers.is_empty()).then_some(headers),
        source: written
            .source
            .as_ref()
            .map(|source| source.as_str().to_owned()),
        verification: written
            .verification
            .as_ref()
            .map(|verification| v3_4::Verification {
                hash: Some(verification.hash.as_str().to_owned()),
            }),
    }
}

pub(super) fn owner(user: Option<&OwnerRef>, group: Option<&OwnerRef>) -> Owner {
    let name = |owner: Option<&OwnerRef>| owner?.name.as_ref().map(|name| name.value.clone());
    let id = |owner: Option<&OwnerRef>| owner?.id.map(|id| id.value);
    Owner {
        user: name(user),
        user_id: id(user),
        group: name(group),
        group_id: id(group),
    }
}
