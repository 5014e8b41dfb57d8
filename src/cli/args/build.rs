//! The arguments of a build, and those that say where its parts come from, which other commands
//! share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What is built, and from what.
#[derive(Debug, Clone, Args)]
pub struct Build {
    /// The node spec, or the spec of a cluster
    #[arg(value_name = "SPEC", required = true)]
    pub spec: Option<PathBuf>,

    /// Where to write: a file, a folder for a cluster, `-` for standard output. The name determines
    /// the format
    #[arg(short, long, value_name = "PATH", required = true)]
    pub output: Option<PathBuf>,

    /// The output format, whatever the output's name [possible values: ignition, iso, cpio,
    /// cpio.gz, cpio.zst, initrd, pxe, config-iso, config-2, embed]
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<String>,

    /// With `--format embed`: the Fedora CoreOS live ISO to embed the node's config in; the ISO
    /// itself is left unchanged
    #[arg(long, value_name = "LIVE_ISO")]
    pub base: Option<PathBuf>,

    /// For a cluster, only the node with this host name
    #[arg(long, value_name = "HOSTNAME")]
    pub node: Option<String>,

    #[command(flatten)]
    pub source: Source,
}

/// Where a node's parts come from.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// The cluster's key folder [default: `keys` beside the spec]
    #[arg(long, value_name = "DIR", help_heading = "Sources")]
    pub keys: Option<PathBuf>,

    #[command(flatten)]
    pub base: BaseSource,
}

/// Where the base OS comes from.
#[derive(Debug, Clone, Args)]
pub struct BaseSource {
    /// The kernel of the base; overrides the spec's `kernel:` (`generic` has drivers for real
    /// hardware, `cloud` is small)
    #[arg(long, value_enum, value_name = "FLAVOR", help_heading = "Sources")]
    pub kernel: Option<Kernel>,

    /// The Debian mirror to take packages from [default: the host's own]
    #[arg(
        long,
        value_name = "URI",
        env = "IMGBUILD_MIRROR",
        help_heading = "Sources"
    )]
    pub mirror: Option<String>,

    /// The mirror of Debian's security updates [default: the host's own]
    #[arg(
        long,
        value_name = "URI",
        env = "IMGBUILD_SECURITY_MIRROR",
        help_heading = "Sources"
    )]
    pub security_mirror: Option<String>,

    /// The cache of downloads and finished bases [default: `imgbuild` in the user's cache folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "IMGBUILD_CACHE",
        help_heading = "Sources"
    )]
    pub cache: Option<PathBuf>,

    /// The folder of the Kubernetes programs to embed, or the URL of a site that serves them;
    /// overrides the spec's `artifacts.programs`
    #[arg(
        long,
        value_name = "DIR|URL",
        env = "IMGBUILD_KUBE_DIR",
        help_heading = "Sources"
    )]
    pub programs: Option<PathBuf>,

    /// A mirror to use in place of a registry, as in registry.k8s.io=mirror.example:5000/k8s; may
    /// be repeated. http:// before the mirror's host disables TLS
    #[arg(
        long,
        value_name = "FROM=TO",
        env = "IMGBUILD_REGISTRY_MIRROR",
        value_delimiter = ',',
        help_heading = "Sources"
    )]
    pub registry_mirror: Vec<String>,

    /// Use only what is in the cache; do not access the network
    #[arg(long, help_heading = "Sources")]
    pub offline: bool,

    /// Fail instead of changing `imgbuild.lock`
    #[arg(long, help_heading = "Sources")]
    pub locked: bool,
}

/// The kernel package of the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kernel {
    Generic,
    Cloud,
}
