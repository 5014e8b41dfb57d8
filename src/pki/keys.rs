//! Provides keys and certificates: those of the folder if they are valid, else new ones.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result, anyhow, bail};
use sha2::{Digest, Sha256};

use super::CryptoRng;
use super::certificate::Certificate;
use super::folder::{Access, KeyFolder};
use super::issue::{issue, self_signed, subject_of};
use super::keeping::PendingKeys;
use super::private_key::{KeyAlgorithm, PrivateKey};
use super::profile::{EXPIRY_WARNING, Profile};
use super::rotate::{NEXT, OLD};
use crate::text::hex;

/// Something in the key folder that the user should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// It did not exist.
    Made { path: PathBuf, subject: String },
    /// The existing one no longer matched; its private key was kept.
    Reissued { path: PathBuf, why: String },
    /// It expires within 30 days. Negative `days`: it has expired.
    Expires { path: PathBuf, days: i64 },
}

impl Notice {
    /// Whether it requires the user to do something.
    pub fn is_warning(&self) -> bool {
        matches!(self, Self::Expires { .. })
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made { path, subject } => write!(f, "created {} ({subject})", path.display()),
            Self::Reissued { path, why } => write!(f, "reissued {}: {why}", path.display()),
            Self::Expires { path, days } if *days < 0 => {
                write!(f, "{} expired {} days ago", path.display(), -days)
            }
            Self::Expires { path, days } => write!(
                f,
                "{} expires in {days} days: remove it to have it reissued, then build and boot the node",
                path.display()
            ),
        }
    }
}

/// The keys of a cluster, in use.
pub struct Keys<'a> {
    pub(super) folder: KeyFolder,
    pub(super) now: SystemTime,
    pub(super) rng: &'a mut dyn CryptoRng,
    pub(super) algorithm: KeyAlgorithm,
    pub(super) notices: Vec<Notice>,
    /// Authorities that were already read or made, by their folder.
    pub(super) authorities: BTreeMap<PathBuf, Arc<Authority>>,
}

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys")
            .field("folder", &self.folder)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// An authority; without its private key it can only verify what it has signed.
pub(super) struct Authority {
    pub file: PathBuf,
    pub certificate: Certificate,
    /// Only its certificate.
    pub pem: String,
    /// The certificates that nodes trust: its own and, while it is being replaced, its successor's
    /// or its predecessor's.
    pub trusted: String,
    key: Option<PrivateKey>,
}

impl Authority {
    /// The private key in PEM, if it exists.
    pub(super) fn key_pem(&self) -> Result<Option<String>> {
        Ok(self.key.as_ref().map(PrivateKey::to_pem).transpose()?)
    }
}

/// A certificate and its key, in PEM.
pub(super) struct Issued {
    pub certificate: String,
    pub key: String,
}

impl<'a> Keys<'a> {
    /// The keys in `folder`, used at `now`; new ones are made with `rng`.
    pub fn new(folder: KeyFolder, now: SystemTime, rng: &'a mut dyn CryptoRng) -> Self {
        Self {
            folder,
            now,
            rng,
            algorithm: KeyAlgorithm::default(),
            notices: Vec::new(),
            authorities: BTreeMap::new(),
        }
    }

    /// Sets the algorithm of new private keys; existing ones stay as they are.
    pub fn set_algorithm(&mut self, algorithm: KeyAlgorithm) {
        self.algorithm = algorithm;
    }

    /// What the user should know, in the order in which it happened. What was made only in memory
    /// is left out.
    pub fn notices(&self) -> Vec<Notice> {
        let is_kept = self.folder.access() == Access::Write;
        let told = (self.notices.iter()).filter(|notice| is_kept || notice.is_warning());
        told.cloned().collect()
    }

    /// Begins to write what was made in memory, like [`KeyFolder::keep`].
    pub fn keep_all(&mut self) -> Result<Option<PendingKeys>> {
        self.folder.keep()
    }

    /// Whether something was made that is not kept because the folder is open with
    /// [`Access::Look`].
    pub fn are_incomplete(&self) -> bool {
        self.folder.holds_back()
    }

    /// The folder that contains them.
    pub fn folder(&self) -> &KeyFolder {
        &self.folder
    }

    pub(super) fn random(&mut self) -> &mut dyn CryptoRng {
        self.rng
    }

    /// Writes `text` as `file` into the folder.
    pub(super) fn keep(&mut self, file: &str, text: &str) -> Result<()> {
        self.folder.write(file, text)
    }

    /// The text of a file of the folder; if it does not exist, 32 random bytes as `write` encodes
    /// them.
    pub(super) fn secret_text(
        &mut self,
        file: &str,
        write: impl FnOnce(&[u8; 32]) -> String,
    ) -> Result<String> {
        if let Some(text) = self.folder.read(file)? {
            return Ok(text);
        }
        let mut secret = [0; 32];
        self.rng.fill_bytes(&mut secret);
        let text = write(&secret);
        self.folder.write(file, &text)?;
        Ok(text)
    }

    /// A salt for `crypt(5)`, 12 bytes (16 characters of its base64), always the same for the same
    /// `user` of this cluster, so that builds are reproducible.
    ///
    /// It is derived from a secret of the folder, and never from the password: a salt derived from
    /// the password would allow whoever reads the hash to try passwords at the speed of the
    /// derivation instead of the hash.
    pub fn password_salt(&mut self, user: &str) -> Result<[u8; 12]> {
        const FILE: &str = "password-salt.key";
        let secret = match self.folder.read(FILE)? {
            Some(secret) if secret.trim_end().len() == 64 => secret.trim_end().to_owned(),
            Some(_) => bail!(
                "{} is damaged: it must have 64 characters; remove it to have a new one made, which changes the hashes of passwords",
                self.folder.path(FILE).display()
            ),
            None => {
                let mut secret = [0; 32];
                self.rng.fill_bytes(&mut secret);
                let secret = hex(&secret);
                self.folder.write(FILE, &format!("{secret}\n"))?;
                secret
            }
        };
        let digest = Sha256::new()
            .chain_update(secret)
            .chain_update([0])
            .chain_update(user)
            .finalize();
        let mut salt = [0; 12];
        salt.copy_from_slice(&digest[..12]);
        Ok(salt)
    }

    /// The authority `stem.crt` with `profile`; made if it does not exist. The certificates that it
    /// issues to nodes are in their folders named `leaves`.
    pub(super) fn authority(
        &mut self,
        stem: &Path,
        profile: &Profile,
        leaves: &str,
    ) -> Result<Arc<Authority>> {
        if let Some(authority) = self.authorities.get(stem) {
            return Ok(Arc::clone(authority));
        }
        let authority = Arc::new(self.read_authority(stem, profile, leaves)?);
        self.authorities
            .insert(stem.to_owned(), Arc::clone(&authority));
        Ok(authority)
    }

    fn read_authority(
        &mut self,
        stem: &Path,
        profile: &Profile,
        leaves: &str,
    ) -> Result<Authority> {
        let file = stem.with_extension("crt");
        let key_file = stem.with_extension("key");
        let key = self.read_key(&key_file)?;
        let Some(certificate) = self.read_certificate(&file)? else {
            if let Some(orphan) = self.first_leaf(leaves)? {
                bail!(
                    "{} is missing, but {} was issued by it: restore it, or move the whole folder {} away to have keys for a new cluster \
                     made",
                    self.show(&file),
                    self.show(&orphan),
                    self.folder.root().display()
                );
            }
            return self.new_authority(file, &key_file, key, profile);
        };
        self.check_pair(&certificate, key.as_ref(), &file, &key_file)?;
        if !certificate.usages().contains(&super::Usage::Authority) {
            bail!(
                "{} is not a CA certificate (no CA:TRUE in basicConstraints)",
                self.show(&file)
            );
        }
        if certificate.is_expired(self.now) {
            bail!(
                "{} expired {} days ago: move {} away to have keys for a new cluster made, then build and boot every node",
                self.show(&file),
                -certificate.days_left(self.now),
                self.folder.root().display()
            );
        }
        self.warn_of_expiry(&certificate, &file);
        let pem = certificate.to_pem().with_context(|| self.show(&file))?;
        let mut trusted = pem.clone();
        for other in [NEXT, OLD] {
            let file = stem.with_extension(format!("{other}.crt"));
            if let Some(certificate) = self.read_certificate(&file)? {
                trusted.push_str(&certificate.to_pem().with_context(|| self.show(&file))?);
            }
        }
        Ok(Authority {
            file,
            certificate,
            pem,
            trusted,
            key,
        })
    }

    /// The key is written first: a build that stops between the two leaves a key that the next one
    /// uses.
    fn new_authority(
        &mut self,
        file: PathBuf,
        key_file: &Path,
        key: Option<PrivateKey>,
        profile: &Profile,
    ) -> Result<Authority> {
        let key = match key {
            Some(key) => key,
            None => self.new_key(key_file)?,
        };
        let certificate = self_signed(profile, &key, self.now, self.rng)?;
        let pem = certificate.to_pem()?;
        self.folder.write(&file, &pem)?;
        self.notices.push(Notice::Made {
            path: self.folder.path(&file),
            subject: certificate.subject(),
        });
        Ok(Authority {
            file,
            certificate,
            trusted: pem.clone(),
            pem,
            key: Some(key),
        })
    }

    /// The certificate `stem.crt` and its key, with `profile` and issued by `authority`: that of
    /// the folder if it is valid, else a new one for the folder's key.
    pub(super) fn leaf(
        &mut self,
        stem: &Path,
        profile: &Profile,
        authority: &Authority,
    ) -> Result<Issued> {
        let file = stem.with_extension("crt");
        let key_file = stem.with_extension("key");
        let old_key = self.read_key(&key_file)?;
        let old = self.read_certificate(&file)?;
        if let Some(certificate) = &old {
            if old_key.is_none() {
                bail!(
                    "{} is missing: restore it, or remove {} to have both made again",
                    self.show(&key_file),
                    self.show(&file)
                );
            }
            self.check_pair(certificate, old_key.as_ref(), &file, &key_file)?;
        }
        let why = old
            .as_ref()
            .and_then(|c| self.why_not(c, profile, authority));
        if let (Some(certificate), Some(key), None) = (&old, &old_key, &why) {
            self.warn_of_expiry(certificate, &file);
            return Ok(Issued {
                certificate: certificate.to_pem()?,
                key: key.to_pem()?,
            });
        }
        let Some(authority_key) = &authority.key else {
            bail!(
                "{} cannot be issued ({}): {} is missing",
                self.show(&file),
                why.unwrap_or_else(|| "it is missing".to_owned()),
                self.show(&authority.file.with_extension("key"))
            );
        };
        let key = match old_key {
            Some(key) => key,
            None => self.new_key(&key_file)?,
        };
        let certificate = issue(
            profile,
            &key,
            &authority.certificate,
            authority_key,
            self.now,
            self.rng,
        )?;
        let pem = certificate.to_pem()?;
        self.folder.write(&file, &pem)?;
        let path = self.folder.path(&file);
        self.notices.push(match why {
            Some(why) => Notice::Reissued { path, why },
            None => Notice::Made {
                path,
                subject: certificate.subject(),
            },
        });
        Ok(Issued {
            certificate: pem,
            key: key.to_pem()?,
        })
    }

    /// Why a certificate cannot be used with `profile`; `None` if it can.
    fn why_not(
        &self,
        certificate: &Certificate,
        profile: &Profile,
        authority: &Authority,
    ) -> Option<String> {
        if !certificate.is_issued_by(&authority.certificate) {
            return Some(format!(
                "the old one was not issued by {}",
                self.show(&authority.file)
            ));
        }
        if certificate.is_expired(self.now) {
            return Some(format!(
                "the old one expired {} days ago",
                -certificate.days_left(self.now)
            ));
        }
        // Compared as text: other tools encode the same names in other string types of ASN.1.
        match subject_of(profile).map(|subject| subject.to_string()) {
            Ok(subject) if subject != certificate.subject() => {
                return Some(format!("its subject becomes {subject}"));
            }
            // A subject that cannot be encoded is reported by the code that issues it.
            Ok(_) | Err(_) => {}
        }
        if certificate.usages() != profile.usages {
            return Some("its usages change".to_owned());
        }
        let (old, new) = (certificate.names().texts(), profile.names.texts());
        let added: Vec<_> = new
            .iter()
            .filter(|name| !old.contains(name))
            .map(|name| format!("+{name}"))
            .collect();
        let removed: Vec<_> = old
            .iter()
            .filter(|name| !new.contains(name))
            .map(|name| format!("-{name}"))
            .collect();
        let changes = [added, removed].concat();
        (!changes.is_empty()).then(|| {
            format!(
                "the node's names or addresses changed ({})",
                changes.join(", ")
            )
        })
    }

    fn check_pair(
        &self,
        certificate: &Certificate,
        key: Option<&PrivateKey>,
        file: &Path,
        key_file: &Path,
    ) -> Result<()> {
        match key {
            Some(key) if !certificate.matches(key) => bail!(
                "{} is not the private key of {}: restore the matching pair, or remove both",
                self.show(key_file),
                self.show(file)
            ),
            _ => Ok(()),
        }
    }

    fn warn_of_expiry(&mut self, certificate: &Certificate, file: &Path) {
        if certificate.not_after() < self.now + EXPIRY_WARNING {
            self.notices.push(Notice::Expires {
                path: self.folder.path(file),
                days: certificate.days_left(self.now),
            });
        }
    }

    /// The private key in `file`; made if it does not exist. Not for keys that have a certificate.
    pub(super) fn bare_key(&mut self, file: &Path) -> Result<PrivateKey> {
        match self.read_key(file)? {
            Some(key) => Ok(key),
            None => self.new_key(file),
        }
    }

    fn new_key(&mut self, file: &Path) -> Result<PrivateKey> {
        let key = PrivateKey::generate(self.algorithm, self.rng)
            .with_context(|| format!("creating {}", self.show(file)))?;
        self.folder.write(file, &key.to_pem()?)?;
        Ok(key)
    }

    pub(super) fn read_key(&self, file: &Path) -> Result<Option<PrivateKey>> {
        let Some(pem) = self.folder.read(file)? else {
            return Ok(None);
        };
        let key = PrivateKey::from_pem(&pem).map_err(|e| anyhow!("{} {e}", self.show(file)))?;
        Ok(Some(key))
    }

    fn read_certificate(&self, file: &Path) -> Result<Option<Certificate>> {
        let Some(pem) = self.folder.read(file)? else {
            return Ok(None);
        };
        let certificate =
            Certificate::from_pem(&pem).map_err(|e| anyhow!("{} {e}", self.show(file)))?;
        Ok(Some(certificate))
    }

    /// The first certificate of a node in a folder of this name, regardless of its issuer.
    fn first_leaf(&self, folder: &str) -> Result<Option<PathBuf>> {
        let files = self.folder.files("crt")?;
        Ok(files
            .into_iter()
            .find(|file| file.starts_with("nodes") && file.iter().any(|part| part == folder)))
    }

    fn show(&self, file: &Path) -> String {
        self.folder.path(file).display().to_string()
    }
}
