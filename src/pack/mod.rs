//! Packs: pure writers from bytes and a base to artifacts. Streamed, reproducible, ignorant of where the bytes came from.

/// What one node adds to the base. In an initrd it is a cpio archive with `imgbuild/config.ign` and
/// `imgbuild/network/*`, parent directories included.
#[derive(Clone, Default)]
pub struct Payload {
    /// The Ignition config.
    pub config: Vec<u8>,
    /// networkd files that Ignition itself needs to reach remote sources: file name and contents.
    pub network: Vec<(String, Vec<u8>)>,
}

/// Shows no secret.
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Payload")
            .field("config_bytes", &self.config.len())
            .finish_non_exhaustive()
    }
}
