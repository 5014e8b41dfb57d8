//! etcd's flags, and what differs between its minor versions.

use crate::facts::flags::Flag;
use crate::facts::minors::lines;

const FLAGS: &str = include_str!("etcd_flags.txt");

/// The supported minors of etcd 3, oldest first. A new one is one more row.
///
/// The flags are those with which kubeadm's pods check for corruption before they serve, and report
/// progress to watchers.
pub const ETCD_RELEASES: [EtcdRelease; 3] = [
    EtcdRelease {
        minor: 5,
        pod_flags: &[
            ("experimental-initial-corrupt-check", "true"),
            ("experimental-watch-progress-notify-interval", "5s"),
        ],
    },
    EtcdRelease {
        minor: 6,
        pod_flags: STABLE_POD_FLAGS,
    },
    EtcdRelease {
        minor: 7,
        pod_flags: STABLE_POD_FLAGS,
    },
];

/// Their names since they are no experiments.
const STABLE_POD_FLAGS: &[(&str, &str)] = &[
    ("feature-gates", "InitialCorruptCheck=true"),
    ("watch-progress-notify-interval", "5s"),
];

/// The flags of etcd that the spec may set, in order.
pub fn etcd_flags() -> impl Iterator<Item = Flag<'static>> {
    lines(FLAGS).map(Flag::read)
}

/// A minor version of etcd 3.
#[derive(Debug, PartialEq, Eq)]
pub struct EtcdRelease {
    pub minor: u16,
    /// Flags of the pod, without their dashes, that have other names in other minors.
    pub pod_flags: &'static [(&'static str, &'static str)],
}

impl EtcdRelease {
    /// That of the base: Debian 13 has 3.5.16.
    pub const SYSTEM: &'static Self = &ETCD_RELEASES[0];

    /// The newest that is known.
    pub fn newest() -> Option<&'static Self> {
        ETCD_RELEASES.last()
    }

    /// Returns the minor in the tag of an image: `3.6.8-0`, `v3.5.21`; `None`: not a known one.
    pub fn from_tag(tag: &str) -> Option<&'static Self> {
        let mut parts = tag.strip_prefix('v').unwrap_or(tag).split('.');
        let minor: u16 = match (parts.next(), parts.next()) {
            (Some("3"), Some(minor)) => minor.parse().ok()?,
            _ => return None,
        };
        ETCD_RELEASES.iter().find(|release| release.minor == minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order_and_has_what_pods_are_given() {
        let names: Vec<_> = etcd_flags().map(|flag| flag.name).collect();
        assert!(names.is_sorted(), "{names:?}");
        for pair in ETCD_RELEASES.windows(2) {
            assert_eq!(pair[0].minor + 1, pair[1].minor);
        }
        for release in &ETCD_RELEASES {
            for (flag, _) in release.pod_flags {
                let known = etcd_flags().find(|known| known.name == *flag);
                let known = known.unwrap_or_else(|| panic!("{flag}"));
                assert_eq!(known.minors.why_not(release.minor), None, "{flag}");
            }
        }
    }
}
