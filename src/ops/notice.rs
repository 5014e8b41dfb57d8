//! What a use case says of the world outside of the spec.

use std::fmt;
use std::path::PathBuf;

use crate::names::Hostname;
use crate::pki;

/// Something that happened or is doubtful, and stops nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// An output is complete and in its place.
    Wrote(PathBuf),
    /// A file of an output folder was changed since imgbuild wrote it, so it stayed; the new one is
    /// beside it.
    KeptChanged { path: PathBuf, new: PathBuf },
    /// Something happened in the key folder.
    Keys(pki::Notice),
    /// The key folder lacks keys that the spec needs, so that an artifact was made with others.
    KeysMissing(PathBuf),
    /// The lock has no digest of an image that nodes pull.
    ImageNotPinned(String),
    /// The cluster's DNS is left out: its image, and why it cannot be had.
    NoDns { image: String, why: String },
    /// Nodes pull an image that could not be embedded, and why not.
    ImageNotEmbedded { image: String, why: String },
    /// Something of a release of Kubernetes that its programs were not asked for: what, and why.
    NotLearned(String),
    /// A node of another system is to run in a live system of Fedora CoreOS.
    OtherSystem {
        hostname: Hostname,
        /// The system that the node is for, for people.
        system: &'static str,
    },
    /// A node boots without these images of programs, unless somebody brings them.
    ExtensionsApart {
        hostname: Hostname,
        /// Their paths on the node.
        paths: Vec<String>,
    },
    /// A config for a live system is doubtful: in which way.
    ConfigDoubtful(String),
    /// A payload for network boot cannot carry kernel arguments that a spec asks for.
    ArgumentsLeftToBootLoader {
        spec: PathBuf,
        arguments: Vec<String>,
    },
    /// What boots from the image overwrites this disk without asking.
    OverwritesDisk(String),
    /// The installer starts by itself, and nothing says which disk it is to install onto.
    NoDiskToInstallOnto,
    /// A payload for network boot has a config, which only these kernel arguments put in force.
    PayloadNeedsArguments,
    /// Of a live ISO only what is embedded in it is compared.
    LiveSystemNotCompared,
    /// A test got further: what happened.
    Tested(String),
}

impl Notice {
    /// Whether it asks the user to look at something.
    pub fn is_warning(&self) -> bool {
        match self {
            Self::Keys(notice) => notice.is_warning(),
            Self::KeptChanged { .. }
            | Self::KeysMissing(_)
            | Self::ImageNotPinned(_)
            | Self::NoDns { .. }
            | Self::ImageNotEmbedded { .. }
            | Self::NotLearned(_)
            | Self::OtherSystem { .. }
            | Self::ExtensionsApart { .. }
            | Self::ConfigDoubtful(_)
            | Self::ArgumentsLeftToBootLoader { .. }
            | Self::NoDiskToInstallOnto => true,
            Self::Wrote(_)
            | Self::OverwritesDisk(_)
            | Self::PayloadNeedsArguments
            | Self::LiveSystemNotCompared
            | Self::Tested(_) => false,
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrote(path) => write!(f, "wrote {}", path.display()),
            Self::KeptChanged { path, new } => write!(
                f,
                "{} was changed since imgbuild wrote it, and stays; what this build gives is {}",
                path.display(),
                new.display()
            ),
            Self::Keys(notice) => notice.fmt(f),
            Self::KeysMissing(folder) => write!(
                f,
                "{} lacks keys that the spec needs, so the artifact was made with other keys",
                folder.display()
            ),
            Self::ImageNotPinned(image) => write!(
                f,
                "imgbuild.lock does not pin {image}, so the node pulls whatever its registry serves by that name"
            ),
            Self::NoDns { image, why } => write!(
                f,
                "the cluster has no DNS, since {image} could not be embedded: {why}. Give its archive with `artifacts: {{images: […]}}`, \
                 let nodes pull it with `dns: coredns`, or write `dns: none`"
            ),
            Self::ImageNotEmbedded { image, why } => write!(
                f,
                "nodes pull {image}, which requires a network, since it could not be embedded: {why}"
            ),
            Self::NotLearned(what) => write!(f, "not learned: {what}"),
            Self::OtherSystem { hostname, system } => write!(
                f,
                "{hostname} is a node of {system}: Fedora CoreOS has other programs, paths and network settings"
            ),
            Self::ExtensionsApart { hostname, paths } => write!(
                f,
                "{hostname} has to fetch what this output has no room for: {}; `imgbuild help fedora-coreos` says how, and ISOs and \
                 PXE folders of kernel, initrd and root file system have it",
                paths.join(", ")
            ),
            Self::ConfigDoubtful(what) | Self::Tested(what) => f.write_str(what),
            Self::ArgumentsLeftToBootLoader { spec, arguments } => write!(
                f,
                "the boot loader must pass these kernel arguments of {}: {}",
                spec.display(),
                arguments.join(" ")
            ),
            Self::OverwritesDisk(device) => {
                write!(
                    f,
                    "a machine that boots from this overwrites {device} without confirmation"
                )
            }
            Self::NoDiskToInstallOnto => f.write_str(
                "the installer starts automatically, but no disk to install onto is given: give --dest-device, or the kernel argument \
             coreos.inst.install_dev",
            ),
            Self::PayloadNeedsArguments => f.write_str(
                "load it after the live system's initrd and rootfs; the kernel needs the arguments \
             `ignition.firstboot ignition.platform.id=metal`",
            ),
            Self::LiveSystemNotCompared => {
                f.write_str("without --base the live system itself is not compared")
            }
        }
    }
}
