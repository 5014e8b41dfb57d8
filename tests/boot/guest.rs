//! A booted node: its machine, its console, and questions over SSH.

use std::process::Output;
use std::time::Instant;

use imgbuild::names::Arch;
use imgbuild::qemu::watch::Until;
use imgbuild::qemu::{Firmware, Interrupt, Machine, Medium, Qemu, Switch, UserNetwork};
use imgbuild::trial::{self, ConsoleLog, Login, Stop};

use crate::console_log::{self, ShownOnFailure};
use crate::lab::Lab;
use crate::patience::{Patience, Wait};

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

/// The guest of `imgbuild test`, whose failures fail the test. Dropping it cuts its power.
pub struct Guest {
    booted: trial::Guest,
    pub console: ConsoleLog,
    _shown: ShownOnFailure,
    patience: Patience,
}

/// What a wait gave; the test fails where it gave nothing.
#[track_caller]
fn come<T>(result: Result<T, Stop>) -> T {
    result.unwrap_or_else(|why| panic!("{why}"))
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
            guest.booted.name()
        );
        guest
    }

    /// Boots `machine` without waiting, on a port of `switch` if there is one.
    pub fn start(lab: &Lab, test: &str, machine: Machine, switch: Option<&Switch>) -> Self {
        let qemu = Qemu::find(&machine).unwrap();
        assert!(qemu.warnings.is_empty(), "{:?}", qemu.warnings);
        let name = format!("{test}-{}", machine.name);
        let console = ConsoleLog::in_folder(&console_log::folder(), &name).unwrap();
        let patience = match machine.arch {
            Arch::Amd64 => AMD64,
            Arch::Arm64 => ARM64,
        };
        let login = Login {
            user: "core".to_owned(),
            keys: vec![lab.key()],
        };
        let (log, interrupt) = (console.clone(), Interrupt::default());
        Self {
            booted: trial::Guest::start(machine, switch, log, login, interrupt).unwrap(),
            _shown: ShownOnFailure(console.clone()),
            console,
            patience,
        }
    }

    /// The same guest, with another idea of how long it may take.
    pub fn patient(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// How far the machine is: what its console showed, and what it computed.
    pub fn progress(&self) -> u64 {
        self.booted.progress()
    }

    /// Begins to wait for `what` of this node.
    pub fn wait(&self, what: &str) -> Wait {
        self.patience
            .wait(format!("{}: {what}", self.booted.name()))
    }

    /// Waits until the node says that it is ready and fails when it says anything else.
    pub fn wait_until_ready(&self) {
        self.wait_until(Until::Ready, "its word that it is ready");
        self.wait_for_ssh();
    }

    /// Waits until the node answers over SSH, which it may do before it is ready.
    pub fn wait_for_ssh(&self) {
        come(self.booted.connect(self.patience.0));
    }

    fn wait_until(&self, until: Until, what: &str) {
        come(self.booted.wait_until(until, &mut self.wait(what).0));
    }

    /// Waits until the console shows `words` somewhere after its first `from` bytes.
    pub fn shows(&self, words: &str, from: usize) {
        let mut wait = self.wait(&format!("`{words}` on its console"));
        come(self.booted.shows(words, from, &mut wait.0));
    }

    /// Waits until the answer is yes. Each question takes its time on the node, so nothing sleeps
    /// in between.
    pub fn eventually(&self, what: &str, mut question: impl FnMut() -> bool) {
        let mut wait = self.wait(what);
        while !question() {
            wait.check(self.progress());
        }
    }

    /// What the shell on the node makes of `script`, run by the user `core`.
    pub fn try_ask(&self, script: &str) -> Output {
        come(self.booted.ask(script, self.patience.0))
    }

    /// What `script` prints on the node, without white space around it; it must succeed.
    pub fn ask(&self, script: &str) -> String {
        let output = self.try_ask(script);
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{}: `{script}` failed ({}): {said} {complaint}",
            self.booted.name(),
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
        assert_eq!(
            self.ask(script),
            expected,
            "{}: `{script}`",
            self.booted.name()
        );
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
                self.booted.name()
            );
            said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            if said.contains(why) {
                return;
            }
        }
        panic!("{}: `{script}` fails otherwise: {said}", self.booted.name());
    }

    /// Types on the serial console.
    pub fn type_keys(&self, keys: &str) {
        self.booted.type_keys(keys).unwrap();
    }

    /// Starts the shutdown as a short press of the power button does and waits for its end.
    pub fn shut_down(mut self) {
        self.booted.press_power_button().unwrap();
        self.wait_until(Until::PoweredOff, "the end of its shutdown");
    }
}
