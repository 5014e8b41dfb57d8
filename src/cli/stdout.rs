//! Standard output: what commands print, and artifacts that go there.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd;
use std::path::Path;

use anyhow::Context;

use crate::diagnostic::visible;
use crate::ops::Destination;

/// Prints `text`, whole, without what could affect the terminal.
pub fn print(text: impl AsRef<str>) -> anyhow::Result<()> {
    write(visible(text.as_ref()).as_bytes())
}

/// Prints bytes of an artifact: unchanged, for other programs, but to a terminal like [`print()`].
pub fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    if io::stdout().is_terminal() {
        return print(String::from_utf8_lossy(bytes));
    }
    write(bytes)
}

fn write(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
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
