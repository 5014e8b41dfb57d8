//! The machine to run, described independently of QEMU.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::network::{UserNetwork, mac_of};
use crate::names::{Arch, MacAddr};
use crate::words::words;

/// A computer and what it boots from.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Identifies it in events. Its MAC address and UUID are derived from it, so they are the same
    /// in every run.
    pub name: String,
    pub arch: Arch,
    /// Memory in MiB.
    pub memory: u32,
    pub cpus: u32,
    pub accel: Accel,
    pub firmware: Firmware,
    pub medium: Medium,
    /// `/dev/vda`, `/dev/vdb` … in this order, each with the serial number `disk0`, `disk1` ….
    pub disks: Vec<Disk>,
    /// The MAC address of its only network card, which is the PCI device `0:3.0` (`enp0s3` in
    /// systemd's naming); `None`: derived from the name.
    pub mac: Option<MacAddr>,
    pub network: UserNetwork,
    /// What its clock shows at first, as in `1970-01-01`; `None`: the time of the host.
    pub clock: Option<&'static str>,
    /// What the guest can read through QEMU's `fw_cfg`: key (`opt/…`) and file.
    pub fw_cfg: Vec<(&'static str, PathBuf)>,
}

impl Machine {
    /// A machine with 2 CPUs, 2 GiB of memory, its own network and no disks.
    pub fn new(name: impl Into<String>, arch: Arch, firmware: Firmware, medium: Medium) -> Self {
        Self {
            name: name.into(),
            arch,
            memory: 2048,
            cpus: 2,
            accel: Accel::default(),
            firmware,
            medium,
            disks: Vec::new(),
            mac: None,
            network: UserNetwork::default(),
            clock: None,
            fw_cfg: Vec::new(),
        }
    }

    /// The MAC address of its network card.
    pub fn mac(&self) -> MacAddr {
        self.mac.unwrap_or_else(|| mac_of(&self.name))
    }
}

words! {
    /// How the guest's instructions are executed.
    pub enum Accel {
        /// In software: works everywhere, for every architecture.
        Tcg = "tcg",
        /// By the host's processor. Some hosts have `/dev/kvm` and fail later, so it is used only
        /// on request.
        Kvm = "kvm",
    }
    default Tcg
}

/// The firmware of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Firmware {
    /// `SeaBIOS`; amd64 only.
    Bios,
    /// EDK II without Secure Boot.
    #[default]
    Uefi,
    /// EDK II with Microsoft's keys enrolled and Secure Boot enforced.
    SecureBoot,
}

/// The medium that a machine boots from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Medium {
    /// An ISO image in a SATA (amd64) or SCSI (arm64) CD drive.
    Cd(PathBuf),
    /// A hybrid ISO image on a USB stick.
    UsbStick(PathBuf),
    /// A Linux kernel loaded by QEMU itself.
    Kernel {
        kernel: PathBuf,
        /// Passed to the kernel concatenated, each padded to 4 bytes.
        initrds: Vec<PathBuf>,
        /// The kernel command line.
        arguments: String,
    },
    /// The network card's iPXE loads `script` from `tree` by TFTP.
    Pxe {
        tree: PathBuf,
        /// Path of the script below `tree`.
        script: String,
    },
}

/// A virtio disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disk {
    /// A raw image that is kept after the machine ends.
    Raw(PathBuf),
    /// A qcow2 image that is kept after the machine ends.
    Qcow2(PathBuf),
    /// An empty disk of this many bytes that is deleted with the machine.
    Scratch(u64),
}

/// Creates `path` as an empty sparse raw disk of `bytes`, unless it exists.
pub fn create_disk(path: &Path, bytes: u64) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    File::create_new(path)
        .and_then(|file| file.set_len(bytes))
        .with_context(|| format!("creating the disk {}", path.display()))
}
