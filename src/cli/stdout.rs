//! Standard output: what commands print, and artifacts that go there.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::Context;

use crate::ops::Destination;

/// Prints `text`, whole.
pub fn print(text: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_ref())
        .and_then(|()| out.flush())
        .context("writing to standard output")
}

/// Where `--output` leads: `-` is standard output.
pub fn destination(path: &Path) -> anyhow::Result<Destination> {
    if path.as_os_str() != "-" {
        return Ok(Destination::Path(path.to_owned()));
    }
    let descriptor = io::stdout()
        .as_fd()
        .try_clone_to_owned()
        .context("opening standard output")?;
    Ok(Destination::Stream(File::from(descriptor)))
}
