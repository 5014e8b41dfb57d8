//! An image whose parts are files on this machine.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::digest_of;
use super::name::is_digest;
use crate::formats::json;
use crate::names::Arch;
use crate::text::hex;

/// The largest manifest or config that is read into memory, in bytes: registries refuse more than 4
/// MiB (OCI Distribution Specification, "Pushing Manifests").
pub const MANIFEST_MAX: u64 = 4 << 20;

/// The most layers of an image: overlayfs takes 500, Docker 127.
const LAYERS_MAX: usize = 512;

/// Media types of indexes: OCI's and Docker's.
pub const INDEX_TYPES: [&str; 2] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
];

/// Media types of manifests: OCI's and Docker's.
pub const MANIFEST_TYPES: [&str; 2] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// An image of one architecture: its manifest and config in memory, its layers in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// Its name with registry and tag, as in pods.
    pub name: String,
    pub manifest_type: String,
    pub manifest: Vec<u8>,
    pub config: Vec<u8>,
    /// The lowest first.
    pub layers: Vec<StoredLayer>,
    /// Digests of the layers before compression.
    pub diff_ids: Vec<String>,
}

/// A layer in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLayer {
    /// The digest of the stored bytes.
    pub digest: String,
    pub size: u64,
    pub compression: Compression,
    pub blob: Blob,
}

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// A range of bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    pub file: PathBuf,
    pub offset: u64,
    pub size: u64,
}

/// A descriptor in a manifest or an index (OCI Image Format, `descriptor.md`). Other fields are
/// ignored.
#[derive(Debug, Clone, Deserialize)]
pub struct Descriptor {
    #[serde(rename = "mediaType", default)]
    pub media_type: String,
    pub digest: String,
    #[serde(default)]
    pub size: u64,
    pub platform: Option<Platform>,
    #[serde(default)]
    pub annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Platform {
    pub architecture: String,
    pub os: String,
}

#[derive(Debug, Deserialize)]
pub struct Index {
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
pub struct Manifest {
    #[serde(rename = "mediaType")]
    pub media_type: Option<String>,
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
struct Config {
    architecture: String,
    os: String,
    rootfs: RootFs,
}

#[derive(Debug, Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

impl Index {
    /// The entry of the manifest for Linux on `arch`.
    pub fn of(&self, arch: Arch) -> Result<&Descriptor> {
        let fits = |descriptor: &&Descriptor| {
            (descriptor.platform.as_ref())
                .is_some_and(|p| p.os == "linux" && p.architecture == arch.as_str())
        };
        if let Some(found) = self.manifests.iter().find(fits) {
            return Ok(found);
        }
        let mut there: Vec<String> = (self.manifests.iter())
            .filter_map(|d| d.platform.as_ref())
            .filter(|p| p.os != "unknown")
            .map(|p| format!("{}/{}", p.os, p.architecture))
            .collect();
        there.sort();
        there.dedup();
        bail!(
            "not available for linux/{arch}, only for {}",
            there.join(", ")
        )
    }
}

impl StoredImage {
    /// An image from its manifest; `blob` finds a blob by its descriptor. Checks manifest and
    /// config, and that they are for `arch`.
    pub fn new(
        name: String,
        arch: Arch,
        manifest: Vec<u8>,
        mut blob: impl FnMut(&Descriptor) -> Result<Blob>,
    ) -> Result<Self> {
        let parsed: Manifest = json::parse(&manifest).context("reading its manifest")?;
        let config_blob = blob(&parsed.config)?;
        let config = config_blob.read(&parsed.config.digest)?;
        ensure!(
            parsed.layers.len() <= LAYERS_MAX,
            "its manifest lists more than {LAYERS_MAX} layers"
        );
        let layers = parsed.layers.iter().map(|layer| {
            Ok(StoredLayer {
                digest: layer.digest.clone(),
                size: layer.size,
                compression: Compression::from_media_type(&layer.media_type)?,
                blob: blob(layer)?,
            })
        });
        let layers = layers.collect::<Result<Vec<_>>>()?;
        let manifest_type = parsed.media_type.as_deref().unwrap_or(MANIFEST_TYPES[0]);
        Self {
            name,
            manifest_type: manifest_type.to_owned(),
            manifest,
            config,
            layers,
            diff_ids: Vec::new(),
        }
        .checked(arch)
    }

    /// Checks the config against `arch` and the layers.
    pub fn checked(mut self, arch: Arch) -> Result<Self> {
        let config: Config = json::parse(&self.config).context("reading its config")?;
        ensure!(
            config.os == "linux" && config.architecture == arch.as_str(),
            "the image is for {}/{}, but the node is linux/{arch}",
            config.os,
            config.architecture
        );
        ensure!(
            config.rootfs.diff_ids.len() == self.layers.len(),
            "its config lists {} layers, but its manifest lists {}",
            config.rootfs.diff_ids.len(),
            self.layers.len()
        );
        for digest in &config.rootfs.diff_ids {
            ensure!(is_digest(digest), "`{digest}` is not a SHA-256 digest");
        }
        self.diff_ids = config.rootfs.diff_ids;
        Ok(self)
    }

    /// The digest of the manifest, which identifies the image.
    pub fn digest(&self) -> String {
        digest_of(&self.manifest)
    }

    /// The identifier of all layers on top of one another (OCI Image Format, `config.md`, "Layer
    /// `ChainID`").
    pub fn chain_id(&self) -> Option<String> {
        let mut all = self.diff_ids.iter();
        let first = all.next()?.clone();
        Some(all.fold(first, |below, layer| {
            digest_of(format!("{below} {layer}").as_bytes())
        }))
    }
}

impl Compression {
    /// From the media type of a layer: OCI's or Docker's.
    fn from_media_type(media_type: &str) -> Result<Self> {
        let plain = media_type
            .strip_prefix("application/vnd.oci.image.layer.v1.tar")
            .or_else(|| {
                media_type.strip_prefix("application/vnd.oci.image.layer.nondistributable.v1.tar")
            })
            .or_else(|| media_type.strip_prefix("application/vnd.docker.image.rootfs.diff.tar"));
        match plain {
            Some("") => Ok(Self::None),
            Some("+gzip" | ".gzip") => Ok(Self::Gzip),
            Some("+zstd" | ".zstd") => Ok(Self::Zstd),
            _ => bail!("`{media_type}` is not the media type of a container image's layer"),
        }
    }
}

impl StoredLayer {
    /// The stored bytes. Reading fails at the end if they do not match the digest.
    pub fn open_stored(&self) -> Result<impl Read + use<>> {
        Ok(Verified::new(self.blob.open()?, &self.digest))
    }

    /// The layer as tar. Reading fails at its end if the bytes do not match its digest.
    pub fn open(&self) -> Result<Box<dyn Read>> {
        let raw = self.open_stored()?;
        Ok(match self.compression {
            Compression::None => Box::new(raw),
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(raw)),
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(raw)?),
        })
    }
}

impl Blob {
    /// A whole file.
    pub fn from_file(file: PathBuf) -> Result<Self> {
        let size = std::fs::metadata(&file)
            .with_context(|| format!("reading {}", file.display()))?
            .len();
        Ok(Self {
            file,
            offset: 0,
            size,
        })
    }

    /// Its bytes as a stream.
    pub fn open(&self) -> Result<io::Take<File>> {
        let opening = || format!("reading {}", self.file.display());
        let mut file = File::open(&self.file).with_context(opening)?;
        file.seek(SeekFrom::Start(self.offset))
            .with_context(opening)?;
        Ok(file.take(self.size))
    }

    /// The whole contents, checked against `digest`. For manifests and configs.
    pub fn read(&self, digest: &str) -> Result<Vec<u8>> {
        ensure!(
            self.size <= MANIFEST_MAX,
            "{digest} exceeds the maximum size of a manifest or a config"
        );
        let mut bytes = Vec::new();
        self.open()?.read_to_end(&mut bytes)?;
        check_digest(&bytes, digest)?;
        Ok(bytes)
    }
}

/// Refuses bytes that do not match `digest`.
pub fn check_digest(bytes: &[u8], digest: &str) -> Result<()> {
    let found = digest_of(bytes);
    ensure!(
        found == digest,
        "digest mismatch in a blob: expected {digest}, got {found}"
    );
    Ok(())
}

/// A reader that fails at its end if what was read does not match the expected digest.
struct Verified<R> {
    inner: R,
    expected: String,
    hash: Sha256,
}

impl<R: Read> Verified<R> {
    fn new(inner: R, digest: &str) -> Self {
        Self {
            inner,
            expected: digest.to_owned(),
            hash: Sha256::new(),
        }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if read == 0 && !buffer.is_empty() {
            let found = format!("sha256:{}", hex(&self.hash.clone().finalize()));
            if found != self.expected {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!(
                        "digest mismatch in a blob: expected {}, got {found}",
                        self.expected
                    ),
                ));
            }
        }
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
