//! The machine to run, described without QEMU's words.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::network::{UserNetwork, mac_of};
use crate::names::{Arch, MacAddr};

/// A computer and what it boots from.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Names it in events, and makes its MAC address and UUID, which are the same in every run.
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
    /// Of its only network card, which is the PCI device `0:3.0` (`enp0s3` in systemd's naming);
    /// `None`: made of the name.
    pub mac: Option<MacAddr>,
    pub network: UserNetwork,
    /// What the guest reads by QEMU's `fw_cfg`: key (`opt/…`) and file.
    pub fw_cfg: Vec<(&'static str, PathBuf)>,
}

impl Machine {
    /// A machine of 2 CPUs and 2 GiB with a network of its own and no disks.
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
            fw_cfg: Vec::new(),
        }
    }

    /// The MAC address of its network card.
    pub fn mac(&self) -> MacAddr {
        self.mac.unwrap_or_else(|| mac_of(&self.name))
    }
}

/// How the guest's instructions are executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Accel {
    /// In software: works everywhere, for every architecture.
    #[default]
    Tcg,
    /// By the host's processor. Some hosts have `/dev/kvm` and fail later, so it is used only when
    /// asked for.
    Kvm,
}

/// What starts the machine.
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

/// What it boots from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Medium {
    /// An ISO image in a SATA (amd64) or SCSI (arm64) CD drive.
    Cd(PathBuf),
    /// A hybrid ISO image written on a USB stick.
    UsbStick(PathBuf),
    /// A Linux kernel loaded by QEMU itself.
    Kernel {
        kernel: PathBuf,
        /// Given to the kernel one after the other, padded to 4 bytes in between.
        initrds: Vec<PathBuf>,
        /// The kernel's command line.
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
    /// A raw image that outlives the machine.
    Raw(PathBuf),
    /// A qcow2 image that outlives the machine.
    Qcow2(PathBuf),
    /// An empty disk of so many bytes that goes when the machine does.
    Scratch(u64),
}

/// Makes `path` an empty raw disk of `bytes` that takes no room until written, unless it is there
/// already.
pub fn create_disk(path: &Path, bytes: u64) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    File::create_new(path)
        .and_then(|file| file.set_len(bytes))
        .with_context(|| format!("making the disk {}", path.display()))
}
