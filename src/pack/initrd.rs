//! Writes initrds: the base's, one node's payload, and both in one file.
//!
//! The kernel unpacks a chain of cpio archives, each raw or compressed by itself, with zeros in
//! between; of several files with one name the last one wins (kernel
//! Documentation/driver-api/early-userspace/buffer-format.rst).

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use flate2::{Compression as GzipLevel, GzBuilder};

use crate::base::Base;
use crate::facts::layout::{IMAGES_LIST_PATH, ROOT_IMAGE_PATH};
use crate::formats::cpio::{ALIGNMENT, Archive, first_contents};
use crate::progress::Progress;

use super::{BootRecord, Compression, Machine, Payload};
use crate::formats::BLOCK;

/// Smallest for these small inputs; fixed, so that outputs are reproducible.
const GZIP_LEVEL: u32 = 9;
/// As above. The kernel's window limit (8 MiB) is that of this level.
const ZSTD_LEVEL: i32 = 19;

/// Writes `payload` as a cpio archive: the config at its path (0600), and the files for its links.
pub fn payload<W: Write>(out: &mut W, payload: &Payload, compression: Compression) -> Result<()> {
    let raw = payload_archive(payload)?;
    let bytes = match compression {
        Compression::None => raw,
        Compression::Gzip => {
            // No name, no time stamp.
            let mut encoder = GzBuilder::new().write(Vec::new(), GzipLevel::new(GZIP_LEVEL));
            encoder.write_all(&raw)?;
            encoder.finish()?
        }
        Compression::Zstd => {
            zstd::bulk::compress(&raw, ZSTD_LEVEL).context("compressing the payload")?
        }
    };
    out.write_all(&bytes).context("writing the payload")
}

/// Writes the initrd of an external base unchanged, followed by its extensions; for a node also by
/// the initrd with the root file system, and the payload.
fn external<W: Write>(
    out: &mut W,
    base: &Base,
    machine: Option<&Machine<'_>>,
    progress: &dyn Progress,
) -> Result<()> {
    let length = external_file(out, &base.initrd, progress)?;
    if machine.is_none() && base.extensions.is_empty() {
        return Ok(());
    }
    pad(out, length)?;
    // In a folder for network boot it is a separate file.
    if let (Some(root), Some(_)) = (&base.root_initrd, machine) {
        let length = external_file(out, root, progress)?;
        pad(out, length)?;
    }
    for extension in &base.extensions {
        let length = external_file(out, &extension.file, progress)?;
        ensure!(
            length % ALIGNMENT as u64 == 0,
            "{} does not end at a multiple of {ALIGNMENT} bytes",
            extension.file.display()
        );
    }
    let Some(machine) = machine else {
        return Ok(());
    };
    out.write_all(&payload_archive(machine.payload)?)
        .context("writing the payload")
}

/// Pads an initrd of `length` bytes: an uncompressed archive has to start at a multiple of four.
fn pad<W: Write>(out: &mut W, length: u64) -> Result<()> {
    crate::formats::zeros(out, length.next_multiple_of(ALIGNMENT as u64) - length)
        .context("padding the initrd")
}

/// Copies an initrd of an external base and returns its length.
fn external_file<W: Write>(out: &mut W, path: &Path, progress: &dyn Progress) -> Result<u64> {
    let (file, length) = crate::formats::open(path)?;
    progress.start("copying an initrd", Some(length));
    super::copy(&file, path, length, out, progress)?;
    progress.finish();
    Ok(length)
}

/// The payload as a raw cpio archive. Its length is a multiple of four.
pub(super) fn payload_archive(payload: &Payload) -> Result<Vec<u8>> {
    let mut archive = Archive::new(Vec::new());
    archive.file(payload.config_path, 0o600, &payload.config)?;
    if let Some(clock) = (payload.clock)(&payload.config) {
        let text = format!("{clock}\n");
        archive.file(super::CLOCK_PATH, 0o644, text.as_bytes())?;
    }
    let mut network: Vec<_> = payload.network.iter().collect();
    network.sort();
    for pair in network.windows(2) {
        ensure!(
            pair[0].0 != pair[1].0,
            "the payload has two network files `{}`",
            pair[0].0
        );
    }
    for (name, contents) in network {
        ensure!(
            !name.contains('/'),
            "`{name}` is not a valid name of a network file"
        );
        let path = format!("{}/{name}", payload.network_folder);
        archive.file(&path, payload.network_mode, contents)?;
    }
    archive.finish()
}

/// Writes the base initrd (stage 0, then an archive that contains the root image), followed by a
/// node's payload, if any. Before all of that comes a small archive with the [`BootRecord`].
///
/// The root image's bytes start at a multiple of `BLOCK`, so that a file system can share them
/// with the base's.
pub fn initrd<W: Write>(
    out: &mut W,
    base: &Base,
    machine: Option<&Machine<'_>>,
    progress: &dyn Progress,
) -> Result<()> {
    let Some(root_path) = &base.root else {
        return external(out, base, machine, progress);
    };
    let record = BootRecord::new(base, machine)?.archive()?;
    let stage0_at = (record.len() as u64).next_multiple_of(BLOCK);
    let (stage0, stage0_length) = crate::formats::open(&base.initrd)?;
    let (root, root_length) = crate::formats::open(root_path)?;
    let mut extensions = Vec::new();
    for extension in &base.extensions {
        let (file, length) = crate::formats::open(&extension.file)?;
        extensions.push((extension, file, length));
    }
    let total: u64 = extensions.iter().map(|(_, _, length)| length).sum();
    progress.start(
        "packing the initrd",
        Some(stage0_length + root_length + total),
    );
    out.write_all(&record).context("writing the initrd")?;
    crate::formats::zeros(out, stage0_at - record.len() as u64).context("writing the initrd")?;
    super::copy(&stage0, &base.initrd, stage0_length, out, progress)?;
    let lead = first_contents(ROOT_IMAGE_PATH);
    // Zeros between archives are skipped; `lead` is a multiple of ALIGNMENT, and so the archive
    // starts at one.
    debug_assert_eq!(lead % ALIGNMENT as u64, 0);
    let stage0_end = stage0_at + stage0_length;
    let contents = (stage0_end + lead).next_multiple_of(BLOCK);
    crate::formats::zeros(out, contents - lead - stage0_end).context("writing the initrd")?;
    let mut archive = Archive::new(&mut *out);
    archive.file_with(ROOT_IMAGE_PATH, 0o644, root_length, |out| {
        super::copy(&root, root_path, root_length, out, progress)
    })?;
    for (extension, file, length) in &extensions {
        archive.file_with(&extension.path(), 0o644, *length, |out| {
            super::copy(file, &extension.file, *length, out, progress)
        })?;
    }
    let images = base.images_list();
    if !images.is_empty() {
        archive.file(IMAGES_LIST_PATH, 0o644, images.as_bytes())?;
    }
    archive.finish()?;
    if let Some(machine) = machine {
        out.write_all(&payload_archive(machine.payload)?)
            .context("writing the payload")?;
    }
    progress.finish();
    Ok(())
}
