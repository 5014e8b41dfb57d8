//! The keys with which API servers encrypt objects in etcd.

use anyhow::{Result, bail};
use base64ct::{Base64, Encoding};

use super::keys::Keys;

const FILE: &str = "encryption.key";

impl Keys<'_> {
    /// Keys of 32 bytes in base64, one per line of `encryption.key`; the first encrypts, all
    /// decrypt. If there is none, one is made.
    ///
    /// To change the key, add a new line below the first, then build and boot all control planes;
    /// make it the first line, and do so again.
    pub fn encryption_keys(&mut self) -> Result<Vec<String>> {
        let text = self.secret_text(FILE, |bytes| format!("{}\n", Base64::encode_string(bytes)))?;
        let keys: Vec<String> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        let is_key = |key: &String| Base64::decode_vec(key).is_ok_and(|bytes| bytes.len() == 32);
        if keys.is_empty() || !keys.iter().all(is_key) {
            bail!(
                "{} is damaged: each line must be 32 bytes in base64; without the right key, encrypted objects cannot be read",
                self.folder().path(FILE).display()
            );
        }
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::SystemTime;

    use super::*;
    use crate::pki::{Access, KeyFolder, system_random};

    fn read(folder: &Path) -> Result<Vec<String>> {
        let mut random = system_random();
        let folder = KeyFolder::open(folder, Access::Write)?;
        Keys::new(folder, SystemTime::UNIX_EPOCH, &mut random).encryption_keys()
    }

    #[test]
    fn a_key_is_made_once_and_others_may_follow() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("keys");
        let first = read(&root).expect("made");
        assert_eq!(first.len(), 1);
        assert_eq!(read(&root).expect("kept"), first);

        let new = Base64::encode_string(&[7; 32]);
        let both = format!("{new}\n{}\n\n", first[0]);
        std::fs::write(root.join(FILE), both).expect("written");
        assert_eq!(read(&root).expect("both"), [new, first[0].clone()]);
    }

    #[test]
    fn what_is_no_key_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().join("keys");
        read(&root).expect("made");
        for (name, text) in [
            ("nothing", ""),
            ("no base64", "not a key\n"),
            ("too short", "AAAA\n"),
        ] {
            std::fs::write(root.join(FILE), text).expect("written");
            let error = read(&root).expect_err(name);
            assert!(error.to_string().contains("is damaged"), "{name}: {error}");
        }
    }
}
