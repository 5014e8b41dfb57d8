//! The arguments of `imgbuild import`.

use std::path::PathBuf;

use clap::Args;

/// Configs of other tools.
#[derive(Debug, Clone, Args)]
pub struct Import {
    /// The config (.bu, .yaml, .ign, .json)
    #[arg(value_name = "CONFIG")]
    pub config: PathBuf,

    /// Where to write the spec [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// The node's host name [default: what the config writes to /etc/hostname, else none where the
    /// target can do without, else the name of the config's file]
    #[arg(long, value_name = "HOSTNAME")]
    pub hostname: Option<crate::names::Hostname>,

    /// The spec's target [default: the one that the config is written for; an Ignition config of
    /// specification 3 does not say it]
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}
