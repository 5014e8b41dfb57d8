//! The formats of artifacts, and which one an output's name implies.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// How a payload is compressed; the kernel supports each of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Compression {
    #[default]
    None,
    Gzip,
    Zstd,
}

/// The format of an artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// The Ignition config alone.
    Ignition,
    /// A bootable ISO 9660 image.
    Iso,
    /// The payload alone, to append to a base initrd.
    Payload(Compression),
    /// Base initrd and payload in one file.
    Initrd,
    /// A folder to boot machines from over the network (PXE).
    Pxe,
    /// An ISO 9660 image with the config as `config.json`, for an installer.
    ConfigIso,
    /// An ISO 9660 image with the config where Ignition's provider `openstack` looks.
    ConfigDrive,
    /// A live ISO of Fedora CoreOS with the config in its embed area.
    LiveIso,
    /// A payload for such a live system's network boot, to append to its initrd.
    LivePayload,
}

/// What is true of one format.
#[derive(Debug)]
pub struct Facts {
    /// The name that `--format` takes.
    pub name: &'static str,
    /// Whether `--format` takes it: what is not asked for so has a command of its own.
    pub is_offered: bool,
    /// The ending, without its dot, of a file of this format.
    pub ending: &'static str,
    /// The endings, with their dots, of outputs' names that ask for it.
    pub asked_for_by: &'static [&'static str],
    /// What it is, for people.
    pub title: &'static str,
    /// What it is made of beside the node.
    pub ground: Ground,
    /// Whether it is a folder, which no pipe can take.
    pub is_folder: bool,
    /// Whether it is for a live system of Fedora CoreOS.
    pub is_live: bool,
    /// How two of them are compared where their bytes differ.
    pub comparison: Comparison,
}

/// What an artifact is made of beside the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Nothing,
    Base,
    /// A base and the boot loaders that start it from media.
    BaseWithBootLoaders,
    LiveIso,
}

/// How two artifacts of one format are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// By their configs.
    Config,
    /// File by file of an ISO 9660 image.
    Image,
    /// Entry by entry of cpio archives.
    Archive,
    /// By what is embedded in a live ISO, and the rest of its bytes.
    LiveIso,
}

impl Facts {
    /// Whether it is a config and nothing else, for a system that has its own boot loader.
    pub fn is_config_alone(&self) -> bool {
        let is_image = self.comparison == Comparison::Image;
        self.comparison == Comparison::Config || (is_image && self.ground == Ground::Nothing)
    }
}

/// What rows say unless they say otherwise: an ISO image that is made of the config alone.
const CONFIG_IMAGE: Facts = Facts {
    name: "",
    is_offered: true,
    ending: "iso",
    asked_for_by: &[],
    title: "",
    ground: Ground::Nothing,
    is_folder: false,
    is_live: false,
    comparison: Comparison::Image,
};

const IGNITION: Facts = Facts {
    name: "ignition",
    ending: "ign",
    asked_for_by: &[".ign", ".json"],
    title: "an Ignition config",
    comparison: Comparison::Config,
    ..CONFIG_IMAGE
};

const ISO: Facts = Facts {
    name: "iso",
    asked_for_by: &[".iso"],
    title: "a bootable ISO image",
    ground: Ground::BaseWithBootLoaders,
    ..CONFIG_IMAGE
};

const PAYLOAD: Facts = Facts {
    name: "cpio",
    ending: "cpio",
    asked_for_by: &[".cpio"],
    title: "a node's payload, to append to a base initrd",
    comparison: Comparison::Archive,
    ..CONFIG_IMAGE
};

const PAYLOAD_GZIP: Facts = Facts {
    name: "cpio.gz",
    ending: "cpio.gz",
    asked_for_by: &[".cpio.gz"],
    ..PAYLOAD
};

const PAYLOAD_ZSTD: Facts = Facts {
    name: "cpio.zst",
    ending: "cpio.zst",
    asked_for_by: &[".cpio.zst"],
    ..PAYLOAD
};

const INITRD: Facts = Facts {
    name: "initrd",
    ending: "initrd",
    asked_for_by: &[".initrd"],
    title: "a base initrd with a node's payload",
    ground: Ground::Base,
    comparison: Comparison::Archive,
    ..CONFIG_IMAGE
};

/// A name that ends with `/` asks for it. Its title is that of one node in it.
const PXE: Facts = Facts {
    name: "pxe",
    ending: "pxe",
    title: "a node of a folder for network boot",
    ground: Ground::Base,
    is_folder: true,
    comparison: Comparison::Archive,
    ..CONFIG_IMAGE
};

const CONFIG_ISO: Facts = Facts {
    name: "config-iso",
    title: "an ISO image with a config for an installer",
    ..CONFIG_IMAGE
};

const CONFIG_DRIVE: Facts = Facts {
    name: "config-2",
    title: "an ISO image with a config for Ignition (a config drive)",
    ..CONFIG_IMAGE
};

const LIVE_ISO: Facts = Facts {
    name: "embed",
    title: "a live ISO image of Fedora CoreOS",
    ground: Ground::LiveIso,
    is_live: true,
    comparison: Comparison::LiveIso,
    ..CONFIG_IMAGE
};

/// What `imgbuild embed --pxe` makes.
const LIVE_PAYLOAD: Facts = Facts {
    name: "embed-pxe",
    is_offered: false,
    ending: "img",
    title: "a payload for a Fedora CoreOS live system, to append to its initrd",
    is_live: true,
    comparison: Comparison::Archive,
    ..CONFIG_IMAGE
};

impl Format {
    /// Whether machines fetch it over a network when they boot, and have no other use for it.
    pub fn is_fetched_at_boot(self) -> bool {
        matches!(self, Self::Pxe | Self::LivePayload)
    }

    /// Every format, in the order of the documentation.
    const ALL: [Self; 11] = [
        Self::Ignition,
        Self::Iso,
        Self::Payload(Compression::None),
        Self::Payload(Compression::Gzip),
        Self::Payload(Compression::Zstd),
        Self::Initrd,
        Self::Pxe,
        Self::ConfigIso,
        Self::ConfigDrive,
        Self::LiveIso,
        Self::LivePayload,
    ];

    /// What is true of it.
    pub fn facts(self) -> &'static Facts {
        match self {
            Self::Ignition => &IGNITION,
            Self::Iso => &ISO,
            Self::Payload(Compression::None) => &PAYLOAD,
            Self::Payload(Compression::Gzip) => &PAYLOAD_GZIP,
            Self::Payload(Compression::Zstd) => &PAYLOAD_ZSTD,
            Self::Initrd => &INITRD,
            Self::Pxe => &PXE,
            Self::ConfigIso => &CONFIG_ISO,
            Self::ConfigDrive => &CONFIG_DRIVE,
            Self::LiveIso => &LIVE_ISO,
            Self::LivePayload => &LIVE_PAYLOAD,
        }
    }

    /// Every format that `--format` takes, in the order of the documentation.
    pub fn offered() -> impl Iterator<Item = Self> {
        let all = Self::ALL.into_iter();
        all.filter(|format| format.facts().is_offered)
    }

    /// The name that `--format` takes.
    pub fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// The format that an output's name implies: by its ending, or a folder (one that exists, or a
    /// name that ends with `/`).
    pub fn from_path(path: &Path) -> Option<Self> {
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir() {
            return Some(Self::Pxe);
        }
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let asks_for = |ending: &&str| name.ends_with(*ending) && name.len() > ending.len();
        Self::offered().find(|format| format.facts().asked_for_by.iter().any(asks_for))
    }

    /// The endings of outputs' names that ask for a format, one a format.
    pub fn endings() -> impl Iterator<Item = &'static str> {
        Self::offered().filter_map(|format| format.facts().asked_for_by.first().copied())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Its file endings are accepted as names too.
        if matches!(text, "ign" | "json") {
            return Ok(Self::Ignition);
        }
        Self::offered()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| {
                let names: Vec<_> = Self::offered().map(Self::as_str).collect();
                format!("expected one of {}", names.join(", "))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_formats() {
        let cases = [
            ("node.ign", Some(Format::Ignition)),
            ("node.json", Some(Format::Ignition)),
            ("a/node.ISO", Some(Format::Iso)),
            ("node.cpio", Some(Format::Payload(Compression::None))),
            ("node.cpio.gz", Some(Format::Payload(Compression::Gzip))),
            ("node.cpio.zst", Some(Format::Payload(Compression::Zstd))),
            ("kube1.lab.initrd", Some(Format::Initrd)),
            ("no-such-folder/", Some(Format::Pxe)),
            ("/", Some(Format::Pxe)),
            (".", Some(Format::Pxe)),
            (".iso", None),
            ("node", None),
            ("node.gz", None),
            ("-", None),
            ("", None),
        ];
        for (path, format) in cases {
            assert_eq!(Format::from_path(Path::new(path)), format, "{path}");
        }
    }

    #[test]
    fn every_format_is_named() {
        for format in Format::offered() {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
        assert_eq!(Format::offered().count(), Format::ALL.len() - 1);
        for ending in ["ign", "json"] {
            assert_eq!(ending.parse(), Ok(Format::Ignition));
        }
        assert!("tar".parse::<Format>().is_err());
    }

    #[test]
    fn systems_name_formats_that_exist() {
        for facts in &crate::facts::systems::TABLE {
            let refused = facts.refused_formats.iter().map(|(name, _)| name);
            for name in refused.chain([&facts.iso]) {
                assert!(name.parse::<Format>().is_ok(), "{}: {name}", facts.name);
            }
            assert_eq!(facts.why_not_format(facts.iso), None, "{}", facts.name);
        }
    }
}
