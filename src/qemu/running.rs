//! A running machine: the emulator's process, its console and its control socket.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::arguments::{Files, arguments, needs_joining};
use super::console::Scanner;
use super::event::{Event, Happening};
use super::find::Qemu;
use super::initrd;
use super::machine::{Disk, Machine, Medium, create_disk};
use super::qmp::Qmp;
use super::switch::Switch;

/// How often the emulator is checked while it starts.
const GLANCE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// A running machine. Dropping it cuts its power.
#[derive(Debug)]
pub struct Running {
    child: Child,
    pub(super) qmp: Qmp,
    keyboard: Keyboard,
    threads: Vec<JoinHandle<()>>,
    complaints: Arc<Mutex<String>>,
    /// Sockets, variables and scratch disks; deleted with the machine.
    pub(super) files: tempfile::TempDir,
}

/// Types on the serial console; clones type on the same one.
#[derive(Debug, Clone)]
pub struct Keyboard(Arc<Mutex<ChildStdin>>);

impl Keyboard {
    /// Sends `keys` unchanged; a terminal's Return is `\r`.
    pub fn type_keys(&self, keys: &[u8]) -> anyhow::Result<()> {
        let mut input = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        input
            .write_all(keys)
            .and_then(|()| input.flush())
            .context("typing on the console")
    }
}

impl Qemu {
    /// Starts `machine`, on a port of `switch` if there is one. The output of its serial console
    /// goes to `console`, its events to `events`.
    ///
    /// The machine ends with the calling thread at the latest.
    pub fn start(
        &self,
        machine: &Machine,
        switch: Option<&Switch>,
        console: impl Write + Send + 'static,
        events: &Sender<Event>,
    ) -> anyhow::Result<Running> {
        self.launch(machine, switch, console, events, &[], |_| Ok(()))
    }

    /// Starts the emulator for a machine whose state is loaded into it before it runs. `fill` puts
    /// the machine's [own files](Running::own_files) into the folder that it is given.
    pub fn start_paused(
        &self,
        machine: &Machine,
        switch: Option<&Switch>,
        console: impl Write + Send + 'static,
        events: &Sender<Event>,
        fill: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Running> {
        let more = ["-S", "-incoming", "defer"];
        self.launch(machine, switch, console, events, &more, fill)
    }

    fn launch(
        &self,
        machine: &Machine,
        switch: Option<&Switch>,
        console: impl Write + Send + 'static,
        events: &Sender<Event>,
        more: &[&str],
        fill: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Running> {
        let folder = tempfile::Builder::new()
            .prefix("imgbuild-run-")
            .tempdir()
            .context("creating a folder for the machine's sockets")?;
        let files = self.prepare(machine, switch, folder.path())?;
        fill(folder.path())?;
        let listener = UnixListener::bind(&files.qmp)
            .with_context(|| format!("listening for QEMU at {}", files.qmp.display()))?;

        let mut command = match &self.guardian {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command
                    .args(["--pdeathsig", "KILL", "--"])
                    .arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        let mut child = command
            .args(arguments(machine, self.efi.as_ref(), &files))
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C is for this program, which then stops the machine itself.
            .process_group(0)
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;

        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            bail!("QEMU was started without pipes");
        };
        let complaints = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&complaints);
        let teller = Teller {
            machine: machine.name.clone(),
            events: events.clone(),
        };
        let threads = vec![
            thread::spawn(move || keep_end(stderr, &kept)),
            thread::spawn(move || watch_console(stdout, console, &teller)),
        ];
        let mut starting = Starting {
            child,
            threads,
            complaints,
        };
        let stream = starting.connection(&listener)?;
        let qmp = match Qmp::new(stream, &machine.name, events.clone()) {
            Ok(qmp) => qmp,
            Err(error) => return Err(error.context(starting.complaint())),
        };
        let Starting {
            child,
            threads,
            complaints,
        } = starting;
        Ok(Running {
            child,
            qmp,
            keyboard: Keyboard(Arc::new(Mutex::new(stdin))),
            threads,
            complaints,
            files: folder,
        })
    }

    /// Creates the files that the command line names.
    fn prepare(
        &self,
        machine: &Machine,
        switch: Option<&Switch>,
        folder: &Path,
    ) -> anyhow::Result<Files> {
        let files = Files {
            qmp: folder.join("qmp"),
            variables: folder.join("variables.fd"),
            initrd: folder.join("initrd"),
            scratch: folder.to_owned(),
            port: switch.map(|s| s.port(&machine.name)).transpose()?,
        };
        if let Some(efi) = &self.efi {
            std::fs::copy(&efi.variables, &files.variables).with_context(|| {
                format!(
                    "copying the firmware's variables {}",
                    efi.variables.display()
                )
            })?;
        }
        if let Medium::Kernel { initrds, .. } = &machine.medium
            && !initrds.is_empty()
            && needs_joining(initrds)
        {
            initrd::join(initrds, &files.initrd)?;
        }
        for (index, disk) in machine.disks.iter().enumerate() {
            if let Disk::Scratch(bytes) = disk {
                create_disk(&files.scratch_disk(index), *bytes)?;
            }
        }
        Ok(files)
    }
}

/// The emulator's process before it has connected.
struct Starting {
    child: Child,
    threads: Vec<JoinHandle<()>>,
    complaints: Arc<Mutex<String>>,
}

impl Starting {
    /// The control connection, or why QEMU exited without connecting.
    fn connection(&mut self, listener: &UnixListener) -> anyhow::Result<UnixStream> {
        loop {
            let mut waiting = [PollFd::new(listener, PollFlags::IN)];
            if poll(&mut waiting, Some(&GLANCE)).context("waiting for QEMU")? > 0 {
                let (stream, _) = listener.accept().context("accepting QEMU's connection")?;
                return Ok(stream);
            }
            if self
                .child
                .try_wait()
                .context("checking QEMU's process")?
                .is_some()
            {
                bail!(self.complaint());
            }
        }
    }

    /// Ends the process and returns why it did not start, with its own messages.
    fn complaint(&mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        format!("QEMU did not start: {}", said(&self.complaints))
    }
}

impl Running {
    /// The keyboard of the serial console.
    pub fn keyboard(&self) -> Keyboard {
        self.keyboard.clone()
    }

    /// The process id of the emulator.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// Presses the power button: the guest shuts down, then [`Happening::PoweredOff`] comes.
    pub fn press_power_button(&mut self) -> anyhow::Result<()> {
        self.qmp.execute("system_powerdown").map(drop)
    }

    /// Presses the reset button.
    pub fn reset(&mut self) -> anyhow::Result<()> {
        self.qmp.execute("system_reset").map(drop)
    }

    /// Cuts the power: the guest stops immediately. Its disks keep what it had flushed.
    pub fn cut_power(mut self) -> anyhow::Result<()> {
        self.child.kill().context("ending QEMU")?;
        self.join().map(|_| ())
    }

    /// What the emulator wrote to its standard error.
    pub(super) fn complaints(&self) -> String {
        said(&self.complaints)
    }

    /// Waits for the emulator to exit and returns its status and its error messages.
    pub fn join(&mut self) -> anyhow::Result<(ExitStatus, String)> {
        let status = self.child.wait().context("waiting for QEMU to end")?;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        Ok((status, said(&self.complaints)))
    }
}

/// What the emulator wrote to its standard error.
fn said(complaints: &Mutex<String>) -> String {
    let text = complaints.lock().unwrap_or_else(PoisonError::into_inner);
    text.trim().to_owned()
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have exited already: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.join();
    }
}

/// Reports the events of one machine.
struct Teller {
    machine: String,
    events: Sender<Event>,
}

impl Teller {
    /// If nobody listens any more, the event is dropped.
    fn tell(&self, what: Happening) {
        let _ = self.events.send(Event {
            machine: self.machine.clone(),
            what,
        });
    }
}

/// Copies the console's bytes to `console` and reports events in them, until the emulator exits. A
/// writer that fails is not written to again; the machine continues.
fn watch_console(mut stdout: impl Read, mut console: impl Write, teller: &Teller) {
    let mut scanner = Scanner::default();
    let mut bytes = [0; 4096];
    let mut shown = true;
    while let Ok(length @ 1..) = stdout.read(&mut bytes) {
        if shown {
            let written = console.write_all(&bytes[..length]);
            shown = written.and_then(|()| console.flush()).is_ok();
        }
        for what in scanner.feed(&bytes[..length]) {
            teller.tell(what);
        }
    }
    teller.tell(Happening::Exited);
}

/// Keeps the end of the emulator's error messages.
fn keep_end(mut stderr: impl Read, kept: &Mutex<String>) {
    const KEPT_MAX: usize = 8192;
    let mut bytes = [0; 1024];
    while let Ok(length @ 1..) = stderr.read(&mut bytes) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_str(&String::from_utf8_lossy(&bytes[..length]));
        if kept.len() > KEPT_MAX {
            let mut cut = kept.len() - KEPT_MAX;
            while !kept.is_char_boundary(cut) {
                cut += 1;
            }
            kept.drain(..cut);
        }
    }
}
