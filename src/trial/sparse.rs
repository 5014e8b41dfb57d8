//! Files with holes as a stream: each extent of data with its place, then the file's length.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rustix::fs::{SeekFrom as SeekTo, seek};
use rustix::io::Errno;

/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// Writes the data of `file` to `output`.
pub(super) fn write(file: &mut File, output: &mut impl Write) -> Result<()> {
    let length = file.metadata().context("reading a disk's length")?.len();
    let mut at = 0;
    while at < length {
        let start = match seek(&*file, SeekTo::Data(at)) {
            Ok(start) => start,
            // Nothing but a hole up to the end (lseek(2)).
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error).context("looking for a disk's data"),
        };
        let end = seek(&*file, SeekTo::Hole(start)).context("looking for a disk's holes")?;
        extent(output, start, end - start)?;
        file.seek(SeekFrom::Start(start))
            .context("reading a disk")?;
        let copied = io::copy(&mut Read::by_ref(file).take(end - start), output);
        ensure!(
            copied.context("copying a disk")? == end - start,
            "a disk was truncated while being read"
        );
        at = end;
    }
    extent(output, length, 0)
}

fn extent(output: &mut impl Write, start: u64, length: u64) -> Result<()> {
    let written = (output.write_all(&start.to_le_bytes()))
        .and_then(|()| output.write_all(&length.to_le_bytes()));
    written.context("writing a disk's extent")
}

/// Makes the file at `path` what [`write()`] read.
pub(super) fn read(input: &mut impl Read, path: &Path) -> Result<()> {
    let doing = || format!("writing {}", path.display());
    let file = File::create(path).with_context(doing)?;
    let mut piece = vec![0; PIECE];
    loop {
        let (mut start, mut left) = (number(input)?, number(input)?);
        if left == 0 {
            return file.set_len(start).with_context(doing);
        }
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
            let piece = &mut piece[..length];
            input.read_exact(piece).context("reading a saved disk")?;
            file.write_all_at(piece, start).with_context(doing)?;
            start += length as u64;
            left -= length as u64;
        }
    }
}

fn number(input: &mut impl Read) -> Result<u64> {
    let mut bytes = [0; 8];
    input
        .read_exact(&mut bytes)
        .context("reading a saved disk")?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn files_come_back_with_their_holes() {
        let folder = tempfile::tempdir().unwrap();
        for (name, extents, length) in [
            ("empty", &[][..], 0),
            ("a hole", &[], 1 << 22),
            ("data in the middle", &[(1 << 20, "middle")], 4 << 20),
            (
                "data at both ends",
                &[(0, "start"), ((4 << 20) - 3, "end")],
                4 << 20,
            ),
        ] {
            let path = folder.path().join("disk");
            let mut file = File::create(&path).unwrap();
            for (at, text) in extents {
                file.write_all_at(text.as_bytes(), *at).unwrap();
            }
            file.set_len(length).unwrap();
            let mut file = File::open(&path).unwrap_or_else(|_| unreachable!("{:?}", &mut file));
            let mut stream = Vec::new();
            write(&mut file, &mut stream).unwrap();
            let back = folder.path().join("back");
            read(&mut &stream[..], &back).unwrap();
            assert!(
                fs::read(&path).unwrap() == fs::read(&back).unwrap(),
                "{name}"
            );
            assert!(stream.len() < 64 << 10, "{name}: {}", stream.len());
            assert!(fs::metadata(&back).unwrap().blocks() < 1024, "{name}");
            for cut in [0, stream.len() - 1] {
                assert!(read(&mut &stream[..cut], &back).is_err(), "{name}: {cut}");
            }
        }
    }
}
