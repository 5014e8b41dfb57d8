//! A booted node: its machine, its console, and questions over SSH.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Output};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use super::Stop;
use super::console_log::ConsoleLog;
use super::patience::{GLANCE, Patience, Wait, computed};
use super::ssh::{Login, Ssh};
use crate::qemu::watch::{self, Outcome, Until};
use crate::qemu::{Event, Forward, Interrupt, Machine, Qemu, Running, Switch, free_port};

/// The port of SSH (RFC 4253 §4.1).
const SSH: u16 = 22;

/// What `ssh` says where the node takes none of the keys.
pub(super) const REFUSED: &str = "Permission denied";

/// A machine that runs, or ran until it is dropped: then its power is cut.
pub struct Guest {
    name: String,
    running: Running,
    events: Receiver<Event>,
    ssh: Ssh,
    console: ConsoleLog,
    started: Instant,
    interrupt: Interrupt,
}

/// Who asks the node, and who may want to stop.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub login: Login,
    pub interrupt: Interrupt,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Guest {
    /// Boots `machine` without waiting, on a port of `switch` if there is one. Its console is
    /// written to `console`; `login` is who will ask. Every wait ends when `interrupt` comes.
    pub fn start(
        machine: Machine,
        switch: Option<&Switch>,
        console: ConsoleLog,
        login: Login,
        interrupt: Interrupt,
    ) -> anyhow::Result<Self> {
        let way = Way { login, interrupt };
        Self::launch(machine, console, way, |qemu, machine, log, events| {
            qemu.start(machine, switch, log, events)
        })
    }

    /// The same for a machine whose state is loaded before it runs; see
    /// [`Qemu::start_paused`].
    pub(super) fn start_paused(
        machine: Machine,
        switch: Option<&Switch>,
        console: ConsoleLog,
        way: Way,
        fill: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        Self::launch(machine, console, way, |qemu, machine, log, events| {
            qemu.start_paused(machine, switch, log, events, fill)
        })
    }

    fn launch(
        mut machine: Machine,
        console: ConsoleLog,
        way: Way,
        start: impl FnOnce(
            &Qemu,
            &Machine,
            Box<dyn Write + Send>,
            &Sender<Event>,
        ) -> anyhow::Result<Running>,
    ) -> anyhow::Result<Self> {
        let mut forwards = machine.network.forwards.iter();
        let known = forwards.find(|forward| forward.guest == SSH);
        let port = if let Some(forward) = known {
            forward.host
        } else {
            let (host, guest) = (free_port()?, SSH);
            machine.network.forwards.push(Forward { host, guest });
            host
        };
        let qemu = Qemu::find(&machine)?;
        let (sender, events) = channel();
        let started = Instant::now();
        let running = start(&qemu, &machine, Box::new(console.writer()?), &sender)?;
        Ok(Self {
            running,
            events,
            ssh: Ssh::new(way.login, port)?,
            console,
            started,
            interrupt: way.interrupt,
            name: machine.name,
        })
    }

    /// The machine's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its console showed.
    pub fn console(&self) -> &ConsoleLog {
        &self.console
    }

    /// When the machine was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// How far the machine is: what its console showed, and what it computed.
    pub fn progress(&self) -> u64 {
        self.console.length() as u64 + computed(self.running.process_id())
    }

    /// Waits for at most `time` for what `until` says.
    pub fn watch(&self, until: Until, time: Duration) -> Outcome {
        let machines = [self.name.clone()];
        watch::wait(&self.events, &machines, until, Some(time), &self.interrupt)
    }

    /// Waits for what `until` says, as long as `wait` has patience.
    pub fn wait_until(&self, until: Until, wait: &mut Wait) -> Result<(), Stop> {
        loop {
            match self.watch(until, GLANCE) {
                Outcome::Reached => return Ok(()),
                Outcome::TimedOut { .. } => self.look(wait)?,
                Outcome::Interrupted => return Err(Stop::Interrupted),
                outcome @ Outcome::Failed { .. } => return Err(Stop::Failed(outcome.to_string())),
            }
        }
    }

    /// Waits until the console shows `words` somewhere after its first `from` bytes.
    pub fn shows(&self, words: &str, from: usize, wait: &mut Wait) -> Result<(), Stop> {
        let progress = || self.progress();
        self.console
            .wait_for(words, from, wait, progress, &self.interrupt)
    }

    /// Whether there is a point in waiting any longer.
    pub fn look(&self, wait: &mut Wait) -> Result<(), Stop> {
        if self.interrupt.came() {
            return Err(Stop::Interrupted);
        }
        wait.look(Instant::now(), self.progress())
            .map_err(Stop::Failed)
    }

    /// Waits for at most `time` until the machine has something to tell, which is dropped.
    pub fn rest(&self, time: Duration) {
        let _ = self.events.recv_timeout(time);
    }

    /// Waits until the node answers over SSH: its marker comes from inside and says nothing of the
    /// way to it. The connection stays for the questions. A login that the node refuses is not
    /// tried again.
    pub fn connect(&self, patience: Patience) -> Result<(), Stop> {
        let what = "a connection over SSH";
        if self.ssh.is_connected() {
            return Ok(());
        }
        let mut wait = patience.wait(format!("{}: {what}", self.name));
        loop {
            let output = self.finish(what, self.ssh.connect()?, patience)?;
            if output.status.success() {
                return Ok(());
            }
            let said = self.ask("true", patience)?.stderr;
            let said = String::from_utf8_lossy(&said);
            if said.contains(REFUSED) {
                return Err(Stop::Failed(self.refusal(said.trim())));
            }
            self.look(&mut wait)?;
            self.rest(GLANCE);
        }
    }

    /// Why nobody can ask, for people.
    fn refusal(&self, said: &str) -> String {
        let Login { user, keys } = self.ssh.login();
        let with = if keys.is_empty() {
            "the keys of the SSH agent and of ~/.ssh".to_owned()
        } else {
            let keys: Vec<_> = keys.iter().map(|key| key.display().to_string()).collect();
            keys.join(", ")
        };
        format!(
            "{}: no login over SSH as `{user}` with {with}: {said}",
            self.name
        )
    }

    /// Ends the connection over SSH; the next question opens one of its own.
    pub(super) fn disconnect(&self) {
        self.ssh.disconnect();
    }

    /// The machine.
    pub(super) fn running(&mut self) -> &mut Running {
        &mut self.running
    }

    /// What the shell on the node makes of `script`.
    pub fn ask(&self, script: &str, patience: Patience) -> Result<Output, Stop> {
        let what = format!("the answer to `{script}`");
        self.finish(&what, self.ssh.ask(script)?, patience)
    }

    /// Waits for the end of a program that does `what`, as long as the machine gets on.
    fn finish(&self, what: &str, child: Child, patience: Patience) -> Result<Output, Stop> {
        let what = format!("{}: {what}", self.name);
        patience.finish(&what, child, || self.progress(), &self.interrupt)
    }

    /// Types on the serial console.
    pub fn type_keys(&self, keys: &str) -> anyhow::Result<()> {
        self.running.keyboard().type_keys(keys.as_bytes())
    }

    /// Starts the shutdown as a short press of the power button does.
    pub fn press_power_button(&mut self) -> anyhow::Result<()> {
        self.running.press_power_button()
    }
}
