//! Measures a program from outside: time by the clock, peak memory by GNU time.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// What a program took.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// The median.
    pub time: Duration,
    /// The largest resident set of one run in KiB; `None` if GNU time is missing.
    pub memory: Option<u64>,
}

/// Runs the command that `make` gives `rounds` times for its time, after one run for its memory,
/// which also warms the caches.
pub fn measure(rounds: usize, make: impl Fn() -> Command) -> anyhow::Result<Measured> {
    let memory = peak_memory(&make())?;
    let mut times = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let mut command = quiet(make());
        let start = Instant::now();
        let status = command.status().context("starting the measured program")?;
        times.push(start.elapsed());
        if !status.success() {
            bail!("{command:?} failed ({status})");
        }
    }
    times.sort();
    let time = times[times.len() / 2];
    Ok(Measured { time, memory })
}

fn quiet(mut command: Command) -> Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// The largest resident set of one run in KiB (`%M` of GNU time, Debian package `time`).
fn peak_memory(command: &Command) -> anyhow::Result<Option<u64>> {
    let mut timed = Command::new("/usr/bin/time");
    timed
        .args(["--quiet", "--format=%M"])
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        timed.current_dir(folder);
    }
    let Ok(output) = timed.output() else {
        return Ok(None);
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{command:?} failed: {said}");
    }
    let last = said.lines().last().unwrap_or_default();
    let memory = last
        .trim()
        .parse()
        .context("parsing the output of GNU time")?;
    Ok(Some(memory))
}
