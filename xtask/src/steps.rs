//! Runs steps one after the other and keeps account of them.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::failures::failures;
use crate::log;

/// How many failures the end of the output names, so that it fits on a screen.
const SHOWN: usize = 8;

/// How a step ended.
#[derive(PartialEq, Eq)]
enum End {
    Passed,
    /// It could not look at what it is there for.
    Unchecked,
    Failed,
    Skipped,
}

/// The error of a step that could not look at what it is there for: not a failure, and not a pass.
#[derive(Debug)]
pub struct Unchecked(pub String);

impl fmt::Display for Unchecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unchecked {}

struct Done {
    name: String,
    end: End,
    time: Duration,
    note: String,
}

/// The steps so far.
#[derive(Default)]
pub struct Steps {
    done: Vec<Done>,
    /// What failed, and where more is told of it.
    failures: Vec<String>,
}

impl Steps {
    /// Runs `work` as the step `name`. It returns a note for the summary (may be empty). A failed
    /// step is reported at once and does not stop those after it.
    pub fn run(&mut self, name: &str, work: impl FnOnce() -> anyhow::Result<String>) {
        println!("\n=== {name}");
        let start = Instant::now();
        let result = log::begin(name).and_then(|()| work());
        log::end();
        let time = start.elapsed();
        let (end, note) = ended(name, result);
        let verdict = match end {
            End::Failed => {
                self.failures.extend(told(name));
                "FAILED"
            }
            End::Unchecked => "WARNING: not checked",
            End::Passed | End::Skipped => "ok",
        };
        println!("--- {name}: {verdict} in {}{}", seconds(time), colon(&note));
        let name = name.to_owned();
        self.done.push(Done {
            name,
            end,
            time,
            note,
        });
    }

    /// Reports that a step is skipped, and why.
    pub fn skip(&mut self, name: &str, why: &str) {
        println!("\n=== {name}\n--- {name}: skipped: {why}");
        self.done.push(Done {
            name: name.to_owned(),
            end: End::Skipped,
            time: Duration::ZERO,
            note: why.to_owned(),
        });
    }

    /// Returns whether the step `name` has run and passed.
    pub fn passed(&self, name: &str) -> bool {
        let passed = |done: &Done| done.name == name && done.end == End::Passed;
        self.done.iter().any(passed)
    }

    /// Returns whether the step `name` has had its turn.
    pub fn had(&self, name: &str) -> bool {
        self.done.iter().any(|done| done.name == name)
    }

    /// Prints all steps with their times, then what failed and where its log is. Returns whether
    /// none failed.
    pub fn summary(&self) -> bool {
        print!("\n=== summary\n{}", self.told());
        self.done.iter().all(|done| done.end != End::Failed)
    }

    /// The lines of the summary.
    fn told(&self) -> String {
        let mut text = String::new();
        let (mut passed, mut unchecked, mut failed, mut skipped) = (0, 0, 0, 0);
        // Writing to a String does not fail, here and below.
        for done in &self.done {
            let (word, count) = match done.end {
                End::Passed => ("ok", &mut passed),
                End::Unchecked => ("WARNING", &mut unchecked),
                End::Failed => ("FAILED", &mut failed),
                End::Skipped => ("skipped", &mut skipped),
            };
            *count += 1;
            let (time, note) = (seconds(done.time), colon(&done.note));
            let _ = writeln!(text, "{word:8} {time:>8}  {}{note}", done.name);
        }
        let total: Duration = self.done.iter().map(|done| done.time).sum();
        let _ = writeln!(text, "{:8} {:>8}  altogether", "", seconds(total));
        for failure in self.failures.iter().take(SHOWN) {
            let _ = writeln!(text, "FAILED {failure}");
        }
        if let Some(more @ 1..) = self.failures.len().checked_sub(SHOWN) {
            let _ = writeln!(text, "FAILED {more} more: see the logs in {}", log::FOLDER);
        }
        let blind = self.done.iter().filter(|done| done.end == End::Unchecked);
        for done in blind {
            let _ = writeln!(text, "WARNING {}: {}", done.name, done.note);
        }
        let warned = match unchecked {
            0 => String::new(),
            some => format!("{some} NOT CHECKED, "),
        };
        let _ = writeln!(
            text,
            "steps: {passed} passed, {warned}{failed} failed, {skipped} skipped"
        );
        text
    }
}

/// How the step `name` ended, and a note of that.
fn ended(name: &str, result: anyhow::Result<String>) -> (End, String) {
    match result {
        Ok(note) => (End::Passed, with_skipped(note, name)),
        Err(error) if error.is::<Unchecked>() => (End::Unchecked, format!("{error:#}")),
        Err(error) => (End::Failed, format!("{error:#}")),
    }
}

/// `note`, and what the tests of the step `name` say that they left out.
fn with_skipped(note: String, name: &str) -> String {
    let text = fs::read(log::path(name)).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut why: Vec<&str> = (text.lines())
        .filter_map(|line| Some(line.split_once("SKIPPED: ")?.1))
        .collect();
    if why.is_empty() {
        return note;
    }
    let count = why.len();
    why.sort_unstable();
    why.dedup();
    let skipped = format!("{count} skipped ({})", why.join("; "));
    if note.is_empty() {
        skipped
    } else {
        format!("{note}; {skipped}")
    }
}

/// The lines that tell what failed in the step `name`: each failed test with a log of its own, or
/// the step's log.
fn told(name: &str) -> Vec<String> {
    let log = log::path(name);
    let text = fs::read(&log).unwrap_or_default();
    let failed = failures(&String::from_utf8_lossy(&text));
    if failed.is_empty() {
        return vec![format!("{name}: {}", log.display())];
    }
    let folder = log.with_extension("");
    let mut lines = Vec::new();
    for failure in failed {
        let own = folder.join(format!("{}.log", failure.test.replace("::", ".")));
        let kept = fs::create_dir_all(&folder).and_then(|()| fs::write(&own, &failure.said));
        let first = if kept.is_ok() { &own } else { &log };
        let mut line = format!("{name}: {}: {}", failure.test, first.display());
        for other in failure.logs() {
            let here = std::env::current_dir().unwrap_or_default();
            let other = Path::new(other);
            let other = other.strip_prefix(here).unwrap_or(other);
            let _ = write!(line, ", {}", other.display());
        }
        lines.push(line);
    }
    lines
}

fn colon(note: &str) -> String {
    if note.is_empty() {
        String::new()
    } else {
        format!(": {note}")
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

/// Runs a program with its output on ours and fails when it does.
pub fn command<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> anyhow::Result<()> {
    run(Command::new(program).args(arguments))
}

/// Runs a prepared command with its output on ours, and in the step's log, and no input. Fails when
/// it does.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    // A host whose apt is told to accept expired indexes has a mirror that is not up to date. What
    // is tested is imgbuild, and not the mirror.
    let validity = output("apt-config", &["dump", "Acquire::Check-Valid-Until"]);
    if validity.is_some_and(|it| it.contains("\"false\"")) {
        command.env("IMGBUILD_ALLOW_OLD_INDEXES", "1");
    }
    let line = shown(command);
    log::line(&format!("$ {line}"));
    let status = log::stream(command).with_context(|| format!("running `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs a program and returns what it prints; `None` if it does not exist or fails.
pub fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command as a person would type it, nearly.
fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|a| a.to_string_lossy().into_owned()));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(results: Vec<(&str, anyhow::Result<String>)>) -> Steps {
        let done = results.into_iter().map(|(name, result)| {
            let (end, note) = ended(name, result);
            Done {
                name: name.to_owned(),
                end,
                time: Duration::ZERO,
                note,
            }
        });
        Steps {
            done: done.collect(),
            ..Steps::default()
        }
    }

    #[test]
    fn what_could_not_be_checked_is_a_warning() {
        let blind = || Err(Unchecked("NOT looked up".to_owned()).into());
        let passed = steps(vec![("sees", Ok(String::new())), ("blind", blind())]);
        assert!(!passed.passed("blind"));
        let told = passed.told();
        let last: Vec<&str> = told.lines().rev().take(2).collect();
        assert_eq!(
            last,
            [
                "steps: 1 passed, 1 NOT CHECKED, 0 failed, 0 skipped",
                "WARNING blind: NOT looked up",
            ]
        );
        assert!(passed.summary(), "it is no failure");
        let failed = steps(vec![
            ("blind", blind()),
            ("fails", Err(anyhow::anyhow!("why"))),
        ]);
        assert!(!failed.summary());
    }
}
