//! The state of a machine, memory and devices, out of the emulator and back into another: QEMU's
//! migration (`docs/devel/migration/main.rst`), through a Unix socket. Compression and storage are
//! left to the caller.

use std::fs;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::qmp::Qmp;
use super::running::Running;

/// How often QEMU is asked how far it is.
const GLANCE: Duration = Duration::from_millis(50);

/// Bytes a second: more than any machine gives, since QEMU's own limit is that of a network.
const BANDWIDTH: u64 = 1 << 40;

/// What QEMU says of a migration that is over.
const COMPLETED: &str = "completed";

impl Running {
    /// Stops its processors, until [`Running::resume`].
    pub fn pause(&mut self) -> anyhow::Result<()> {
        self.qmp.execute("stop").map(drop)
    }

    /// Lets its processors go on.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.qmp.execute("cont").map(drop)
    }

    /// The files that belong to this run alone and are part of the machine's state: scratch disks
    /// and the firmware's variables, by their names in the folder that
    /// [`start_paused`](super::Qemu::start_paused) fills.
    pub fn own_files(&self) -> anyhow::Result<Vec<PathBuf>> {
        let folder = self.files.path();
        let entries = fs::read_dir(folder)
            .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            .with_context(|| format!("reading {}", folder.display()))?;
        let is_state = |path: &PathBuf| {
            let ending = path.extension().and_then(|ending| ending.to_str());
            matches!(ending, Some("raw" | "fd"))
        };
        let paths = entries.into_iter().map(|entry| entry.path());
        let mut paths: Vec<_> = paths.filter(is_state).collect();
        paths.sort();
        Ok(paths)
    }

    /// Writes the state of the paused machine to `output`. Its disks are complete afterwards, and
    /// it can be resumed.
    pub fn save_state(&mut self, output: &mut impl Write) -> anyhow::Result<()> {
        let socket = self.files.path().join("state");
        let listener = UnixListener::bind(&socket).context("listening for the machine's state")?;
        let limits = json!({ "max-bandwidth": BANDWIDTH });
        self.qmp.execute_with("migrate-set-parameters", &limits)?;
        self.qmp.execute_with("migrate", &uri(&socket))?;
        let mut stream = accept(&listener, &mut self.qmp)?;
        io::copy(&mut stream, output).context("reading the machine's state")?;
        fs::remove_file(&socket).context("removing the socket of the machine's state")?;
        wait_for_completion(&mut self.qmp)
    }

    /// Reads the state that another emulator saved into this one, which was started for it.
    pub fn load_state(&mut self, input: &mut impl Read) -> anyhow::Result<()> {
        let loaded = self.try_to_load(input);
        loaded.map_err(|error| match self.complaints() {
            said if said.is_empty() => error,
            said => error.context(format!("QEMU refused the machine's state: {said}")),
        })
    }

    fn try_to_load(&mut self, input: &mut impl Read) -> anyhow::Result<()> {
        let socket = self.files.path().join("state");
        self.qmp.execute_with("migrate-incoming", &uri(&socket))?;
        let mut stream =
            UnixStream::connect(&socket).context("connecting to give QEMU the machine's state")?;
        io::copy(input, &mut stream).context("giving QEMU the machine's state")?;
        stream
            .shutdown(Shutdown::Write)
            .context("ending the machine's state")?;
        wait_for_completion(&mut self.qmp)
    }
}

fn uri(socket: &Path) -> Value {
    json!({ "uri": format!("unix:{}", socket.display()) })
}

/// QEMU's connection, or why it does not come.
fn accept(listener: &UnixListener, qmp: &mut Qmp) -> anyhow::Result<UnixStream> {
    let context = "accepting the machine's state";
    listener.set_nonblocking(true).context(context)?;
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).context(context)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                status(qmp)?;
                thread::sleep(GLANCE);
            }
            Err(error) => return Err(error).context(context),
        }
    }
}

fn wait_for_completion(qmp: &mut Qmp) -> anyhow::Result<()> {
    while status(qmp)? != COMPLETED {
        thread::sleep(GLANCE);
    }
    Ok(())
}

/// The status of the migration; an error where it failed.
fn status(qmp: &mut Qmp) -> anyhow::Result<String> {
    let answer = qmp.execute("query-migrate")?;
    let status = answer["status"].as_str().unwrap_or("none").to_owned();
    if matches!(status.as_str(), "failed" | "cancelled") {
        let why = answer["error-desc"].as_str().unwrap_or("no reason given");
        bail!("QEMU could not transfer the machine's state: {why}");
    }
    Ok(status)
}
