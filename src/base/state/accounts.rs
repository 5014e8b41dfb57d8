//! Users and groups: base-passwd's masters, the packages' `sysusers.d(5)`, and those that only
//! maintainer scripts create.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context as _, Result, bail};

use crate::formats::tree::{Node, Tree};

/// Ids that packages do not specify are fixed here, so that files on a node's storage keep their
/// owner when the base changes. New names go at the end; a number is never reused.
const FIXED_IDS: [(&str, u32); 19] = [
    ("systemd-journal", 999),
    ("systemd-network", 998),
    ("systemd-timesync", 997),
    ("systemd-resolve", 996),
    ("input", 995),
    ("sgx", 994),
    ("clock", 993),
    ("kvm", 992),
    ("render", 991),
    ("messagebus", 990),
    ("sshd", 989),
    ("etcd", 988),
    ("_ssh", 987),
    ("uuidd", 986),
    ("polkitd", 985),
    ("tss", 984),
    ("systemd-coredump", 983),
    ("systemd-oom", 982),
    ("keepalived_script", 981),
];

/// Ids for names that are not fixed, from here downwards: below the fixed ones, above what Debian
/// allots statically.
const FIRST_FREE_ID: u32 = 899;

/// What maintainer scripts, or we, create where this file exists: a group, and a user of the same
/// name where there is a home.
const BY_SCRIPTS: [(&str, &str, Option<&str>); 3] = [
    ("/usr/bin/etcd", "etcd", Some("/var/lib/etcd/")),
    ("/usr/bin/ssh-agent", "_ssh", None),
    // No script creates it, but keepalived runs its checks as this user where it exists.
    ("/usr/sbin/keepalived", "keepalived_script", Some("/")),
];

/// `nogroup`, Debian's and systemd's.
const NOBODY: u32 = 65534;

/// The accounts of an image.
#[derive(Debug, Default)]
pub struct Accounts {
    users: Vec<User>,
    groups: Vec<Group>,
}

#[derive(Debug, PartialEq, Eq)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
    description: String,
    home: String,
    shell: String,
    /// `*`, or `!*` for a locked account.
    password: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
struct Group {
    name: String,
    gid: u32,
    members: BTreeSet<String>,
}

impl Accounts {
    /// Collects the accounts that the packages in `tree` require.
    pub fn from_tree(tree: &Tree) -> Result<Self> {
        let text = |path: &str| -> Result<String> {
            let bytes = tree
                .bytes(path)
                .with_context(|| format!("no package contains {path}"))?;
            String::from_utf8(bytes.to_vec()).with_context(|| format!("reading {path}"))
        };
        let mut accounts = Self::default();
        accounts.read_masters(
            &text("/usr/share/base-passwd/passwd.master")?,
            &text("/usr/share/base-passwd/group.master")?,
        )?;
        let folder = "/usr/lib/sysusers.d";
        let files: Vec<String> = tree
            .children(folder)
            .filter(|(name, _, _)| {
                name.rsplit_once('.')
                    .is_some_and(|(_, ending)| ending == "conf")
            })
            .map(|(_, path, _)| path.to_owned())
            .collect();
        for path in files {
            for line in text(&path)?.lines() {
                accounts
                    .read_sysusers(line)
                    .with_context(|| format!("reading `{line}` in {path}"))?;
            }
        }
        for (program, name, home) in BY_SCRIPTS {
            if tree.get(program).is_some() {
                accounts.add_group(name, None)?;
                if let Some(home) = home {
                    accounts.add_user(name, None, None, "", home, None)?;
                }
            }
        }
        Ok(accounts)
    }

    /// The user's id.
    pub fn uid(&self, name: &str) -> Option<u32> {
        Some(self.users.iter().find(|user| user.name == name)?.uid)
    }

    /// The group's id.
    pub fn gid(&self, name: &str) -> Option<u32> {
        Some(self.groups.iter().find(|group| group.name == name)?.gid)
    }

    /// Writes `/etc/passwd`, `/etc/shadow` and their counterparts for groups. Dates of password
    /// changes, which would differ from day to day, stay empty.
    pub fn write(&self, tree: &mut Tree) -> Result<()> {
        let mut passwd = String::new();
        let mut shadow = String::new();
        for user in &self.users {
            let User {
                name,
                uid,
                gid,
                description,
                home,
                shell,
                password,
            } = user;
            let _ = writeln!(passwd, "{name}:x:{uid}:{gid}:{description}:{home}:{shell}");
            let _ = writeln!(shadow, "{name}:{password}::0:99999:7:::");
        }
        let mut group = String::new();
        let mut gshadow = String::new();
        for Group { name, gid, members } in &self.groups {
            let members = members
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(",");
            let _ = writeln!(group, "{name}:x:{gid}:{members}");
            let _ = writeln!(gshadow, "{name}:*::{members}");
        }
        let secret = self.gid("shadow").context("no group `shadow`")?;
        tree.insert("/etc/passwd", Node::file(0o644, passwd.into_bytes()));
        tree.insert("/etc/group", Node::file(0o644, group.into_bytes()));
        for (path, text) in [("/etc/shadow", shadow), ("/etc/gshadow", gshadow)] {
            tree.insert(
                path,
                Node::file(0o640, text.into_bytes()).owned_by(0, secret),
            );
        }
        Ok(())
    }

    fn read_masters(&mut self, passwd: &str, group: &str) -> Result<()> {
        for line in group.lines() {
            let [name, _, gid, _] = line.split(':').collect::<Vec<_>>()[..] else {
                bail!("invalid line `{line}` in group.master");
            };
            self.groups.push(Group {
                name: name.to_owned(),
                gid: gid
                    .parse()
                    .with_context(|| format!("invalid line `{line}` in group.master"))?,
                members: BTreeSet::new(),
            });
        }
        for line in passwd.lines() {
            let [name, _, uid, gid, description, home, shell] =
                line.split(':').collect::<Vec<_>>()[..]
            else {
                bail!("invalid line `{line}` in passwd.master");
            };
            let id = |text: &str| {
                text.parse()
                    .with_context(|| format!("invalid line `{line}` in passwd.master"))
            };
            self.users.push(User {
                name: name.to_owned(),
                uid: id(uid)?,
                gid: id(gid)?,
                description: description.to_owned(),
                home: home.to_owned(),
                shell: shell.to_owned(),
                password: "*",
            });
        }
        Ok(())
    }

    /// Reads one line of `sysusers.d(5)`. Existing accounts are left unchanged.
    fn read_sysusers(&mut self, line: &str) -> Result<()> {
        let words = words(line);
        let word = |index: usize| {
            words
                .get(index)
                .map(String::as_str)
                .filter(|word| !word.is_empty() && *word != "-")
        };
        let Some(kind) = word(0).filter(|kind| !kind.starts_with('#')) else {
            return Ok(());
        };
        let name = word(1).context("the name is missing")?;
        match kind.trim_end_matches(['!', '+', '-']) {
            "g" => {
                let gid = word(2)
                    .map(str::parse)
                    .transpose()
                    .context("parsing the id")?;
                self.add_group(name, gid)
            }
            "u" => {
                let (uid, group) = match word(2).map(|id| id.split_once(':').unwrap_or((id, ""))) {
                    Some((uid, group)) => (
                        Some(uid)
                            .filter(|uid| *uid != "-")
                            .map(str::parse)
                            .transpose()
                            .context("parsing the id")?,
                        Some(group).filter(|group| !group.is_empty()),
                    ),
                    None => (None, None),
                };
                let home = word(4).unwrap_or("/");
                self.add_user(name, uid, group, word(3).unwrap_or(""), home, word(5))
            }
            "m" => {
                let group = word(2).context("the group is missing")?.to_owned();
                self.add_group(&group, None)?;
                let found = self.groups.iter_mut().find(|known| known.name == group);
                found
                    .context("a group just added")?
                    .members
                    .insert(name.to_owned());
                Ok(())
            }
            // Ranges of ids that are allocated at run time.
            "r" => Ok(()),
            other => bail!("unsupported line type `{other}`"),
        }
    }

    fn add_group(&mut self, name: &str, gid: Option<u32>) -> Result<()> {
        if self.gid(name).is_some() {
            return Ok(());
        }
        let gid = match gid.or_else(|| fixed_id(name)) {
            Some(gid) => gid,
            None => self.free_id()?,
        };
        self.groups.push(Group {
            name: name.to_owned(),
            gid,
            members: BTreeSet::new(),
        });
        Ok(())
    }

    fn add_user(
        &mut self,
        name: &str,
        uid: Option<u32>,
        group: Option<&str>,
        description: &str,
        home: &str,
        shell: Option<&str>,
    ) -> Result<()> {
        if self.uid(name).is_some() {
            return Ok(());
        }
        let uid = match uid.or_else(|| fixed_id(name)).or_else(|| self.gid(name)) {
            Some(uid) => uid,
            None => self.free_id()?,
        };
        let gid = match group {
            None => {
                self.add_group(name, Some(uid))?;
                self.gid(name).context("a group just added")?
            }
            Some(group) => match group.parse() {
                Ok(gid) => gid,
                Err(_) => self
                    .gid(group)
                    .with_context(|| format!("no group `{group}`"))?,
            },
        };
        self.users.push(User {
            name: name.to_owned(),
            uid,
            gid,
            description: description.to_owned(),
            home: home.to_owned(),
            shell: shell.unwrap_or("/usr/sbin/nologin").to_owned(),
            password: "!*",
        });
        Ok(())
    }

    fn free_id(&self) -> Result<u32> {
        let used = |id: &u32| {
            *id == NOBODY
                || self.users.iter().any(|user| user.uid == *id)
                || self.groups.iter().any(|group| group.gid == *id)
        };
        (100..=FIRST_FREE_ID)
            .rev()
            .find(|id| !used(id))
            .context("no free id")
    }
}

fn fixed_id(name: &str) -> Option<u32> {
    let found = FIXED_IDS.iter().find(|(known, _)| *known == name)?;
    Some(found.1)
}

/// Words of a line, of which `"…"` is one.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let mut tree = Tree::new();
        for (path, text) in [
            (
                "/usr/share/base-passwd/passwd.master",
                "root:*:0:0:root:/root:/bin/bash\n",
            ),
            (
                "/usr/share/base-passwd/group.master",
                "root:*:0:\nshadow:*:42:\nnogroup:*:65534:\n",
            ),
            (
                "/usr/lib/sysusers.d/a.conf",
                "# comment\n\nu root 0 - /root\nu! messagebus - \"System Message Bus\" /nonexistent\ng kvm -\ng new -\nu sshd -:nogroup \"sshd user\" /run/sshd\nm root kvm\nu odd 77:42 - - /bin/sh\n",
            ),
            ("/usr/bin/etcd", ""),
        ] {
            tree.insert(path, Node::file(0o644, text.as_bytes()));
        }
        tree
    }

    #[test]
    fn files() {
        let mut tree = tree();
        Accounts::from_tree(&tree)
            .expect("accounts")
            .write(&mut tree)
            .expect("files");
        let text =
            |path: &str| String::from_utf8(tree.bytes(path).expect(path).to_vec()).expect("text");
        assert_eq!(
            text("/etc/passwd"),
            "root:x:0:0:root:/root:/bin/bash\n\
             messagebus:x:990:990:System Message Bus:/nonexistent:/usr/sbin/nologin\n\
             sshd:x:989:65534:sshd user:/run/sshd:/usr/sbin/nologin\n\
             odd:x:77:42::/:/bin/sh\n\
             etcd:x:988:988::/var/lib/etcd/:/usr/sbin/nologin\n"
        );
        assert_eq!(
            text("/etc/group"),
            "root:x:0:\nshadow:x:42:\nnogroup:x:65534:\nmessagebus:x:990:\nkvm:x:992:root\nnew:x:899:\netcd:x:988:\n"
        );
        assert!(text("/etc/shadow").starts_with("root:*::0:99999:7:::\nmessagebus:!*::"));
        assert_eq!(text("/etc/gshadow").lines().nth(4), Some("kvm:*::root"));
        let shadow = tree.get("/etc/shadow").expect("there");
        assert_eq!((shadow.mode, shadow.uid, shadow.gid), (0o640, 0, 42));
    }

    #[test]
    fn fixed_ids_are_unique() {
        let ids: BTreeSet<u32> = FIXED_IDS.iter().map(|(_, id)| *id).collect();
        assert_eq!(ids.len(), FIXED_IDS.len());
        assert!(ids.iter().all(|id| *id > FIRST_FREE_ID));
    }
}
