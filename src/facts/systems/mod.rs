//! The operating systems that a node can run: one row of [`TABLE`] a target says what it takes and
//! where its things are.
//!
//! What a target does not take is in its row with the reason, so that a wish for it is an error at
//! its line that says why. Nothing outside this module asks which target it has before it, but the
//! row.

mod table;

use std::fmt;

pub use table::TABLE;

/// The operating system of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Target {
    /// Built from Debian 13 packages.
    #[default]
    Debian,
    /// Flatcar Container Linux.
    Flatcar,
    /// Fedora CoreOS.
    FedoraCoreos,
    /// CoreOS' Container Linux, whose last release was in 2020.
    ContainerLinux,
}

impl Target {
    /// What is true of it.
    pub fn facts(self) -> &'static Facts {
        // One row a target, in the order of the enum; a test holds them together.
        &TABLE[self as usize]
    }

    /// The word for it in a spec.
    pub fn as_str(self) -> &'static str {
        self.facts().name
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A version of Ignition's specification that imgbuild writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IgnitionVersion {
    V2_2,
    V2_3,
    V3_3,
    V3_4,
    V3_5,
    V3_6,
}

impl IgnitionVersion {
    /// All of them, oldest first.
    pub const ALL: [Self; 6] = [
        Self::V2_2,
        Self::V2_3,
        Self::V3_3,
        Self::V3_4,
        Self::V3_5,
        Self::V3_6,
    ];

    /// `3.3.0`
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2_2 => "2.2.0",
            Self::V2_3 => "2.3.0",
            Self::V3_3 => "3.3.0",
            Self::V3_4 => "3.4.0",
            Self::V3_5 => "3.5.0",
            Self::V3_6 => "3.6.0",
        }
    }

    /// Whether files may have set-user-ID, set-group-ID and sticky bits: spec 2.x takes them, 3.x
    /// from 3.6.0 on.
    pub fn has_special_bits(self) -> bool {
        matches!(self, Self::V2_2 | Self::V2_3 | Self::V3_6)
    }
}

impl fmt::Display for IgnitionVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What makes a target's links, and so what its files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkManager {
    /// systemd-networkd.
    Networkd,
    /// `NetworkManager`, by its keyfiles.
    NetworkManager,
}

impl LinkManager {
    /// The folder of its files.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Networkd => "/etc/systemd/network",
            Self::NetworkManager => "/etc/NetworkManager/system-connections",
        }
    }

    /// The mode of its files. networkd reads them as a user of its own; `NetworkManager` takes none
    /// that others than root can read.
    pub fn mode(self) -> u32 {
        match self {
            Self::Networkd => 0o644,
            Self::NetworkManager => 0o600,
        }
    }
}

/// What sets a target's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// systemd-timesyncd.
    Timesyncd,
    Chrony,
}

/// What runs containers of the system's own, such as etcd's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerEngine {
    /// docker's client, or what understands the same words.
    pub program: &'static str,
    /// The unit that has to run for it.
    pub daemon: Option<&'static str>,
    /// What a container is given so that it can use the files of the system that are mounted in it.
    pub files: Option<&'static str>,
}

/// What is true of one target.
#[derive(Debug)]
pub struct Facts {
    pub target: Target,
    /// The word for it in a spec.
    pub name: &'static str,
    /// For people, with its article where it needs one.
    pub title: &'static str,
    /// Versions of Ignition's specification that it takes; the first where the spec says none.
    pub ignition: &'static [IgnitionVersion],
    /// Whether a spec says where its kernel and initrd are, under `base:`: imgbuild builds none.
    pub brings_base: bool,
    /// The format of `-o x.iso`, as `--format` names it.
    pub iso: &'static str,
    /// Formats that it does not take, as `--format` names them, and why.
    pub refused_formats: &'static [(&'static str, &'static str)],
    /// Keys of a spec, with dots between levels, that it does not take, and why.
    pub refused_keys: &'static [(&'static str, &'static str)],
    /// Kernel arguments by which its Ignition runs on the first boot from a network or a medium.
    pub first_boot: &'static [&'static str],
    /// Where imgbuild mounts file systems of its own.
    pub mounts: &'static [&'static str],
    /// Whether `/usr/local` can be written, though `/usr` cannot.
    pub has_usr_local: bool,
    pub links: LinkManager,
    pub clock: Clock,
    /// What runs containers of the system's own; `None`: nothing does.
    pub containers: Option<ContainerEngine>,
    /// The kernel argument by which a live system fetches its root file system, which then is no
    /// file of `base:`; `None`: the initrd has it.
    pub root_url: Option<&'static str>,
    /// Whether it names cards by where they sit (`enp1s0`), and not as the kernel does (`eth0`).
    pub predictable_names: bool,
    pub services: Services,
    pub containerd: Containerd,
    /// Whether a node says on its console that it is up, or that units failed; else why not.
    pub says_ready: Result<(), &'static str>,
    /// What a machine that boots it has by default, in MiB.
    pub memory: u32,
    /// The image that etcd runs from, where the system has no etcd of its own.
    pub etcd_image: Option<&'static str>,
    /// How images of programs get onto a node; `None`: stage 0 lays them over the root image.
    pub sysext: Option<Sysext>,
    /// Why a node cannot fetch programs and images of Kubernetes itself; `None`: it can.
    pub no_pull: Option<&'static str>,
    /// Why pods cannot run by CRI-O; `None`: they can.
    pub no_cri_o: Option<&'static str>,
    /// Groups that it has. Ignition would fail to add one again.
    pub groups: &'static [&'static [&'static str]],
    /// The login shell of users that name none; `None`: the system's own default.
    pub shell: Option<&'static str>,
    pub paths: Paths,
    pub units: Units,
}

/// What services of a target do by themselves.
#[derive(Debug)]
pub struct Services {
    /// Whether networkd takes every link that no file names, those of pods too.
    pub takes_all_links: bool,
    /// Whether a unit `nftables.service` loads /etc/nftables.conf.
    pub loads_nftables: bool,
    /// Whether /etc/ssl/certs/ca-certificates.crt is a link to a file that cannot be written, until
    /// the program `update-ca-certificates` makes it from the folder's other files.
    pub links_ca_bundle: bool,
}

/// A version of the language that containerd's settings are written in (containerd,
/// docs/cri/config.md, "Config versions"). Each containerd reads its own and those before it. 2.3
/// knows a fourth one, which says the same of pods as the third.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerdConfig {
    /// What containerd 1.x reads, from 1.3 on.
    V2,
    /// What containerd 2.x reads.
    V3,
}

impl ContainerdConfig {
    /// All of them, oldest first.
    pub const ALL: [Self; 2] = [Self::V2, Self::V3];

    /// As settings name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2 => "2",
            Self::V3 => "3",
        }
    }
}

/// How a target runs containerd.
#[derive(Debug)]
pub struct Containerd {
    /// Versions that its settings may have; the first where the spec says none. Empty: pods are not
    /// run by it.
    pub config_versions: &'static [ContainerdConfig],
    /// Whether it labels containers for `SELinux`.
    pub selinux: bool,
    /// The variable by which its unit is told the file of its settings; `None`: that is
    /// /etc/containerd/config.toml.
    pub config_variable: Option<&'static str>,
}

/// Images that systemd-sysext(8) lays over `/usr`, of a system that unpacks them from an initrd.
#[derive(Debug, PartialEq, Eq)]
pub struct Sysext {
    /// The folder of an initrd in which images reach the node, without a leading slash.
    pub in_initrd: &'static str,
    /// That folder on the node.
    pub on_node: &'static str,
    /// The fields of `extension-release` by which an image matches the system (os-release(5)), a
    /// line each.
    pub release: &'static str,
}

/// Where a target has its things.
#[derive(Debug)]
pub struct Paths {
    /// The kubelet, or what runs it.
    pub kubelet: &'static str,
    /// The folder of Kubernetes' programs, where imgbuild brings them.
    pub programs: &'static str,
    /// The folder of container images that come with a node.
    pub images: &'static str,
    /// The folder of CNI's plugins, where imgbuild brings them: the system has none.
    pub cni_plugins: Option<&'static str>,
    /// Programs for users, in a folder that can be written and is on their path.
    pub user_programs: &'static str,
    /// Programs for administrators, likewise.
    pub admin_programs: &'static str,
    /// Folders of the system that a pod needs to run the system's iptables, nft and the like: names
    /// of volumes, and paths.
    pub system_folders: &'static [(&'static str, &'static str)],
    /// Folders that links in /etc/ssl/certs lead to: names of volumes, and paths.
    pub linked_authorities: &'static [(&'static str, &'static str)],
    /// Static pods.
    pub manifests: &'static str,
    /// Kubeconfig files that pods mount.
    pub kubeconfig: &'static str,
    /// Programs of CNI.
    pub cni_bin: &'static str,
    /// etcd, or what runs it.
    pub etcd: &'static str,
    /// What runs flannel, where the system has it.
    pub flannel: Option<&'static str>,
    /// The system's authorities, as pods mount them.
    pub ca_certificates: &'static str,
    /// The folder of further authorities, out of which the system makes its own lists; `None`:
    /// nothing on it does.
    pub trust_anchors: Option<&'static str>,
    /// What nftables.service loads; `None`: there is no such unit.
    pub nftables: Option<&'static str>,
    /// Where Ignition looks for a config on the medium or the disk that it boots from; in an
    /// initrd, below its root.
    pub config: &'static str,
    /// The folder of an initrd whose files for the links are in force before Ignition runs.
    pub network: Option<&'static str>,
    /// The key of QEMU's `fw_cfg` by which its Ignition finds a config.
    pub fw_cfg: Option<&'static str>,
}

/// The names of units that a target has, or that are written for it.
#[derive(Debug)]
pub struct Units {
    pub etcd: &'static str,
    pub flannel: Option<&'static str>,
    /// Units of the system that are for a flannel of its own, and would disturb another.
    pub beside_flannel: &'static [&'static str],
    pub runtime: &'static str,
    pub kubelet: &'static str,
    /// What tells a node its addresses in a cloud.
    pub metadata: Option<&'static str>,
}

impl Facts {
    /// Why the format of this name is not for the target; `None`: it is.
    pub fn why_not_format(&self, format: &str) -> Option<&'static str> {
        let refused = self.refused_formats.iter();
        refused
            .clone()
            .find(|(name, _)| *name == format)
            .map(|(_, why)| *why)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_target_has_its_row() {
        let targets = [
            Target::Debian,
            Target::Flatcar,
            Target::FedoraCoreos,
            Target::ContainerLinux,
        ];
        assert_eq!(targets.len(), TABLE.len());
        let mut names = BTreeSet::new();
        for target in targets {
            let facts = target.facts();
            assert_eq!(facts.target, target);
            assert!(names.insert(facts.name), "{}", facts.name);
            assert!(!facts.ignition.is_empty(), "{target}");
        }
    }

    #[test]
    fn reasons_are_parts_of_sentences() {
        for facts in &TABLE {
            let formats = facts.refused_formats.iter();
            for (name, why) in formats.chain(facts.refused_keys) {
                assert!(
                    !why.is_empty() && !why.ends_with('.'),
                    "{}: {name}",
                    facts.name
                );
            }
        }
    }
}
