//! A booted node: its machine, its console, and questions over SSH.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use imgbuild::names::Arch;
use imgbuild::qemu::watch::{self, Outcome, Until};
use imgbuild::qemu::{
    Event, Firmware, Forward, Interrupt, Machine, Medium, Qemu, Running, Switch, UserNetwork,
    free_port,
};

use crate::console_log::{ConsoleLog, ShownOnFailure};
use crate::lab::Lab;
use crate::patience::{GLANCE, Patience, Wait, computed};

/// With an amd64 node that boots, or does what it is told: it takes a minute without acceleration
/// on an idle machine.
pub const AMD64: Patience = Patience::minutes(5, 60);

/// Emulating another architecture takes longer.
const ARM64: Patience = Patience::minutes(5, 120);

/// A machine for a node whose address is `address` (as in `192.168.77.10/24`), with a gateway at
/// the network's first address.
pub fn machine(name: &str, firmware: Firmware, medium: Medium, address: &str) -> Machine {
    let mut machine = Machine::new(name, Arch::Amd64, firmware, medium);
    let address: ipnet::Ipv4Net = address.parse().unwrap();
    machine.network = UserNetwork::around(address, address.hosts().next(), &[]).unwrap();
    machine
}

/// A machine that runs, or ran until it is dropped: then its power is cut.
pub struct Guest {
    name: String,
    running: Running,
    events: Receiver<Event>,
    ssh_port: u16,
    key: PathBuf,
    /// Where the open connection's socket is: a short path, as sockets want.
    connection: tempfile::TempDir,
    pub console: ConsoleLog,
    _shown: ShownOnFailure,
    patience: Patience,
}

impl Guest {
    /// Boots `machine` and waits until its node is ready; `test` names the console's log.
    pub fn boot(lab: &Lab, test: &str, machine: Machine) -> Self {
        let start = Instant::now();
        let guest = Self::start(lab, test, machine, None);
        guest.wait_until_ready();
        let time = start.elapsed().as_secs_f32();
        let kernel = guest.console.kernel_time_of_ready();
        let kernel = kernel.map_or("?".to_owned(), |seconds| format!("{seconds:.0} s"));
        let used = guest.ask("free --mebi | awk '/^Mem/ {print $3}'");
        println!(
            "{}: reached after {time:.0} s; kernel start to ready {kernel}; {used} MiB used",
            guest.name
        );
        guest
    }

    /// Boots `machine` without waiting, on a port of `switch` if there is one.
    pub fn start(lab: &Lab, test: &str, mut machine: Machine, switch: Option<&Switch>) -> Self {
        let ssh_port = free_port().unwrap();
        machine.network.forwards.push(Forward {
            host: ssh_port,
            guest: 22,
        });
        let qemu = Qemu::find(&machine).unwrap();
        assert!(qemu.warnings.is_empty(), "{:?}", qemu.warnings);
        let console = ConsoleLog::new(&format!("{test}-{}", machine.name));
        let (sender, events) = channel();
        let running = qemu
            .start(&machine, switch, console.writer(), &sender)
            .unwrap();
        Self {
            running,
            events,
            ssh_port,
            key: lab.key(),
            connection: tempfile::tempdir().unwrap(),
            _shown: ShownOnFailure(console.clone()),
            console,
            patience: match machine.arch {
                Arch::Amd64 => AMD64,
                Arch::Arm64 => ARM64,
            },
            name: machine.name,
        }
    }

    /// The same guest, with another idea of how long it may take.
    pub fn patient(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// How far the machine is: what its console showed, and what it computed.
    pub fn progress(&self) -> u64 {
        self.console.length() as u64 + computed(self.running.process_id())
    }

    /// Begins to wait for `what` of this node.
    pub fn wait(&self, what: &str) -> Wait {
        self.patience.wait(format!("{}: {what}", self.name))
    }

    /// Waits until the node says that it is ready and fails when it says anything else.
    pub fn wait_until_ready(&self) {
        self.wait_until(Until::Ready, "its word that it is ready");
        self.wait_for_ssh();
    }

    fn wait_until(&self, until: Until, what: &str) {
        let machines = [self.name.clone()];
        let mut wait = self.wait(what);
        loop {
            let interrupt = Interrupt::default();
            match watch::wait(&self.events, &machines, until, Some(GLANCE), &interrupt) {
                Outcome::Reached => return,
                Outcome::TimedOut { .. } => wait.check(self.progress()),
                outcome => panic!("{outcome}"),
            }
        }
    }

    /// Waits until the console shows `words` somewhere after its first `from` bytes.
    pub fn shows(&self, words: &str, from: usize) {
        let mut wait = self.wait(&format!("`{words}` on its console"));
        let progress = || self.progress();
        self.console.wait_for(words, from, &mut wait, progress);
    }

    /// Waits until the answer is yes. Each question takes its time on the node, so nothing sleeps
    /// in between.
    pub fn eventually(&self, what: &str, mut question: impl FnMut() -> bool) {
        let mut wait = self.wait(what);
        while !question() {
            wait.check(self.progress());
        }
    }

    /// Waits until the node answers over SSH: its marker comes from inside and says nothing of the
    /// way to it. The connection stays for the questions, each of which would take seconds for one
    /// of its own.
    fn wait_for_ssh(&self) {
        let connected = || {
            let mut ssh = self.ssh();
            // In the background with nothing of ours open, or whoever reads our output would wait
            // for it.
            ssh.args(["-o", "ControlMaster=yes", "-N", "-f", "core@127.0.0.1"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            self.finish("a connection over SSH", &mut ssh)
                .status
                .success()
        };
        let mut wait = self.wait("a connection over SSH");
        while !connected() {
            wait.check(self.progress());
            // Until the next try, or until the machine has something to tell.
            let _ = self.events.recv_timeout(GLANCE);
        }
    }

    /// Runs `ssh`, as long as the machine gets on.
    fn finish(&self, what: &str, ssh: &mut Command) -> Output {
        let child = ssh
            .spawn()
            .expect("starting ssh (Debian package openssh-client)");
        let what = format!("{}: {what}", self.name);
        self.patience.finish(&what, child, || self.progress())
    }

    /// `ssh` with all but what to do.
    fn ssh(&self) -> Command {
        let mut command = Command::new("ssh");
        command
            .args(["-o", "LogLevel=ERROR", "-i"])
            .arg(&self.key)
            .args(["-o", "StrictHostKeyChecking=no"])
            .args(["-o", "UserKnownHostsFile=/dev/null"])
            .args(["-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"])
            .args(["-o", "ConnectTimeout=20", "-o"])
            .arg(format!(
                "ControlPath={}",
                self.connection.path().join("ssh").display()
            ))
            .args(["-p", &self.ssh_port.to_string()]);
        command
    }

    /// What the shell on the node makes of `script`, run by the user `core`.
    pub fn try_ask(&self, script: &str) -> Output {
        let mut ssh = self.ssh();
        ssh.args(["core@127.0.0.1", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.finish(&format!("the answer to `{script}`"), &mut ssh)
    }

    /// What `script` prints on the node, without white space around it; it must succeed.
    pub fn ask(&self, script: &str) -> String {
        let output = self.try_ask(script);
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}: `{script}` failed ({}): {said} {complaint}",
            self.name,
            output.status
        );
        said
    }

    /// What `script` prints once it succeeds: a cluster that shares few processors may not answer
    /// the first time.
    pub fn insist(&self, script: &str) -> String {
        let mut wait = self.wait(&format!("success of `{script}`"));
        loop {
            let output = self.try_ask(script);
            if output.status.success() {
                return String::from_utf8_lossy(&output.stdout).trim().to_owned();
            }
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            if let Err(why) = wait.look(Instant::now(), self.progress()) {
                panic!("{why}: {complaint}");
            }
        }
    }

    /// Checks that `script` prints `expected` on the node.
    pub fn says(&self, script: &str, expected: &str) {
        assert_eq!(self.ask(script), expected, "{}: `{script}`", self.name);
    }

    /// Checks that `script` fails on the node, for a reason that contains `why`: at once, or after
    /// a few failures that may have to do with the time that a busy node takes.
    pub fn refuses(&self, script: &str, why: &str) {
        let mut said = String::new();
        for _ in 0..5 {
            let output = self.try_ask(script);
            assert!(
                !output.status.success(),
                "{}: `{script}` succeeds",
                self.name
            );
            said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            if said.contains(why) {
                return;
            }
        }
        panic!("{}: `{script}` fails otherwise: {said}", self.name);
    }

    /// Types on the serial console.
    pub fn type_keys(&self, keys: &str) {
        self.running.keyboard().type_keys(keys.as_bytes()).unwrap();
    }

    /// Starts the shutdown as a short press of the power button does and waits for its end.
    pub fn shut_down(mut self) {
        self.running.press_power_button().unwrap();
        self.wait_until(Until::PoweredOff, "the end of its shutdown");
    }
}
