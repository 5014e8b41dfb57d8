//! The arguments of `imgbuild verify`.

use std::path::PathBuf;

use clap::Args;

use super::Source;

/// Holding an artifact against its spec.
#[derive(Debug, Clone, Args)]
pub struct Verify {
    /// The artifact: an Ignition config, an ISO, an initrd, a payload or a PXE folder, whoever made
    /// it
    #[arg(value_name = "ARTIFACT")]
    pub artifact: PathBuf,

    /// The spec that it should come from
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,

    /// Only the same bytes will do: what is written otherwise and means the same is a difference
    /// too
    #[arg(long)]
    pub exact: bool,

    /// The artifact's format [default: what it is]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<String>,

    /// Of a live ISO of Fedora CoreOS, the one that it was made of; without it only what is
    /// embedded is compared
    #[arg(long, value_name = "LIVE_ISO")]
    pub base: Option<PathBuf>,

    /// Of a cluster, the node with this host name [default: the artifact's own]
    #[arg(long, value_name = "HOSTNAME")]
    pub node: Option<String>,

    #[command(flatten)]
    pub source: Source,
}
