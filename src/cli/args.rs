//! The command line, as `clap` declares it. Arguments only: what they do is in the modules beside this one.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// One readable YAML file in, one bootable, immutable Kubernetes node out.
#[derive(Debug, Parser)]
#[command(
    name = "imgbuild",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  \
        imgbuild node.yaml -o node.iso        a bootable ISO: CD or USB stick, BIOS or UEFI\n  \
        imgbuild node.yaml -o node.ign        the Ignition config alone\n  \
        imgbuild cluster.yaml -o out/         a PXE tree with every node of the cluster\n  \
        imgbuild run node.yaml                boot it in QEMU\n\n\
        Exit status: 0 done, 1 the environment failed (network, disk, tool), 2 the input is wrong."
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub build: Build,

    #[command(flatten)]
    pub common: Common,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// When to colour messages
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "WHEN",
        help_heading = "Messages"
    )]
    pub color: Color,

    /// How to write diagnostics: for people, or one JSON object a line
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FORMAT",
        help_heading = "Messages"
    )]
    pub message_format: MessageFormat,

    /// Say nothing but errors and warnings
    #[arg(short, long, global = true, help_heading = "Messages")]
    pub quiet: bool,
}

/// What is built, and from what.
#[derive(Debug, Clone, Args)]
pub struct Build {
    /// The node spec, or the spec of a cluster
    #[arg(value_name = "SPEC", required = true)]
    pub spec: Option<PathBuf>,

    /// Where to write: a file, a folder for a cluster, `-` for standard output. The name says the format
    #[arg(short, long, value_name = "PATH", required = true)]
    pub output: Option<PathBuf>,

    /// The output's format, whatever its name [possible values: ignition, iso, cpio, cpio.gz, cpio.zst,
    /// initrd, pxe, config-iso, config-2, embed]
    #[arg(long, value_name = "FORMAT", hide_possible_values = true)]
    pub format: Option<String>,

    /// With `--format embed`: the Fedora CoreOS live ISO that a copy with the node's config is made of
    #[arg(long, value_name = "LIVE_ISO")]
    pub base: Option<PathBuf>,

    /// Of a cluster, only the node with this host name
    #[arg(long, value_name = "HOSTNAME")]
    pub node: Option<String>,

    #[command(flatten)]
    pub source: Source,
}

/// Where a node's parts come from.
#[derive(Debug, Clone, Args)]
pub struct Source {
    /// The folder of the cluster's keys [default: `keys` beside the spec]
    #[arg(long, value_name = "DIR", help_heading = "Sources")]
    pub keys: Option<PathBuf>,

    #[command(flatten)]
    pub base: BaseSource,
}

/// Where the base OS comes from.
#[derive(Debug, Clone, Args)]
pub struct BaseSource {
    /// The kernel of the base, over the spec's `kernel:` (`generic` has drivers for real hardware, `cloud` is small)
    #[arg(long, value_enum, value_name = "FLAVOUR", help_heading = "Sources")]
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

    /// Where downloads and finished bases are kept [default: `imgbuild` in the user's cache folder]
    #[arg(
        long,
        value_name = "DIR",
        env = "IMGBUILD_CACHE",
        help_heading = "Sources"
    )]
    pub cache: Option<PathBuf>,

    /// The folder of Kubernetes' programs to embed, or the URL of a site that has them, over the spec's
    /// `artifacts.programs`
    #[arg(
        long,
        value_name = "DIR|URL",
        env = "IMGBUILD_KUBE_DIR",
        help_heading = "Sources"
    )]
    pub programs: Option<PathBuf>,

    /// Where to look for a registry's images instead, as in registry.k8s.io=mirror.example:5000/k8s; may be given several
    /// times. http:// before the mirror's host leaves out TLS
    #[arg(
        long,
        value_name = "FROM=TO",
        env = "IMGBUILD_REGISTRY_MIRROR",
        value_delimiter = ',',
        help_heading = "Sources"
    )]
    pub registry_mirror: Vec<String>,

    /// Use what the cache has; touch no network
    #[arg(long, help_heading = "Sources")]
    pub offline: bool,

    /// Fail rather than change `imgbuild.lock`
    #[arg(long, help_heading = "Sources")]
    pub locked: bool,
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
    /// Show every file, unit and user that a spec makes, and the line that asked for it; or what is inside an artifact: base,
    /// kernel arguments, files, units, certificates and when they expire
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

#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Make what the cluster lacks
    Init(KeysOf),
    /// List what is there, and when it expires
    List(KeysOf),
    /// Make keys and certificates anew, or replace authorities
    #[command(
        long_about = "Make keys and certificates anew, or replace authorities.\n\n\
            Without --ca, the private keys and certificates of nodes and clients are made anew, all of them or those that NAME means: \
            a node, a certificate such as `apiserver`, a path such as `clients/kubernetes/admin`. Build and boot the nodes to use \
            them.\n\n\
            An authority is replaced in three steps, and after each of them every node is built and booted before the next:\n  \
            1. --ca trust  a successor is made, and the nodes trust both; the old one goes on signing\n  \
            2. --ca issue  the successor issues all certificates anew; the nodes still trust both\n  \
            3. --ca drop   the old one is trusted no longer\n\
            NAME is `ca`, `front-proxy-ca`, `etcd/ca`, or `sa`, the key that signs service accounts' tokens; without a NAME, all that can \
            take the step do. After the last step of `ca` a kubeconfig from before is refused: print a new one.\n\n\
            Whatever is replaced is kept in old/ in the key folder."
    )]
    Rotate {
        #[command(flatten)]
        of: KeysOf,
        /// What to make anew [default: all]
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        /// Replace authorities, one step at a time
        #[arg(long, value_enum, value_name = "STEP")]
        ca: Option<RotationStep>,
    },
    /// Take over a cluster's authorities from a copy of kubeadm's /etc/kubernetes/pki
    #[command(
        long_about = "Take over a cluster's authorities from a copy of kubeadm's /etc/kubernetes/pki: ca, front-proxy-ca and etcd/ca, \
            certificates with their private keys (ECDSA P-256 or RSA), and sa.key. They are checked first, and all of them are taken or \
            none. Builds then issue the nodes' certificates from them, so that imgbuild's nodes belong to that cluster. What the folder \
            does not have, front-proxy-ca or etcd/ca, is made."
    )]
    Import {
        #[command(flatten)]
        of: KeysOf,
        /// The folder to take them from
        #[arg(value_name = "DIR")]
        from: PathBuf,
    },
    /// Print the `kubeadm join` command of the cluster; it holds the bootstrap token
    Token(KeysOf),
}

/// A step of the replacement of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RotationStep {
    /// Make a successor; the nodes trust both
    Trust,
    /// Let the successor issue everything
    Issue,
    /// Trust the old one no longer
    Drop,
}

/// `imgbuild kubeconfig`
#[derive(Debug, Clone, Args)]
pub struct KubeconfigOf {
    #[command(flatten)]
    pub of: KeysOf,
    /// Write into this file, readable by you alone, rather than to standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How you reach the API, as in `https://127.0.0.1:6443` [default: the spec's `endpoint`, else the first control plane]
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
}

/// Which cluster's keys.
#[derive(Debug, Clone, Args)]
pub struct KeysOf {
    /// The spec of the cluster
    #[arg(value_name = "SPEC")]
    pub spec: PathBuf,
    /// The folder of the keys [default: `keys` beside the spec]
    #[arg(long, value_name = "DIR")]
    pub keys: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum BaseCommand {
    /// Build a base and keep it in the cache
    Build {
        /// The machine that it is for
        #[arg(long, value_name = "ARCH", default_value = "amd64")]
        arch: crate::names::Arch,
        /// The lock to take the packages from, and to write [default: none, the newest packages]
        #[arg(long, value_name = "FILE")]
        lock: Option<PathBuf>,
        #[command(flatten)]
        source: BaseSource,
    },
    /// List the bases in the cache
    List {
        #[command(flatten)]
        cache: CacheDir,
    },
    /// Remove bases and packages that were not used for a while
    Gc {
        /// Keep what was used within this many days
        #[arg(long, value_name = "DAYS", default_value_t = 30)]
        keep_days: u64,
        /// Keep what this lock names, however old; may be given several times
        #[arg(long, value_name = "FILE")]
        lock: Vec<PathBuf>,
        #[command(flatten)]
        cache: CacheDir,
    },
}

/// Where the cache is.
#[derive(Debug, Clone, Args)]
pub struct CacheDir {
    /// Where downloads and finished bases are kept [default: `imgbuild` in the user's cache folder]
    #[arg(long, value_name = "DIR", env = "IMGBUILD_CACHE")]
    pub cache: Option<PathBuf>,
}

/// Embedding into live systems.
#[derive(Debug, Clone, Args)]
pub struct Embed {
    /// The live ISO; it stays as it is unless --output names it too
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

    /// Take out what was embedded, and reset the kernel's arguments
    #[arg(long, conflicts_with_all = ["pxe", "LiveSystem", "InstalledSystem", "force"])]
    pub remove: bool,

    /// Make a payload for network boot, to be loaded behind the live system's initrd
    #[arg(
        long,
        conflicts_with_all = ["iso", "karg_append", "karg_delete", "karg_replace", "force"]
    )]
    pub pxe: bool,

    /// Replace what was embedded before
    #[arg(long)]
    pub force: bool,

    /// Of a cluster's spec, only the node with this host name
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

    /// A keyfile of NetworkManager, for the live system and one that it installs; may be given several times
    #[arg(long, value_name = "FILE")]
    pub network_keyfile: Vec<PathBuf>,

    /// Add a kernel argument; may be given several times, as those below
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub karg_append: Vec<String>,

    /// Take a kernel argument away
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
    /// The disk to install onto, without asking
    #[arg(long, value_name = "DEVICE")]
    pub dest_device: Option<String>,

    /// The config of the installed system: an Ignition config, or a node spec (.yaml)
    #[arg(long, value_name = "FILE")]
    pub dest_ignition: Option<PathBuf>,

    /// A console of the installed system, as in ttyS0,115200n8; may be given several times, as those below
    #[arg(long, value_name = "CONSOLE")]
    pub dest_console: Vec<String>,

    /// Add a kernel argument to the installed system
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub dest_karg_append: Vec<String>,

    /// Take a kernel argument away from the installed system
    #[arg(long, value_name = "ARG", allow_hyphen_values = true)]
    pub dest_karg_delete: Vec<String>,
}

/// What `embed --show` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Show {
    /// All in short, without secrets
    Summary,
    /// The Ignition config as it is
    Ignition,
    /// The kernel's arguments
    Kargs,
    /// The keyfiles as they are
    Network,
}

/// Configs of other tools.
#[derive(Debug, Clone, Args)]
pub struct Import {
    /// The config (.bu, .yaml, .ign, .json)
    #[arg(value_name = "CONFIG")]
    pub config: PathBuf,

    /// Where to write the spec [default: standard output]
    #[arg(short, long, value_name = "PATH")]
    pub output: Option<PathBuf>,

    /// The node's name [default: what the config writes into /etc/hostname, else the config's own name]
    #[arg(long, value_name = "HOSTNAME")]
    pub hostname: Option<crate::names::Hostname>,

    /// The spec's target [default: what the config is written for]
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}

/// Booting in QEMU.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "options of the command line, each by itself"
)]
pub struct Run {
    /// A node spec, the spec of a cluster, an ISO, an initrd made with `-o x.initrd`, or a PXE tree
    #[arg(value_name = "WHAT")]
    pub what: PathBuf,

    /// Of a cluster or a PXE tree, only the node with this host name
    #[arg(long, value_name = "HOSTNAME")]
    pub node: Option<String>,

    /// Leave once the node is up, or leave with the machine
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub exit_when: ExitWhen,

    /// Fail when it takes longer than this, as in `90s` or `10m`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// Start with a PC BIOS
    #[arg(long, group = "firmware")]
    pub bios: bool,

    /// Start with UEFI
    #[arg(long, group = "firmware")]
    pub uefi: bool,

    /// Start with UEFI that runs signed programs only
    #[arg(long, group = "firmware")]
    pub secure_boot: bool,

    /// How the machine sees the image
    #[arg(long, value_enum, value_name = "MEDIUM")]
    pub medium: Option<Medium>,

    /// Hand the Ignition config of a spec over by QEMU's `fw_cfg` too, where the target's Ignition looks for it on the platform `qemu`
    #[arg(long)]
    pub fw_cfg: bool,

    /// Memory of each machine in MiB
    #[arg(long, value_name = "MIB", default_value_t = 2048)]
    pub memory: u32,

    /// Processors of each machine
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub cpus: u32,

    /// A port of the host (loopback) that leads to a port of the node, as in 2222:22; of a cluster's nodes the
    /// first gets this host port, the next ones those after it
    #[arg(short = 'p', long = "publish", value_name = "HOST:NODE")]
    pub publish: Vec<String>,

    /// A disk image to attach, made when it is not there; its size in GiB may follow, as in state.img:8. Without one, a
    /// spec with `storage_device` gets an empty disk that goes with the machine
    #[arg(long, value_name = "FILE[:GIB]")]
    pub disk: Vec<String>,

    /// `kvm` is faster where it works; `tcg` works everywhere
    #[arg(long, value_enum, value_name = "ACCEL", default_value_t)]
    pub accel: Accel,

    #[command(flatten)]
    pub source: Source,
}

/// When `run` leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ExitWhen {
    /// Every machine is powered off
    #[default]
    Off,
    /// Every node is up, or one has failed
    Ready,
}

/// How a machine sees the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Medium {
    /// An optical drive
    Cd,
    /// A USB stick
    Usb,
    /// Kernel and initrd, loaded by QEMU itself
    Kernel,
    /// iPXE, from the network
    Pxe,
}

/// What runs the machine's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Accel {
    #[default]
    Tcg,
    Kvm,
}

/// The kernel package of the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kernel {
    Generic,
    Cloud,
}

/// When messages have colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    Always,
    Never,
}

/// How diagnostics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum MessageFormat {
    #[default]
    Text,
    Json,
}

/// Seconds, or a number with `s`, `m` or `h`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "a time is a number with s, m or h, as in 90s".to_owned())?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("the unit of a time is s, m or h".to_owned()),
    };
    number
        .checked_mul(factor)
        .map(Duration::from_secs)
        .ok_or_else(|| "that time is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declaration_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        for bad in [
            "",
            "s",
            "1d",
            "-1s",
            "99999999999999999999s",
            "9999999999999999999h",
        ] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
