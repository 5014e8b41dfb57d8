//! A booted node: its machine, its console, and questions over SSH.

use std::fmt;
use std::process::{Child, Output};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::Stop;
use super::console_log::ConsoleLog;
use super::patience::{GLANCE, Patience, Wait, computed};
use super::ssh::{Login, Ssh};
use crate::qemu::watch::{self, Outcome, Until};
use crate::qemu::{Event, Forward, Interrupt, Machine, Qemu, Running, Switch, free_port};

/// The port of SSH (RFC 4253 §4.1).
const SSH: u16 = 22;

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
        mut machine: Machine,
        switch: Option<&Switch>,
        console: ConsoleLog,
        login: Login,
        interrupt: Interrupt,
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
        let running = qemu.start(&machine, switch, console.writer()?, &sender)?;
        Ok(Self {
            running,
            events,
            ssh: Ssh::new(login, port)?,
            console,
            started,
            interrupt,
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

    /// Who asks over SSH.
    pub fn login(&self) -> &Login {
        self.ssh.login()
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
    pub fn pause(&self, time: Duration) {
        let _ = self.events.recv_timeout(time);
    }

    /// Waits until the node answers over SSH: its marker comes from inside and says nothing of the
    /// way to it. The connection stays for the questions.
    pub fn connect(&self, patience: Patience) -> Result<(), Stop> {
        let what = "a connection over SSH";
        let mut wait = patience.wait(format!("{}: {what}", self.name));
        loop {
            let output = self.finish(what, self.ssh.connect()?, patience)?;
            if output.status.success() {
                return Ok(());
            }
            self.look(&mut wait)?;
            self.pause(GLANCE);
        }
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
