//! A tree as it is compared with another: from a root image, or from a tar archive.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::base::tools;

/// What is compared of a file, folder or link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `-rwxr-xr-x`
    pub mode: String,
    /// Names.
    pub owner: (String, String),
    /// A link's target, or the hash of a file.
    pub contents: String,
}

/// A whole tree, by absolute path, and those files of it that say what is what.
#[derive(Debug, Default)]
pub struct Scan {
    /// Owners by number until [`Scan::named`].
    pub entries: BTreeMap<String, Entry>,
    pub texts: BTreeMap<String, String>,
}

/// Files whose text is needed: accounts, and dpkg's lists of what packages have.
fn is_text(path: &str) -> bool {
    ["/etc/passwd", "/etc/group"].contains(&path) || package_of_list(path).is_some()
}

/// `bash` of `/var/lib/dpkg/info/bash.list`.
pub fn package_of_list(path: &str) -> Option<&str> {
    let name = path
        .strip_prefix("/var/lib/dpkg/info/")?
        .strip_suffix(".list")?;
    Some(name.split(':').next().unwrap_or(name))
}

impl Scan {
    pub fn of_image(image: &Path, folder: &Path) -> Self {
        let tree = folder.join("tree");
        tools::unpack(image, &tree, &[]);
        let mut scan = Self::default();
        for (path, listed) in tools::list(image) {
            let file = tree.join(path.trim_start_matches('/'));
            let contents = if listed.mode.starts_with('-') {
                // Some are not even their owner's to read; the tests may run as anyone.
                tools::sha256(&file)
            } else {
                listed.target.unwrap_or_default()
            };
            if is_text(&path) {
                scan.texts
                    .insert(path.clone(), fs::read_to_string(&file).expect("text"));
            }
            let (user, group) = listed.owner.split_once('/').expect("two ids");
            let owner = (user.to_owned(), group.to_owned());
            scan.entries.insert(
                path,
                Entry {
                    mode: listed.mode,
                    owner,
                    contents,
                },
            );
        }
        scan
    }

    pub fn of_tar(reader: impl std::io::Read) -> Self {
        let mut scan = Self::default();
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries().expect("tar") {
            let mut entry = entry.expect("tar");
            let path = entry.path().expect("a path").to_string_lossy().into_owned();
            let path = format!("/{}", path.trim_start_matches("./").trim_end_matches('/'));
            let header = entry.header().clone();
            let link = entry
                .link_name()
                .expect("a link")
                .map(|link| link.to_string_lossy().into_owned());
            if header.entry_type() == tar::EntryType::Link {
                let target = format!("/{}", link.expect("a target").trim_start_matches("./"));
                let same = scan.entries[&target].clone();
                scan.entries.insert(path, same);
                continue;
            }
            let mut bytes = Vec::new();
            if header.entry_type().is_file() {
                entry.read_to_end(&mut bytes).expect("tar");
            }
            let kind = match header.entry_type() {
                tar::EntryType::Directory => 'd',
                tar::EntryType::Symlink => 'l',
                tar::EntryType::Char => 'c',
                _ => '-',
            };
            let contents = match kind {
                '-' => tools::hex(&Sha256::digest(&bytes)),
                _ => link.unwrap_or_default(),
            };
            let id = |id: std::io::Result<u64>| id.expect("an id").to_string();
            let owner = (id(header.uid()), id(header.gid()));
            let mode = mode_text(kind, header.mode().expect("a mode"));
            if is_text(&path) {
                scan.texts
                    .insert(path.clone(), String::from_utf8(bytes).expect("text"));
            }
            scan.entries.insert(
                path,
                Entry {
                    mode,
                    owner,
                    contents,
                },
            );
        }
        scan
    }

    /// Names in the place of ids.
    pub fn named(mut self) -> Self {
        let names = |file: &str| -> BTreeMap<String, String> {
            self.texts[file]
                .lines()
                .map(|line| {
                    let fields: Vec<&str> = line.split(':').collect();
                    (fields[2].to_owned(), fields[0].to_owned())
                })
                .collect()
        };
        let (users, groups) = (names("/etc/passwd"), names("/etc/group"));
        for entry in self.entries.values_mut() {
            let (user, group) = &mut entry.owner;
            for (id, names) in [(user, &users), (group, &groups)] {
                if let Some(name) = names.get(id) {
                    id.clone_from(name);
                }
            }
        }
        self
    }

    /// Accounts without their ids and dates.
    pub fn accounts(&self) -> BTreeSet<String> {
        let users = self.texts["/etc/passwd"].lines().map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            format!("{} {}", fields[0], fields[4..].join(":"))
        });
        let groups = self.texts["/etc/group"].lines().map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            format!("group {} {}", fields[0], fields[3])
        });
        users.chain(groups).collect()
    }
}

/// As `ls` writes it.
fn mode_text(kind: char, mode: u32) -> String {
    if kind == 'l' {
        return "lrwxrwxrwx".to_owned();
    }
    let mut text = String::from(kind);
    for (shift, special, set, unset) in [
        (6, 0o4000, 's', 'S'),
        (3, 0o2000, 's', 'S'),
        (0, 0o1000, 't', 'T'),
    ] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, true) => set,
            (false, true) => unset,
            (true, false) => 'x',
            (false, false) => '-',
        });
    }
    text
}
