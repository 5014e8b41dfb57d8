//! Fetches Kubernetes programs from a download site with the layout of upstream's:
//! `<site>/v<version>/bin/linux/<arch>/<program>`, each with its hash in `<program>.sha256` beside
//! it.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};

use super::{Access, Incoming, Network};
use crate::lock::pins::Pins;
use crate::names::Arch;
use crate::oci::is_digest;
use crate::processors::on_all_processors;
use crate::progress::Progress;

/// Upstream's own site.
pub const DEFAULT_SITE: &str = "https://dl.k8s.io";

/// The longest hash file that is read, in bytes.
const HASH_FILE_MAX: u64 = 4096;

/// The largest program that is fetched, in bytes: ten times those of Kubernetes.
const PROGRAM_MAX: u64 = 1 << 30;

/// Programs of one version from one site.
#[derive(Debug)]
pub struct Programs {
    pub access: Access,
    /// Without a trailing slash.
    pub site: String,
    /// `1.36.2`
    pub version: String,
    pub arch: Arch,
}

impl Programs {
    /// The URL of `name`.
    pub fn url(&self, name: &str) -> String {
        let Self {
            site,
            version,
            arch,
            ..
        } = self;
        format!("{site}/v{version}/bin/linux/{arch}/{name}")
    }

    /// The digest of `name`: the pinned one, or the site's current one, which is then pinned.
    pub fn resolve(&self, name: &str, pins: &mut Pins) -> Result<String> {
        let access = &self.access;
        if !access.refresh
            && let Some(digest) = pins.program(&self.version, self.arch, name)
        {
            return Ok(digest.to_owned());
        }
        let what = format!("{name} {} ({})", self.version, self.arch);
        if access.locked {
            bail!("imgbuild.lock does not pin {what}, and `--locked` forbids changing it");
        }
        if access.offline {
            bail!(
                "imgbuild.lock does not pin {what}, and `--offline` forbids contacting {}",
                self.site
            );
        }
        let url = format!("{}.sha256", self.url(name));
        let text = (Network::new()?.small(&url, HASH_FILE_MAX))
            .with_context(|| format!("fetching {url}"))?;
        let text = String::from_utf8_lossy(&text);
        // The file's name may follow, as written by sha256sum.
        let digest = format!(
            "sha256:{}",
            text.split_whitespace().next().unwrap_or_default()
        );
        ensure!(is_digest(&digest), "{url} contains no SHA-256 hash");
        pins.set_program(&self.version, self.arch, name, &digest);
        Ok(digest)
    }

    /// Fetches the program `name` with `digest` into the cache.
    fn fetch(&self, name: &str, digest: &str, progress: &dyn Progress) -> Result<PathBuf> {
        let url = self.url(name);
        if self.access.offline {
            bail!("{url} is not in the cache; `--offline` forbids fetching it");
        }
        let mut incoming = Incoming::new(&self.access.cache)?;
        let what = format!("fetching {name} {}", self.version);
        let fetched = Network::new()?.download(
            &url,
            PROGRAM_MAX,
            &mut |length| progress.start(&what, length),
            &mut |piece| {
                progress.advance(piece.len() as u64);
                incoming.write(piece)
            },
        );
        progress.finish();
        fetched.with_context(|| format!("fetching {url}"))?;
        incoming
            .finish(&self.access, digest)
            .with_context(|| format!("checking {url} against imgbuild.lock"))
    }

    /// The programs `names`, in the cache: names and paths.
    pub fn all(
        &self,
        names: &[&str],
        pins: &mut Pins,
        progress: &dyn Progress,
    ) -> Result<Vec<(String, PathBuf)>> {
        let digests = names.iter().map(|name| self.resolve(name, pins));
        let digests = digests.collect::<Result<Vec<_>>>()?;
        let there = on_all_processors(&digests, |digest| self.access.has_blob(digest, progress));
        let mut programs = Vec::new();
        for ((name, digest), there) in names.iter().zip(&digests).zip(there) {
            let path = if there? {
                self.access.blob(digest)
            } else {
                self.fetch(name, digest, progress)?
            };
            programs.push(((*name).to_owned(), path));
        }
        Ok(programs)
    }
}
