//! The command line, as `clap` declares it, one file per command. Arguments only: what they do is
//! in the modules beside this one.

mod base;
mod build;
mod embed;
mod import;
mod keys;
mod kubernetes;
mod messages;
mod run;
mod test;
mod verify;
mod words;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use base::BaseCommand;
pub use build::{BaseSource, Build, Source, format};
pub use embed::{Embed, Show};
pub use import::Import;
pub use keys::{Keys, KeysOf, KubeconfigOf};
pub use kubernetes::{KubernetesCommand, Learn};
pub use messages::{Color, Common, MessageFormat};
pub use run::{Run, disk_image, forward};
pub use test::Test;
pub use verify::Verify;

/// One readable YAML file in, one bootable, immutable Kubernetes node out.
#[derive(Debug, Parser)]
#[command(
    name = "imgbuild",
    version,
    subcommand_negates_reqs = true,
    // `Command::Help` knows topics too.
    disable_help_subcommand = true,
    override_usage = "imgbuild [OPTIONS] --output <PATH> <SPEC>\n       imgbuild [OPTIONS] <COMMAND>",
    after_help = "Examples:\n  \
        imgbuild node.yaml -o node.iso        a bootable ISO: CD or USB stick, BIOS or UEFI\n  \
        imgbuild node.yaml -o node.ign        the Ignition config alone\n  \
        imgbuild cluster.yaml -o out/         a PXE tree with every node of the cluster\n  \
        imgbuild run node.yaml                boot it in QEMU\n  \
        imgbuild help kubernetes              a topic of the manual; `imgbuild help` lists all\n\n\
        Exit status: 0 success, 1 the environment failed (network, disk, tool), `verify` found a difference or a check of `test` failed, \
        2 the input is invalid."
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
    /// Reads the command line of this process; exits where it is invalid or asks for help.
    pub fn from_process() -> Self {
        match Self::of(std::env::args_os()) {
            Ok(cli) => cli,
            Err(error) => error.exit(),
        }
    }

    /// Reads a command line. Options of every command may stand before one; those of a build may
    /// not.
    pub fn of(
        words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
    ) -> Result<Self, clap::Error> {
        // Not clap's `args_conflicts_with_subcommands`: after any option it takes a command for a
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
                    "`{given}` is an option of a build, and `{name}` is a command; for a spec of that name write ./{name}"
                );
                return Err(command.error(ErrorKind::ArgumentConflict, message));
            }
        }
        Self::from_arg_matches(&matches)
    }
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check specs without writing anything
    Check {
        /// The specs to check
        #[arg(value_name = "SPEC", required = true)]
        specs: Vec<PathBuf>,
        /// The cluster's key folder [default: `keys` beside the spec]
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
    },
    /// Explain a diagnostic's code, such as E0123
    Explain {
        /// The code; without it, all codes are listed
        code: Option<String>,
    },
    /// Show a topic of the manual, or the help of a command
    Help {
        /// The topic or the command. Default: print all commands and topics
        #[arg(value_name = "TOPIC|COMMAND")]
        words: Vec<String>,
    },
    /// Show what changes from one spec or artifact to another, and how to upgrade Kubernetes
    Diff {
        /// A spec, an Ignition config, an ISO, an initrd or a payload
        #[arg(value_name = "OLD")]
        old: PathBuf,
        /// What to compare it with
        #[arg(value_name = "NEW")]
        new: PathBuf,
        /// For clusters, only the node with this host name
        #[arg(long, value_name = "HOSTNAME")]
        node: Option<String>,
        /// The cluster's key folder [default: `keys` beside the spec]
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
    },
    /// Show every file, unit and user that a spec produces, and the line that each comes from; or
    /// what an artifact contains: base, kernel arguments, files, units, certificates and when they
    /// expire
    Inspect {
        /// A node spec (.yaml), an ISO, an initrd, a payload or an Ignition config
        #[arg(value_name = "WHAT")]
        what: PathBuf,
        /// For the spec of a cluster, only the node with this host name
        #[arg(long, value_name = "HOSTNAME")]
        node: Option<String>,
        /// The cluster's key folder [default: `keys` beside the spec]
        #[arg(long, value_name = "DIR")]
        keys: Option<PathBuf>,
    },
    /// Convert a Butane config, an Ignition config or a Container Linux Config into a node spec
    #[command(
        long_about = "Convert a Butane config, an Ignition config or a Container Linux Config into a node spec. Comments are kept; what \
            a node spec cannot express is left out and reported, with its line."
    )]
    Import(Import),
    /// Manage the cluster's keys and certificates
    #[command(subcommand)]
    Keys(Keys),
    /// Print the kubeconfig of the cluster's administrator
    Kubeconfig(KubeconfigOf),
    /// Learn from Kubernetes' programs what a release has
    #[command(subcommand)]
    Kubernetes(KubernetesCommand),
    /// Embed a config in a Fedora CoreOS live ISO, or create a payload for its network boot
    #[command(
        long_about = "Embed a config in a live ISO of Fedora CoreOS or RHEL CoreOS, or create a payload for network boot. The result is \
            interchangeable with that of coreos-installer: each reads what the other embedded.\n\n\
            The live system applies the config of --ignition. With --dest-device, --dest-ignition and other --dest options it installs \
            itself onto a disk without confirmation, and reboots into the installed system. Either config may be an Ignition config or a \
            node spec (.yaml).",
        after_help = "Examples:\n  \
            imgbuild embed live.iso --ignition node.yaml -o node.iso\n  \
            imgbuild embed live.iso --dest-device /dev/sda --dest-ignition node.yaml -o install.iso\n  \
            imgbuild embed live.iso --show\n  \
            imgbuild embed node.iso --remove -o live.iso     the original, byte for byte\n  \
            imgbuild embed --pxe --ignition config.ign -o config.img"
    )]
    Embed(Box<Embed>),
    /// Boot a spec or an image in QEMU, with its console on this terminal
    Run(Box<Run>),
    /// Boot an artifact in QEMU and check its nodes
    #[command(
        long_about = "Boot the very artifact in QEMU, wait until its nodes are ready, and check them: units, ports, files, pods, answers of \
            commands. The checks are in a YAML file; without one, the nodes must be ready. A table says how each check went, and how long \
            each stage of the boot took.\n\n\
            Exit status: 0 all checks passed, 1 one failed (or the environment did), 2 the input is invalid.",
        after_help = "Examples:\n  \
            imgbuild test node.iso\n  \
            imgbuild test node.iso checks.yaml --ssh-key ~/.ssh/lab --junit report.xml\n  \
            imgbuild test out/ checks.yaml --snapshot cluster.snapshot     boots once; from then on seconds"
    )]
    Test(Box<Test>),
    /// Manage the base OS images in the cache
    #[command(subcommand)]
    Base(BaseCommand),
    /// Update `imgbuild.lock` to the newest packages
    Update {
        /// The spec that the lock file lies beside
        #[arg(value_name = "SPEC")]
        spec: PathBuf,
        #[command(flatten)]
        source: BaseSource,
    },
    /// Rebuild a spec and compare the result with an artifact, byte for byte
    #[command(
        long_about = "Rebuild a spec, with the same keys, lock file and base, and compare the result with an artifact, byte for byte. \
            Where bytes differ, the differences are listed: the base, the kernel, its arguments, files, units, users. Neither the keys \
            nor the lock file change.\n\n\
            An artifact of another program, such as a config written by Butane or an ISO written by genisoimage, may be equivalent and \
            still have different bytes. That is reported, but is no difference unless --exact is given.\n\n\
            Exit status: 0 identical, 1 different (or the environment failed), 2 the spec or the command line is invalid.",
        after_help = "Examples:\n  \
            imgbuild verify node.iso node.yaml\n  \
            imgbuild verify out/ cluster.yaml                        a PXE tree, every node of it\n  \
            imgbuild verify live-node.iso node.yaml --base live.iso  a Fedora CoreOS live ISO with an embedded config"
    )]
    Verify(Box<Verify>),
    /// Print the JSON Schema of the node spec, for editors
    Schema {
        /// That of the checks files of `imgbuild test`
        #[arg(long)]
        checks: bool,
    },
    /// Print shell completions
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page of the program, or write all pages into a folder: one for each command
    /// and topic
    Man {
        /// The folder for imgbuild(1), imgbuild-check(1), imgbuild-spec(5), imgbuild-keys(7) and
        /// the others. Default: print imgbuild(1)
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
