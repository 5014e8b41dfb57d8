//! The certificates that `imgbuild keys list` shows.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::Result;

use super::certificate::Certificate;
use super::folder::KeyFolder;
use super::private_key::PrivateKey;
use super::profile::Usage;
use super::rotate::ARCHIVE;
use crate::pki::private_key::CertificateError;

/// One certificate of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Relative to the folder: `etcd/ca.crt`.
    pub path: PathBuf,
    pub subject: String,
    pub issuer: String,
    pub usages: BTreeSet<Usage>,
    /// `ECDSA P-256`, `RSA 2048`
    pub key_kind: String,
    /// DNS names, then addresses.
    pub names: Vec<String>,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
    /// Whole days; negative if it has expired.
    pub days_left: i64,
    /// Whether the key beside it matches; `None` if there is no key, or it cannot be read.
    pub matches_key: Option<bool>,
}

/// All certificates of the folder by path, except those that were replaced; for those that cannot
/// be read, the reason. Nothing is changed.
pub fn list(
    folder: &KeyFolder,
    now: SystemTime,
) -> Result<Vec<Result<Listed, (PathBuf, CertificateError)>>> {
    let mut listed = Vec::new();
    for path in folder.files("crt")? {
        if path.starts_with(ARCHIVE) {
            continue;
        }
        let Some(pem) = folder.read(&path)? else {
            continue; // removed meanwhile
        };
        let certificate = match Certificate::from_pem(&pem) {
            Ok(certificate) => certificate,
            Err(why) => {
                listed.push(Err((path, why)));
                continue;
            }
        };
        let key = folder.read(path.with_extension("key"))?;
        let matches_key = key
            .and_then(|pem| PrivateKey::from_pem(&pem).ok())
            .map(|key| certificate.matches(&key));
        listed.push(Ok(Listed {
            subject: certificate.subject(),
            issuer: certificate.issuer(),
            usages: certificate.usages(),
            key_kind: certificate.key_kind(),
            names: certificate.names().texts(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            days_left: certificate.days_left(now),
            matches_key,
            path,
        }));
    }
    Ok(listed)
}
