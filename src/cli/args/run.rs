//! The arguments of `imgbuild run`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::ops::run::{BootMedium, DEFAULT_DISK, DiskImage};
use crate::qemu::watch::Until;
use crate::qemu::{Accel, Firmware, Forward};

use super::Source;

/// Booting in QEMU.
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// A node spec, the spec of a cluster, an ISO, an initrd made with `-o x.initrd`, or a PXE tree
    #[arg(value_name = "WHAT")]
    pub what: PathBuf,

    /// For a cluster or a PXE tree, only the node with this host name
    #[arg(long, value_name = "HOSTNAME")]
    pub node: Option<String>,

    /// When to exit: once every node is up, which nodes based on Debian report, or once every
    /// machine is off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Until::PoweredOff)]
    pub exit_when: Until,

    /// Fail if it takes longer than this, as in `90s` or `10m`
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub timeout: Option<Duration>,

    #[command(flatten)]
    pub computer: Computer,

    /// Also pass the Ignition config of a spec through QEMU's `fw_cfg`, where the target's Ignition
    /// looks for it on the platform `qemu`
    #[arg(long)]
    pub fw_cfg: bool,

    /// Forward a port of the host (loopback only) to a port of the node, as in 2222:22; in a
    /// cluster, the first node gets this host port and the others those that follow
    #[arg(short = 'p', long = "publish", value_name = "HOST:NODE")]
    pub publish: Vec<String>,

    /// A disk image to attach, created if it does not exist; its size in GiB may follow, as in
    /// state.img:8. Without one, a spec with `storage_device` gets an empty disk that is deleted
    /// with the machine
    #[arg(long, value_name = "FILE[:GIB]")]
    pub disk: Vec<String>,

    #[command(flatten)]
    pub source: Source,
}

/// The computer that a machine is.
#[derive(Debug, Clone, Args)]
pub struct Computer {
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
    pub medium: Option<BootMedium>,

    /// Memory of each machine in MiB [default: 2048, or what the target requires]
    #[arg(long, value_name = "MIB")]
    pub memory: Option<u32>,

    /// Processors of each machine
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub cpus: u32,

    /// `kvm` is faster where it works; `tcg` works everywhere
    #[arg(long, value_enum, value_name = "ACCEL", default_value_t)]
    pub accel: Accel,
}

impl Computer {
    /// The firmware that was chosen.
    pub fn firmware(&self) -> Option<Firmware> {
        let chosen = [
            (self.bios, Firmware::Bios),
            (self.uefi, Firmware::Uefi),
            (self.secure_boot, Firmware::SecureBoot),
        ];
        let mut chosen = chosen.into_iter();
        chosen.find_map(|(is_chosen, firmware)| is_chosen.then_some(firmware))
    }
}

/// Seconds, or a number with `s`, `m` or `h`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
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

/// What `--publish` says: a port of the host and a port of the node.
pub fn forward(text: &str) -> Result<Forward, String> {
    let pair = text
        .split_once(':')
        .and_then(|(host, node)| Some((host.parse().ok()?, node.parse().ok()?)));
    match pair.filter(|(host, node)| *host != 0 && *node != 0) {
        Some((host, guest)) => Ok(Forward { host, guest }),
        None => Err(format!(
            "--publish {text}: expected two ports, as in 2222:22"
        )),
    }
}

/// What `--disk` says: a file, and perhaps its size.
pub fn disk_image(text: &str) -> Result<DiskImage, String> {
    let (path, bytes) = match text.rsplit_once(':') {
        Some((path, gib)) => {
            let gib: Option<u64> = gib.parse().ok().filter(|gib| *gib > 0);
            let gib = gib.ok_or_else(|| {
                format!("--disk {text}: the size must be a number of GiB, as in state.img:8")
            })?;
            (path, gib.saturating_mul(1 << 30))
        }
        None => (text, DEFAULT_DISK),
    };
    Ok(DiskImage {
        path: path.into(),
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_and_disks() {
        let ports = |host, guest| Ok(Forward { host, guest });
        assert_eq!(forward("2222:22"), ports(2222, 22));
        for bad in ["", "22", "0:22", "22:0", "a:b", "70000:22"] {
            assert!(forward(bad).is_err(), "{bad}");
        }
        let disk = |path: &str, bytes| {
            let path = path.into();
            Ok(DiskImage { path, bytes })
        };
        assert_eq!(disk_image("state.img"), disk("state.img", 8 << 30));
        assert_eq!(disk_image("a:b.img:2"), disk("a:b.img", 2 << 30));
        for bad in ["state.img:", "state.img:0", "state.img:8G"] {
            assert!(disk_image(bad).is_err(), "{bad}");
        }
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
