//! The files that a node boots from when imgbuild does not build its base.

use std::fmt;
use std::path::PathBuf;

use crate::diagnostic::Span;

/// The boot files of a system that imgbuild does not build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFiles {
    pub system: BroughtSystem,
    /// The OpenPGP key that made the signatures.
    pub key: Option<PathBuf>,
    pub span: Span,
}

/// The form of such a system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BroughtSystem {
    /// For booting from a network.
    Network {
        kernel: BootFile,
        initrd: BootFile,
        /// A further initrd with the root file system, if the first one does not contain it.
        root: Option<BootFile>,
    },
    /// A live ISO with room for a config.
    LiveIso(BootFile),
}

/// A boot file and how it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFile {
    pub source: BootSource,
    /// `sha256-…` or `sha512-…`, in lowercase. Set if the source is a URL.
    pub hash: Option<String>,
    /// Its detached OpenPGP signature.
    pub signature: Option<BootSource>,
}

/// The location of a boot file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BootSource {
    Path(PathBuf),
    Url(String),
}

impl fmt::Display for BootSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Url(url) => f.write_str(url),
        }
    }
}
