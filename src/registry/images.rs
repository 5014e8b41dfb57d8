//! Images of OCI registries (OCI Distribution Specification 1.1).

use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use oci_client::Reference;
use oci_client::client::{Client, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use tokio::io::AsyncWrite;

use super::mirrors::Place;
use super::{Access, Credentials, Incoming, Mirrors, Network};
use crate::lock::pins::Pins;
use crate::names::Arch;
use crate::oci::{
    Blob, Descriptor, INDEX_TYPES, ImageName, Index, MANIFEST_MAX, MANIFEST_TYPES, StoredImage,
    check_digest, digest_of, is_digest,
};
use crate::progress::Progress;

/// How often a request is attempted if the network fails.
const ATTEMPTS: u32 = 3;

/// How long a registry may stay silent.
const SILENCE: Duration = Duration::from_secs(60);

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
            let index: Index = serde_json::from_slice(&bytes).context("reading its index")?;
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
        let (place, reference) = self.place(name, None)?;
        let auth = self.credentials.of(name.registry(), &place.host)?;
        let network = self.network()?;
        let client = client(&place, network)?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut sink = Sink {
                incoming: Incoming::new(&self.access.cache)?,
                most: descriptor.size,
                progress,
            };
            let pulled = network.wait(async {
                client
                    .store_auth_if_needed(reference.resolve_registry(), &auth)
                    .await;
                client
                    .pull_blob(&reference, descriptor.digest.as_str(), &mut sink)
                    .await
            });
            match pulled {
                Ok(()) => {
                    sink.incoming.finish(&self.access, &descriptor.digest)?;
                    return Ok(());
                }
                Err(error) if attempt < ATTEMPTS && is_passing(&error) => {}
                Err(error) => return Err(said(error, &place)),
            }
        }
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
        let (place, reference) = self.place(name, digest)?;
        let auth = self.credentials.of(name.registry(), &place.host)?;
        let accepted: Vec<&str> = INDEX_TYPES.into_iter().chain(MANIFEST_TYPES).collect();
        let network = self.network()?;
        let client = client(&place, network)?;
        let mut attempt = 0;
        let bytes = loop {
            attempt += 1;
            match network.wait(client.pull_manifest_raw(&reference, &auth, &accepted)) {
                Ok((bytes, _)) => break bytes,
                Err(error) if attempt < ATTEMPTS && is_passing(&error) => {}
                Err(error) => {
                    return Err(said(error, &place)).with_context(|| {
                        format!("requesting the image {name} from {}", place.host)
                    });
                }
            }
        };
        ensure!(
            bytes.len() as u64 <= MANIFEST_MAX,
            "the manifest of {name} is too large"
        );
        let found = digest_of(&bytes);
        Ok((bytes.to_vec(), found))
    }

    fn keep(&self, bytes: &[u8], digest: &str) -> Result<()> {
        let mut incoming = Incoming::new(&self.access.cache)?;
        incoming.write(bytes).context("writing to the cache")?;
        incoming.finish(&self.access, digest)?;
        Ok(())
    }

    /// The place to fetch `name` from, and its name there.
    fn place(&self, name: &ImageName, digest: Option<&str>) -> Result<(Place, Reference)> {
        let place = self.mirrors.place(name.registry());
        let repository = if place.prefix.is_empty() {
            name.repository().to_owned()
        } else {
            format!("{}/{}", place.prefix, name.repository())
        };
        let host = if place.host == "docker.io" {
            name.reference().resolve_registry().to_owned()
        } else {
            place.host.clone()
        };
        let reference = match (digest.or(name.digest()), name.tag()) {
            (Some(digest), _) => Reference::with_digest(host, repository, digest.to_owned()),
            (None, Some(tag)) => Reference::with_tag(host, repository, tag.to_owned()),
            (None, None) => bail!("the image {name} has neither a tag nor a digest"),
        };
        Ok((place, reference))
    }

    fn network(&self) -> Result<&Network> {
        if let Some(network) = self.network.get() {
            return Ok(network);
        }
        let network = Network::new()?;
        Ok(self.network.get_or_init(|| network))
    }
}

/// A client for `place`. It takes the network, which installs TLS.
fn client(place: &Place, _: &Network) -> Result<Client> {
    let config = ClientConfig {
        protocol: if place.plain {
            ClientProtocol::Http
        } else {
            ClientProtocol::Https
        },
        connect_timeout: Some(Duration::from_secs(10)),
        read_timeout: Some(SILENCE),
        user_agent: concat!("imgbuild/", env!("CARGO_PKG_VERSION")),
        ..ClientConfig::default()
    };
    Client::try_from(config).context("starting a client for registries")
}

/// The media type of a manifest.
fn media_type(bytes: &[u8]) -> Result<String> {
    let json: serde_json::Value = serde_json::from_slice(bytes).context("reading its manifest")?;
    if let Some(text) = json["mediaType"].as_str() {
        return Ok(text.to_owned());
    }
    // OCI allows omitting it.
    let kind = if json["manifests"].is_array() {
        INDEX_TYPES[0]
    } else {
        MANIFEST_TYPES[0]
    };
    Ok(kind.to_owned())
}

/// Whether another attempt may succeed.
fn is_passing(error: &OciDistributionError) -> bool {
    match error {
        OciDistributionError::RequestError(error) => {
            error.is_timeout() || error.is_body() || error.is_connect()
        }
        OciDistributionError::ServerError { code, .. } => *code >= 500 || *code == 429,
        _ => false,
    }
}

/// The library's error, reworded where it says too little.
fn said(error: OciDistributionError, place: &Place) -> anyhow::Error {
    let host = &place.host;
    match error {
        OciDistributionError::UnauthorizedError { .. }
        | OciDistributionError::AuthenticationFailure(_) => anyhow::anyhow!(
            "access to {host} was denied; run `docker login {host}` or `podman login --authfile ~/.docker/config.json {host}` first"
        ),
        OciDistributionError::ImageManifestNotFoundError(_) => {
            anyhow::anyhow!("image not found on {host}")
        }
        OciDistributionError::DigestError(error) => {
            anyhow::anyhow!("unexpected response from {host}: {error}")
        }
        other => anyhow::Error::new(other),
    }
}

/// Writes a blob into the cache, and no more bytes than its descriptor says.
struct Sink<'a> {
    incoming: Incoming,
    most: u64,
    progress: &'a dyn Progress,
}

impl AsyncWrite for Sink<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        if self.incoming.size + bytes.len() as u64 > self.most {
            let why = format!(
                "the registry sent more than the expected {} bytes",
                self.most
            );
            return Poll::Ready(Err(std::io::Error::other(why)));
        }
        self.progress.advance(bytes.len() as u64);
        Poll::Ready(self.incoming.write(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
