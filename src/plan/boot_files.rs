//! Kernel and initrd that a node brings with it.

use std::fmt;
use std::path::PathBuf;

use crate::diagnostic::Span;

/// Kernel and initrd of a system that imgbuild does not build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFiles {
    pub kernel: BootFile,
    pub initrd: BootFile,
    /// The OpenPGP key that made the signatures.
    pub key: Option<PathBuf>,
    pub span: Span,
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
