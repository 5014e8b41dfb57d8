//! The operating systems that a node can run: one row of [`TABLE`] per target describes what it
//! supports and where its files are.
//!
//! What a target does not support is in its row with the reason, so that a spec that needs it gets
//! an error at its line that says why. Other modules read the row's facts. They compare targets
//! only where the format itself is that of one system: the live system of Fedora CoreOS.

mod accounts;
mod base_files;
pub mod selinux;
mod table;

use std::fmt;

use crate::facts::debian::Release;

pub use base_files::BaseFile;
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
    /// Returns the facts about it.
    pub fn facts(self) -> &'static Facts {
        // One row per target, in the order of the enum; a test compares them.
        &TABLE[self as usize]
    }

    /// Returns its name in a spec.
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

    /// Whether files may have set-user-ID, set-group-ID and sticky bits: spec 2.x allows them, 3.x
    /// from 3.6.0 on.
    pub fn has_special_bits(self) -> bool {
        self < Self::V3_3 || self >= Self::V3_6
    }
}

impl fmt::Display for IgnitionVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose keys the nodes of a target have in a spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecKeys {
    /// imgbuild's own; `storage`, `systemd` and `passwd` are Butane's.
    Own,
    /// Those of a Container Linux Config, for ct.
    Ct,
}

impl SpecKeys {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Own, Self::Ct];
}

/// When a target runs Ignition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgnitionRuns {
    AtFirstBoot,
    /// The node's root is in memory, so that each boot has to write everything again.
    AtEveryBoot,
}

/// What creates a target's links, and therefore the format of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkManager {
    /// systemd-networkd.
    Networkd,
    /// `NetworkManager`, by its keyfiles.
    NetworkManager,
}

impl LinkManager {
    /// Returns the folder of its files.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Networkd => "/etc/systemd/network",
            Self::NetworkManager => "/etc/NetworkManager/system-connections",
        }
    }

    /// Returns the mode of its files. networkd reads them as its own user; `NetworkManager` rejects
    /// those that other users than root can read.
    pub fn mode(self) -> u32 {
        match self {
            Self::Networkd => 0o644,
            Self::NetworkManager => 0o600,
        }
    }
}

/// What gives the kernel of an installed system its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelArguments {
    /// The boot loader alone.
    BootLoader,
    /// Ignition, which changes the boot loader's settings and boots again (Ignition's configuration
    /// specification 3.3.0, `kernelArguments`).
    Ignition,
}

/// What sets a target's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// systemd-timesyncd.
    Timesyncd,
    Chrony,
}

/// What runs the system's own containers, such as etcd's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerEngine {
    /// docker's client, or a compatible one.
    pub program: &'static str,
    /// The unit that must run for it.
    pub daemon: Option<&'static str>,
    /// The options that let a container use the system's files mounted in it.
    pub files: Option<&'static str>,
}

/// The facts about one target.
#[derive(Debug)]
pub struct Facts {
    pub target: Target,
    /// Its name in a spec.
    pub name: &'static str,
    /// Its display name, with an article if it needs one.
    pub title: &'static str,
    pub keys: SpecKeys,
    /// The only minor of Kubernetes that it runs; `None`: it runs those of
    /// [`RELEASES`](crate::facts::kubernetes::version::RELEASES), if any.
    pub kubernetes: Option<u16>,
    /// Supported versions of Ignition's specification; the first one is the default.
    pub ignition: &'static [IgnitionVersion],
    /// The release of Debian that imgbuild builds its base from; `None`: a spec specifies kernel
    /// and initrd under `base:`.
    pub debian: Option<Release>,
    /// The format of `-o x.iso`, as in `--format`.
    pub iso: &'static str,
    /// Unsupported formats, as in `--format`, and why.
    pub refused_formats: &'static [(&'static str, &'static str)],
    /// Unsupported keys of a spec, with dots between levels, and why.
    pub refused_keys: &'static [(&'static str, &'static str)],
    pub ignition_runs: IgnitionRuns,
    /// Kernel arguments that run Ignition on the first boot from a network or a medium.
    pub first_boot: &'static [&'static str],
    /// Where imgbuild mounts its own file systems.
    pub mounts: &'static [&'static str],
    /// Whether `/usr/local` is writable, although `/usr` is not.
    pub has_usr_local: bool,
    pub abilities: Abilities,
    pub accounts: Accounts,
    /// Whether `/` is part of the image, so that nothing can be added to it.
    pub has_fixed_root: bool,
    pub kernel_arguments: KernelArguments,
    pub links: LinkManager,
    pub clock: Clock,
    /// What runs the system's own containers; `None`: nothing does.
    pub containers: Option<ContainerEngine>,
    /// The kernel argument with which a live system downloads its root file system, which is then
    /// not a file of `base:`; `None`: the initrd contains it.
    pub root_url: Option<&'static str>,
    /// Whether it names cards by location (`enp1s0`), and not as the kernel does (`eth0`).
    pub predictable_names: bool,
    pub services: Services,
    pub containerd: Containerd,
    /// Whether a node reports on its console that it is up, or that units failed; else the reason
    /// why not.
    pub says_ready: Result<(), &'static str>,
    /// The default memory of a machine that boots it, in MiB.
    pub memory: u32,
    /// The image that etcd runs from, if the system has no etcd.
    pub etcd_image: Option<&'static str>,
    /// How images of programs reach a node; `None`: stage 0 overlays them on the root image.
    pub sysext: Option<Sysext>,
    /// The policy that `SELinux` enforces; `None`: it enforces none.
    pub selinux: Option<selinux::Policy>,
    /// Why a node cannot download Kubernetes programs and images itself; `None`: it can.
    pub no_pull: Option<&'static str>,
    /// Why pods cannot use CRI-O; `None`: they can.
    pub no_cri_o: Option<&'static str>,
    /// What its base has outside the read-only image.
    files: &'static base_files::BaseFiles,
    /// Users and groups of its base with their numbers, one a line; empty: unknown.
    base_accounts: &'static str,
    /// Existing groups. Ignition would fail to add one again.
    pub groups: &'static [&'static [&'static str]],
    /// The login shell of users without one; `None`: the system's default.
    pub shell: Option<&'static str>,
    pub paths: Paths,
    pub units: Units,
}

/// What a target can do that others cannot.
#[derive(Debug)]
pub struct Abilities {
    /// Whether its Ignition can create Btrfs.
    pub btrfs: bool,
    /// Whether its Ignition can bind encrypted devices with clevis.
    pub clevis: bool,
    /// Whether a node takes its name from the network and resolves it by itself, so that a spec
    /// need not set one.
    pub is_named_by_network: bool,
}

/// What a target accepts of users and groups.
#[derive(Debug)]
pub struct Accounts {
    pub names: UserNames,
    /// Whether MD5 hashes of passwords only get a warning: its users have had them for years.
    pub md5: bool,
}

/// The names that a target's useradd(8) accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserNames {
    /// Lower-case letters, digits, `_` and `-`, as in shadow itself.
    Lower,
    /// Capitals and `.` as well, by a patch of Debian (`506_relaxed_usernames`) or Fedora
    /// (`shadow-…-goodname.patch`).
    Any,
}

/// What services of a target do by default.
#[derive(Debug)]
pub struct Services {
    /// Whether networkd manages every link without a file, including those of pods.
    pub takes_all_links: bool,
    /// Whether a unit `nftables.service` loads /etc/nftables.conf.
    pub loads_nftables: bool,
    /// Whether /etc/ssl/certs/ca-certificates.crt is a link to a read-only file, until the program
    /// `update-ca-certificates` creates it from the folder's other files.
    pub links_ca_bundle: bool,
}

/// A version of containerd's configuration format (containerd, docs/cri/config.md, "Config
/// versions"). Each containerd reads its own and the earlier ones. 2.3 has a fourth one, which is
/// the same as the third for pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerdConfig {
    /// What containerd 1.x reads, since 1.3.
    V2,
    /// What containerd 2.x reads.
    V3,
}

impl ContainerdConfig {
    /// All of them, oldest first.
    pub const ALL: [Self; 2] = [Self::V2, Self::V3];

    /// Returns the version as a configuration file has it.
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
    /// Versions that its configuration may have; the first one is the default. Empty: it does not
    /// run pods.
    pub config_versions: &'static [ContainerdConfig],
    /// Whether it labels containers for `SELinux`.
    pub selinux: bool,
    /// Whether the system starts it only once a spec enables its unit.
    pub is_off: bool,
    /// The variable that sets the path of its configuration file in its unit; `None`: the path is
    /// /etc/containerd/config.toml.
    pub config_variable: Option<&'static str>,
}

/// Images that systemd-sysext(8) overlays on `/usr`, of a system that unpacks them from an initrd.
#[derive(Debug, PartialEq, Eq)]
pub struct Sysext {
    /// The folder of an initrd in which images reach the node, without a leading slash.
    pub in_initrd: &'static str,
    pub arrival: SysextArrival,
    /// The fields of `extension-release` that match an image to the system (os-release(5)), one per
    /// line.
    pub release: &'static str,
}

/// How systemd-sysext finds the images that an initrd has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SysextArrival {
    /// By links in /etc/extensions to this folder, which the system makes of the initrd's.
    Linked(&'static str),
    /// A unit in the initrd moves them to a folder where systemd-sysext looks for images, and a
    /// spec enables systemd-sysext's service.
    Moved,
}

/// The paths of a target.
#[derive(Debug)]
pub struct Paths {
    /// The kubelet, or what runs it.
    pub kubelet: &'static str,
    /// The folder of the Kubernetes programs, if imgbuild installs them.
    pub programs: &'static str,
    /// The folder of container images that come with a node.
    pub images: &'static str,
    /// The folder of the CNI plugins, if imgbuild installs them because the system has none.
    pub cni_plugins: Option<&'static str>,
    /// Programs for users, in a writable folder on their path.
    pub user_programs: &'static str,
    /// Programs for administrators, likewise.
    pub admin_programs: &'static str,
    /// Folders of the system that a pod needs to run the system's iptables, nft and the like: names
    /// of volumes, and paths.
    pub system_folders: &'static [(&'static str, &'static str)],
    /// Folders that links in /etc/ssl/certs lead to: volume names, and paths.
    pub linked_authorities: &'static [(&'static str, &'static str)],
    /// Static pods.
    pub manifests: &'static str,
    /// Kubeconfig files that pods mount.
    pub kubeconfig: &'static str,
    /// CNI programs.
    pub cni_bin: &'static str,
    /// etcd, or what runs it.
    pub etcd: &'static str,
    /// What runs flannel, if the system has it.
    pub flannel: Option<&'static str>,
    /// The system's authorities, as pods mount them.
    pub ca_certificates: &'static str,
    /// The folder of additional authorities, from which the system creates its own lists; `None`:
    /// it has none.
    pub trust_anchors: Option<&'static str>,
    /// What nftables.service loads; `None`: there is no such unit.
    pub nftables: Option<&'static str>,
    /// Where Ignition looks for a config on the boot medium or disk; in an initrd, below its root.
    pub config: &'static str,
    /// The folder of an initrd whose files for the links apply before Ignition runs.
    pub network: Option<&'static str>,
    /// The key of QEMU's `fw_cfg` by which its Ignition finds a config.
    pub fw_cfg: Option<&'static str>,
}

/// The names of units that a target has, or that are written for it.
#[derive(Debug)]
pub struct Units {
    pub etcd: &'static str,
    pub flannel: Option<&'static str>,
    /// Units of the system for its own flannel, which would interfere with another one.
    pub beside_flannel: &'static [&'static str],
    pub runtime: &'static str,
    pub kubelet: &'static str,
    /// What provides a node with its addresses in a cloud.
    pub metadata: Option<&'static str>,
}

impl Facts {
    /// Returns why the target does not support the format; `None`: it does.
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
