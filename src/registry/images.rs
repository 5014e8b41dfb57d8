//! Images of OCI registries (OCI Distribution Specification 1.1).

use std::sync::OnceLock;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::distribution::Repository;
use super::mirrors::Place;
use super::{Access, Credentials, Incoming, Mirrors, Network};
use crate::formats::json;
use crate::lock::pins::Pins;
use crate::names::Arch;
use crate::oci::{
    Blob, Descriptor, INDEX_TYPES, ImageName, Index, MANIFEST_MAX, MANIFEST_TYPES, StoredImage,
    check_digest, digest_of, is_digest,
};
use crate::progress::Progress;

/// The largest blob that is fetched, in bytes.
const BLOB_MAX: u64 = 16 << 30;

/// Fetches images from registries through the cache.
#[derive(Debug)]
pub struct Images {
    access: Access,
    mirrors: Mirrors,
    credentials: Credentials,
    network: OnceLock<Network>,
}

impl Images {
    pub fn new(access: Access, mirrors: Mirrors, credentials: Credentials) -> Self {
        Self {
            access,
            mirrors,
            credentials,
            network: OnceLock::new(),
        }
    }

    /// The digest of `name`: its own, or the pinned one, or the registry's current one, which is
    /// then pinned.
    pub fn resolve(&self, name: &ImageName, pins: &mut Pins) -> Result<String> {
        if let Some(digest) = name.digest() {
            return Ok(digest.to_owned());
        }
        let key = name.to_string();
        if !self.access.refresh
            && let Some(digest) = pins.image(&key)
        {
            return Ok(digest.to_owned());
        }
        let hint = "; name the image by its digest, or give the path of its archive";
        if self.access.locked {
            bail!(
                "imgbuild.lock does not pin the image {name}, and `--locked` forbids changing it{hint}"
            );
        }
        if self.access.offline {
            bail!(
                "imgbuild.lock does not pin the image {name}, and `--offline` forbids contacting its registry{hint}"
            );
        }
        let (bytes, digest) = self.manifest(name, None)?;
        self.keep(&bytes, &digest)?;
        pins.set_image(&key, &digest);
        Ok(digest)
    }

    /// The image `name`, which is pinned to `digest`, for `arch`: from the cache, or from the
    /// registry into the cache.
    pub fn fetch(
        &self,
        name: &ImageName,
        digest: &str,
        arch: Arch,
        progress: &dyn Progress,
    ) -> Result<StoredImage> {
        self.fetch_whole(name, digest, arch, progress)
            .with_context(|| format!("fetching the image {name}"))
    }

    fn fetch_whole(
        &self,
        name: &ImageName,
        digest: &str,
        arch: Arch,
        progress: &dyn Progress,
    ) -> Result<StoredImage> {
        let mut bytes = self.cached_manifest(name, digest, progress)?;
        let mut media_type = media_type(&bytes)?;
        if INDEX_TYPES.contains(&media_type.as_str()) {
            let index: Index = json::parse(&bytes).context("reading its index")?;
            let chosen = index.of(arch)?;
            ensure!(
                is_digest(&chosen.digest),
                "`{}` is not a SHA-256 digest",
                chosen.digest
            );
            bytes = self.cached_manifest(name, &chosen.digest, progress)?;
            media_type = self::media_type(&bytes)?;
        }
        ensure!(
            MANIFEST_TYPES.contains(&media_type.as_str()),
            "`{media_type}` is not the media type of a container image"
        );
        let image = StoredImage::new(name.to_string(), arch, bytes, |descriptor| {
            self.blob(name, descriptor, progress)
        })?;
        Ok(image)
    }

    /// The blob of `descriptor`, in the cache.
    fn blob(
        &self,
        name: &ImageName,
        descriptor: &Descriptor,
        progress: &dyn Progress,
    ) -> Result<Blob> {
        let digest = &descriptor.digest;
        ensure!(is_digest(digest), "`{digest}` is not a SHA-256 digest");
        let path = self.access.blob(digest);
        if !self.has(descriptor, progress)? {
            self.online(digest)?;
            let short = &digest[..digest.len().min(19)];
            progress.start(
                &format!("fetching {short} of {name}"),
                Some(descriptor.size),
            );
            let fetched = self.fetch_blob(name, descriptor, progress);
            progress.finish();
            fetched.with_context(|| format!("fetching the blob {digest} of {name}"))?;
        }
        Blob::from_file(path)
    }

    /// Whether the cache has the blob of `descriptor`. A large one is a layer: only its size is
    /// compared here, since its contents are when they are unpacked.
    fn has(&self, descriptor: &Descriptor, progress: &dyn Progress) -> Result<bool> {
        let path = self.access.blob(&descriptor.digest);
        match std::fs::metadata(&path) {
            Ok(data) if data.len() > MANIFEST_MAX && data.len() == descriptor.size => {
                Ok(self.access.cache.has(&path))
            }
            _ => self.access.has_blob(&descriptor.digest, progress),
        }
    }

    fn fetch_blob(
        &self,
        name: &ImageName,
        descriptor: &Descriptor,
        progress: &dyn Progress,
    ) -> Result<()> {
        let (digest, size) = (&descriptor.digest, descriptor.size);
        ensure!(
            size <= BLOB_MAX,
            "it has {size} bytes, more than {} GiB",
            BLOB_MAX >> 30
        );
        let place = self.mirrors.place(name.registry());
        let incoming = self.repository(name, &place, &asked_host(&place))?.blob(
            digest,
            size,
            || Incoming::new(&self.access.cache),
            |incoming, piece| {
                progress.advance(piece.len() as u64);
                incoming.write(piece)
            },
        )?;
        incoming
            .finish(&self.access, digest)
            .with_context(|| format!("unexpected response from {}", place.host))?;
        Ok(())
    }

    fn cached_manifest(
        &self,
        name: &ImageName,
        digest: &str,
        progress: &dyn Progress,
    ) -> Result<Vec<u8>> {
        if self.access.has_blob(digest, progress)? {
            return Blob::from_file(self.access.blob(digest))?.read(digest);
        }
        self.online(digest)?;
        let (bytes, _) = self.manifest(name, Some(digest))?;
        check_digest(&bytes, digest)?;
        self.keep(&bytes, digest)?;
        Ok(bytes)
    }

    fn online(&self, digest: &str) -> Result<()> {
        if self.access.offline {
            bail!("{digest} is not in the cache; `--offline` forbids fetching it");
        }
        Ok(())
    }

    /// The manifest or index of `name`, by `digest` or by its tag, from the registry, and its
    /// digest.
    fn manifest(&self, name: &ImageName, digest: Option<&str>) -> Result<(Vec<u8>, String)> {
        let place = self.mirrors.place(name.registry());
        let Some(reference) = digest.or(name.digest()).or(name.tag()) else {
            bail!("the image {name} has neither a tag nor a digest");
        };
        let bytes = self
            .repository(name, &place, &asked_host(&place))?
            .manifest(reference)
            .with_context(|| format!("requesting the image {name} from {}", place.host))?;
        let found = digest_of(&bytes);
        Ok((bytes, found))
    }

    fn keep(&self, bytes: &[u8], digest: &str) -> Result<()> {
        let mut incoming = Incoming::new(&self.access.cache)?;
        incoming.write(bytes).context("writing to the cache")?;
        incoming.finish(&self.access, digest)?;
        Ok(())
    }

    /// The repository of `name` at `place`.
    fn repository<'a>(
        &'a self,
        name: &ImageName,
        place: &'a Place,
        host: &'a str,
    ) -> Result<Repository<'a>> {
        let repository = match place.prefix.as_str() {
            "" => name.repository().to_owned(),
            prefix => format!("{prefix}/{}", name.repository()),
        };
        let login = self.credentials.of(name.registry(), &place.host)?;
        let network = self.network()?;
        Ok(Repository::new(network, place, host, repository, login))
    }

    fn network(&self) -> Result<&Network> {
        if let Some(network) = self.network.get() {
            return Ok(network);
        }
        let network = Network::new()?;
        Ok(self.network.get_or_init(|| network))
    }
}

/// The host to ask for what is at `place`: Docker Hub has its images at another one than its name.
fn asked_host(place: &Place) -> String {
    match place.host.as_str() {
        "docker.io" => "index.docker.io".to_owned(),
        host => host.to_owned(),
    }
}

/// What tells manifests from indexes.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "mediaType")]
    media_type: Option<String>,
    manifests: Option<Vec<IgnoredAny>>,
}

/// The media type of a manifest.
fn media_type(bytes: &[u8]) -> Result<String> {
    let kind: Kind = json::parse(bytes).context("reading its manifest")?;
    // OCI allows omitting it.
    let otherwise = match kind.manifests {
        Some(_) => INDEX_TYPES[0],
        None => MANIFEST_TYPES[0],
    };
    Ok(kind.media_type.unwrap_or_else(|| otherwise.to_owned()))
}
