//! What a node brings with it to be booted from.

use std::fmt;
use std::path::PathBuf;

use crate::diagnostic::Span;

/// The files of a system that imgbuild does not build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFiles {
    pub system: BroughtSystem,
    /// The OpenPGP key that made the signatures.
    pub key: Option<PathBuf>,
    pub span: Span,
}

/// In which form a system comes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BroughtSystem {
    /// For booting from a network.
    Network {
        kernel: BootFile,
        initrd: BootFile,
        /// A further initrd with the root file system, where the first one does not hold it.
        root: Option<BootFile>,
    },
    /// A live ISO with a place for a config.
    LiveIso(BootFile),
}

/// A file to boot, and how it is known to be the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFile {
    pub source: BootSource,
    /// `sha256-…` or `sha512-…`, in lower case. There where the source is a URL.
    pub hash: Option<String>,
    /// Its detached OpenPGP signature.
    pub signature: Option<BootSource>,
}

/// Where such a file is.
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
