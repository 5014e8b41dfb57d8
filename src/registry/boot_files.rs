//! The files of an external base: fetches them, and checks their hashes and signatures.
//!
//! Downloads are kept in the cache as `boot/<kind>-<hexadecimal digits>`, a signature beside its
//! file as `….sig`.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use base64ct::{Base64, Encoding as _};
use sha2::{Digest as _, Sha256, Sha512};

use super::{Access, Network};
use crate::cache::Corrupt;
use crate::node::boot_files::{BootFile, BootFiles, BootSource, BroughtSystem};
use crate::progress::Progress;

/// The longest signature or key that is read, in bytes: a key ring may contain photographs.
const OPENPGP_MAX: u64 = 4 << 20;

/// The largest file that is fetched, in bytes: live ISOs have about 1 GiB.
const FILE_MAX: u64 = 8 << 30;

/// How much is read at once.
const STEP: usize = 1 << 20;

const NAME: &str = "boot-file";

/// The files of an external base, which match what the spec says of them.
#[derive(Debug, Clone)]
pub enum CheckedBootFiles {
    Network {
        kernel: PathBuf,
        initrd: PathBuf,
        root: Option<PathBuf>,
        /// SHA-256 over all of them, in hexadecimal.
        id: String,
    },
    LiveIso(PathBuf),
}

/// Returns the files of `files`: fetched where the cache lacks them, and checked.
pub fn boot_files(
    files: &BootFiles,
    access: &Access,
    progress: &dyn Progress,
) -> Result<CheckedBootFiles> {
    let mut all = Sha256::new();
    let mut checked = |what: &str, file: &BootFile| {
        let (path, digest) = checked(file, files.key.as_deref(), access, progress)
            .with_context(|| format!("fetching the {what} {}", file.source))?;
        all.update(digest);
        Ok::<_, anyhow::Error>(path)
    };
    match &files.system {
        BroughtSystem::Network {
            kernel,
            initrd,
            root,
        } => {
            let kernel = checked("kernel", kernel)?;
            let initrd = checked("initrd", initrd)?;
            let root = root.as_ref();
            let root = root
                .map(|root| checked("root file system", root))
                .transpose()?;
            Ok(CheckedBootFiles::Network {
                kernel,
                initrd,
                root,
                id: crate::text::hex(&all.finalize()),
            })
        }
        BroughtSystem::LiveIso(iso) => Ok(CheckedBootFiles::LiveIso(checked("live ISO", iso)?)),
    }
}

/// The file, and its SHA-256.
fn checked(
    file: &BootFile,
    key: Option<&Path>,
    access: &Access,
    progress: &dyn Progress,
) -> Result<(PathBuf, [u8; 32])> {
    let (path, digests) = match (&file.source, &file.hash) {
        (BootSource::Path(path), _) => (path.clone(), digests(path)?),
        (BootSource::Url(url), Some(hash)) => fetched(url, hash, access, progress)?,
        (BootSource::Url(_), None) => bail!("a file from the network requires a hash"),
    };
    ensure!(digests.length > 0, "{} is empty", path.display());
    if let Some(hash) = &file.hash {
        let found = digests.of_kind(hash);
        ensure!(
            found == *hash,
            "hash mismatch of {}: expected {hash}, got {found}",
            path.display()
        );
    }
    if let Some(signature) = &file.signature {
        let key = key.context("checking a signature requires a key")?;
        match signature {
            BootSource::Path(signature) => verify(&path, signature, key)?,
            BootSource::Url(url) => {
                let beside = in_cache(access, &digests.of_kind("sha256-"), ".sig");
                verify_by_fetched(&path, (url, &beside), key, access, progress)?;
            }
        }
    }
    Ok((path, digests.sha256))
}

/// Checks the signature at `url`, which the cache may have at `beside`: only the key tells whether
/// it is undamaged there.
fn verify_by_fetched(
    file: &Path,
    (url, beside): (&str, &Path),
    key: &Path,
    access: &Access,
    progress: &dyn Progress,
) -> Result<()> {
    let was_there = access.cache.has(beside);
    if !was_there {
        store(url, beside, access, progress)?;
    }
    let verified = verify(file, beside, key);
    if let (Err(error), true) = (&verified, was_there) {
        let corrupt = Corrupt::new(beside, format!("{error:#}"));
        access.discard_damaged(corrupt.into(), progress)?;
        store(url, beside, access, progress)?;
        return verify(file, beside, key);
    }
    verified
}

/// The path of a file with this hash in the cache.
fn in_cache(access: &Access, hash: &str, ending: &str) -> PathBuf {
    access
        .cache
        .root()
        .join("boot")
        .join(format!("{hash}{ending}"))
}

/// The file at `url` with this hash, in the cache.
fn fetched(
    url: &str,
    hash: &str,
    access: &Access,
    progress: &dyn Progress,
) -> Result<(PathBuf, Digests)> {
    let path = in_cache(access, hash, "");
    if access.cache.has(&path) {
        let digests = digests(&path)?;
        let found = digests.of_kind(hash);
        if found == hash {
            return Ok((path, digests));
        }
        let corrupt = Corrupt::new(&path, format!("its hash is {found} instead of {hash}"));
        access.discard_damaged(corrupt.into(), progress)?;
    }
    store(url, &path, access, progress)?;
    // Nothing must stay in the cache under a hash other than its own.
    let digests = digests(&path)?;
    let found = digests.of_kind(hash);
    if found != hash {
        fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        bail!("hash mismatch of {url}: expected {hash}, got {found}");
    }
    Ok((path, digests))
}

/// Fetches `url` to `target`.
fn store(url: &str, target: &Path, access: &Access, progress: &dyn Progress) -> Result<()> {
    if access.offline {
        bail!("{url} is not in the cache; `--offline` forbids fetching it");
    }
    let work = access.cache.workspace()?;
    let path = work.path().join(NAME);
    let mut file = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
    let fetched = Network::new()?.download(
        url,
        FILE_MAX,
        &mut |length| progress.start(&format!("fetching {url}"), length),
        &mut |piece| {
            progress.advance(piece.len() as u64);
            file.write_all(piece)
        },
    );
    progress.finish();
    fetched.with_context(|| format!("fetching {url}"))?;
    work.publish(NAME, target)
}

struct Digests {
    /// Bytes.
    length: u64,
    sha256: [u8; 32],
    sha512: [u8; 64],
}

impl Digests {
    /// As written in a spec, with the algorithm of `hash`.
    fn of_kind(&self, hash: &str) -> String {
        if hash.starts_with("sha512-") {
            format!("sha512-{}", crate::text::hex(&self.sha512))
        } else {
            format!("sha256-{}", crate::text::hex(&self.sha256))
        }
    }
}

fn digests(path: &Path) -> Result<Digests> {
    let reading = || format!("reading {}", path.display());
    let mut file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let (mut sha256, mut sha512) = (Sha256::new(), Sha512::new());
    let mut length = 0;
    let mut buffer = vec![0; STEP];
    loop {
        let count = file.read(&mut buffer).with_context(reading)?;
        if count == 0 {
            break;
        }
        length += count as u64;
        sha256.update(&buffer[..count]);
        sha512.update(&buffer[..count]);
    }
    Ok(Digests {
        length,
        sha256: sha256.finalize().into(),
        sha512: sha512.finalize().into(),
    })
}

/// Checks with `gpgv` that `signature` is a signature of `file` by `key`.
fn verify(file: &Path, signature: &Path, key: &Path) -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("imgbuild-gpgv-")
        .tempdir()
        .context("creating a folder for gpgv")?;
    let ring = folder.path().join("key.gpg");
    let key_bytes =
        dearmored(&small(key)?).with_context(|| format!("reading {}", key.display()))?;
    fs::write(&ring, key_bytes).context("writing a key ring for gpgv")?;
    // Its status lines are the same in every language (GnuPG doc/DETAILS).
    let output = Command::new("gpgv")
        .arg("--homedir")
        .arg(folder.path())
        .arg("--keyring")
        .arg(&ring)
        .args(["--status-fd", "1", "--"])
        .arg(std::path::absolute(signature).context("resolving the path of the signature")?)
        .arg(std::path::absolute(file).context("resolving the path of the file")?)
        .output()
        .context("starting gpgv (Debian package `gpgv`), which is required to check signatures")?;
    let status = String::from_utf8_lossy(&output.stdout);
    let is_valid = status
        .lines()
        .any(|line| line.starts_with("[GNUPG:] VALIDSIG "));
    ensure!(
        output.status.success() && is_valid,
        "{} is not a valid signature of {} by the key {}: {}",
        signature.display(),
        file.display(),
        key.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

fn small(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).with_context(|| format!("opening {}", path.display()))?;
    let mut bytes = Vec::new();
    file.take(OPENPGP_MAX + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("reading {}", path.display()))?;
    ensure!(
        bytes.len() as u64 <= OPENPGP_MAX,
        "{} is too long for a key",
        path.display()
    );
    Ok(bytes)
}

/// A key without its ASCII armor (RFC 9580 §6.2), which gpgv does not read in a key ring.
fn dearmored(key: &[u8]) -> Result<Vec<u8>> {
    const BEGIN: &str = "-----BEGIN PGP PUBLIC KEY BLOCK-----";
    let Ok(text) = std::str::from_utf8(key) else {
        return Ok(key.to_vec());
    };
    let mut bytes = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while lines.any(|line| line == BEGIN) {
        // Headers, such as `Comment: …`, end with an empty line; without headers it may be left
        // out.
        let mut encoded = String::new();
        for line in lines.by_ref() {
            if line.starts_with("-----END ") {
                break;
            }
            // The checksum's line starts with `=`.
            if !line.contains(": ") && !line.starts_with('=') {
                encoded.push_str(line);
            }
        }
        let block = Base64::decode_vec(&encoded)
            .ok()
            .context("its armored block is not base64")?;
        bytes.extend(block);
    }
    ensure!(!bytes.is_empty(), "it contains no OpenPGP public key");
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::dearmored;

    #[test]
    fn armor_is_taken_off() {
        let block = |body: &str| {
            format!(
                "text\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n{body}-----END PGP PUBLIC KEY BLOCK-----\n"
            )
        };
        for (name, key, want) in [
            (
                "binary",
                vec![0x99, 0xff, 0x01],
                Some(vec![0x99, 0xff, 0x01]),
            ),
            (
                "plain",
                block("\nAQID\n=abcd\n").into_bytes(),
                Some(vec![1, 2, 3]),
            ),
            (
                "with a header and two lines",
                block("Comment: a\n\nAQID\nBA==\n").into_bytes(),
                Some(vec![1, 2, 3, 4]),
            ),
            (
                "two blocks",
                [block("\nAQID\n"), block("\nBAUG\n")].concat().into_bytes(),
                Some(vec![1, 2, 3, 4, 5, 6]),
            ),
            ("no key", b"hello".to_vec(), None),
            ("damaged", block("\nA*ID\n").into_bytes(), None),
        ] {
            assert_eq!(dearmored(&key).ok(), want, "{name}");
        }
    }
}
