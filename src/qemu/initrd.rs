//! Joins initrds into the single file that QEMU loads.

use std::fs::File;
use std::io::{Write, copy};
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Writes `initrds` one after the other to `joined`, each starting at a multiple of 4 bytes: the
/// kernel accepts zero padding between archives, and requires uncompressed ones to be aligned
/// (kernel `Documentation/driver-api/early-userspace/buffer-format.rst`).
pub(super) fn join(initrds: &[PathBuf], joined: &Path) -> anyhow::Result<()> {
    let mut output = File::create(joined).context("creating the joined initrd")?;
    for path in initrds {
        let mut input = File::open(path).with_context(|| format!("opening {}", path.display()))?;
        let bytes = copy(&mut input, &mut output)
            .with_context(|| format!("copying {} into the joined initrd", path.display()))?;
        let padding = [0_u8; 3];
        let missing = usize::try_from((4 - bytes % 4) % 4).context("padding the initrd")?;
        output
            .write_all(&padding[..missing])
            .context("padding the joined initrd")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_starts_aligned() {
        let folder = tempfile::tempdir().unwrap();
        let initrds: Vec<PathBuf> = ["abcde", "fghi", "j"]
            .iter()
            .enumerate()
            .map(|(index, bytes)| {
                let path = folder.path().join(index.to_string());
                std::fs::write(&path, bytes).unwrap();
                path
            })
            .collect();
        let joined = folder.path().join("joined");
        join(&initrds, &joined).unwrap();
        assert_eq!(std::fs::read(joined).unwrap(), b"abcde\0\0\0fghij\0\0\0");
    }
}
