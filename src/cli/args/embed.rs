//! The arguments of `imgbuild embed`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::Source;

/// Embedding into live systems.
#[derive(Debug, Clone, Args)]
pub struct Embed {
    /// The live ISO; left unchanged unless --output names it too
    #[arg(value_name = "LIVE_ISO", required_unless_present = "pxe")]
    pub iso: Option<PathBuf>,

    /// Where to write: a file, or `-` for standard output
    #[arg(
        short,
        long,
        value_name = "PATH",
        required_unless_present = "show",
        conflicts_with = "show"
    )]
    pub output: Option<PathBuf>,

    /// Show what is embedded
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "summary",
        conflicts_with_all = ["remove", "pxe", "LiveSystem", "InstalledSystem"]
    )]
    pub show: Option<Show>,

    /// Remove everything embedded, and reset the kernel arguments
    #[arg(long, conflicts_with_all = ["pxe", "LiveSystem", "InstalledSystem", "force"])]
    pub remove: bool,

    /// Create a payload for network boot, to be loaded after the live system's initrd
    #[arg(
        long,
        conflicts_with_all = ["iso", "karg_append", "karg_delete", "karg_replace", "force"]
    )]
    pub pxe: bool,

    /// Replace anything that was embedded before
    #[arg(long)]
    pub force: bool,

    /// For the spec of a cluster, only the node with this host name
    #[arg(long, value_name = "HOSTNAME")]
    pub node: Option<String>,

    #[command(flatten)]
    pub live: LiveSystem,

    #[command(flatten)]
    pub installed: InstalledSystem,

    #[command(flatten)]
    pub source: Source,
}

/// What a live system is given.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Live system")]
pub struct LiveSystem {
    /// The config of the live system: an Ignition config, or a node spec (.yaml)
    #[arg(long, value_name = "FILE")]
    pub ignition: Option<PathBuf>,

    /// A NetworkManager keyfile, for the live system and the one that it installs; may be repeated
    #[arg(long, value_name = "FILE")]
    pub network_keyfile: Vec<PathBuf>,

    /// Add a kernel argument; may be repeated, as may the options below
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub karg_append: Vec<String>,

    /// Remove a kernel argument
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub karg_delete: Vec<String>,

    /// Replace a kernel argument's value
    #[arg(long, value_name = "KEY=OLD=NEW")]
    pub karg_replace: Vec<String>,
}

/// What a live system installs.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Installed system")]
#[allow(
    clippy::struct_field_names,
    reason = "named as the options are, which have to be told from those of the live system"
)]
pub struct InstalledSystem {
    /// The disk to install onto, without confirmation
    #[arg(long, value_name = "DEVICE")]
    pub dest_device: Option<String>,

    /// The config of the installed system: an Ignition config, or a node spec (.yaml)
    #[arg(long, value_name = "FILE")]
    pub dest_ignition: Option<PathBuf>,

    /// A console of the installed system, as in ttyS0,115200n8; may be repeated, as may the options
    /// below
    #[arg(long, value_name = "CONSOLE")]
    pub dest_console: Vec<String>,

    /// Add a kernel argument to the installed system
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub dest_karg_append: Vec<String>,

    /// Remove a kernel argument from the installed system
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub dest_karg_delete: Vec<String>,
}

/// What `embed --show` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Show {
    /// A summary, without secrets
    Summary,
    /// The Ignition config, verbatim
    Ignition,
    /// The kernel arguments
    Kargs,
    /// The keyfiles, verbatim
    Network,
}
