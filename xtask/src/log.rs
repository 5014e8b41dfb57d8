//! What commands say, on the terminal as it comes and in the log of the step that runs them.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::Context;

/// Where all logs are; the boot tests put their consoles there too (`tests/boot/console_log.rs`).
pub const FOLDER: &str = "target/test-logs";

/// The log of the step that runs; none outside of steps.
static CURRENT: Mutex<Option<File>> = Mutex::new(None);

/// Where the log of the step `name` is.
pub fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{name}.log"))
}

/// Begins the log of the step `name`.
pub fn begin(name: &str) -> anyhow::Result<()> {
    fs::create_dir_all(FOLDER).with_context(|| format!("making {FOLDER}"))?;
    let path = path(name);
    let file = File::create(&path).with_context(|| format!("making {}", path.display()))?;
    *current() = Some(file);
    Ok(())
}

/// Ends the log of the step that ran.
pub fn end() {
    *current() = None;
}

/// Prints a line, and keeps it.
pub fn line(text: &str) {
    println!("{text}");
    keep(format!("{text}\n").as_bytes());
}

/// Runs `command` without input. What it says, of both kinds in its order, goes to the terminal and
/// to the log.
pub fn stream(command: &mut Command) -> anyhow::Result<ExitStatus> {
    let (mut said, writer) = std::io::pipe().context("making a pipe")?;
    let other = writer.try_clone().context("making a pipe")?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(other)
        .spawn()
        .context("starting it")?;
    // The command holds the pipe's ends for what it may start yet; without them the pipe ends with
    // the last program that writes to it.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut terminal = std::io::stdout();
    let mut bytes = [0; 8192];
    loop {
        let length = said.read(&mut bytes).context("reading what it says")?;
        if length == 0 {
            break;
        }
        // A terminal that is gone is no reason to stop.
        let _ = terminal.write_all(&bytes[..length]);
        let _ = terminal.flush();
        keep(&bytes[..length]);
    }
    child.wait().context("waiting for it")
}

fn keep(bytes: &[u8]) {
    if let Some(file) = current().as_mut() {
        // A full disk makes the step fail by itself.
        let _ = file.write_all(bytes);
    }
}

fn current() -> std::sync::MutexGuard<'static, Option<File>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}
