//! The boot record of an initrd: the base whose kernel boots it, and the kernel command line.
//!
//! The record is the only file of a small archive, the first one of the initrd, so that little has
//! to be read to find it. Stage 0 ignores it.

use std::io::Read;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{BOOT_RECORD_PATH, Machine, command_line};
use crate::base::Base;
use crate::formats::cpio::{Archive, first_contents};
use crate::names::Arch;

/// The longest record that is read, in bytes: a command line of 2 KiB and its JSON.
pub(crate) const BOOT_RECORD_MAX: u64 = 16 << 10;

/// How an initrd is booted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootRecord {
    /// The base in the cache whose kernel the initrd's modules belong to.
    pub base: String,
    /// The machine's architecture, as in [`Arch::as_str`].
    arch: String,
    /// The kernel command line: only the base's arguments if the initrd has no node.
    pub kernel_arguments: String,
}

impl BootRecord {
    /// The record of an initrd with `base` and, optionally, a node.
    pub(super) fn new(base: &Base, machine: Option<&Machine<'_>>) -> Result<Self> {
        let kernel_arguments = match machine {
            Some(machine) => command_line(base, machine)?,
            None => base.kernel_arguments.join(" "),
        };
        Ok(Self {
            base: base.id_in_cache().to_owned(),
            arch: base.arch.as_str().to_owned(),
            kernel_arguments,
        })
    }

    /// The architecture; `None`: unknown to this version of imgbuild.
    pub fn arch(&self) -> Option<Arch> {
        [Arch::Amd64, Arch::Arm64]
            .into_iter()
            .find(|arch| arch.as_str() == self.arch)
    }

    /// The archive that contains the record.
    pub(super) fn archive(&self) -> Result<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self).context("writing a boot record")?;
        text.push(b'\n');
        let mut archive = Archive::new(Vec::new());
        archive.file(BOOT_RECORD_PATH, 0o644, &text)?;
        archive.finish()
    }

    /// Reads the record that `initrd` begins with. Fails if it was not made by imgbuild.
    pub fn read(initrd: impl Read) -> Result<Self> {
        let mut head = Vec::new();
        initrd
            .take(BOOT_RECORD_MAX)
            .read_to_end(&mut head)
            .context("reading the initrd")?;
        let at = usize::try_from(first_contents(BOOT_RECORD_PATH)).context("reading the initrd")?;
        let name = head
            .get(at.saturating_sub(BOOT_RECORD_PATH.len() + 4)..at)
            .unwrap_or_default();
        ensure!(
            head.starts_with(b"070701")
                && name
                    .windows(BOOT_RECORD_PATH.len())
                    .any(|w| w == BOOT_RECORD_PATH.as_bytes()),
            "not an initrd made by imgbuild: it does not begin with a boot record"
        );
        Self::from_json(&head[at..])
    }

    /// The record that `text` begins with.
    pub(crate) fn from_json(text: &[u8]) -> Result<Self> {
        // What follows the one value is padding and the next archive.
        let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Self>();
        let record = values.next().context("its boot record is empty")?;
        record.context("reading its boot record")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> BootRecord {
        BootRecord {
            base: "ab".repeat(32),
            arch: "arm64".to_owned(),
            kernel_arguments: "quiet a=b".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut initrd = record().archive().expect("fits");
        assert_eq!(initrd.len() % 4, 0);
        initrd.extend(std::iter::repeat_n(b'x', 100_000));
        let read = BootRecord::read(&initrd[..]).expect("there");
        assert_eq!(read, record());
        assert_eq!(read.arch(), Some(Arch::Arm64));
    }

    #[test]
    fn damage_is_told() {
        let whole = record().archive().expect("fits");
        let end = whole.iter().position(|&byte| byte == b'}').expect("JSON");
        for cut in 0..=end {
            assert!(BootRecord::read(&whole[..cut]).is_err(), "cut at {cut}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            // An error or another record, and no panic.
            let _ = BootRecord::read(&damaged[..]);
        }
        for other in [&b""[..], b"\x28\xb5\x2f\xfd", &[b'0'; 10_000]] {
            assert!(BootRecord::read(other).is_err());
        }
    }
}
