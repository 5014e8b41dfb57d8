//! Copies of an image in which some ranges of bytes are replaced.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::progress::Progress;

use super::copy;
use crate::formats::BLOCK;

/// Bytes that replace those of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Offset in the image, in bytes.
    pub start: u64,
    pub bytes: Vec<u8>,
}

/// Writes the image in `source`, opened from `path`, with `patches`, which must not overlap and
/// must lie within it.
///
/// Everything else is copied in the kernel if `out` is a `File`, and whole blocks are shared if the
/// file system supports it.
pub fn patched<W: Write>(
    out: &mut W,
    mut source: &File,
    path: &Path,
    mut patches: Vec<Patch>,
    progress: &dyn Progress,
) -> Result<()> {
    let metadata = source
        .metadata()
        .with_context(|| format!("reading the size of {}", path.display()))?;
    ensure!(metadata.is_file(), "{} is not a file", path.display());
    progress.start("copying the image", Some(metadata.len()));
    patches.sort_by_key(|patch| patch.start);
    let end = Patch {
        start: metadata.len(),
        bytes: Vec::new(),
    };
    let mut position = 0;
    for patch in patches.iter().chain([&end]) {
        let next = patch.start + patch.bytes.len() as u64;
        ensure!(
            position <= patch.start && next <= metadata.len(),
            "{} does not contain {} bytes at offset {} to replace",
            path.display(),
            patch.bytes.len(),
            patch.start
        );
        source
            .seek(SeekFrom::Start(position))
            .with_context(|| format!("seeking in {}", path.display()))?;
        // Up to the start of a block, then block by block.
        let aligned = position.next_multiple_of(BLOCK).min(patch.start);
        copy(source, path, aligned - position, out, progress)?;
        copy(source, path, patch.start - aligned, out, progress)?;
        out.write_all(&patch.bytes)
            .context("writing the embedded data")?;
        progress.advance(patch.bytes.len() as u64);
        position = next;
    }
    progress.finish();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::progress::Silent;

    fn patch(start: u64, text: &str) -> Patch {
        Patch {
            start,
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn only_what_is_named_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("image");
        let image: Vec<u8> = (0..20_000u32).map(|i| i.to_le_bytes()[0]).collect();
        fs::write(&path, &image).expect("writes");
        let source = File::open(&path).expect("opens");
        for (name, patches) in [
            ("none", vec![]),
            ("the start", vec![patch(0, "abc")]),
            ("the end", vec![patch(19_997, "abc")]),
            (
                "unsorted, side by side",
                vec![patch(5000, "xyz"), patch(4997, "abc"), patch(12_288, "q")],
            ),
        ] {
            let mut expected = image.clone();
            for patch in &patches {
                let start = usize::try_from(patch.start).expect("small");
                expected[start..start + patch.bytes.len()].copy_from_slice(&patch.bytes);
            }
            let mut streamed = Vec::new();
            patched(&mut streamed, &source, &path, patches.clone(), &Silent).expect(name);
            assert!(streamed == expected, "{name}, streamed");
            let copy = folder.path().join("copy");
            let mut out = File::create(&copy).expect("creates");
            patched(&mut out, &source, &path, patches, &Silent).expect(name);
            assert!(
                fs::read(&copy).expect("reads") == expected,
                "{name}, copied"
            );
        }
        for (name, patches) in [
            ("overlapping", vec![patch(10, "abc"), patch(12, "abc")]),
            ("behind the end", vec![patch(19_998, "abc")]),
        ] {
            let done = patched(&mut Vec::new(), &source, &path, patches, &Silent);
            assert!(done.is_err(), "{name}");
        }
    }
}
