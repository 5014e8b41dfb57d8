//! Where packages come from: the given mirror, or the one that the host's own apt is configured
//! with.
//!
//! No mirror is hard-coded in this program.

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::facts::debian::Release;
use crate::lock::Archive;

/// The base URIs of the distribution's two archives, without a slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// Has `dists/trixie`.
    pub main: String,
    /// Has `dists/trixie-security`.
    pub security: String,
}

impl Mirror {
    /// A mirror by its main archive. If the security archive is not named, it is expected beside
    /// the main one, as on mirrors: `…/debian` and `…/debian-security`.
    pub fn new(main: &str, security: Option<&str>) -> Result<Self> {
        let main = checked(main)?;
        let security = match security {
            Some(uri) => checked(uri)?,
            None => match main.strip_suffix("/debian") {
                Some(parent) => format!("{parent}/debian-security"),
                None => bail!(
                    "the mirror {main} does not end in `/debian`, so its security archive cannot be derived; name both"
                ),
            },
        };
        Ok(Self { main, security })
    }

    /// The mirror in the host's own apt configuration.
    pub fn from_host() -> Result<Self> {
        let output = Command::new("apt-get")
            .args(["indextargets", "--format", INDEX_TARGET_FORMAT])
            .env("LC_ALL", "C")
            .output()
            .context("running apt-get, which is required to build a base (Debian package `apt`)")?;
        ensure!(
            output.status.success(),
            "reading apt's configuration: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Self::from_index_targets(&String::from_utf8_lossy(&output.stdout), |list| {
            std::fs::read_to_string(list).with_context(|| format!("reading mirror list {list}"))
        })
    }

    /// Reads what `apt-get indextargets` printed with [`INDEX_TARGET_FORMAT`]. `read` reads a
    /// mirror list.
    fn from_index_targets(text: &str, read: impl Fn(&str) -> Result<String>) -> Result<Self> {
        let mut main = None;
        let mut security = None;
        for line in text.lines() {
            let [origin, release, component, uri] = line.split('|').collect::<Vec<_>>()[..] else {
                continue;
            };
            // Before the first `apt-get update`, apt does not know the origin and leaves the
            // placeholder.
            if component != "main" || !(origin == "Debian" || origin.starts_with("$(")) {
                continue;
            }
            let wanted = match release.split_once(['-', '/']) {
                None if RELEASES.contains(&release) => &mut main,
                Some((name, "security" | "updates")) if RELEASES.contains(&name) => {
                    // `bookworm-updates` is in the main archive, `buster/updates` was the security
                    // archive.
                    if release.ends_with("-updates") {
                        &mut main
                    } else {
                        &mut security
                    }
                }
                _ => continue,
            };
            // An archive that apt has not read yet may be someone else's under the same suite;
            // Debian's ends in its name.
            let certain = origin == "Debian" || uri.trim_end_matches('/').contains("/debian");
            if certain && wanted.is_none() {
                *wanted = Some(resolved(uri, &read)?);
            }
        }
        match (main, security) {
            (Some(main), Some(security)) => Ok(Self { main, security }),
            (Some(main), None) => bail!(
                "apt on this host is configured with a Debian mirror ({main}) but no security archive; add the `…-security` suite to its \
                 sources, or name a mirror with `--mirror`"
            ),
            _ => bail!(
                "apt on this host is not configured with a Debian mirror; name one with `--mirror URI` (the folder that has \
                 `dists/{}`)",
                Release::default().facts().suite
            ),
        }
    }

    /// The base URI of an archive.
    pub fn uri(&self, archive: Archive) -> &str {
        match archive {
            Archive::Main => &self.main,
            Archive::Security => &self.security,
        }
    }
}

/// One line per index: origin, suite as the sources name it, component, base URI.
const INDEX_TARGET_FORMAT: &str = "$(ORIGIN)|$(RELEASE)|$(COMPONENT)|$(REPO_URI)";

/// Names under which sources list a release of Debian.
const RELEASES: [&str; 10] = [
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "oldstable",
    "stable",
    "testing",
    "unstable",
    "rc-buggy",
];

/// `mirror+file:` URIs name a list of mirrors: the first of them.
fn resolved(uri: &str, read: impl Fn(&str) -> Result<String>) -> Result<String> {
    let Some(list) = uri.strip_prefix("mirror+file:") else {
        return checked(uri);
    };
    let list = format!("/{}", list.trim_matches('/'));
    let text = read(&list)?;
    let first = text
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .find(|word| !word.starts_with('#'))
        .with_context(|| format!("the mirror list {list} is empty"))?;
    checked(first)
}

/// A base URI that apt understands and that is safe in a line of `sources.list`.
fn checked(uri: &str) -> Result<String> {
    let uri = uri.trim_end_matches('/');
    ensure!(
        uri.bytes()
            .all(|b| b.is_ascii_graphic() && !b"[]\"'#".contains(&b)),
        "the mirror's URI `{uri}` contains characters that are not allowed in a URI"
    );
    let Some((scheme, rest)) = uri.split_once(':') else {
        bail!("the mirror `{uri}` is not a URI");
    };
    ensure!(
        matches!(
            scheme,
            "http" | "https" | "file" | "copy" | "tor+http" | "tor+https"
        ),
        "the scheme of the mirror's URI `{uri}` is none of http, https, file and copy"
    );
    ensure!(
        !rest.trim_matches('/').is_empty(),
        "the mirror `{uri}` has neither a host nor a path"
    );
    Ok(uri.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirror(main: &str, security: &str) -> Mirror {
        Mirror {
            main: main.to_owned(),
            security: security.to_owned(),
        }
    }

    #[test]
    fn hosts() {
        let cases: [(&str, &str, Result<Mirror, &str>); 7] = [
            (
                "updated host",
                "Debian|bookworm|main|http://m.example/debian/\n\
                 Debian|bookworm-updates|main|http://m.example/debian/\n\
                 Debian|bookworm-security|main|http://s.example/debian-security/\n",
                Ok(mirror(
                    "http://m.example/debian",
                    "http://s.example/debian-security",
                )),
            ),
            (
                "host before its first update, others' archives beside",
                "$(ORIGIN)|bookworm|main|https://hashi.example/\n\
                 $(ORIGIN)|stable|main|file:/srv/mirror/debian/\n\
                 $(ORIGIN)|stable-security|main|file:/srv/mirror/debian-security/\n",
                Ok(mirror(
                    "file:/srv/mirror/debian",
                    "file:/srv/mirror/debian-security",
                )),
            ),
            (
                "others' archives of the same suite",
                "Docker|bookworm|main|https://docker.example/linux/debian/\n\
                 Debian|trixie|main|http://m.example/os/\n\
                 Debian|trixie-security|main|http://m.example/sec/\n",
                Ok(mirror("http://m.example/os", "http://m.example/sec")),
            ),
            (
                "a mirror list",
                "Debian|trixie|main|mirror+file:/etc/apt/mirrors/debian.list/\n\
                 Debian|trixie-security|main|mirror+file:///etc/apt/mirrors/debian-security.list\n",
                Ok(mirror(
                    "https://list.example/etc/apt/mirrors/debian.list",
                    "https://list.example/etc/apt/mirrors/debian-security.list",
                )),
            ),
            (
                "no security archive",
                "Debian|bookworm|main|http://m.example/debian/\n",
                Err("no security archive"),
            ),
            (
                "another distribution",
                "Ubuntu|noble|main|http://u.example/ubuntu/\n",
                Err("not configured with a Debian mirror"),
            ),
            ("nothing", "", Err("not configured with a Debian mirror")),
        ];
        for (name, text, expected) in cases {
            let read = |list: &str| {
                Ok(format!(
                    "# mirrors\n\nhttps://list.example{list}\tpriority:1\n"
                ))
            };
            match (Mirror::from_index_targets(text, read), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{name}"),
                (Err(error), Err(expected)) => {
                    assert!(error.to_string().contains(expected), "{name}: {error}");
                }
                (found, _) => panic!("{name}: {found:?}"),
            }
        }
    }

    #[test]
    fn named_mirrors() {
        let found = Mirror::new("http://m.example/pub/debian/", None).expect("usual layout");
        assert_eq!(
            found,
            mirror(
                "http://m.example/pub/debian",
                "http://m.example/pub/debian-security"
            )
        );
        let found = Mirror::new("http://a.example/x", Some("http://b.example/y")).expect("both");
        assert_eq!(found, mirror("http://a.example/x", "http://b.example/y"));
        for bad in [
            "",
            "m.example/debian",
            "http://",
            "http://m.example/a b/debian",
            "http://m.example/[trusted=yes]/debian",
            "ftp://m.example/debian",
            "http://m.example/elsewhere",
        ] {
            assert!(Mirror::new(bad, None).is_err(), "{bad}");
        }
    }
}
