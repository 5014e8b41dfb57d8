//! What the programs of a release say of themselves, in a file beside the spec: for releases that
//! came after imgbuild.
//!
//! The file is text, with one fact per line, in sections:
//!
//! ```text
//! version 1.37.1
//! == images
//! pause 3.10.2
//! == flags
//! [kube-apiserver]
//! secure-port int
//! == feature gates
//! AllAlpha
//! == admission plugins
//! == KubeletConfiguration
//! == KubeProxyConfiguration
//! == APIs
//! apps/v1: DaemonSet Deployment
//! ```
//!
//! Lines are those of imgbuild's own tables ([`super::tables`]), without ranges of minors. The
//! sections `images` and `APIs` may be missing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest as _, Sha256};

use super::tables::Tables;
use super::version::{KubeVersion, Release};
use crate::facts::flags::Flag;
use crate::facts::kinds::Kind;
use crate::text::hex;

/// The sections that every table has, in their order.
const REQUIRED: [&str; 5] = [
    "flags",
    "feature gates",
    "admission plugins",
    "KubeletConfiguration",
    "KubeProxyConfiguration",
];

/// The images whose tags belong to a release, by their names in the section `images`.
const IMAGES: [&str; 3] = ["coredns", "etcd", "pause"];

/// What a line of such a file begins a section with.
const MARK: &str = "== ";

/// What is wrong with a file, and in which line of it, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    pub line: usize,
    pub why: String,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.why)
    }
}

/// What was learned of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Learned {
    version: KubeVersion,
    sections: BTreeMap<String, String>,
}

impl Learned {
    /// The table of `version` with these sections, by name, each of lines.
    pub fn new(version: KubeVersion, sections: BTreeMap<String, String>) -> Self {
        Self { version, sections }
    }

    /// Reads the text of a file.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let wrong = |line: usize, why: String| Malformed {
            line: line + 1,
            why,
        };
        let mut version = None;
        let mut sections: BTreeMap<String, String> = BTreeMap::new();
        let mut within: Option<String> = None;
        for (at, line) in text.lines().enumerate() {
            if line.starts_with('#') || line.trim().is_empty() {
                continue;
            }
            if let Some(name) = line.strip_prefix(MARK) {
                if sections.insert(name.to_owned(), String::new()).is_some() {
                    return Err(wrong(at, format!("a second section `{name}`")));
                }
                within = Some(name.to_owned());
            } else if let Some(name) = &within {
                check_line(name, line).map_err(|why| wrong(at, why))?;
                let section = sections.entry(name.clone()).or_default();
                section.push_str(line);
                section.push('\n');
            } else if let Some(word) = line.strip_prefix("version ") {
                let parsed = word.parse().map_err(|_| wrong(at, "no version".to_owned()));
                version = Some(parsed?);
            } else {
                return Err(wrong(at, "expected `version`".to_owned()));
            }
        }
        let end = text.lines().count().saturating_sub(1);
        let version = version.ok_or_else(|| wrong(0, "no line `version`".to_owned()))?;
        if let Some(missing) = REQUIRED.iter().find(|name| !sections.contains_key(**name)) {
            return Err(wrong(end, format!("no section `{missing}`")));
        }
        Ok(Self { version, sections })
    }

    /// The release that it was learned from.
    pub fn version(&self) -> KubeVersion {
        self.version
    }

    /// The tables.
    pub fn tables(&self) -> Tables<'_> {
        Tables {
            flags: self.section("flags"),
            gates: self.section("feature gates"),
            admission_plugins: self.section("admission plugins"),
            kubelet_config: self.section("KubeletConfiguration"),
            proxy_config: self.section("KubeProxyConfiguration"),
            apis: self.sections.get("APIs").map(String::as_str),
        }
    }

    fn section(&self, name: &str) -> &str {
        self.sections.get(name).map_or("", String::as_str)
    }

    /// The facts of the release: those of `nearest`, with the images that were learned.
    fn release(&self, nearest: &Release) -> Release {
        let mut release = nearest.clone();
        release.minor = self.version.minor;
        for line in self.section("images").lines() {
            let Some((name, tag)) = line.split_once(' ') else {
                continue;
            };
            let tag = Cow::Owned(tag.to_owned());
            match name {
                "coredns" => release.core_dns = tag,
                "etcd" => release.etcd = tag,
                _ => release.pause = tag,
            }
        }
        release
    }
}

/// Returns what is wrong with a line of a section.
fn check_line(section: &str, line: &str) -> Result<(), String> {
    let is_word = |word: &str, marks: &str| {
        let is_one = |c: char| c.is_ascii_alphanumeric() || marks.contains(c);
        !word.is_empty() && word.chars().all(is_one)
    };
    let mut words = line.split(' ');
    let name = words.next().unwrap_or_default();
    let is_right = match section {
        "flags" if name.starts_with('[') => name.ends_with(']'),
        "flags" => is_word(name, "-") && words.all(|word| Kind::read(word).is_some()),
        "feature gates" => {
            let is_lock = |word: &str| word.starts_with("true@") || word.starts_with("false@");
            is_word(name, "") && words.all(is_lock)
        }
        "admission plugins" => is_word(Flag::read(line).name, "") && words.next().is_none(),
        "KubeletConfiguration" | "KubeProxyConfiguration" => {
            is_word(name, ".[]") && words.all(|word| Kind::read(word).is_some())
        }
        "images" => IMAGES.contains(&name) && words.all(|tag| is_word(tag, ".-_")),
        "APIs" => {
            let api = name.strip_suffix(':');
            api.is_some_and(|api| is_word(api, "./")) && words.all(|kind| is_word(kind, ""))
        }
        _ => return Err(format!("an unknown section `{section}`")),
    };
    if is_right {
        Ok(())
    } else {
        Err(format!("not a line of the section `{section}`"))
    }
}

impl fmt::Display for Learned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# What Kubernetes {0} has, by its own programs. Made by `imgbuild kubernetes learn`.\n\
             version {0}",
            self.version
        )?;
        let order = ["images"].into_iter().chain(REQUIRED).chain(["APIs"]);
        for name in order {
            if let Some(lines) = self.sections.get(name) {
                write!(f, "{MARK}{name}\n{lines}")?;
            }
        }
        Ok(())
    }
}

/// What was learned of releases, by their minors.
#[derive(Debug, Clone, Default)]
pub struct LearnedTables(BTreeMap<u16, Learned>);

impl LearnedTables {
    /// The file of a minor: `kubernetes-1.37.txt`.
    pub fn file_name(minor: u16) -> String {
        format!("kubernetes-1.{minor}.txt")
    }

    pub fn add(&mut self, learned: Learned) {
        self.0.insert(learned.version.minor, learned);
    }

    /// Whether something was learned of 1.`minor`.
    pub fn has(&self, minor: u16) -> bool {
        self.0.contains_key(&minor)
    }

    /// The tables to judge `version` by.
    pub fn tables(&self, version: KubeVersion) -> Tables<'_> {
        self.0
            .get(&version.minor)
            .map_or(Tables::OWN, Learned::tables)
    }

    /// The facts about `version`.
    pub fn release(&self, version: KubeVersion) -> Release {
        let nearest = version.known_release();
        self.0
            .get(&version.minor)
            .map_or_else(|| nearest.clone(), |learned| learned.release(nearest))
    }

    /// The digests of their texts, by the names of their files.
    pub fn digests(&self) -> BTreeMap<String, String> {
        let one = |(minor, learned): (&u16, &Learned)| {
            let text = learned.to_string();
            let digest = format!("sha256:{}", hex(&Sha256::digest(text)));
            (Self::file_name(*minor), digest)
        };
        self.0.iter().map(one).collect()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Learned> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::kubernetes::tables::{Component, ConfigKind};

    const TEXT: &str = "\
# What Kubernetes 1.41.0 has, by its own programs. Made by `imgbuild kubernetes learn`.
version 1.41.0
== images
etcd 3.9.1-0
== flags
[kubelet]
brand-new bool
[kube-apiserver]
secure-port int
== feature gates
Old true@41
New
== admission plugins
NodeRestriction
== KubeletConfiguration
maxPods int
== KubeProxyConfiguration
conntrack object
conntrack.min int
== APIs
apps/v1: Deployment
v1: Pod Secret
";

    #[test]
    fn a_file_is_read_and_written() {
        let learned = Learned::parse(TEXT).expect("a table");
        assert_eq!(learned.to_string(), TEXT);
        let mut all = LearnedTables::default();
        all.add(learned);
        let version = "1.41.3".parse().expect("a version");
        let tables = all.tables(version);
        let flags: Vec<_> = tables.flags(Component::Kubelet).map(|it| it.name).collect();
        assert_eq!(flags, ["brand-new"]);
        let fields: Vec<_> = tables.config_fields(ConfigKind::Proxy).collect();
        assert_eq!((fields.len(), fields[1].kind), (2, Kind::ANY_WHOLE));
        let apis: Vec<_> = tables.apis().expect("them").map(|(api, _)| api).collect();
        assert_eq!(apis, ["apps/v1", "v1"]);
        let release = all.release(version);
        assert_eq!((release.minor, &*release.etcd), (41, "3.9.1-0"));
        let other = "1.36.2".parse().expect("a version");
        assert_eq!(all.release(other), *other.known_release());
        assert!(all.tables(other).apis().is_none());
    }

    #[test]
    fn what_is_wrong_has_its_line() {
        for (text, line) in [
            (TEXT.replace("version 1.41.0", "version 1.x"), 2),
            (TEXT.replace("version 1.41.0\n", ""), 1),
            (TEXT.replace("secure-port int", "secure-port ints"), 9),
            (TEXT.replace("Old true@41", "Old <41"), 11),
            (TEXT.replace("== APIs", "== apis"), 21),
            (TEXT.replace("== KubeProxyConfiguration", "== flags"), 17),
            (TEXT.replace("v1: Pod", "v1 Pod"), 22),
            (TEXT.replace("etcd 3.9.1-0", "etcd 3.9.1;rm"), 4),
            (
                TEXT.replace("== admission plugins\nNodeRestriction\n", ""),
                20,
            ),
        ] {
            let found = Learned::parse(&text).expect_err(&text);
            assert_eq!(found.line, line, "{found}\n{text}");
        }
    }
}
