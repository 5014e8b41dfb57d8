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
    Embed,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 10] = [
        Self::Ignition,
        Self::Iso,
        Self::Payload(Compression::None),
        Self::Payload(Compression::Gzip),
        Self::Payload(Compression::Zstd),
        Self::Initrd,
        Self::Pxe,
        Self::ConfigIso,
        Self::ConfigDrive,
        Self::Embed,
    ];

    /// The value of `--format`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignition => "ignition",
            Self::Iso => "iso",
            Self::Payload(Compression::None) => "cpio",
            Self::Payload(Compression::Gzip) => "cpio.gz",
            Self::Payload(Compression::Zstd) => "cpio.zst",
            Self::Initrd => "initrd",
            Self::Pxe => "pxe",
            Self::ConfigIso => "config-iso",
            Self::ConfigDrive => "config-2",
            Self::Embed => "embed",
        }
    }

    /// The ending, without its dot, of a file of this format.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Ignition => "ign",
            Self::ConfigIso | Self::ConfigDrive | Self::Embed => "iso",
            other => other.as_str(),
        }
    }

    /// The format that an output's name implies: by its ending, or a folder (one that exists, or a
    /// name that ends with `/`).
    pub fn from_path(path: &Path) -> Option<Self> {
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") || path.is_dir() {
            return Some(Self::Pxe);
        }
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let endings = [
            (".ign", Self::Ignition),
            (".json", Self::Ignition),
            (".iso", Self::Iso),
            (".cpio", Self::Payload(Compression::None)),
            (".cpio.gz", Self::Payload(Compression::Gzip)),
            (".cpio.zst", Self::Payload(Compression::Zstd)),
            (".initrd", Self::Initrd),
        ];
        endings
            .into_iter()
            .find(|(ending, _)| name.ends_with(ending) && name.len() > ending.len())
            .map(|(_, format)| format)
    }

    /// Whether the artifact can be written to a pipe.
    pub fn is_stream(self) -> bool {
        self != Self::Pxe
    }

    /// Whether it requires a base.
    pub fn needs_base(self) -> bool {
        matches!(self, Self::Iso | Self::Initrd | Self::Pxe)
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
        Self::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|format| format.as_str()).collect();
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
        for format in Format::ALL {
            assert_eq!(format.as_str().parse(), Ok(format));
        }
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
