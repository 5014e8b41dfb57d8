//! The command line, as `clap` declares it, a file a command. Arguments only: what they do is in
//! the modules beside this one.

mod base;
mod build;
mod embed;
mod import;
mod keys;
mod messages;
mod run;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use base::{BaseCommand, CacheDir};
pub use build::{BaseSource, Build, Kernel, Source};
pub use embed::{Embed, Show};
pub use import::Import;
pub use keys::{Keys, KeysOf, KubeconfigOf, RotationStep};
pub use messages::{Color, Common, MessageFormat};
pub use run::{Accel, ExitWhen, Medium, Run};
pub use verify::Verify;

/// One readable YAML file in, one bootable, immutable Kubernetes node out.
#[derive(Debug, Parser)]
#[command(
    name = "imgbuild",
    version,
    subcommand_negates_reqs = true,
    override_usage = "imgbuild [OPTIONS] --output <PATH> <SPEC>\n       imgbuild [OPTIONS] <COMMAND>",
    after_help = "Examples:\n  \
        imgbuild node.yaml -o node.iso        a bootable ISO: CD or USB stick, BIOS or UEFI\n  \
        imgbuild node.yaml -o node.ign        the Ignition config alone\n  \
        imgbuild cluster.yaml -o out/         a PXE tree with every node of the cluster\n  \
        imgbuild run node.yaml                boot it in QEMU\n\n\
        Exit status: 0 done, 1 the environment failed (network, disk, tool) or `verify` found a difference, 2 the input is wrong."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub build: Build,

    #[command(flatten)]
    pub common: Common,
}

impl Cli {
    /// Reads the command line that the process was given; ends it where that is wrong, or asks for
    /// help.
    pub fn of_process() -> Self {
        match Self::of(std::env::args_os()) {
            Ok(cli) => cli,
            Err(error) => error.exit(),
        }
    }

    /// Reads a command line. Options of every command may stand before one; those of a build may
    /// not.
    fn of(
        words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        // Not clap's `args_conflicts_with_subcommands`: behind any option it takes a command for a
        // spec.
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(words)?;
        if let Some(name) = matches.subcommand_name() {
            let is_given = |argument: &&clap::Arg| {
                let id = argument.get_id().as_str();
                !argument.is_global_set()
                    && matches.try_contains_id(id).is_ok()
                    && matches.value_source(id) == Some(ValueSource::CommandLine)
            };
            let given = command.get_arguments().find(is_given);
            if let Some(given) = given.map(ToString::to_string) {
                let message = format!(
                    "`{given}` goes with a build, and `{name}` is a command; a spec of that name is ./{name}"
                );
                return Err(command.error(ErrorKind::ArgumentConflict, message));
            }
        }
        Self::from_arg_matches(&matches)
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a spec, write nothing
    Check {
        /// The specs to check
        #[arg(value_name = "SPEC", required = true)]
        specs: Vec<PathBuf>,
        /// The folder of the cluster's keys [default: `keys` beside the spec]
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
    },
    /// Say more about a diagnostic's code, such as E0123
    Explain {
        /// The code; without it, all codes are listed
        code: Option<String>,
    },
    /// Show what changes from one spec or artifact to another, and how Kubernetes is upgraded
    Diff {
        /// A spec, an Ignition config, an ISO, an initrd or a payload
        #[arg(value_name = "OLD")]
        old: PathBuf,
        /// Another one
        #[arg(value_name = "NEW")]
        new: PathBuf,
        /// Of clusters, only the node with this host name
        #[arg(long, value_name = "HOSTNAME")]
        node: Option<String>,
        /// The folder of the cluster's keys [default: `keys` beside the spec]
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
    },
    /// Show every file, unit and user that a spec makes, and the line that asked for it; or what is
    /// inside an artifact: base, kernel arguments, files, units, certificates and when they expire
    Inspect {
        /// A node spec (.yaml), an ISO, an initrd, a payload or an Ignition config
        #[arg(value_name = "WHAT")]
        what: PathBuf,
        /// Of a cluster's spec, only the node with this host name
        #[arg(long, value_name = "HOSTNAME")]
        node: Option<String>,
        /// The folder of the cluster's keys [default: `keys` beside the spec]
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
    },
    /// Turn a Butane config, an Ignition config or a Container Linux Config into a node spec
    #[command(
        long_about = "Turn a Butane config, an Ignition config or a Container Linux Config into a node spec. Comments are kept; what a \
            node spec has no word for is left out and said, with its line."
    )]
    Import(Import),
    /// The cluster's keys and certificates
    #[command(subcommand)]
    Keys(Keys),
    /// Print the kubeconfig of the cluster's administrator
    Kubeconfig(KubeconfigOf),
    /// Put a config into a live ISO of Fedora CoreOS, or make a payload for its network boot
    #[command(
        long_about = "Put a config into a live ISO of Fedora CoreOS or RHEL CoreOS, where it looks for one, or make a payload for \
            network boot. What this embeds coreos-installer reads, and the other way round.\n\n\
            The live system runs --ignition. With --dest-device, --dest-ignition and other --dest options it installs itself onto a \
            disk without asking, and restarts into the installed system. Either config may be an Ignition config or a node spec \
            (.yaml).",
        after_help = "Examples:\n  \
            imgbuild embed live.iso --ignition node.yaml -o node.iso\n  \
            imgbuild embed live.iso --dest-device /dev/sda --dest-ignition node.yaml -o install.iso\n  \
            imgbuild embed live.iso --show\n  \
            imgbuild embed node.iso --remove -o live.iso     the original, byte for byte\n  \
            imgbuild embed --pxe --ignition config.ign -o config.img"
    )]
    Embed(Box<Embed>),
    /// Boot a spec or an image in QEMU, its console here
    Run(Box<Run>),
    /// The base OS images in the cache
    #[command(subcommand)]
    Base(BaseCommand),
    /// Refresh `imgbuild.lock`: take the newest packages
    Update {
        /// The spec beside which the lock lies
        #[arg(value_name = "SPEC")]
        spec: PathBuf,
        #[command(flatten)]
        source: BaseSource,
    },
    /// Build a spec again and tell whether an artifact is what it gives, byte for byte
    #[command(
        long_about = "Build a spec again, with the same keys, lock and base, and tell whether an artifact is what it gives, byte for byte. \
            Where bytes differ, what differs is told: the base, the kernel, its arguments, files, units, users. Neither keys nor lock \
            change.\n\n\
            An artifact of another program, such as a config that Butane wrote or an ISO of genisoimage, may say the same in other \
            bytes. That is told, and is no difference unless --exact is given.\n\n\
            Exit status: 0 the same, 1 it differs (or the environment failed), 2 the spec or the command line is wrong.",
        after_help = "Examples:\n  \
            imgbuild verify node.iso node.yaml\n  \
            imgbuild verify out/ cluster.yaml                        a PXE tree, every node of it\n  \
            imgbuild verify live-node.iso node.yaml --base live.iso  a live ISO of Fedora CoreOS with a config in it"
    )]
    Verify(Box<Verify>),
    /// Print the JSON Schema of the node spec, for editors
    Schema,
    /// Print a shell's completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one page a command into a folder
    Man {
        /// The folder; without it, the main page goes to standard output
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_declaration_is_sound() {
        Cli::command().debug_assert();
    }

    fn read(line: &str) -> Result<Cli, clap::Error> {
        Cli::of(line.split_whitespace())
    }

    #[test]
    fn options_of_every_command_go_before_and_behind_it() {
        for line in [
            "imgbuild -q schema",
            "imgbuild schema -q",
            "imgbuild --quiet --color never embed live.iso --show",
            "imgbuild -q node.yaml -o node.iso",
            "imgbuild node.yaml -o node.iso -q",
            "imgbuild -o node.iso -q ./schema",
        ] {
            let cli = read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(cli.common.quiet, "{line}");
            assert_eq!(cli.command.is_none(), line.contains("-o"), "{line}");
        }
        for (line, why) in [
            ("imgbuild -o a.iso schema", ErrorKind::ArgumentConflict),
            (
                "imgbuild --offline -q check a.yaml",
                ErrorKind::ArgumentConflict,
            ),
            ("imgbuild -q", ErrorKind::MissingRequiredArgument),
            ("imgbuild node.yaml", ErrorKind::MissingRequiredArgument),
        ] {
            let error = read(line).expect_err(line);
            assert_eq!(error.kind(), why, "{line}: {error}");
        }
        let said = read("imgbuild -o a.iso schema")
            .expect_err("is refused")
            .to_string();
        assert!(
            said.contains("--output <PATH>") && said.contains("./schema"),
            "{said}"
        );
    }
}
