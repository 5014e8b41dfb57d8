//! How long to wait: not by the clock alone, but for as long as something moves. A machine that
//! shares its processors with others is slow and healthy; one on which nothing moves is neither.
//!
//! What moves is a number that changes: bytes on a console, processor time that a process had or
//! waits for. There is an end all the same, for what moves without getting anywhere.

use std::fs;
use std::process::{Child, Output};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::Stop;
use crate::qemu::Interrupt;

/// How often a wait checks whether anything moves.
pub const GLANCE: Duration = Duration::from_secs(1);

/// How much processor time, had or waited for, counts as getting on. A guest that idles has a
/// hundredth or two of a processor, and so stands still for minutes.
const STEP: Duration = Duration::from_secs(10);

/// What the kernel counts processor time in: `USER_HZ` is 100 on all of Linux' architectures.
const TICKS: u64 = 100;

/// For how long nothing may move, and how long it may take altogether.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pub still: Duration,
    pub end: Duration,
}

impl Patience {
    /// `still` minutes without anything that moves, `end` minutes altogether.
    pub const fn minutes(still: u64, end: u64) -> Self {
        Self {
            still: Duration::from_secs(60 * still),
            end: Duration::from_secs(60 * end),
        }
    }

    /// `end` altogether, whether anything moves or not.
    pub const fn within(end: Duration) -> Self {
        Self { still: end, end }
    }

    /// Begins to wait for `what`, as a message says it.
    pub fn wait(self, what: impl Into<String>) -> Wait {
        let now = Instant::now();
        Wait {
            what: what.into(),
            patience: self,
            begun: now,
            moved: now,
            progress: 0,
        }
    }

    /// Waits for the end of `child`, which does `what`, and returns what it printed on its pipes.
    /// It is killed where `progress` stands still, its time is over or `interrupt` comes.
    pub fn finish(
        self,
        what: &str,
        child: Child,
        progress: impl Fn() -> u64,
        interrupt: &Interrupt,
    ) -> Result<Output, Stop> {
        let process = child.id();
        let (sender, ended) = channel();
        thread::spawn(move || sender.send(child.wait_with_output()));
        let mut wait = self.wait(what);
        loop {
            match ended.recv_timeout(GLANCE.min(self.end)) {
                Ok(output) => return output.map_err(|why| Stop::Failed(format!("{what}: {why}"))),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Stop::Failed(format!("{what}: nobody waits for it")));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            let looked = if interrupt.came() {
                Err(Stop::Interrupted)
            } else {
                wait.look(Instant::now(), progress()).map_err(Stop::Failed)
            };
            if let Err(stop) = looked {
                kill(process);
                return Err(stop);
            }
        }
    }
}

/// Something that is waited for.
#[derive(Debug)]
pub struct Wait {
    what: String,
    patience: Patience,
    begun: Instant,
    moved: Instant,
    progress: u64,
}

impl Wait {
    /// Why there is no point in waiting any longer, where `progress` has been the same for too
    /// long, or the end has come.
    pub fn look(&mut self, now: Instant, progress: u64) -> Result<(), String> {
        if progress != self.progress {
            (self.progress, self.moved) = (progress, now);
        }
        let Patience { still, end } = self.patience;
        let why = if now.duration_since(self.begun) > end {
            format!("did not come within {}", shown(end))
        } else if now.duration_since(self.moved) > still {
            format!("does not come: nothing moved for {} s", still.as_secs())
        } else {
            return Ok(());
        };
        Err(format!("{}: {why}", self.what))
    }
}

/// Whole minutes as such, all else in seconds.
fn shown(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 60 == 0 && seconds > 60 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// How far `process` and those that it started are: the number of steps of ten seconds of
/// processor time that they had, or would have had if others had not. What waits for a processor is
/// not what is stuck.
pub fn computed(process: u32) -> u64 {
    processor_time(process).as_secs() / STEP.as_secs()
}

/// The processor time that `process` and those that it started had or wait for.
pub fn processor_time(process: u32) -> Duration {
    let all = processes();
    let time = tree(process, &all).into_iter().map(|it| {
        let had = Duration::from_millis(it.ticks * 1000 / TICKS);
        had + waited(it.id)
    });
    time.sum()
}

/// For how long the threads of a process were ready to run and did not: the second number of
/// `/proc/ID/task/ID/schedstat`, in nanoseconds (kernel `Documentation/scheduler/sched-stats.rst`).
/// Kernels without it, and processes that are gone, have none.
fn waited(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').nth(1)?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

/// A process, its parent, and its processor time in ticks, with that of its children that ended.
struct Process {
    id: u32,
    parent: u32,
    ticks: u64,
}

/// All processes that can be seen.
fn processes() -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.filter_map(|id| parse(id, &fs::read_to_string(format!("/proc/{id}/stat")).ok()?))
        .collect()
}

/// What `/proc/ID/stat` says (`proc_pid_stat(5)`): after the name in parentheses come the state,
/// the parent, and as the 12th to 15th field from there on the times.
fn parse(id: u32, stat: &str) -> Option<Process> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    let times = fields.get(11..15)?.iter();
    Some(Process {
        id,
        parent: fields.get(1)?.parse().ok()?,
        ticks: times.filter_map(|time| time.parse::<u64>().ok()).sum(),
    })
}

/// `process` and all below it.
fn tree(process: u32, all: &[Process]) -> Vec<&Process> {
    let mut found: Vec<&Process> = all.iter().filter(|it| it.id == process).collect();
    let mut next = 0;
    while let Some(parent) = found.get(next) {
        let parent = parent.id;
        found.extend(all.iter().filter(|it| it.parent == parent));
        next += 1;
    }
    found
}

/// Ends a process that is waited for in another thread.
fn kill(process: u32) {
    let process = i32::try_from(process).ok();
    if let Some(process) = process.and_then(rustix::process::Pid::from_raw) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
    }
}
