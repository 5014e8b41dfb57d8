//! The course of a test: machines start, become ready, are saved, and are asked.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::Stop;
use super::checks::ChecksFile;
use super::console_log::ConsoleLog;
use super::guest::{Guest, REFUSED, Way};
use super::patience::{GLANCE, Patience};
use super::probe::{Answer, Check, checks};
use super::report::{CheckResult, NodeReport, Report, Verdict};
use super::snapshot::{self, Identity, Snapshot};
use super::ssh::Login;
use super::stages::stages;
use crate::qemu::watch::{Outcome, Until};
use crate::qemu::{Interrupt, Machine, Switch};

/// For how long nothing may move while a node becomes ready.
const STILL: Duration = Duration::from_secs(300);

/// How long a login over SSH may take once a node is ready.
const LOGIN: Patience = Patience::within(Duration::from_secs(180));

/// How long an answer may take at least: an emulated node needs seconds for the shortest one.
const ANSWER: Duration = Duration::from_secs(60);

/// How long a command may run that is not repeated.
const COMMAND: Duration = Duration::from_secs(600);

/// How often a check is repeated.
const PAUSE: Duration = Duration::from_secs(1);

/// How far the clock of a machine may be off, in seconds, before it is set.
const CLOCK: u64 = 2;

/// How many lines of a console are kept in a report.
const CONSOLE_LINES: usize = 40;

/// A machine to test.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub machine: Machine,
    /// Whether its node says on its console that it is ready. Others are ready once they answer
    /// over SSH.
    pub says_ready: bool,
}

/// Where booted machines are kept.
#[derive(Debug)]
pub enum Keeping<'a> {
    /// Nowhere.
    Nowhere,
    /// They start from there.
    From(&'a Snapshot),
    /// Once they are ready, they are saved there.
    To(&'a Path, Identity),
}

/// A test.
#[derive(Debug)]
pub struct Course<'a> {
    /// The name of what is tested.
    pub artifact: String,
    pub candidates: &'a [Candidate],
    pub checks: Option<&'a ChecksFile>,
    pub login: Login,
    /// How long the nodes may take until all are ready.
    pub timeout: Duration,
    /// The folder for what consoles show.
    pub logs: &'a Path,
    pub keeping: Keeping<'a>,
    pub interrupt: Interrupt,
}

impl Course<'_> {
    /// Runs it, and tells `tell` what happens.
    pub fn run(&self, tell: &dyn Fn(&str)) -> Result<Report, Stop> {
        let (begun, start) = (SystemTime::now(), Instant::now());
        let switch = match self.candidates.len() {
            0 | 1 => None,
            _ => Some(Switch::new()?),
        };
        let mut guests = self.start(switch.as_ref(), tell)?;
        let mut results = self.wait_until_ready(&guests, tell)?;
        let all_ready = results.iter().all(|it| it.verdict == Verdict::Passed);
        if let Keeping::To(path, identity) = &self.keeping
            && all_ready
        {
            let saving = Instant::now();
            snapshot::save(path, identity, &mut guests)?;
            let time = saving.elapsed().as_secs_f32();
            tell(&format!("saved {} in {time:.1} s", path.display()));
        }
        let mut logins = Logins::new(&guests);
        if matches!(self.keeping, Keeping::From(_)) {
            set_clocks(&guests, &mut logins, tell)?;
        }
        let planned = self.planned();
        for check in &planned {
            let result = if all_ready {
                self.check(check, &guests, &mut logins)?
            } else {
                let why = "the nodes are not ready".to_owned();
                result(check, &guests, Duration::ZERO, Verdict::Skipped { why })
            };
            tell(&line(&result));
            results.push(result);
        }
        let mut nodes = Vec::new();
        for (index, guest) in guests.iter().enumerate() {
            // A node that is not ready may have nobody who answers.
            let systemd = match self.keeping {
                Keeping::From(_) => None,
                _ if !all_ready => None,
                _ => measured(guest, &mut logins, index)?,
            };
            nodes.push(node_report(guest, systemd));
        }
        Ok(Report {
            artifact: self.artifact.clone(),
            begun,
            time: start.elapsed(),
            from_snapshot: matches!(self.keeping, Keeping::From(_)),
            nodes,
            results,
        })
    }

    /// Starts all machines.
    fn start(&self, switch: Option<&Switch>, tell: &dyn Fn(&str)) -> Result<Vec<Guest>, Stop> {
        let mut consoles = Vec::new();
        for candidate in self.candidates {
            consoles.push(ConsoleLog::in_folder(self.logs, &candidate.machine.name)?);
        }
        let machines = self.candidates.iter().map(|it| it.machine.clone());
        let machines: Vec<Machine> = machines.collect();
        let (login, interrupt) = (self.login.clone(), self.interrupt.clone());
        if let Keeping::From(snapshot) = &self.keeping {
            let loading = Instant::now();
            let way = Way { login, interrupt };
            let guests = snapshot.restore(&machines, &consoles, switch, &way)?;
            let time = loading.elapsed().as_secs_f32();
            tell(&format!("loaded the snapshot in {time:.1} s"));
            return Ok(guests);
        }
        let mut guests = Vec::new();
        for (machine, console) in machines.into_iter().zip(consoles) {
            let (login, interrupt) = (login.clone(), interrupt.clone());
            guests.push(Guest::start(machine, switch, console, login, interrupt)?);
        }
        Ok(guests)
    }

    /// Waits for all nodes; once one of them fails, the others are not waited for.
    fn wait_until_ready(
        &self,
        guests: &[Guest],
        tell: &dyn Fn(&str),
    ) -> Result<Vec<CheckResult>, Stop> {
        let mut results: Vec<Option<CheckResult>> = vec![None; guests.len()];
        let patience = Patience {
            still: STILL.min(self.timeout),
            end: self.timeout,
        };
        let mut waits: Vec<_> = guests.iter().map(|_| patience.wait("ready")).collect();
        let mut has_failed = false;
        while results.iter().any(Option::is_none) && !has_failed {
            for (index, guest) in guests.iter().enumerate() {
                if results[index].is_some() {
                    continue;
                }
                let verdict = if matches!(self.keeping, Keeping::From(_)) {
                    // It was ready when it was saved. Who is refused has an answer, too.
                    match guest.connect(patience) {
                        Err(Stop::Failed(why)) if why.contains(REFUSED) => Verdict::Passed,
                        other => verdict(other)?,
                    }
                } else if self.candidates[index].says_ready {
                    match guest.watch(Until::Ready, GLANCE) {
                        Outcome::Reached => Verdict::Passed,
                        Outcome::TimedOut { .. } => match guest.look(&mut waits[index]) {
                            Ok(()) => continue,
                            Err(stop) => verdict(Err(stop))?,
                        },
                        Outcome::Interrupted => return Err(Stop::Interrupted),
                        Outcome::Failed { why, .. } => failed(why),
                    }
                } else {
                    verdict(guest.connect(patience))?
                };
                has_failed |= verdict != Verdict::Passed;
                let result = ready(guest, verdict);
                tell(&line(&result));
                results[index] = Some(result);
            }
        }
        let results = results.into_iter().zip(guests);
        let results = results.map(|(result, guest)| {
            result.unwrap_or_else(|| {
                let why = "another node failed".to_owned();
                ready(guest, Verdict::Skipped { why })
            })
        });
        Ok(results.collect())
    }

    /// The checks, for each node.
    fn planned(&self) -> Vec<Check> {
        let nodes = self.candidates.iter().map(|candidate| {
            let machine = &candidate.machine;
            (machine.name.clone(), machine.network.guest)
        });
        let nodes: Vec<_> = nodes.collect();
        self.checks
            .map_or_else(Vec::new, |file| checks(file, &nodes))
    }

    /// Asks until the answer is right, or the time of the check is over.
    fn check(
        &self,
        check: &Check,
        guests: &[Guest],
        logins: &mut Logins,
    ) -> Result<CheckResult, Stop> {
        let start = Instant::now();
        let patience = Patience::within(check.within.map_or(COMMAND, |time| time.max(ANSWER)));
        let is_over = || check.within.is_none_or(|within| start.elapsed() >= within);
        loop {
            // The terminal's Ctrl-C has ended ssh, too: what it gave is no answer.
            if self.interrupt.came() {
                return Err(Stop::Interrupted);
            }
            let mut answer = None;
            for &index in &check.nodes {
                match ask(check, &guests[index], index, logins, patience)? {
                    Ok(()) => {
                        return Ok(result(check, guests, start.elapsed(), Verdict::Passed));
                    }
                    Err(wrong) => {
                        // Of several nodes, the first one has the most to say.
                        answer.get_or_insert(wrong);
                    }
                }
            }
            if is_over() && !self.interrupt.came() {
                let verdict = match answer {
                    Some(Answer { why, said }) => Verdict::Failed { why, said },
                    None => failed("there is no node to ask".to_owned()),
                };
                return Ok(result(check, guests, start.elapsed(), verdict));
            }
            if let Some(&index) = check.nodes.first() {
                guests[index].rest(PAUSE);
            }
        }
    }
}

/// Asks one node. The outer error is for what ends the whole test.
fn ask(
    check: &Check,
    guest: &Guest,
    index: usize,
    logins: &mut Logins,
    patience: Patience,
) -> Result<Result<(), Answer>, Stop> {
    let wrong = |why: String| {
        let said = String::new();
        Answer { why, said }
    };
    if let Err(why) = logins.log_in(guest, index)? {
        return Ok(Err(wrong(why)));
    }
    match guest.ask(&check.probe.script(), patience) {
        // 255 is ssh's own, and hardly ever a program's.
        Ok(output) if output.status.code() == Some(255) && output.stdout.is_empty() => {
            let said = String::from_utf8_lossy(&output.stderr);
            Ok(Err(wrong(format!("no answer over SSH: {}", said.trim()))))
        }
        Ok(output) => Ok(check.probe.judge(&output)),
        Err(Stop::Interrupted) => Err(Stop::Interrupted),
        Err(Stop::Failed(why)) => Ok(Err(wrong(why))),
    }
}

/// Whether each node can be asked; tried once.
struct Logins(Vec<Option<Result<(), String>>>);

impl Logins {
    fn new(guests: &[Guest]) -> Self {
        Self(vec![None; guests.len()])
    }

    /// Whether the node can be asked, or why not. The outer error is for what ends the whole test.
    fn log_in(&mut self, guest: &Guest, index: usize) -> Result<Result<(), String>, Stop> {
        let known = match self.0[index].take() {
            Some(known) => known,
            None => match guest.connect(LOGIN) {
                Ok(()) => Ok(()),
                Err(Stop::Interrupted) => return Err(Stop::Interrupted),
                Err(Stop::Failed(why)) => Err(format!(
                    "{why} (choose another with --ssh-user and --ssh-key)"
                )),
            },
        };
        Ok(self.0[index].insert(known).clone())
    }
}

/// Sets the clocks of machines that stood still since they were saved.
fn set_clocks(guests: &[Guest], logins: &mut Logins, tell: &dyn Fn(&str)) -> Result<(), Stop> {
    for (index, guest) in guests.iter().enumerate() {
        if logins.log_in(guest, index)?.is_err() {
            tell(&format!(
                "{}: its clock shows when it was saved, since nobody can log in to set it",
                guest.name()
            ));
            continue;
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.unwrap_or_default().as_secs();
        let script = format!(
            "late=$(({now} - $(date +%s))); test $late -le {CLOCK} || {{ sudo -n date --set @{now} >&2 && echo $late; }}"
        );
        let output = guest.ask(&script, Patience::within(ANSWER))?;
        let late = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let (name, said) = (guest.name(), said.trim());
            tell(&format!("{name}: its clock could not be set: {said}"));
        } else if !late.is_empty() {
            tell(&format!("{}: set its clock {late} s forward", guest.name()));
        }
    }
    Ok(())
}

/// What systemd says of the boot, if the node can be asked.
fn measured(guest: &Guest, logins: &mut Logins, index: usize) -> Result<Option<String>, Stop> {
    if logins.log_in(guest, index)?.is_err() {
        return Ok(None);
    }
    let script = "systemd-analyze time | head -n 1";
    match guest.ask(script, Patience::within(ANSWER)) {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            Ok(text.strip_prefix("Startup finished in ").map(str::to_owned))
        }
        Err(Stop::Interrupted) => Err(Stop::Interrupted),
        Err(Stop::Failed(_)) => Ok(None),
    }
}

fn node_report(guest: &Guest, systemd: Option<String>) -> NodeReport {
    let console = guest.console();
    NodeReport {
        name: guest.name().to_owned(),
        stages: stages(guest.started(), &console.marks()),
        systemd,
        console: console.path().to_owned(),
        console_end: console.end(CONSOLE_LINES),
    }
}

fn failed(why: String) -> Verdict {
    let said = String::new();
    Verdict::Failed { why, said }
}

/// Whether a wait gave what it was for; an interrupt ends the whole test.
fn verdict(waited: Result<(), Stop>) -> Result<Verdict, Stop> {
    match waited {
        Ok(()) => Ok(Verdict::Passed),
        Err(Stop::Interrupted) => Err(Stop::Interrupted),
        Err(Stop::Failed(why)) => Ok(failed(why)),
    }
}

/// The result of waiting for a node.
fn ready(guest: &Guest, verdict: Verdict) -> CheckResult {
    CheckResult {
        node: guest.name().to_owned(),
        title: "ready".to_owned(),
        time: guest.started().elapsed(),
        verdict,
    }
}

fn result(check: &Check, guests: &[Guest], time: Duration, verdict: Verdict) -> CheckResult {
    let node = match check.nodes[..] {
        [one] => guests[one].name().to_owned(),
        _ => "cluster".to_owned(),
    };
    CheckResult {
        node,
        title: check.title.clone(),
        time,
        verdict,
    }
}

/// A result in a line.
fn line(result: &CheckResult) -> String {
    let CheckResult {
        node, title, time, ..
    } = result;
    let time = time.as_secs_f32();
    match &result.verdict {
        Verdict::Passed => format!("{node}: {title}: passed ({time:.1} s)"),
        Verdict::Failed { why, .. } => format!("{node}: {title}: failed ({time:.1} s): {why}"),
        Verdict::Skipped { why } => format!("{node}: {title}: skipped: {why}"),
    }
}
