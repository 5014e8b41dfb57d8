//! Which QEMU the boot tests run on. Debian 12's 7.2 made guest kernels panic in most boots without
//! acceleration (double faults, whatever the processor model), 10.0 in none: there QEMU comes from
//! the release's backports.

use anyhow::Context;

use crate::steps::output;

/// The first major version that is recommended.
const OLDEST_TRUSTED: u32 = 8;

/// Debian's first release with a trusted QEMU of its own.
const FIRST_GOOD_DEBIAN: u32 = 13;

/// What comes from the newer suite together.
pub const PACKAGES: [&str; 3] = ["ipxe-qemu", "qemu-system-arm", "qemu-system-x86"];

/// A suite of packages beside those that the machine is set up for.
pub struct Suite {
    pub name: String,
    /// A line of `sources.list(5)`.
    pub source: String,
}

/// Whether QEMU is there and older than what is trusted.
pub fn is_too_old() -> bool {
    output("qemu-system-x86_64", &["--version"])
        .and_then(|text| major_version(&text))
        .is_some_and(|major| major < OLDEST_TRUSTED)
}

/// The number after `version `.
fn major_version(text: &str) -> Option<u32> {
    let (_, after) = text.split_once("version ")?;
    after.split('.').next()?.parse().ok()
}

/// The backports of this machine's release, if QEMU is `wanted` and the release's own is too old.
/// The mirror is the one that the machine takes its packages from.
pub fn newer_suite(wanted: bool) -> anyhow::Result<Option<Suite>> {
    let release = std::fs::read_to_string("/etc/os-release").context("reading /etc/os-release")?;
    let value = |key: &str| {
        let line = release.lines().find_map(|l| l.strip_prefix(key))?;
        Some(line.trim_start_matches('=').trim_matches('"').to_owned())
    };
    let is_old_debian = value("ID=").as_deref() == Some("debian")
        && value("VERSION_ID=")
            .and_then(|v| v.parse::<u32>().ok())
            .is_some_and(|v| v < FIRST_GOOD_DEBIAN);
    if !wanted || !is_old_debian {
        return Ok(None);
    }
    let codename = value("VERSION_CODENAME=").context("finding the release's code name")?;
    let targets = output(
        "apt-get",
        &[
            "indextargets",
            "--format",
            "$(RELEASE) $(COMPONENT) $(REPO_URI)",
        ],
    )
    .context("asking apt for its mirrors")?;
    let mirror = targets
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{codename} main ")))
        .with_context(|| format!("finding the mirror of {codename} in apt's configuration"))?;
    let keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let signed = if std::path::Path::new(keyring).exists() {
        format!("[signed-by={keyring}] ")
    } else {
        String::new()
    };
    let name = format!("{codename}-backports");
    Ok(Some(Suite {
        source: format!("deb {signed}{mirror} {name} main"),
        name,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, expected) in [
            (
                "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2)",
                Some(10),
            ),
            ("QEMU emulator version 7.2.22 (Debian 1:7.2)", Some(7)),
            ("no idea", None),
        ] {
            assert_eq!(major_version(text), expected, "{text}");
        }
    }
}
