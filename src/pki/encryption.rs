//! What API servers encrypt their objects in etcd with.

use anyhow::{Result, bail};
use base64ct::{Base64, Encoding};

use super::keys::Keys;

const FILE: &str = "encryption.key";

impl Keys<'_> {
    /// Keys of 32 bytes in base64, one a line of `encryption.key`; the first encrypts, all decrypt. One is made where there is none.
    ///
    /// To change it, put a new line below the first, build and boot all control planes; make it the first, and do so again.
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
                "{} is damaged: each line is 32 bytes in base64; without the right key nobody reads what is encrypted",
                self.folder().path(FILE).display()
            );
        }
        Ok(keys)
    }
}
