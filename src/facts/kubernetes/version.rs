//! Versions of Kubernetes, and the table of facts that differ between them.
//!
//! A new minor is one more row of [`RELEASES`]; a fact that starts to differ is one more field of
//! [`Release`]. Flags, feature gates, configuration fields and APIs have tables of their own, whose
//! rows name the minors that they apply to.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::names::InvalidName;

/// A release: `1.36.2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubeVersion {
    pub minor: u16,
    pub patch: u16,
}

impl KubeVersion {
    /// Returns the facts about this version; `None`: it is not supported.
    pub fn release(self) -> Option<&'static Release> {
        RELEASES.iter().find(|release| release.minor == self.minor)
    }

    /// Returns the same for a version that has passed the checks: `plan` rejects unknown ones, for
    /// which the newest release stands in.
    pub fn known_release(self) -> &'static Release {
        self.release().unwrap_or(&RELEASES[RELEASES.len() - 1])
    }
}

impl FromStr for KubeVersion {
    type Err = InvalidName;

    /// Accepts `1.36.2` and `v1.36.2`.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let bad = || InvalidName("a version of Kubernetes is written as `1.36.2`".to_owned());
        let number = |part: Option<&str>| {
            part.filter(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
                .filter(|p| *p == "0" || !p.starts_with('0'))
                .and_then(|p| p.parse().ok())
                .ok_or_else(bad)
        };
        let mut parts = text.strip_prefix('v').unwrap_or(text).split('.');
        let major: u16 = number(parts.next())?;
        let version = Self {
            minor: number(parts.next())?,
            patch: number(parts.next())?,
        };
        if major != 1 || parts.next().is_some() {
            return Err(bad());
        }
        Ok(version)
    }
}

impl fmt::Display for KubeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}.{}", self.minor, self.patch)
    }
}

/// The facts about one minor version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub minor: u16,
    pub api_server: Probes,
    pub controller_manager: Probes,
    pub scheduler: Probes,
    /// The tag of the CoreDNS image.
    pub core_dns: Cow<'static, str>,
    /// The tag of the sandbox image.
    pub pause: Cow<'static, str>,
    /// The tag of the etcd image.
    pub etcd: Cow<'static, str>,
}

/// The health endpoint of a control plane component, over HTTPS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probes {
    /// `None`: the cluster chooses the port.
    pub port: Option<u16>,
    pub liveness: &'static str,
    pub readiness: &'static str,
}

/// It is not killed while etcd is slow or has no leader: a restart would only add load
/// (kubernetes/kubernetes#130229).
const API_SERVER: Probes = Probes {
    port: None,
    liveness: "/livez?exclude=etcd",
    readiness: "/readyz",
};

const CONTROLLER_MANAGER: Probes = Probes {
    port: Some(10257),
    liveness: "/healthz",
    readiness: "/healthz",
};

/// Until `/livez` and `/readyz` of the scheduler count as stable.
const OLD_SCHEDULER: Probes = Probes {
    port: Some(10259),
    liveness: "/healthz",
    readiness: "/healthz",
};

const SCHEDULER: Probes = Probes {
    liveness: "/livez",
    readiness: "/readyz",
    ..OLD_SCHEDULER
};

/// The supported minors, oldest first.
pub static RELEASES: [Release; 7] = [
    release(31, OLD_SCHEDULER, "v1.11.3", "3.10", "3.5.15-0"),
    release(32, SCHEDULER, "v1.11.3", "3.10", "3.5.16-0"),
    release(33, SCHEDULER, "v1.12.0", "3.10", "3.5.21-0"),
    release(34, SCHEDULER, "v1.12.1", "3.10.1", "3.6.4-0"),
    release(35, SCHEDULER, "v1.13.1", "3.10.1", "3.6.6-0"),
    release(36, SCHEDULER, "v1.14.2", "3.10.2", "3.6.8-0"),
    release(37, SCHEDULER, "v1.14.6", "3.10.2", "3.7.0-0"),
];

const fn release(
    minor: u16,
    scheduler: Probes,
    core_dns: &'static str,
    pause: &'static str,
    etcd: &'static str,
) -> Release {
    Release {
        minor,
        api_server: API_SERVER,
        controller_manager: CONTROLLER_MANAGER,
        scheduler,
        core_dns: Cow::Borrowed(core_dns),
        pause: Cow::Borrowed(pause),
        etcd: Cow::Borrowed(etcd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, want) in [
            ("1.36.2", Some((36, 2))),
            ("v1.31.0", Some((31, 0))),
            ("1.36", None),
            ("1.36.", None),
            ("1.36.2.1", None),
            ("2.0.0", None),
            ("1.036.2", None),
            ("1.36.2-rc.0", None),
            ("1.36.+2", None),
            ("1.99999.0", None),
            ("", None),
        ] {
            let got = text.parse::<KubeVersion>().ok();
            assert_eq!(got.map(|v| (v.minor, v.patch)), want, "{text}");
        }
    }

    #[test]
    fn every_release_has_an_etcd_that_is_known() {
        for release in &RELEASES {
            let etcd = crate::facts::etcd::EtcdRelease::from_tag(&release.etcd);
            assert!(etcd.is_some(), "1.{}", release.minor);
        }
    }

    #[test]
    fn the_table_is_in_order_without_gaps() {
        for pair in RELEASES.windows(2) {
            assert_eq!(pair[0].minor + 1, pair[1].minor);
        }
    }
}
