//! The files embedded in a live system's initrd: a cpio archive compressed by xz, another link in
//! the chain that the kernel unpacks.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::{Context, Result};
use liblzma::stream::{Check, Filters, LzmaOptions, Stream};
use liblzma::write::XzEncoder;

use crate::formats::cpio::Archive;
use crate::read::{CONFIG_PATH, KEYFILES_PATH};

use super::refused;

/// Everything is private: configs and keyfiles contain passwords.
const MODE: u32 = 0o600;
/// xz's level: the smallest result. The highest level's memory use is due to its dictionary, which
/// is set separately.
const LEVEL: u32 = 9;
/// The smallest dictionary of LZMA2 (xz file format §5.3.1).
const DICTIONARY_MIN: u64 = 4096;
/// The dictionary of the highest level.
const DICTIONARY_MAX: u32 = 64 << 20;

/// Files by path, without a leading slash.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<String, Vec<u8>>);

/// Shows no contents.
impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Files {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the live system's Ignition config.
    pub(super) fn config(&mut self, config: Vec<u8>) {
        self.0.insert(CONFIG_PATH.to_owned(), config);
    }

    /// Adds a keyfile with the name `name`.
    pub(super) fn keyfile(&mut self, name: &str, contents: &[u8]) -> Result<()> {
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\0']) {
            return refused(format!(
                "`{}` is not a valid keyfile name",
                name.escape_debug()
            ));
        }
        let path = format!("{KEYFILES_PATH}/{name}");
        if self.0.insert(path, contents.to_vec()).is_some() {
            return refused(format!("two keyfiles are named `{name}`"));
        }
        Ok(())
    }

    /// The files as a cpio archive that is compressed by xz with CRC-32, the only check that the
    /// kernel supports (Documentation/staging/xz.rst). The same files produce the same bytes.
    pub fn archive(&self) -> Result<Vec<u8>> {
        let raw = self.raw_archive()?;
        let mut options = LzmaOptions::new_preset(LEVEL).context("setting up the compressor")?;
        // No larger than the data: the kernel needs as much memory to decompress, and we need a
        // multiple.
        let dictionary = (raw.len() as u64)
            .max(DICTIONARY_MIN)
            .checked_next_power_of_two()
            .and_then(|size| u32::try_from(size).ok())
            .map_or(DICTIONARY_MAX, |size| size.min(DICTIONARY_MAX));
        options.dict_size(dictionary);
        let mut filters = Filters::new();
        filters.lzma2(&options);
        let stream = Stream::new_stream_encoder(&filters, Check::Crc32)
            .context("setting up the compressor")?;
        let mut encoder = XzEncoder::new_stream(Vec::new(), stream);
        encoder
            .write_all(&raw)
            .and_then(|()| encoder.finish())
            .context("compressing the embedded files")
    }

    /// The files as a cpio archive, parent directories included, in the order of their paths.
    pub fn raw_archive(&self) -> Result<Vec<u8>> {
        let mut archive = Archive::new(Vec::new());
        for (path, contents) in &self.0 {
            archive.file(path, MODE, contents)?;
        }
        archive.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::read::archives;

    #[test]
    fn what_is_packed_is_read_again() {
        let mut files = Files::default();
        files.config(b"{}".to_vec());
        files.keyfile("b.nmconnection", b"b").expect("a name");
        files
            .keyfile("a.nmconnection", &[b'a'; 5000])
            .expect("a name");
        let packed = files.archive().expect("packs");
        assert_eq!(packed, files.archive().expect("packs"), "the same twice");
        // Stream header: magic, flags with check 1 (CRC-32) (xz file format §2.1.1).
        assert_eq!(packed[..8], [0xfd, b'7', b'z', b'X', b'Z', 0, 0, 1]);
        let mut found = Vec::new();
        archives(Cursor::new(packed), &mut |entry, contents| {
            let mut bytes = Vec::new();
            contents.read_to_end(&mut bytes)?;
            found.push((entry.path.clone(), entry.mode, bytes));
            Ok(())
        })
        .expect("reads");
        let folder = "etc/coreos-firstboot-network";
        assert_eq!(
            found,
            [
                ("config.ign".to_owned(), 0o600, b"{}".to_vec()),
                (format!("{folder}/a.nmconnection"), 0o600, vec![b'a'; 5000]),
                (format!("{folder}/b.nmconnection"), 0o600, b"b".to_vec()),
            ]
        );
    }

    #[test]
    fn names_of_keyfiles() {
        let mut files = Files::default();
        files.keyfile("eth0", b"").expect("a name");
        for name in ["eth0", "", ".", "..", ".a", "a/b", "a\0"] {
            assert!(files.keyfile(name, b"").is_err(), "{name:?}");
        }
    }
}
