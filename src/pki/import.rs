//! `imgbuild keys import`: the authorities of a cluster that kubeadm made, from a copy of its
//! `/etc/kubernetes/pki`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Result, bail};

use super::certificate::Certificate;
use super::folder::{FILE_MAX, KeyFolder};
use super::moves::Move;
use super::private_key::PrivateKey;
use super::profile::Usage;
use super::rotate::AUTHORITIES;
use crate::formats::whole_text;

/// The folder in which files are collected until all of them are written.
const STAGING: &str = "import";

/// The authority that is required; the others are made if they are missing.
const NEEDED: &str = "ca";

/// Imports the authorities and `sa.key` from `from` into `folder`, all or nothing. Returns the
/// files that are new there, and the authorities that `from` lacks.
///
/// The error lists everything that is wrong: certificates without keys, keys that do not match,
/// certificates that are not of authorities, expired ones, and files that already exist in `folder`
/// with other contents.
pub fn import(
    from: &Path,
    folder: &mut KeyFolder,
    now: SystemTime,
) -> Result<(Vec<PathBuf>, Vec<&'static str>)> {
    let mut wrong = Vec::new();
    let mut found: Vec<(PathBuf, String)> = Vec::new();
    let mut missing = Vec::new();
    for (stem, _) in AUTHORITIES {
        match authority(from, stem, now)? {
            Ok(Some([certificate, key])) => {
                found.push((format!("{stem}.key").into(), key));
                found.push((format!("{stem}.crt").into(), certificate));
            }
            Ok(None) => missing.push(stem),
            Err(why) => wrong.push(why),
        }
    }
    match service_account_key(from)? {
        Ok(key) => found.push(("sa.key".into(), key)),
        Err(why) => wrong.push(why),
    }
    let mut new = Vec::new();
    for (file, text) in found {
        match folder.read(&file)? {
            Some(old) if old == text => {}
            Some(_) => wrong.push(format!(
                "{} already exists and differs: name an empty key folder with --keys, or move that file away",
                folder.path(&file).display()
            )),
            None => new.push((file, text)),
        }
    }
    if !wrong.is_empty() {
        bail!(wrong.join("\n"));
    }
    let mut moves: Vec<Move> = Vec::new();
    for (file, text) in new {
        let staged = Path::new(STAGING).join(&file);
        folder.write(&staged, &text)?;
        moves.push((staged, file));
    }
    if !moves.is_empty() {
        folder.move_all(&moves)?;
    }
    // At worst, a few empty folders remain.
    let _ = fs::remove_dir(folder.path(STAGING).join("etcd"));
    let _ = fs::remove_dir(folder.path(STAGING));
    Ok((moves.into_iter().map(|(_, file)| file).collect(), missing))
}

/// Certificate and key of an authority as imgbuild writes them; `None` if there is neither. The
/// inner error says what is wrong.
fn authority(
    from: &Path,
    stem: &str,
    now: SystemTime,
) -> Result<Result<Option<[String; 2]>, String>> {
    let certificate_file = from.join(format!("{stem}.crt"));
    let key_file = from.join(format!("{stem}.key"));
    let (certificate, key) = match (read(&certificate_file)?, read(&key_file)?) {
        (Some(certificate), Some(key)) => (certificate, key),
        (None, None) if stem != NEEDED => return Ok(Ok(None)),
        (None, _) => return Ok(Err(format!("{} is missing", certificate_file.display()))),
        (_, None) => {
            return Ok(Err(format!(
                "{} is missing: imgbuild issues the nodes' certificates with it",
                key_file.display()
            )));
        }
    };
    Ok(checked(&certificate, &certificate_file, &key, &key_file, now).map(Some))
}

fn checked(
    certificate: &str,
    certificate_file: &Path,
    key: &str,
    key_file: &Path,
    now: SystemTime,
) -> Result<[String; 2], String> {
    let at = certificate_file.display();
    let count = certificate.matches("-----BEGIN CERTIFICATE-----").count();
    if count > 1 {
        return Err(format!(
            "{at} contains {count} certificates: keep only the one of {}",
            key_file.display()
        ));
    }
    let certificate = Certificate::from_pem(certificate).map_err(|e| format!("{at} {e}"))?;
    let key = PrivateKey::from_pem(key).map_err(|e| format!("{} {e}", key_file.display()))?;
    if !certificate.matches(&key) {
        return Err(format!(
            "{} is not the private key of {at}",
            key_file.display()
        ));
    }
    if !certificate.usages().contains(&Usage::Authority) {
        return Err(format!(
            "{at} is not a CA certificate (no CA:TRUE in basicConstraints)"
        ));
    }
    if !certificate.may_sign() {
        return Err(format!(
            "{at} may not sign certificates (no Certificate Sign in its key usage)"
        ));
    }
    if certificate.is_expired(now) {
        let days = -certificate.days_left(now);
        return Err(format!("{at} expired {days} days ago"));
    }
    let unencodable = |e| format!("{at} {e}");
    Ok([
        certificate.to_pem().map_err(unencodable)?,
        key.to_pem().map_err(unencodable)?,
    ])
}

/// `sa.key`; if `sa.pub` exists, it has to be its public key.
fn service_account_key(from: &Path) -> Result<Result<String, String>> {
    let (key_file, public_file) = (from.join("sa.key"), from.join("sa.pub"));
    let Some(key) = read(&key_file)? else {
        return Ok(Err(format!(
            "{} is missing: it signs the tokens of service accounts",
            key_file.display()
        )));
    };
    let pems = PrivateKey::from_pem(&key).and_then(|key| Ok((key.to_pem()?, key.public_pem()?)));
    let (pem, public_pem) = match pems {
        Ok(pems) => pems,
        Err(why) => return Ok(Err(format!("{} {why}", key_file.display()))),
    };
    let words = |pem: &str| pem.split_whitespace().collect::<String>();
    if let Some(public) = read(&public_file)?
        && words(&public) != words(&public_pem)
    {
        return Ok(Err(format!(
            "{} is not the public key of {}",
            public_file.display(),
            key_file.display()
        )));
    }
    Ok(Ok(pem))
}

/// The text of a file; `None` if it does not exist.
fn read(path: &Path) -> Result<Option<String>> {
    whole_text(path, FILE_MAX)
}
