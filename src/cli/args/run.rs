//! The arguments of `imgbuild run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::Source;

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

    /// For a cluster or a PXE tree, only the node with this host name
    #[arg(long, value_name = "HOSTNAME")]
    pub node: Option<String>,

    /// When to exit: once every node is up, which nodes based on Debian report, or once every
    /// machine is off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub exit_when: ExitWhen,

    /// Fail if it takes longer than this, as in `90s` or `10m`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    /// Boot with a legacy BIOS
    #[arg(long, group = "firmware")]
    pub bios: bool,

    /// Boot with UEFI
    #[arg(long, group = "firmware")]
    pub uefi: bool,

    /// Boot with UEFI Secure Boot
    #[arg(long, group = "firmware")]
    pub secure_boot: bool,

    /// The medium that the machine boots the image from
    #[arg(long, value_enum, value_name = "MEDIUM")]
    pub medium: Option<Medium>,

    /// Also pass the Ignition config of a spec through QEMU's `fw_cfg`, where the target's Ignition
    /// looks for it on the platform `qemu`
    #[arg(long)]
    pub fw_cfg: bool,

    /// Memory of each machine in MiB [default: 2048, or what the target requires]
    #[arg(long, value_name = "MIB")]
    pub memory: Option<u32>,

    /// Processors of each machine
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub cpus: u32,

    /// Forward a port of the host (loopback only) to a port of the node, as in 2222:22; in a
    /// cluster, the first node gets this host port and the others those that follow
    #[arg(short = 'p', long = "publish", value_name = "HOST:NODE")]
    pub publish: Vec<String>,

    /// A disk image to attach, created if it does not exist; its size in GiB may follow, as in
    /// state.img:8. Without one, a spec with `storage_device` gets an empty disk that is deleted
    /// with the machine
    #[arg(long, value_name = "FILE[:GIB]")]
    pub disk: Vec<String>,

    /// `kvm` is faster where it works; `tcg` works everywhere
    #[arg(long, value_enum, value_name = "ACCEL", default_value_t)]
    pub accel: Accel,

    #[command(flatten)]
    pub source: Source,
}

/// When `run` exits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ExitWhen {
    /// Every machine is powered off
    #[default]
    Off,
    /// Every node is up, or one has failed
    Ready,
}

/// The medium that a machine boots the image from.
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

/// Seconds, or a number with `s`, `m` or `h`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let number: u64 = number
        .parse()
        .map_err(|_| "expected a number followed by s, m or h, as in 90s".to_owned())?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("the unit must be s, m or h".to_owned()),
    };
    number
        .checked_mul(factor)
        .map(Duration::from_secs)
        .ok_or_else(|| "the time is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

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
