//! Flags, feature gates and configuration fields of the components, and the versions that have
//! them.
//!
//! The tables are text files with one fact per line. Ranges of minors are open unless something
//! ended: a new minor changes only the lines of what it adds and removes. They are read at each
//! lookup, of which a spec needs only a few.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::facts::flags::Flag;
use crate::facts::kinds::Kind;
use crate::facts::minors::{Minors, lines};

const FLAGS: &str = include_str!("flags.txt");
const ADMISSION_PLUGINS: &str = include_str!("admission_plugins.txt");
const GATES: &str = include_str!("gates.txt");
const KUBELET_CONFIG: &str = include_str!("kubelet_config.txt");
const PROXY_CONFIG: &str = include_str!("proxy_config.txt");

/// A program that takes flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    ApiServer,
    ControllerManager,
    Scheduler,
    Proxy,
    Kubelet,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::ApiServer,
        Self::ControllerManager,
        Self::Scheduler,
        Self::Proxy,
        Self::Kubelet,
    ];

    /// Those of a control plane.
    pub const CONTROL_PLANE: [Self; 3] =
        [Self::ApiServer, Self::ControllerManager, Self::Scheduler];

    /// Those of every node.
    pub const NODE: [Self; 2] = [Self::Kubelet, Self::Proxy];

    /// The name of its program, its image and its pod.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Proxy => "kube-proxy",
            Self::Kubelet => "kubelet",
        }
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Returns the lines of a table under `[name]`.
pub(in crate::facts) fn under<'t>(
    table: &'t str,
    name: &'static str,
) -> impl Iterator<Item = &'t str> {
    lines(table)
        .skip_while(move |line| section(line) != Some(name))
        .skip(1)
        .take_while(|line| section(line).is_none())
}

fn section(line: &str) -> Option<&str> {
    line.strip_prefix('[')?.strip_suffix(']')
}

/// The tables by which a release is judged: [`Tables::OWN`], or those that were learned from its
/// programs ([`super::learned`]).
#[derive(Debug, Clone, Copy)]
pub struct Tables<'t> {
    pub(super) flags: &'t str,
    pub(super) admission_plugins: &'t str,
    pub(super) gates: &'t str,
    pub(super) kubelet_config: &'t str,
    pub(super) proxy_config: &'t str,
    /// Lines of `apiVersion: Kind Kind`; `None`: nobody asked an API server.
    pub(super) apis: Option<&'t str>,
}

impl Tables<'static> {
    /// Those of the releases that imgbuild knows.
    pub const OWN: Self = Self {
        flags: FLAGS,
        admission_plugins: ADMISSION_PLUGINS,
        gates: GATES,
        kubelet_config: KUBELET_CONFIG,
        proxy_config: PROXY_CONFIG,
        apis: None,
    };
}

impl<'t> Tables<'t> {
    /// Returns the flags of `component`, in order.
    pub fn flags(self, component: Component) -> impl Iterator<Item = Flag<'t>> {
        under(self.flags, component.as_str()).map(Flag::read)
    }

    /// Returns the admission plugins of kube-apiserver, in order, and the minors that have them.
    pub fn admission_plugins(self) -> impl Iterator<Item = (&'t str, Minors)> {
        lines(self.admission_plugins)
            .map(Flag::read)
            .map(|plugin| (plugin.name, plugin.minors))
    }

    /// Returns all feature gates, in order.
    pub fn feature_gates(self) -> impl Iterator<Item = FeatureGate<'t>> {
        lines(self.gates).map(FeatureGate::read)
    }

    /// Returns the fields of `kind`, in the order of their paths.
    pub fn config_fields(self, kind: ConfigKind) -> impl Iterator<Item = Field<'t>> {
        lines(match kind {
            ConfigKind::Kubelet => self.kubelet_config,
            ConfigKind::Proxy => self.proxy_config,
        })
        .map(Field::read)
    }

    /// Returns what the API server says that it serves: for each `apiVersion`, its kinds.
    pub fn apis(self) -> Option<impl Iterator<Item = (&'t str, std::str::SplitWhitespace<'t>)>> {
        let entry = |line: &'t str| {
            let (api, kinds) = line.split_once(": ")?;
            Some((api, kinds.split_whitespace()))
        };
        Some(lines(self.apis?).filter_map(entry))
    }

    /// The same as a map.
    pub fn kinds(self) -> Option<BTreeMap<String, BTreeSet<String>>> {
        let one = |(api, kinds): (&str, std::str::SplitWhitespace)| {
            (api.to_owned(), kinds.map(str::to_owned).collect())
        };
        Some(self.apis()?.map(one).collect())
    }
}

/// A feature gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeatureGate<'t> {
    pub name: &'t str,
    pub minors: Minors,
    /// The value that it is locked to, and the first minor where it is.
    pub locked: Option<(bool, u16)>,
}

impl<'t> FeatureGate<'t> {
    fn read(line: &'t str) -> Self {
        let mut words = line.split(' ');
        let mut gate = Self {
            name: words.next().unwrap_or_default(),
            minors: Minors::ALL,
            locked: None,
        };
        for word in words {
            if let Some((value, since)) = word.split_once('@') {
                gate.locked = since.parse().ok().map(|since| (value == "true", since));
            } else if let Some(minors) = Minors::read(word) {
                gate.minors = minors;
            }
        }
        gate
    }
}

/// A type of configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigKind {
    Kubelet,
    Proxy,
}

impl ConfigKind {
    /// The name of the type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kubelet => "KubeletConfiguration",
            Self::Proxy => "KubeProxyConfiguration",
        }
    }
}

/// A field of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'t> {
    /// `authentication.webhook.cacheTTL`; `[]` stands for a list item.
    pub path: &'t str,
    pub kind: Kind<'t>,
    pub minors: Minors,
}

impl<'t> Field<'t> {
    fn read(line: &'t str) -> Self {
        let mut words = line.split(' ');
        Self {
            path: words.next().unwrap_or_default(),
            kind: words.next().and_then(Kind::read).unwrap_or(Kind::Text),
            minors: words.next().and_then(Minors::read).unwrap_or(Minors::ALL),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::facts::kubernetes::version::RELEASES;

    fn is_word(text: &str, marks: &str) -> bool {
        text.bytes()
            .all(|b| b.is_ascii_alphanumeric() || marks.as_bytes().contains(&b))
    }

    /// A bound that no known release lies beyond says nothing, and is left out.
    fn check(name: &str, minors: Minors) {
        let (oldest, newest) = (RELEASES[0].minor, RELEASES[RELEASES.len() - 1].minor);
        assert!(minors.first <= minors.last, "{name}");
        assert!(minors.first == 0 || minors.first > oldest, "{name}");
        assert!(minors.first <= newest, "{name}");
        assert!(minors.last == u16::MAX || minors.last < newest, "{name}");
        assert!(minors.last >= oldest, "{name}");
    }

    #[test]
    fn tables_are_well_formed() {
        for line in [
            FLAGS,
            ADMISSION_PLUGINS,
            GATES,
            KUBELET_CONFIG,
            PROXY_CONFIG,
        ]
        .into_iter()
        .flat_map(lines)
        {
            assert!(!line.is_empty() && line.trim() == line, "{line:?}");
            for word in line.split(' ').skip(1) {
                let is_read = Kind::read(word).is_some()
                    || Minors::read(word).is_some()
                    || word.starts_with("true@")
                    || word.starts_with("false@");
                assert!(is_read, "{line}");
            }
        }
        for component in Component::ALL {
            let mut seen = BTreeSet::new();
            for Flag { name, minors, .. } in Tables::OWN.flags(component) {
                assert!(seen.insert(name), "{component} --{name}");
                assert!(is_word(name, "-"), "{name}");
                check(name, minors);
            }
            assert!(seen.len() > 50, "{component}");
            assert!(seen.contains("feature-gates"), "{component}");
        }
        let mut seen = BTreeSet::new();
        for gate in Tables::OWN.feature_gates() {
            assert!(seen.insert(gate.name), "{}", gate.name);
            check(gate.name, gate.minors);
            if let Some((_, since)) = gate.locked {
                assert!(since <= gate.minors.last, "{}", gate.name);
            }
        }
        for kind in [ConfigKind::Kubelet, ConfigKind::Proxy] {
            let mut seen = BTreeSet::new();
            for field in Tables::OWN.config_fields(kind) {
                assert!(seen.insert(field.path), "{}", field.path);
                check(field.path, field.minors);
            }
        }
    }

    #[test]
    fn what_changed_between_minors() {
        let has = |component, flag: &str, minor| {
            Tables::OWN
                .flags(component)
                .find(|known| known.name == flag)
                .is_some_and(|known| known.minors.why_not(minor).is_none())
        };
        for (component, flag, minor, want) in [
            (Component::ApiServer, "cloud-provider", 32, true),
            (Component::ApiServer, "cloud-provider", 33, false),
            (Component::ApiServer, "requestheader-uid-headers", 31, false),
            (Component::ApiServer, "requestheader-uid-headers", 32, true),
            (Component::ApiServer, "insecure-port", 31, false),
            (Component::ControllerManager, "cloud-provider", 36, true),
            (
                Component::ControllerManager,
                "concurrent-service-syncs",
                36,
                true,
            ),
            (
                Component::ControllerManager,
                "concurrent-service-syncs",
                37,
                false,
            ),
            (Component::Kubelet, "machine-id-file", 36, true),
            (Component::Kubelet, "machine-id-file", 37, false),
            (Component::Kubelet, "register-schedulable", 33, true),
            (Component::Kubelet, "register-schedulable", 34, false),
            (Component::Kubelet, "pod-infra-container-image", 34, true),
            (Component::Kubelet, "pod-infra-container-image", 35, false),
            (Component::Scheduler, "tls-curve-preferences", 36, true),
            (Component::Scheduler, "tls-curve-preferences", 35, false),
        ] {
            assert_eq!(
                has(component, flag, minor),
                want,
                "{component} --{flag} of 1.{minor}"
            );
        }
    }
}
