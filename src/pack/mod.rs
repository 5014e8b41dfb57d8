//! Writes artifacts from bytes and a base. The writers stream, are reproducible, and do not depend
//! on where the bytes came from.
//!
//! Each writer takes `impl Write` and writes forward only, so that an artifact can go to a pipe.
//! Given a `File` (see [`output::Output`]) the base's large files are copied in the kernel
//! (`copy_file_range(2)`), and their blocks are shared where the file system can: every large file
//! starts at a multiple of `BLOCK`.

use std::fs::File;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::{Result, ensure};
use ipnet::Ipv4Net;

use crate::base::Base;
use crate::formats::{self, iso9660};

use crate::names::{Hostname, MacAddr, altered_by_boot_loaders};
use crate::progress::Progress;

pub(crate) mod boot_menu;
mod boot_record;
mod bootable;
mod config_medium;
mod dnsmasq;
pub mod format;
mod initrd;
pub mod output;
mod patch;
mod pxe;

pub(crate) use boot_record::BOOT_RECORD_MAX;
pub use boot_record::BootRecord;
pub use bootable::iso;
pub(crate) use config_medium::{CONFIG_JSON, USER_DATA};
pub use config_medium::{config_drive, config_iso};
pub use format::{Comparison, Compression, Format, Ground};
pub use initrd::{initrd, payload};
pub use patch::{Patch, patched};
pub(crate) use pxe::{
    BASES, INITRD as PXE_INITRD, KERNEL as PXE_KERNEL, NODE_PAYLOAD, NODE_SCRIPT, NODES,
    ROOT_INITRD as PXE_ROOT_INITRD,
};
pub use pxe::{MachinesOfBase, pxe};

/// The path of a node's Ignition config in its payload, for a Debian base.
pub const CONFIG_PATH: &str = "imgbuild/config.ign";

/// The path of an initrd's boot record.
pub(crate) const BOOT_RECORD_PATH: &str = "imgbuild/boot.json";

/// The folder of the networkd files in the payload, for a Debian base.
pub(crate) const NETWORK_PATH: &str = "imgbuild/network";

/// The file of an ISO from which stage 0 reads which base a medium contains.
pub(crate) const BASE_ID_PATH: &str = "imgbuild/base-id";

/// The path of a node's payload on an ISO.
pub(crate) const PAYLOAD_PATH: &str = "boot/payload.cpio";

/// The file of a payload that names the medium that it was written to, in the bytes of the medium's
/// own marker: stage 0 takes the root image from no other.
pub(crate) const MEDIUM_PATH: &str = "imgbuild/medium";

/// The file with the earliest time that a node's clock may show.
const CLOCK_PATH: &str = "imgbuild/clock";

/// What one node adds to the base. In an initrd it is a cpio archive with the config and the
/// network files, including parent directories.
#[derive(Clone)]
pub struct Payload {
    /// The path where the base looks for the config, without a leading slash.
    pub config_path: &'static str,
    /// The Ignition config.
    pub config: Vec<u8>,
    /// Network files that Ignition itself needs to reach remote sources: file name and contents.
    pub network: Vec<(String, Vec<u8>)>,
    /// The folder where the base looks for them, without a leading slash, and their mode.
    pub network_folder: &'static str,
    pub network_mode: u32,
    /// Finds the earliest time that the node's clock may show in its config, in seconds since 1970.
    /// Asked only where a payload is written: it takes longer than making the config.
    pub clock: fn(&[u8]) -> Option<u64>,
}

impl Default for Payload {
    fn default() -> Self {
        Self {
            config_path: CONFIG_PATH,
            config: Vec::new(),
            network: Vec::new(),
            network_folder: NETWORK_PATH,
            network_mode: 0o644,
            clock: |_| None,
        }
    }
}

/// Shows no secret.
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payload")
            .field("config_bytes", &self.config.len())
            .finish_non_exhaustive()
    }
}

/// One node as the packers see it.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    pub hostname: &'a Hostname,
    pub payload: &'a Payload,
    /// The node's own kernel arguments; those of the base go before them.
    pub kernel_arguments: &'a [String],
    /// Arguments that the base has and the node does not.
    pub removed_kernel_arguments: &'a [String],
    /// The cards whose MAC addresses identify the machine in a network boot. May be empty.
    pub cards: &'a [Card],
}

/// A network card of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    pub mac: MacAddr,
    /// Its first IPv4 address, with the network; `None`: it comes from DHCP.
    pub address: Option<Ipv4Net>,
    /// The gateway in that network.
    pub gateway: Option<Ipv4Addr>,
}

/// Copies exactly `length` bytes of `source`, which is at `path`.
fn copy<W: Write>(
    source: &File,
    path: &Path,
    length: u64,
    out: &mut W,
    progress: &dyn Progress,
) -> Result<()> {
    let mut advance = |bytes| progress.advance(bytes);
    formats::copy(source, path, length, out, &mut advance)
}

/// Writes `image` to `out`.
fn write_iso<W: Write>(
    image: &mut iso9660::Image,
    out: &mut W,
    progress: &dyn Progress,
) -> Result<()> {
    progress.start("packing the ISO image", Some(iso9660::length(image)?));
    let mut advance = |bytes| progress.advance(bytes);
    iso9660::write(image, out, &mut advance)?;
    progress.finish();
    Ok(())
}

/// The longest kernel command line, without its NUL (`COMMAND_LINE_SIZE` of x86 and arm64).
const COMMAND_LINE_MAX: usize = 2047;

/// The kernel command line of `machine`: the base's arguments, then its own, separated by single
/// spaces.
///
/// An argument contains only characters that all boot loaders pass on unchanged
/// ([`altered_by_boot_loaders`]).
pub fn command_line(base: &Base, machine: &Machine<'_>) -> Result<String> {
    let mut line = String::new();
    let of_base = base
        .kernel_arguments
        .iter()
        .filter(|argument| !machine.removed_kernel_arguments.contains(argument));
    for argument in of_base.chain(machine.kernel_arguments) {
        ensure!(
            !argument.is_empty() && altered_by_boot_loaders(argument).is_none(),
            "the kernel argument `{}` contains a character that boot loaders do not pass on unchanged: \
             use printable ASCII without spaces, quotes, `\\`, `$`, `#` and grave accents",
            argument.escape_debug()
        );
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(argument);
    }
    ensure!(
        line.len() <= COMMAND_LINE_MAX,
        "the kernel command line of {} has {} bytes; the kernel accepts at most {COMMAND_LINE_MAX}",
        machine.hostname,
        line.len()
    );
    Ok(line)
}
