//! The arguments of `imgbuild verify`.

use std::path::PathBuf;

use clap::Args;

use super::Source;

/// Comparing an artifact with its spec.
#[derive(Debug, Clone, Args)]
pub struct Verify {
    /// The artifact: an Ignition config, an ISO, an initrd, a payload or a PXE folder, made by any
    /// tool
    #[arg(value_name = "ARTIFACT")]
    pub artifact: PathBuf,

    /// The spec to compare it with
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,

    /// Require identical bytes: a different encoding of the same content is a difference too
    #[arg(long)]
    pub exact: bool,

    /// The artifact's format [default: detected]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,

    /// For a Fedora CoreOS live ISO, the original that it was made from; without it, only what is
    /// embedded is compared
    #[arg(long, value_name = "LIVE_ISO")]
    pub base: Option<PathBuf>,

    /// For a cluster, the node with this host name [default: the host name in the artifact]
    #[arg(long, value_name = "HOSTNAME")]
    pub node: Option<String>,

    #[command(flatten)]
    pub source: Source,
}
