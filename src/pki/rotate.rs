//! `imgbuild keys rotate`: leaves made anew, authorities replaced in three steps in which no node
//! is without trust in another.
//!
//! While an authority is replaced, its successor is beside it as `ca.next.*`, or its predecessor as
//! `ca.old.*`; builds give nodes both certificates to trust. What is replaced goes to `old/<time>/`
//! and is never removed. The key that signs service accounts' tokens, `sa`, goes the same way, with
//! public keys in the place of certificates.

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

/// What stands before the ending of a successor's files.
pub(super) const NEXT: &str = "next";

/// What stands before the ending of a predecessor's files.
pub(super) const OLD: &str = "old";

/// The folder of what was replaced.
pub(super) const ARCHIVE: &str = "old";

/// What signs the tokens of service accounts; it has no certificate.
const SERVICE_ACCOUNTS: &str = "sa";

/// The authorities of a cluster: file without ending, common name.
pub(super) const AUTHORITIES: [(&str, &str); 3] = [
    ("ca", "kubernetes"),
    ("front-proxy-ca", "front-proxy-ca"),
    ("etcd/ca", "etcd-ca"),
];

/// A step of the replacement of an authority. Between two steps every node is built anew and
/// booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A successor is made. Nodes trust both; the old one goes on signing.
    Trust,
    /// The successor signs. Nodes trust both.
    Issue,
    /// The old one is trusted no longer.
    Drop,
}

/// Takes the authorities `names` (all that can take it, where there is none) through `phase`. Gives
/// the names of those.
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
            "`{unknown}` is no authority: there are {}",
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

/// Moves of the files of `stem` that there are from `from` to the files with `infix`.
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

/// Why `stem` cannot take `phase` now; `None`: it can.
fn refusal(folder: &KeyFolder, stem: &str, phase: Phase) -> Result<Option<String>> {
    let ending = endings(stem).next().unwrap_or("key");
    let is_there = |infix| anyhow::Ok(folder.read(file(stem, infix, ending))?.is_some());
    if !is_there(None)? {
        let missing = folder.path(file(stem, None, ending));
        return Ok(Some(format!("{} is not there", missing.display())));
    }
    let (next, old) = (is_there(Some(NEXT))?, is_there(Some(OLD))?);
    Ok(match (phase, next, old) {
        (Phase::Trust, false, false) | (Phase::Issue, true, false) | (Phase::Drop, _, true) => None,
        (Phase::Trust, true, _) => Some(format!(
            "{stem} has a successor already: once every node that was built since runs, go on with `--ca issue`"
        )),
        (Phase::Trust | Phase::Issue, _, true) => Some(format!(
            "{stem} was replaced, and its predecessor is still trusted: once every node that was built since runs, go on with `--ca drop`"
        )),
        (Phase::Issue, false, false) => Some(format!(
            "{stem} has no successor that the nodes trust: begin with `--ca trust`"
        )),
        (Phase::Drop, _, false) => Some(format!("{stem} has no predecessor to drop")),
    })
}

/// Makes the successor of `stem`; its key first, so that one that was interrupted goes on with it.
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

/// Moves the leaves that `names` mean (all, where there is none) to the archive: certificate and
/// key. The next build makes them anew. A name is a node's, a certificate's, or a path in the
/// folder.
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
            "no certificate in {} is meant by `{unknown}`: name a node, a certificate such as apiserver, or a path such as \
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

/// Fails where the authority of `leaf` is known and its private key is not there to issue another.
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
                "{} cannot be renewed: {} is not there",
                folder.path(leaf).display(),
                folder.path(key).display()
            );
        }
    }
    Ok(())
}

/// A folder of the archive that is not there yet: `old/2026-11-21T05-30-12Z`.
fn new_archive(folder: &KeyFolder, now: SystemTime) -> Result<PathBuf> {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let time = DateTime::from_unix_duration(since).map_err(|_| anyhow!("the clock is wrong"))?;
    let time = time.to_string().replace(':', "-");
    let names = std::iter::once(time.clone()).chain((2..).map(|n| format!("{time}-{n}")));
    let mut archives = names.map(|name| Path::new(ARCHIVE).join(name));
    archives
        .find(|archive| !folder.path(archive).exists())
        .ok_or_else(|| anyhow!("no name is left in {}", folder.path(ARCHIVE).display()))
}

/// The endings of what belongs to `stem`, certificate first.
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
