//! The arguments of a build, and those that say where its parts come from, which other commands
//! share.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::FalseyValueParser;

use crate::base::Mirror;
use crate::cli::outcome::Failure;
use crate::facts::kernel::KernelFlavor;
use crate::node::containers::Programs;
use crate::ops::FetchOptions;
use crate::pack::Format;
use crate::registry::Mirrors;

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

    #[arg(long, value_name = "FORMAT", help = format_help())]
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
    pub kernel: Option<KernelFlavor>,

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

    /// Accept package indexes that have expired or are older than those in `imgbuild.lock`, as on
    /// a snapshot of the Debian archive: security updates may be missing
    #[arg(
        long,
        env = "IMGBUILD_ALLOW_OLD_INDEXES",
        value_parser = FalseyValueParser::new(),
        help_heading = "Sources"
    )]
    pub allow_old_indexes: bool,

    /// Use only what is in the cache; do not access the network
    #[arg(long, help_heading = "Sources")]
    pub offline: bool,

    /// Fail instead of changing `imgbuild.lock`
    #[arg(long, help_heading = "Sources")]
    pub locked: bool,
}

impl BaseSource {
    /// What the options request.
    pub fn options(&self) -> Result<FetchOptions, Failure> {
        let mirrors = self.registry_mirror.iter().map(|text| {
            text.parse()
                .map_err(|why| Failure::Usage(format!("--registry-mirror {text}: {why}")))
        });
        Ok(FetchOptions {
            kernel: self.kernel,
            mirror: self.debian_mirror()?,
            cache: self.cache.clone(),
            programs: self.programs.as_deref().map(programs),
            registry_mirrors: Mirrors::new(mirrors.collect::<Result<Vec<_>, _>>()?),
            offline: self.offline,
            locked: self.locked,
            allow_old_indexes: self.allow_old_indexes,
        })
    }

    fn debian_mirror(&self) -> Result<Option<Mirror>, Failure> {
        match (&self.mirror, &self.security_mirror) {
            (Some(main), security) => Mirror::new(main, security.as_deref())
                .map(Some)
                .map_err(|error| Failure::Usage(format!("--mirror: {error:#}"))),
            (None, Some(_)) => Err(Failure::Usage(
                "--security-mirror requires --mirror".to_owned(),
            )),
            (None, None) => Ok(None),
        }
    }
}

/// The site that `named` is a URL of, or the folder.
fn programs(named: &Path) -> Programs {
    match named.to_str() {
        Some(url) if url.starts_with("https://") || url.starts_with("http://") => {
            Programs::Site(url.trim_end_matches('/').to_owned())
        }
        _ => Programs::Folder(named.to_owned()),
    }
}

/// The format of this name.
pub fn format(named: Option<&str>) -> Result<Option<Format>, Failure> {
    let parse = |name: &str| {
        name.parse()
            .map_err(|why| Failure::Usage(format!("--format {name}: {why}")))
    };
    named.map(parse).transpose()
}

fn format_help() -> String {
    let names: Vec<_> = Format::offered().map(Format::as_str).collect();
    let names = names.join(", ");
    format!("The output's format, whatever its name [possible values: {names}]")
}
