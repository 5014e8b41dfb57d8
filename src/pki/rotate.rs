//! `imgbuild keys rotate`: renews leaf certificates, and replaces authorities in three steps during
//! which all nodes trust each other.
//!
//! While an authority is being replaced, its successor is beside it as `ca.next.*`, or its
//! predecessor as `ca.old.*`; nodes trust both certificates. What is replaced is moved to
//! `old/<time>/` and never removed. The key that signs service accounts' tokens, `sa`, is replaced
//! in the same way, with public keys instead of certificates.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, anyhow, bail};
use x509_cert::der::DateTime;

use super::CryptoRng;
use super::certificate::Certificate;
use super::folder::KeyFolder;
use super::issue::self_signed;
use super::moves::Move;
use super::private_key::{KeyAlgorithm, PrivateKey};
use super::profile::Profile;
use crate::words::words;

/// The infix before the ending of a successor's files.
pub(super) const NEXT: &str = "next";

/// The infix before the ending of a predecessor's files.
pub(super) const OLD: &str = "old";

/// The folder of what was replaced.
pub(super) const ARCHIVE: &str = "old";

/// The key that signs the tokens of service accounts; it has no certificate.
const SERVICE_ACCOUNTS: &str = "sa";

/// The authorities of a cluster: file without ending, common name.
pub(super) const AUTHORITIES: [(&str, &str); 3] = [
    ("ca", "kubernetes"),
    ("front-proxy-ca", "front-proxy-ca"),
    ("etcd/ca", "etcd-ca"),
];

words! {
    /// A step of the replacement of an authority. Between two steps every node has to be rebuilt
    /// and booted.
    pub enum Phase {
        /// Make a successor; the nodes trust both.
        Trust = "trust",
        /// Let the successor issue everything.
        Issue = "issue",
        /// Trust the old one no longer.
        Drop = "drop",
    }
}

/// Takes the authorities `names` (if empty, all that can) through `phase`. Returns their names.
pub fn rotate_authorities(
    folder: &mut KeyFolder,
    names: &[String],
    phase: Phase,
    algorithm: KeyAlgorithm,
    now: SystemTime,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<String>> {
    let known: Vec<&str> = AUTHORITIES
        .map(|(stem, _)| stem)
        .into_iter()
        .chain([SERVICE_ACCOUNTS])
        .collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!(
            "unknown authority `{unknown}`: the authorities are {}",
            known.join(", ")
        );
    }
    let mut stems = Vec::new();
    let mut reasons = Vec::new();
    for stem in known {
        let is_named = names.iter().any(|name| name == stem);
        if !names.is_empty() && !is_named {
            continue;
        }
        match refusal(folder, stem, phase)? {
            None => stems.push(stem),
            Some(why) if is_named => bail!(why),
            Some(why) => reasons.push(why),
        }
    }
    if stems.is_empty() {
        bail!(reasons.join("\n"));
    }
    let archive = new_archive(folder, now)?;
    let mut moves: Vec<Move> = Vec::new();
    for &stem in &stems {
        match phase {
            Phase::Trust => successor(folder, stem, algorithm, now, rng)?,
            Phase::Issue => {
                moves.extend(those_there(folder, stem, Some(OLD), |ending| {
                    file(stem, None, ending)
                }));
                let from = |ending| file(stem, Some(NEXT), ending);
                moves.extend(endings(stem).map(|ending| (from(ending), file(stem, None, ending))));
            }
            Phase::Drop => {
                for ending in endings(stem) {
                    let from = file(stem, Some(OLD), ending);
                    if folder.read(&from)?.is_some() {
                        moves.push((from, archive.join(file(stem, None, ending))));
                    }
                }
            }
        }
    }
    if !moves.is_empty() {
        folder.move_all(&moves)?;
    }
    Ok(stems.into_iter().map(str::to_owned).collect())
}

/// The moves of the existing files of `stem` with `from` to those with `infix`.
fn those_there(
    folder: &KeyFolder,
    stem: &str,
    infix: Option<&str>,
    from: impl Fn(&str) -> PathBuf,
) -> Vec<Move> {
    endings(stem)
        .map(|ending| (from(ending), file(stem, infix, ending)))
        .filter(|(from, _)| folder.path(from).exists())
        .collect()
}

/// Why `stem` cannot take `phase` now; `None` if it can.
fn refusal(folder: &KeyFolder, stem: &str, phase: Phase) -> Result<Option<String>> {
    let ending = endings(stem).next().unwrap_or("key");
    let is_there = |infix| anyhow::Ok(folder.read(file(stem, infix, ending))?.is_some());
    if !is_there(None)? {
        let missing = folder.path(file(stem, None, ending));
        return Ok(Some(format!("{} is missing", missing.display())));
    }
    let (next, old) = (is_there(Some(NEXT))?, is_there(Some(OLD))?);
    Ok(match (phase, next, old) {
        (Phase::Trust, false, false) | (Phase::Issue, true, false) | (Phase::Drop, _, true) => None,
        (Phase::Trust, true, _) => Some(format!(
            "{stem} already has a successor: once every node runs an image built since then, continue with `--ca issue`"
        )),
        (Phase::Trust | Phase::Issue, _, true) => Some(format!(
            "{stem} was replaced, and its predecessor is still trusted: once every node runs an image built since then, continue with \
             `--ca drop`"
        )),
        (Phase::Issue, false, false) => Some(format!(
            "{stem} has no successor that the nodes trust: start with `--ca trust`"
        )),
        (Phase::Drop, _, false) => Some(format!("{stem} has no predecessor to drop")),
    })
}

/// Creates the successor of `stem`; its key first, so that an interrupted attempt continues with
/// it.
fn successor(
    folder: &mut KeyFolder,
    stem: &str,
    algorithm: KeyAlgorithm,
    now: SystemTime,
    rng: &mut dyn CryptoRng,
) -> Result<()> {
    let key_file = file(stem, Some(NEXT), "key");
    let key = if let Some(pem) = folder.read(&key_file)? {
        PrivateKey::from_pem(&pem)
            .map_err(|e| anyhow!("{} {e}", folder.path(&key_file).display()))?
    } else {
        let key = PrivateKey::generate(algorithm, rng)?;
        folder.write(&key_file, &key.to_pem()?)?;
        key
    };
    if let Some((_, name)) = AUTHORITIES.iter().find(|(other, _)| *other == stem) {
        let certificate = self_signed(&Profile::authority(name), &key, now, rng)?;
        folder.write(file(stem, Some(NEXT), "crt"), &certificate.to_pem()?)?;
    }
    Ok(())
}

/// Moves the leaf certificates that `names` select (if empty, all) to the archive, with their keys.
/// The next build makes new ones. A name is a node's, a certificate's, or a path in the folder.
pub fn archive_leaves(
    folder: &mut KeyFolder,
    names: &[String],
    now: SystemTime,
) -> Result<Vec<PathBuf>> {
    let all: Vec<PathBuf> = (folder.files("crt")?.into_iter())
        .filter(|path| path.starts_with("nodes") || path.starts_with("clients"))
        .collect();
    if let Some(unknown) = names
        .iter()
        .find(|name| !all.iter().any(|path| is_meant(path, name)))
    {
        bail!(
            "no certificate in {} matches `{unknown}`: name a node, a certificate such as apiserver, or a path such as \
             clients/kubernetes/admin",
            folder.root().display()
        );
    }
    let leaves: Vec<PathBuf> = all
        .into_iter()
        .filter(|path| names.is_empty() || names.iter().any(|name| is_meant(path, name)))
        .collect();
    for leaf in &leaves {
        refuse_unrenewable(folder, leaf)?;
    }
    let archive = new_archive(folder, now)?;
    let mut moves = Vec::new();
    for leaf in &leaves {
        for path in [leaf.clone(), leaf.with_extension("key")] {
            if folder.path(&path).exists() {
                moves.push((path.clone(), archive.join(path)));
            }
        }
    }
    folder.move_all(&moves)?;
    Ok(leaves)
}

fn is_meant(path: &Path, name: &str) -> bool {
    let stem = path.with_extension("");
    let name = name.strip_suffix(".crt").unwrap_or(name);
    stem.starts_with(name) || stem.components().any(|part| part.as_os_str() == name)
}

/// Fails if the authority of `leaf` is known but its private key is missing, so that it cannot
/// issue another.
fn refuse_unrenewable(folder: &KeyFolder, leaf: &Path) -> Result<()> {
    let read = |path: &Path| -> Result<Option<Certificate>> {
        Ok(match folder.read(path)? {
            Some(pem) => Certificate::from_pem(&pem).ok(),
            None => None,
        })
    };
    let Some(certificate) = read(leaf)? else {
        return Ok(());
    };
    for (stem, _) in AUTHORITIES {
        let Some(authority) = read(&file(stem, None, "crt"))? else {
            continue;
        };
        let key = file(stem, None, "key");
        if certificate.is_issued_by(&authority) && !folder.path(&key).exists() {
            bail!(
                "{} cannot be renewed: {} is missing",
                folder.path(leaf).display(),
                folder.path(key).display()
            );
        }
    }
    Ok(())
}

/// A new folder of the archive: `old/2026-11-21T05-30-12Z`.
fn new_archive(folder: &KeyFolder, now: SystemTime) -> Result<PathBuf> {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let time = DateTime::from_unix_duration(since)
        .map_err(|_| anyhow!("the system clock is out of range"))?;
    let time = time.to_string().replace(':', "-");
    let names = std::iter::once(time.clone()).chain((2..).map(|n| format!("{time}-{n}")));
    let mut archives = names.map(|name| Path::new(ARCHIVE).join(name));
    archives
        .find(|archive| !folder.path(archive).exists())
        .ok_or_else(|| anyhow!("no unused name in {}", folder.path(ARCHIVE).display()))
}

/// The endings of the files of `stem`, certificate first.
fn endings(stem: &str) -> impl Iterator<Item = &'static str> + use<> {
    let endings: &[&str] = if stem == SERVICE_ACCOUNTS {
        &["key"]
    } else {
        &["crt", "key"]
    };
    endings.iter().copied()
}

fn file(stem: &str, infix: Option<&str>, ending: &str) -> PathBuf {
    match infix {
        Some(infix) => format!("{stem}.{infix}.{ending}").into(),
        None => format!("{stem}.{ending}").into(),
    }
}
