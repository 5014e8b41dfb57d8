//! The arguments of `imgbuild test`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::Source;
use super::run::{Computer, parse_duration};

/// Booting an artifact and checking its nodes.
#[derive(Debug, Clone, Args)]
pub struct Test {
    /// An ISO, an initrd made with `-o x.initrd`, a PXE tree, all nodes of which boot on one
    /// network, or a spec, which is built first
    #[arg(value_name = "ARTIFACT")]
    pub what: PathBuf,

    /// The checks file [default: the nodes must be ready]
    #[arg(value_name = "CHECKS")]
    pub checks: Option<PathBuf>,

    /// For a PXE tree or a cluster, only the node with this host name
    #[arg(long, value_name = "HOSTNAME")]
    pub node: Option<String>,

    /// Fail if it takes longer than this until all nodes are ready, as in `90s` or `10m` [default:
    /// 15m, or what the checks file says]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// The user who asks the nodes over SSH [default: `core`, or the first user of the artifact who
    /// has a key]
    #[arg(long, value_name = "USER")]
    pub ssh_user: Option<String>,

    /// A file of a private key for SSH [default: those of the SSH agent and of ~/.ssh]
    #[arg(long, value_name = "FILE")]
    pub ssh_key: Vec<PathBuf>,

    /// Write a report in JUnit's XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,

    /// Write a report in JSON; `-` is standard output, in place of the table
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Keep what the consoles show in this folder [default: a temporary folder, which stays if a
    /// check fails]
    #[arg(long, value_name = "DIR")]
    pub logs: Option<PathBuf>,

    /// Start from the booted machines in this file. If it does not exist or is of another artifact,
    /// the machines boot, and are saved to it once they are ready
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,

    #[command(flatten)]
    pub computer: Computer,

    #[command(flatten)]
    pub source: Source,
}
